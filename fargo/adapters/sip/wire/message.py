"""SIP messages (RFC 3261 §7): bytes to a start line, headers and a body, and back.

Rules:

1. What is read is untrusted. Reading returns a value or raises `MalformedSipError`, and nothing else, and its time is
   proportional to the length of the message. The limits below are checked before anything is parsed.
2. Headers are texts by name. The name of a known header is spelled as in its RFC, also if it arrived in its compact
   form; an unknown one has a capital at the start of each word. The order of headers with the same name is kept. Folded
   lines are unfolded. Content-Length is not among them: it is the length of the body.
3. Lines may end with LF alone, empty lines may precede the message, and a line that is not UTF-8 is taken as ISO
   8859-1, because senders in use do all of this. It is written as UTF-8.
4. No text can leave its place: what would break a line raises `UnwritableSipError`.
"""

import re
from functools import lru_cache
from typing import Final, TypeAlias

from msgspec import Struct

from fargo.adapters.sip.wire import texts

MAX_BYTES: Final = 65_535
"""The longest message, in bytes: that of UDP."""
MAX_HEAD: Final = 32_768
"""The longest start line and headers, in bytes."""
MAX_LINES: Final = 256
"""The greatest number of lines before the body, with folded ones."""
MAX_LINE: Final = 8_192
"""The longest unfolded line, in characters."""

Headers: TypeAlias = dict[str, list[str]]
"""The values of the headers with each name, topmost first."""

_VERSION: Final = "SIP/2.0"
_LENGTH: Final = "Content-Length"
_ECHOED: Final = ("Via", "From", "To", "Call-ID", "CSeq")  # RFC 3261 §8.2.6.2
_COMPACT: Final = {
    # RFC 3261 §7.3.3, RFC 3265, 3515, 3841, 3892, 4028, 4474
    **{"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition"},
    **{"e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported"},
    **{"l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject"},
    **{"t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity"},
}
_IRREGULAR: Final = ("Call-ID", "CSeq", "MIME-Version", "Min-SE", "RAck", "RSeq", "WWW-Authenticate")
_REGULAR: Final = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events", "Authorization"),
    *("Call-Info", "Contact", "Content-Disposition", "Content-Length", "Content-Type", "Date", "Diversion", "Event"),
    *("Expires", "From", "History-Info", "Max-Forwards", "Min-Expires", "Organization", "P-Access-Network-Info"),
    *("P-Asserted-Identity", "P-Charging-Vector", "P-Early-Media", "P-Preferred-Identity", "Path", "Privacy"),
    *("Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "Reason", "Record-Route", "Refer-To"),
    *("Remote-Party-Id", "Replaces", "Require", "Retry-After", "Route", "Server", "Service-Route", "Session-Expires"),
    *("Session-Id", "Subject", "Supported", "Timestamp", "To", "Unsupported", "User-Agent", "Via", "Warning"),
)
_LOWER: Final = {name.lower(): name for name in _IRREGULAR} | _COMPACT
_SPELLED: Final = {each: each for each in (*_IRREGULAR, *_REGULAR)} | _LOWER
"""The names as they mostly arrive. All others take longer."""
_CACHED: Final = 256
"""The number of other names that are remembered."""

_FOLD: Final = re.compile(r"\r?\n[ \t]++")
TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]++")
URI_CHARACTERS: Final = re.compile(r"[^\x00-\x20\x7f<>\"]++")
_ANY_VERSION: Final = re.compile(r"SIP/[0-9]++\.[0-9]++", re.IGNORECASE)
_STATUS: Final = re.compile(r"[1-6][0-9][0-9]")
NUMBER: Final = re.compile(r"[0-9]{1,10}")
_TAG: Final = re.compile(r";[ \t]*+tag[ \t]*+=", re.IGNORECASE)


class SipRequest(Struct, frozen=True):
    """A request: method, Request-URI, headers and body."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""


class SipResponse(Struct, frozen=True):
    """A response: status, reason phrase, headers and body."""

    status: int
    phrase: str
    headers: Headers
    body: bytes = b""


SipMessage: TypeAlias = SipRequest | SipResponse


class MalformedSipError(Exception):
    """A message that cannot be understood. str() is a sentence.

    ``status``: that of the response to such a request (RFC 3261 §21.4.1). ``request``: what could be read of it, if it
    is a request that `parse` refused and whose size is within the limits; else None.
    """

    def __init__(self, text: str, status: int = 400, request: SipRequest | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.request = request


class UnwritableSipError(Exception):
    """A message that SIP cannot express. str() is a sentence."""


# --- reading


def parse(data: bytes) -> SipMessage:
    """Return the message in a datagram. Bytes after its body are ignored (RFC 3261 §18.3).

    Raise MalformedSipError if there is none.
    """
    head, body = _split(data.lstrip(b"\r\n"))
    start, *lines = _lines(head)
    headers, problem = _headers(lines)
    if start[:4].upper() == "SIP/":
        status, phrase = _status_line(start)
        if problem:
            raise MalformedSipError(problem)
        return SipResponse(status, phrase, headers, _body(headers, body))
    method, _, rest = start.partition(" ")
    uri, _, version = rest.rpartition(" ")
    try:
        _check_request_line(method, uri, version)
        if problem:
            raise MalformedSipError(problem)
        return SipRequest(method, uri, headers, _body(headers, body))
    except MalformedSipError as error:
        error.request = SipRequest(method, uri, headers)
        raise


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return the bytes before and after the first empty line, if they are within the limits."""
    if len(data) > MAX_BYTES:
        raise MalformedSipError(texts.TOO_LONG.format(limit=MAX_BYTES), 513)
    end = data.find(b"\n\r\n")
    other = data.find(b"\n\n", 0, end) if end >= 0 else data.find(b"\n\n")
    head, body = (data[:other], data[other + 2 :]) if other >= 0 else (data[:end], data[end + 3 :])
    if other < 0 and end < 0:
        raise MalformedSipError(texts.NO_END)
    if len(head) > MAX_HEAD:
        raise MalformedSipError(texts.HEAD_TOO_LONG.format(limit=MAX_HEAD), 513)
    if head.count(b"\n") >= MAX_LINES:
        raise MalformedSipError(texts.TOO_MANY_LINES.format(limit=MAX_LINES), 513)
    return head, body


