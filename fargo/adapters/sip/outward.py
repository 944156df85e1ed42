"""Commands to SIP messages: what `sip_messages` holds, written as requests and responses of ours."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from fargo.adapters.sdp.session import write_session
from fargo.adapters.sip import texts
from fargo.adapters.sip.marks import written as written_endpoint
from fargo.adapters.sip.wire.grammar import address, written_address
from fargo.adapters.sip.wire.headers import response_headers, written, written_party
from fargo.adapters.sip.wire.message import Headers, SipRequest, SipResponse, UnwritableSipError
from fargo.statemachine.model.sip_messages import (
    Body,
    Endpoint,
    Party,
    Sdp,
    SendRegister,
    SendRequest,
    SendResponse,
)

SDP: Final = "application/sdp"
_MAX_FORWARDS: Final = "70"
_AGENT: Final = "Fargo"


def contact_uri(token: str, at: Endpoint, extra: str = "") -> str:
    """Return the URI of a Contact of ours: the token at our address. ``extra``: parameters, each with its ";"."""
    transport = "" if at.transport == "udp" else f";transport={at.transport}"
    return f"sip:{token}@{written_endpoint(at)}{transport}{extra}"


def request(command: SendRequest, via: str, contact: str | None) -> SipRequest:
    """Return the request of a command, without credentials. ``contact``: our Contact's URI, None for none."""
    headers = _request_headers(via, command.routes, command.sender, command.recipient, command.call_id)
    headers["CSeq"] = [f"{command.cseq} {command.method}"]
    if contact:
        headers["Contact"] = [f"<{contact}>"]
    headers |= written(command.headers)
    body = _body(headers, command.body, command.call_id)
    return SipRequest(command.method, command.uri, headers, body)


def register(command: SendRegister, via: str, contact: str, uri: str) -> SipRequest:
    """Return a REGISTER without credentials. ``contact``: the URI of our Contact; ``uri``: that of the registrar."""
    us = Party(command.address.uri, command.tag, command.address.name)
    headers = _request_headers(via, (), us, Party(command.address.uri), command.call_id)
    headers["CSeq"] = [f"{command.cseq} REGISTER"]
    contacts = [f"{written_address(each)};expires=0" for each in command.remove]
    if command.expires is not None:
        contacts.insert(0, f"<{contact}>;expires={command.expires}")
    if contacts:
        headers["Contact"] = contacts
    return SipRequest("REGISTER", uri, headers)


def response(command: SendResponse, contact: str | None) -> SipResponse:
    """Return the response of a command. ``contact``: our Contact's URI, None for none."""
    headers = response_headers(command.head, command.status, command.tag)
    if contact:
        headers["Contact"] = [f"<{contact}>"]
    headers |= written(command.headers)
    headers["Server"] = [_AGENT]
    body = _body(headers, command.body, command.head.call_id)
    return SipResponse(command.status, command.phrase, headers, body)


def acknowledgement(failure: SipResponse) -> SipRequest:
    """Return the ACK to the failure of an INVITE (RFC 3261 §17.1.1.3), for the edge, which finds the INVITE by Via."""
    number = failure.headers["CSeq"][0].split()[0]
    headers = {name: failure.headers[name][:1] for name in ("Via", "From", "To", "Call-ID")}
    headers |= {"CSeq": [f"{number} ACK"], "Max-Forwards": [_MAX_FORWARDS]}
    return SipRequest("ACK", address(failure.headers["To"][0]).uri, headers)


def _request_headers(via: str, routes: Iterable[str], sender: Party, recipient: Party, call_id: str) -> Headers:
    headers = {
        "Via": [via],
        "Max-Forwards": [_MAX_FORWARDS],
        "Route": list(routes),
        "From": [written_party(sender)],
        "To": [written_party(recipient)],
        "Call-ID": [call_id],
        "User-Agent": [_AGENT],
    }
    return headers if headers["Route"] else {name: values for name, values in headers.items() if name != "Route"}


def _body(headers: Headers, body: Body | None, call_id: str) -> bytes:
    """Return the bytes of a body of ours, and name its type in the headers."""
    if body is None:
        return b""
    if not isinstance(body, Sdp):
        raise UnwritableSipError(texts.BODY_NOT_KEPT)
    headers["Content-Type"] = [SDP]
    return write_session(body, _session(call_id)).encode()


def _session(call_id: str) -> int:
    """Return the id of our session in a dialog (RFC 4566 §5.2): the same in each of its descriptions."""
    return int.from_bytes(sha256(call_id.encode()).digest()[:4])
