"""SIP messages to events: what the edge delivers, as values of `sip_messages`."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from fargo.adapters.sdp.reading import MalformedSdpError
from fargo.adapters.sdp.session import read_session
from fargo.adapters.sip import texts
from fargo.adapters.sip.marks import Source
from fargo.adapters.sip.names import Named
from fargo.adapters.sip.outward import SDP
from fargo.adapters.sip.wire.grammar import NameAddr
from fargo.adapters.sip.wire.headers import (
    challenges,
    contacts,
    expires,
    media_type,
    party,
    request_head,
    route_texts,
    sip_headers,
)
from fargo.adapters.sip.wire.message import Headers, MalformedSipError, SipRequest, SipResponse
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.statemachine.model.sip_messages import (
    Binding,
    Body,
    Endpoint,
    InviteReceived,
    OtherBody,
    RegisterAnswered,
    SipRequestReceived,
    SipResponseReceived,
)

_DTMF: Final = frozenset({"application/dtmf-relay", "application/dtmf"})
_SIGNAL: Final = re.compile(r"Signal[ \t]*+=[ \t]*+([0-9*#A-D])", re.IGNORECASE)
_DURATION: Final = re.compile(r"Duration[ \t]*+=[ \t]*+([0-9]{1,5})", re.IGNORECASE)
_DIGIT: Final = re.compile(r"[0-9*#A-D]", re.IGNORECASE)

KeepDigit = Callable[[str], str]
"""Keeps a digit among the transient secrets, and returns its name."""


def invite(name: str, connection: str, request: SipRequest, source: Source) -> InviteReceived:
    """Return the event of an INVITE outside a dialog. Raise MalformedSipError if it cannot be processed."""
    return InviteReceived(
        name,
        connection,
        request_head(request),
        source.sender,
        party(request.headers, "From"),
        _target(request.headers),
        sip_headers(request.headers),
        _body(request.headers, request.body),
    )


def request(dialog: str, of: SipRequest, source: Source, keep_digit: KeepDigit) -> SipRequestReceived:
    """Return the event of a request about a dialog. Raise MalformedSipError if it cannot be processed."""
    digit, duration = _digit(of, keep_digit)
    return SipRequestReceived(
        dialog,
        request_head(of),
        source.sender,
        party(of.headers, "From").tag,
        _target(of.headers),
        sip_headers(of.headers),
        _body(of.headers, of.body),
        digit,
        duration,
    )


def response(dialog: str, command: str, method: str, of: SipResponse, source: Source | None) -> SipResponseReceived:
    """Return the event of a response to the request of a command."""
    return SipResponseReceived(
        dialog,
        command,
        method,
        of.status,
        of.phrase,
        source.sender if source else None,
        party(of.headers, "To").tag,
        _target(of.headers),
        route_texts(of.headers, "Record-Route"),
        sip_headers(of.headers),
        _body(of.headers, of.body),
        challenges(of.headers),
        source is None,
    )


def registered(
    connection: str,
    command: str,
    of: SipResponse,
    source: Source | None,
    whose: Callable[[str], Named | None],
    ours: Iterable[Endpoint],
) -> RegisterAnswered:
    """Return the event of a response to a REGISTER.

    `whose` returns what a token of the user's stands for. ``ours``: all addresses that the gateway has or has had.
    """
    hosts = {(each.ip, each.port) for each in ours}
    return RegisterAnswered(
        connection,
        command,
        of.status,
        of.phrase,
        source.sender if source else None,
        tuple(_binding(each.uri, expires(each), whose, hosts) for each in _contacts(of.headers)),
        route_texts(of.headers, "Service-Route"),
        sip_headers(of.headers),
        challenges(of.headers),
        source.seen if source else None,
        source is None,
    )


def _contacts(headers: Headers) -> tuple[NameAddr, ...]:
    try:
        return tuple(each for each in contacts(headers) if each.uri != "*")
    except MalformedSipError:
        return ()


def _binding(
    uri: str, granted: int | None, whose: Callable[[str], Named | None], hosts: set[tuple[str, int]]
) -> Binding:
    """Return a Contact of the response. One that another SIP engine made for this gateway has no name."""
    try:
        parsed = parse_uri(uri)
    except MalformedSipError:
        return Binding(uri, granted)
    if not isinstance(parsed, HostUri):
        return Binding(uri, granted)
    line = parsed.parameters.get("line") or ""
    if named := whose(parsed.user or "") or whose(line):
        return Binding(uri, granted, True, named.name)
    at_ours = (parsed.host, parsed.port or 5060) in hosts
    return Binding(uri, granted, bool(at_ours and line.count("-") == 2))


def _target(headers: Headers) -> str | None:
    """Return the remote target in Contact (RFC 3261 §12.1), None if there is none that can be used."""
    if "Contact" not in headers:
        return None
    found = contacts(headers)
    return found[0].uri if found and found[0].uri != "*" else None


def _body(headers: Headers, body: bytes) -> Body | None:
    """Return a session description as a value, and of anything else only its type and length."""
    if not body:
        return None
    kind = media_type(headers) or SDP
    if kind != SDP:
        return OtherBody(kind, len(body))
    try:
        return read_session(body.decode())
    except (MalformedSdpError, UnicodeDecodeError) as error:
        problem = str(error) if isinstance(error, MalformedSdpError) else None
        return OtherBody(kind, len(body), problem or texts.NOT_UTF8)


def _digit(request: SipRequest, keep: KeepDigit) -> tuple[str | None, int | None]:
    """Return the name of the digit in an INFO, and its duration in milliseconds; None if it has none."""
    if request.method != "INFO" or media_type(request.headers) not in _DTMF:
        return None, None
    text = request.body.decode(errors="replace")
    found = _SIGNAL.search(text)
    digit = found[1] if found else text.strip()
    if not _DIGIT.fullmatch(digit):
        return None, None
    duration = _DURATION.search(text)
    return keep(digit.upper()), int(duration[1]) if duration else None
