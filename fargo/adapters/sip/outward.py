"""Commands to SIP messages: what `sip_messages` holds, written as requests and responses of ours.

The X-Fargo lines are added later (`loopback`), and so are the credentials (`sending`).
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from fargo.adapters.put import KeepTexts
from fargo.adapters.sdp.session import write_session
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sdp.writing import UnwritableError
from fargo.adapters.sip import texts, typing_notices
from fargo.adapters.sip.marks import written as written_endpoint
from fargo.adapters.sip.message_summary import SUMMARY
from fargo.adapters.sip.wire.grammar import address, printable, written_address
from fargo.adapters.sip.wire.headers import (
    MAX_FORWARDS,
    dialog_place,
    one,
    response_headers,
    via_texts,
    written,
    written_party,
)
from fargo.adapters.sip.wire.message import Headers, MalformedSipError, SipRequest, SipResponse, UnwritableSipError
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest, SendResponse
from fargo.statemachine.model.sip_values import Body, Endpoint, Party, PressedKey, Sdp, SipFragment, WholePicture

SDP: Final = "application/sdp"
"""The media type of a session description."""
TEXT: Final = "text/plain"
"""That of a text."""
DTMF: Final = "application/dtmf-relay"
"""That of a key that is pressed."""

FRAGMENT: Final = "message/sipfrag;version=2.0"
"""That of the first line of a response (RFC 3420)."""

_MEDIA_CONTROL: Final = "application/media_control+xml"
_WHOLE_PICTURE: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n'
    b"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)
"""RFC 5168 §5."""

_USUAL_DURATION: Final = 160
"""Milliseconds."""

_MAX_FORWARDS: Final = str(MAX_FORWARDS)
_AGENT: Final = "Fargo"
_OF_CANCEL: Final = frozenset({"Via", "Max-Forwards", "From", "To", "Call-ID", "Route"})


TakeDigit: TypeAlias = Callable[[str], str | None]
"""take(name) returns the digit of that name and forgets it; None if there is none any more."""


class Hidden(NamedTuple):
    """The parts of messages that no command contains: keys of audio, texts, digits."""

    keys: SessionKeys
    texts: KeepTexts
    take_digit: TakeDigit


def contact_uri(token: str, at: Endpoint) -> str:
    """Return the URI of a Contact of ours: the token at our address."""
    return _uri(f"{token}@", at)


def _uri(user: str, at: Endpoint) -> str:
    """Return the URI of an address. ``user``: with "@", "" for none."""
    transport = "" if at.transport == "udp" else f";transport={at.transport}"
    return f"sip:{user}{written_endpoint(at)}{transport}"


# --- requests


def request(command: SendRequest, via: str, contact: str | None, hidden: Hidden) -> SipRequest:
    """Return the request of a command. ``contact``: our Contact's URI, None for none."""
    headers = _request_headers(
        via,
        written_party(command.sender),
        written_party(command.recipient),
        command.call_id,
        command.cseq,
        command.method,
    )
    if command.routes:
        headers["Route"] = [*command.routes]
    if contact:
        headers["Contact"] = [f"<{contact}>"]
    headers |= written(command.headers)
    if command.method == "SUBSCRIBE":
        headers["Accept"] = [SUMMARY]
    match command.body:
        case KeptText(name):
            body = _text(headers, hidden.texts.read(name))
        case Composing():
            headers["Content-Type"] = [typing_notices.IS_COMPOSING]
            body = typing_notices.written(command.body)
        case PressedKey(name, duration):
            body = _key(headers, hidden.take_digit(name), duration)
        case WholePicture():
            headers["Content-Type"] = [_MEDIA_CONTROL]
            body = _WHOLE_PICTURE
        case SipFragment(status, phrase):
            headers["Content-Type"] = [FRAGMENT]
            body = f"SIP/2.0 {status} {printable(phrase)}\r\n".encode()
        case _:
            body = _body(headers, command.body, command.call_id, hidden.keys)
    return SipRequest(command.method, command.uri, headers, body)


def register(command: SendRegister, via: str, contact: str) -> SipRequest:
    """Return a REGISTER (RFC 3261 §10.2). ``contact``: the URI of our Contact."""
    own = command.address
    us = written_party(Party(own.uri, command.tag, own.name))
    headers = _request_headers(via, us, written_party(Party(own.uri)), command.call_id, command.cseq, "REGISTER")
    contacts = [f"{written_address(each)};expires=0" for each in command.remove]
    if command.expires is not None:
        contacts.insert(0, f"<{contact}>;expires={command.expires}")
        headers["Expires"] = [str(command.expires)]
    if contacts:
        headers["Contact"] = contacts
    headers["Supported"] = ["path"]  # RFC 3327 §5.1
    return SipRequest("REGISTER", _registrar(own.uri), headers)


