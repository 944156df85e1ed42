"""SIP messages to events: what the edge delivers, as values of `sip_messages`.

Rules:

1. A request that cannot be processed raises MalformedSipError, and is refused. Of a response, what is malformed counts
   as absent: nobody would send it again in another form.
2. Of a body, only a session description is kept, the first line of a response, or the name of a text, and of the keys
   of encrypted audio only their names. A key that is pressed (INFO) goes to the transient secrets.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from fargo.adapters.put import KeepDigit
from fargo.adapters.sdp.reading import MalformedSdpError
from fargo.adapters.sdp.session import read_session
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sip import texts
from fargo.adapters.sip.marks import SourceMark
from fargo.adapters.sip.names import Named, Names
from fargo.adapters.sip.outward import FRAGMENT, SDP
from fargo.adapters.sip.wire.grammar import NameAddr
from fargo.adapters.sip.wire.headers import (
    ALL_CONTACTS,
    challenges,
    contacts,
    expires,
    media_type,
    party,
    route_texts,
    sip_headers,
)
from fargo.adapters.sip.wire.message import Headers, MalformedSipError, SipRequest, SipResponse
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import (
    Binding,
    InviteReceived,
    RegisterAnswered,
    SipRequestReceived,
    SipResponseReceived,
    TextReceived,
)
from fargo.statemachine.model.sip_values import NO_HEADERS, Body, OtherBody, Party, RequestHead, SipFragment

_DTMF: Final = frozenset({"application/dtmf-relay", "application/dtmf"})
_SIGNAL: Final = re.compile(r"^Signal[ \t]*+=[ \t]*+([0-9*#A-D]{1,2})[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)
_DURATION: Final = re.compile(r"^Duration[ \t]*+=[ \t]*+([0-9]{1,5})[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)
_DIGITS: Final = {each: each for each in "0123456789*#ABCD"} | {"10": "*", "11": "#"}
"""RFC 4733 §3.2, and the events of the two keys that some senders give by number."""
_FRAGMENT: Final = re.compile(r"SIP/2\.0[ \t]++([1-6][0-9]{2})\b([^\r\n]{0,200}+)")
"""The first line of a response (RFC 3420 §2.1)."""
_LONGEST_LINE: Final = 250
_LONGEST_DURATION: Final = 60_000
_NO_CONTACTS: Final[tuple[NameAddr, ...]] = ()
_NO_ROUTES: Final[tuple[str, ...]] = ()

_T = TypeVar("_T")


# --- requests


def invite(
    name: str,
    connection: str,
    head: RequestHead,
    of: SipRequest,
    source: SourceMark,
    keys: SessionKeys,
    of_provider: bool,
) -> InviteReceived:
    """Return the event of an INVITE outside a dialog. Raise MalformedSipError if it cannot be processed."""
    return InviteReceived(
        name,
        connection,
        head,
        source.sender,
        party(of.headers, "From"),
        _target(of.headers),
        sip_headers(of.headers),
        _body(of.headers, of.body, keys),
        of_provider,
    )


def text(
    name: str,
    connection: str,
    head: RequestHead,
    of: SipRequest,
    source: SourceMark,
    said: KeptText | Composing,
    of_provider: bool,
) -> TextReceived:
    """Return the event of a MESSAGE outside a dialog. Raise MalformedSipError if it cannot be processed."""
    caller, headers = party(of.headers, "From"), sip_headers(of.headers)
    return TextReceived(name, connection, head, source.sender, caller, said, headers, of_provider)


def request(
    dialog: str, head: RequestHead, of: SipRequest, source: SourceMark, keep: KeepDigit, keys: SessionKeys
) -> SipRequestReceived:
    """Return the event of a request about a dialog. Raise MalformedSipError if it cannot be processed."""
    headers = sip_headers(of.headers)
    remote, target = party(of.headers, "From").tag, _target(of.headers)
    digit, duration = _key(of, keep)
    body = _body(of.headers, of.body, keys) if digit is None else None
    return SipRequestReceived(dialog, head, source.sender, remote, target, headers, body, digit, duration)


def told(
    name: str, head: RequestHead, of: SipRequest, source: SourceMark, body: KeptText | MessageSummary | None
) -> SipRequestReceived:
    """Return the event of a request that says something: a MESSAGE in a dialog, or a NOTIFY about a registration or
    subscription. Raise MalformedSipError if it cannot be processed.
    """
    remote, target = party(of.headers, "From").tag, _target(of.headers)
    return SipRequestReceived(name, head, source.sender, remote, target, sip_headers(of.headers), body)


def _target(headers: Headers) -> str | None:
    """Return the remote target in Contact (RFC 3261 §12.1), None if there is none."""
    found = contacts(headers) if "Contact" in headers else ()
    return found[0].uri if found and found[0].uri != ALL_CONTACTS else None


def _key(of: SipRequest, keep: KeepDigit) -> tuple[str | None, int | None]:
    """Return the name of the digit in an INFO, and its duration in milliseconds; None if there is none."""
    if of.method != "INFO" or media_type(of.headers) not in _DTMF:
        return None, None
    text = of.body.decode(errors="replace")
    signal, told = _SIGNAL.search(text), _DURATION.search(text)
    digit = _DIGITS.get((signal[1] if signal else text.strip()).upper())
    if digit is None:
        return None, None
    return keep(digit), min(int(told[1]), _LONGEST_DURATION) if told else None


# --- responses


def response(
    dialog: str, command: str, method: str, of: SipResponse, source: SourceMark | None, keys: SessionKeys
) -> SipResponseReceived:
    """Return the event of a response to the request of a command."""
    headers = of.headers
    return SipResponseReceived(
        dialog,
        command,
        method,
        of.status,
        of.phrase,
        source.sender if source else None,
        to_tag(headers),
        _or(None, _target, headers),
        _or(_NO_ROUTES, _record_route, headers),
        _or(NO_HEADERS, sip_headers, headers),
        _body(headers, of.body, keys),
        challenges(headers),
        source is None,
    )


def registered(
    connection: Named, command: str, of: SipResponse, source: SourceMark | None, names: Names
) -> RegisterAnswered:
    """Return the event of the response to a REGISTER."""
    headers = of.headers
    return RegisterAnswered(
        connection.name,
        command,
        of.status,
        of.phrase,
        source.sender if source else None,
        tuple(_binding(each, connection.user, headers, names) for each in _or(_NO_CONTACTS, contacts, headers)),
        _or(_NO_ROUTES, _service_route, headers),
        _or(NO_HEADERS, sip_headers, headers),
        challenges(headers),
        source.seen if source else None,
        source is None,
    )


def to_tag(headers: Headers) -> str | None:
    """Return the tag in To, None if there is none."""
    found = _or(None, _recipient, headers)
    return found.tag if found else None


def _recipient(headers: Headers) -> Party:
    return party(headers, "To")


def _record_route(headers: Headers) -> tuple[str, ...]:
    return route_texts(headers, "Record-Route")


def _service_route(headers: Headers) -> tuple[str, ...]:
    return route_texts(headers, "Service-Route")


def _or(default: _T, read: Callable[[Headers], _T], headers: Headers) -> _T:
    """Return what can be read of the headers, or the default if it is malformed (rule 1)."""
    try:
        return read(headers)
    except MalformedSipError:
        return default


def _binding(contact: NameAddr, user: str, headers: Headers, names: Names) -> Binding:
    """Return a Contact in the response to a REGISTER of a user."""
    uri, granted = contact.uri, expires(contact)
    try:
        parsed = parse_uri(uri)
    except MalformedSipError:
        return Binding(uri, granted)
    if not isinstance(parsed, HostUri):
        return Binding(uri, granted)
    line = parsed.parameters.get("line") or ""
    named = names.in_token(parsed.user or "") or names.in_token(line)
    if named:
        return Binding(uri, granted, named.user == user, named.name if named.user == user else None)
    own = _or(None, _recipient, headers)
    return Binding(uri, granted, own is not None and names.is_of_rakia(line, own.uri))


# --- bodies


def _body(headers: Headers, body: bytes, keys: SessionKeys) -> Body | None:
    """Return a session description as a value, and of anything else only its type and length."""
    if not body:
        return None
    kind = media_type(headers) or SDP
    if kind == FRAGMENT.partition(";")[0] and (found := _FRAGMENT.match(body[:_LONGEST_LINE].decode(errors="replace"))):
        return SipFragment(int(found[1]), found[2].strip())
    if kind != SDP or headers.get("Content-Encoding", ["identity"])[0].lower() != "identity":
        return OtherBody(kind, len(body))
    try:
        return read_session(body.decode(), keys)
    except UnicodeDecodeError:
        return OtherBody(kind, len(body), texts.NOT_UTF8)
    except MalformedSdpError as problem:
        return OtherBody(kind, len(body), str(problem))
