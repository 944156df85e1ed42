"""The text in a MESSAGE (RFC 3428), and what becomes of other bodies.

Rules:

1. Plain text is taken, whatever its character set, and the plain one of several alternatives (RFC 2046 §5.1.4). A
   wrapping (message/cpim, RFC 3862) is taken off. All else is refused with 415 and what is taken (RFC 3261 §21.4.13),
   HTML too: it would have to be shown as what it is not.
2. Reports about texts (RFC 5438) are taken and come to nothing, and so does what is not understood of who types.
3. What is not said is UTF-8.
"""

from email import message_from_bytes, policy
from email.message import Message
from typing import Final

from fargo.adapters.sip import texts, typing_notices
from fargo.adapters.sip.outward import TEXT
from fargo.adapters.sip.typing_notices import IS_COMPOSING
from fargo.adapters.sip.wire.message import Headers, MalformedSipError, SipRequest
from fargo.statemachine.model.composing import Composing

ACCEPT: Final = (TEXT, "multipart/alternative", "message/cpim", IS_COMPOSING)
"""The types that are taken, for Accept."""
MOST_BYTES: Final = 16_000

_NOTHING: Final = frozenset({IS_COMPOSING, "message/imdn+xml"})
_CPIM: Final = "message/cpim"


class RefusedTextError(MalformedSipError):
    """The body of a MESSAGE is not taken."""


def text_in(request: SipRequest) -> str | None:
    """Return the text of a MESSAGE, None if it has none to be shown. Raise RefusedTextError if it is not taken."""
    if len(request.body) > MOST_BYTES:
        raise RefusedTextError(texts.TEXT_TOO_LONG, 413)
    if request.headers.get("Content-Encoding", ["identity"])[0].strip().lower() != "identity":
        raise RefusedTextError(texts.ONLY_PLAIN_TEXT, 415)
    header, body = _mime(request.headers), request.body
    if _type(header) == _CPIM:
        header, body = _unwrapped(body)
    kind = _type(header)
    if kind in _NOTHING or not body.strip():
        return None
    if kind == TEXT:
        return _decoded(body, _parsed(header))
    if kind.startswith("multipart/"):
        for part in _parsed(header + body).walk():
            if part.get_content_type() == TEXT:
                return _decoded(_bytes(part), part)
    raise RefusedTextError(texts.ONLY_PLAIN_TEXT, 415)


def composing_in(request: SipRequest) -> Composing | None:
    """Return what a MESSAGE says of somebody's typing, None if that is not what it is about."""
    header, body = _mime(request.headers), request.body[:MOST_BYTES]
    if _type(header) == _CPIM:
        header, body = _unwrapped(body)
    return typing_notices.read(body) if _type(header) == IS_COMPOSING else None


def _mime(headers: Headers) -> bytes:
    """Return the lines of a MIME header that say what a body is."""
    values = headers.get("Content-Type")
    return f"Content-Type: {values[0] if values else TEXT}\r\n\r\n".encode(errors="surrogateescape")


def _unwrapped(body: bytes) -> tuple[bytes, bytes]:
    """Return the MIME header and the body inside a message/cpim: they follow its own header (RFC 3862 §2)."""
    _, _, inner = body.replace(b"\r\n", b"\n").partition(b"\n\n")
    header, _, text = inner.partition(b"\n\n")
    return header + b"\n\n", text


def _type(header: bytes) -> str:
    return _parsed(header).get_content_type()


def _parsed(data: bytes) -> Message:
    return message_from_bytes(data, policy=policy.compat32)


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(body: bytes, described: Message) -> str:
    charset = described.get_content_charset("utf-8")
    try:
        text = body.decode("utf-8" if charset == "us-ascii" else charset)
    except (LookupError, UnicodeError):
        raise RefusedTextError(texts.TEXT_NOT_DECODED, 415) from None
    return text.replace("\r\n", "\n")