def _lines(head: bytes) -> list[str]:
    text = _decoded(head)
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    if text.count("\r\n") == text.count("\n"):  # nearly always
        lines = text.removesuffix("\r").split("\r\n")
    else:
        lines = [line.removesuffix("\r") for line in text.split("\n")]
    if max(map(len, lines)) > MAX_LINE:
        raise MalformedSipError(texts.LINE_TOO_LONG.format(limit=MAX_LINE), 513)
    return lines


def _decoded(head: bytes) -> str:
    try:
        return head.decode()
    except UnicodeDecodeError:
        return "\n".join(map(_decoded_line, head.split(b"\n")))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("iso-8859-1")


def _headers(lines: list[str]) -> tuple[Headers, str | None]:
    """Return the headers of the lines that can be read, and what is wrong with the others."""
    headers: Headers = {}
    problem = None
    for line in lines:
        written, colon, value = line.partition(":")
        name = _SPELLED.get(written) or _name(written)
        if not name or not colon:
            problem = texts.BAD_HEADER_LINE
        elif "\r" in value:
            problem = texts.BARE_CR
        elif name in headers:
            headers[name].append(value.strip(" \t"))
        else:
            headers[name] = [value.strip(" \t")]
    return headers, problem


@lru_cache(_CACHED)
def _name(written: str) -> str | None:
    """Return the spelling of a name that is written in some way before a colon, None if it is no name."""
    token = written.rstrip(" \t")
    if not TOKEN.fullmatch(token):
        return None
    return _LOWER.get(token.lower()) or token.title()


def _status_line(start: str) -> tuple[int, str]:
    version, _, rest = start.partition(" ")
    status, _, phrase = rest.partition(" ")
    if not _ANY_VERSION.fullmatch(version) or not _STATUS.fullmatch(status) or "\r" in phrase:
        raise MalformedSipError(texts.BAD_START)
    if version.upper() != _VERSION:
        raise MalformedSipError(texts.OTHER_VERSION)
    return int(status), phrase.strip(" \t")


def _check_request_line(method: str, uri: str, version: str) -> None:
    if not TOKEN.fullmatch(method) or not URI_CHARACTERS.fullmatch(uri) or not _ANY_VERSION.fullmatch(version):
        raise MalformedSipError(texts.BAD_START)
    if version.upper() != _VERSION:
        raise MalformedSipError(texts.OTHER_VERSION, 505)


def _body(headers: Headers, rest: bytes) -> bytes:
    """Return the bytes that Content-Length counts, all if it is absent (RFC 3261 §18.3). Remove it from the headers."""
    told = headers.pop(_LENGTH, None)
    if told is None:
        return rest
    if len(told) > 1 or not NUMBER.fullmatch(told[0]):
        raise MalformedSipError(texts.BAD_LENGTH)
    length = int(told[0])
    if length > len(rest):
        raise MalformedSipError(texts.BODY_SHORT)
    return rest[:length]


# --- the answer to what cannot be understood


def refusal(request: SipRequest, problem: MalformedSipError, tag: str) -> SipResponse | None:
    """Return the response that refuses a request, None if it is an ACK or lacks what a response has to repeat.

    ``tag`` goes into To if it has none.
    """
    if request.method == "ACK" or not all(map(request.headers.get, _ECHOED)):
        return None
    echoed = {name: request.headers[name][:1] for name in _ECHOED} | {"Via": request.headers["Via"]}
    echoed["To"] = [with_tag(echoed["To"][0], tag)]
    return SipResponse(problem.status, str(problem).removesuffix("."), echoed)


def with_tag(to: str, tag: str) -> str:
    """Return the text of To with a tag, or as it is if it has one (RFC 3261 §8.2.6.2)."""
    return to if _TAG.search(to.rpartition(">")[2]) else f"{to};tag={tag}"


# --- writing


def serialised(message: SipMessage) -> bytes:
    """Return the bytes of a message. Raise UnwritableSipError if SIP cannot express it."""
    headers = [f"{name}: {value}" for name, values in message.headers.items() for value in values]
    head = "\r\n".join((_start_line(message), *headers, f"{_LENGTH}: {len(message.body)}\r\n\r\n"))
    if not head.count("\n") == head.count("\r") == len(headers) + 3:
        broken = next(line for line in headers if not _is_one_line(line))
        raise UnwritableSipError(texts.NOT_WRITABLE.format(what=broken.partition(":")[0]))
    try:
        return head.encode() + message.body
    except UnicodeEncodeError as error:
        raise UnwritableSipError(texts.NOT_UNICODE) from error


def _start_line(message: SipMessage) -> str:
    match message:
        case SipRequest(method, uri) if TOKEN.fullmatch(method) and URI_CHARACTERS.fullmatch(uri):
            return f"{method} {uri} {_VERSION}"
        case SipResponse(status, phrase) if _is_one_line(phrase):
            return f"{_VERSION} {status} {phrase}"
        case _:
            raise UnwritableSipError(texts.NOT_WRITABLE.format(what=texts.START_LINE))


def _is_one_line(text: str) -> bool:
    return "\n" not in text and "\r" not in text
