"""Read a message as the adapter does: everything that the core is told of it."""

from fargo.adapters.sip.wire import headers as wire
from fargo.adapters.sip.wire.message import (
    MalformedSipError,
    SipMessage,
    SipRequest,
    SipResponse,
    parse,
    refusal,
    serialised,
)
from fargo.adapters.sip.wire.uri import parse_uri
from fargo.statemachine.model.sip_values import RequestHead

Outcome = int | str
"""The status of the refusal of a request, or one of the next two."""
ACCEPTED = "accepted"
DROPPED = "dropped"


def read(message: SipMessage) -> RequestHead | None:
    """Read all headers. Return the head of a request."""
    head = wire.request_head(message) if isinstance(message, SipRequest) else None
    vias = head.via if head else wire.via_texts(message.headers)
    wire.via(vias[0])
    wire.dialog_place(message.headers)
    wire.party(message.headers, "From")
    wire.party(message.headers, "To")
    for contact in wire.contacts(message.headers):
        wire.expires(contact)
    for name in ("Record-Route", "Route", "Service-Route", "Path"):
        wire.route_texts(message.headers, name)
    wire.sip_headers(message.headers)
    wire.challenges(message.headers)
    wire.media_type(message.headers)
    if head:
        parse_uri(head.uri)
    return head


def outcome(data: bytes) -> Outcome:
    """Return what becomes of a datagram. Every response to it can be written and read."""
    request: SipRequest | None = None
    try:
        message = parse(data)
        request = message if isinstance(message, SipRequest) else None
        head = read(message)
    except MalformedSipError as problem:
        answer = (request := request or problem.request) and refusal(request, problem, "ours")
        if not answer:
            return DROPPED
        assert parse(serialised(answer)) == answer
        return answer.status
    if head:
        answered = SipResponse(200, "OK", wire.response_headers(head, 200, "ours"))
        assert parse(serialised(answered)) == answered
    return ACCEPTED