def options(via: str, server: Endpoint, us: str, tag: str) -> SipRequest:
    """Return an OPTIONS to a server (RFC 3261 §11).

    ``us``: our address and port. ``tag``: a random text, which is the Call-ID, too.
    """
    uri = _uri("", server)
    headers = _request_headers(via, f"<sip:{us}>;tag={tag}", f"<{uri}>", tag, 1, "OPTIONS")
    headers["Accept"] = [SDP]
    return SipRequest("OPTIONS", uri, headers)


def cancel(invite: SipRequest) -> SipRequest:
    """Return the CANCEL of a request (RFC 3261 §9.1)."""
    headers = {name: values for name, values in invite.headers.items() if name in _OF_CANCEL}
    headers["CSeq"] = [f"{invite.headers['CSeq'][0].split()[0]} CANCEL"]
    return SipRequest("CANCEL", invite.uri, headers)


def acknowledgement(failure: SipResponse) -> SipRequest:
    """Return the ACK to the failure of an INVITE (RFC 3261 §17.1.1.3), for the edge, which finds the INVITE by Via.

    Raise MalformedSipError if it lacks what an ACK repeats.
    """
    _, number, _ = dialog_place(failure.headers)
    headers = {name: [one(failure.headers, name)] for name in ("From", "To", "Call-ID")}
    headers |= {"Via": [via_texts(failure.headers)[0]], "CSeq": [f"{number} ACK"], "Max-Forwards": [_MAX_FORWARDS]}
    return SipRequest("ACK", address(headers["To"][0]).uri, headers)


def _request_headers(via: str, sender: str, recipient: str, call_id: str, cseq: int, method: str) -> Headers:
    return {
        "Via": [via],
        "Max-Forwards": [_MAX_FORWARDS],
        "From": [sender],
        "To": [recipient],
        "Call-ID": [call_id],
        "CSeq": [f"{cseq} {method}"],
        "User-Agent": [_AGENT],
    }


def _registrar(uri: str) -> str:
    """Return the Request-URI for the registrar of an address-of-record: its domain (RFC 3261 §10.2)."""
    try:
        own = parse_uri(uri)
    except MalformedSipError as problem:
        raise UnwritableSipError(str(problem)) from problem
    if not isinstance(own, HostUri):
        raise UnwritableSipError(texts.NOT_SIP)
    host = f"[{own.host}]" if ":" in own.host else own.host
    return f"sip:{host}{'' if own.port is None else f':{own.port}'}"


# --- responses


def response(command: SendResponse, contact: str | None, keys: SessionKeys) -> SipResponse:
    """Return the response of a command. ``contact``: our Contact's URI, None for none."""
    headers = response_headers(command.head, command.status, command.tag)
    if contact:
        headers["Contact"] = [f"<{contact}>"]
    headers |= written(command.headers)
    headers["Server"] = [_AGENT]
    body = _body(headers, command.body, command.head.call_id, keys)
    return SipResponse(command.status, command.phrase, headers, body)


# --- bodies


def _body(headers: Headers, body: Body | None, call_id: str, keys: SessionKeys) -> bytes:
    """Return the bytes of a body of ours, and name its type in the headers."""
    if body is None:
        return b""
    if not isinstance(body, Sdp):
        raise UnwritableSipError(texts.BODY_NOT_KEPT)
    headers["Content-Type"] = [SDP]
    try:
        return write_session(body, _session(call_id), keys).encode()
    except UnwritableError as problem:
        raise UnwritableSipError(str(problem)) from problem


def _text(headers: Headers, text: str | None) -> bytes:
    """Return the bytes of a text, and name its type in the headers."""
    if text is None:
        raise UnwritableSipError(texts.TEXT_GONE)
    headers["Content-Type"] = [f"{TEXT};charset=UTF-8"]
    return text.encode()


def _key(headers: Headers, digit: str | None, duration: int | None) -> bytes:
    """Return the bytes that say which key was pressed, and name their type in the headers."""
    if digit is None:
        raise UnwritableSipError(texts.DIGIT_GONE)
    headers["Content-Type"] = [DTMF]
    return f"Signal={digit}\r\nDuration={_USUAL_DURATION if duration is None else duration}\r\n".encode()


def _session(call_id: str) -> int:
    """Return the id of our session in a dialog (RFC 4566 §5.2): the same in each of its descriptions."""
    return int.from_bytes(sha256(call_id.encode()).digest()[:4])
