"""Labels for the events and commands of our own SIP user agent, in the words of SIP.

In session descriptions the far end counts as "initiator" and the gateway as "responder" (`fargo.adapters.sdp.session`).
"""

from typing import assert_never

from fargo.statemachine.media.description import Content, Role
from fargo.statemachine.model.sip_messages import (
    Body,
    EdgeRestarted,
    FlowClosed,
    InviteReceived,
    KeepFlow,
    RegisterAnswered,
    RegisterUndelivered,
    ReleaseFlow,
    Sdp,
    SendRegister,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    UserAgentCommand,
    UserAgentEvent,
)
from replay.drawing import texts
from replay.drawing.label import Label, failed, quiet

_CHALLENGES = frozenset({401, 407})
_QUIET = frozenset({"ACK", "PRACK"})


def received(event: UserAgentEvent) -> Label:
    """Return the label of an event."""
    match event:
        case InviteReceived(body=body):
            return _request("INVITE", _direction(body, "initiator"))
        case SipRequestReceived(head=head, body=body):
            return _request(head.method, _direction(body, "initiator"))
        case SipResponseReceived(status=status, phrase=phrase, body=body):
            return _response(status, phrase, _direction(body, "initiator"))
        case RegisterAnswered(status=status, phrase=phrase):
            return _response(status, phrase, "")
        case SipRequestUndelivered(why=why) | RegisterUndelivered(why=why):
            return failed(texts.UNDELIVERED[why])
        case FlowClosed():
            return failed(texts.FLOW_CLOSED)
        case EdgeRestarted():
            return failed(texts.EDGE_RESTARTED)
        case _:
            assert_never(event)


def sent(command: UserAgentCommand) -> Label:
    """Return the label of a command."""
    match command:
        case SendRequest(method=method, body=body):
            return _request(method, _direction(body, "responder"))
        case SendResponse(status=status, phrase=phrase, body=body):
            return _response(status, phrase, _direction(body, "responder"))
        case SendRegister(expires=expires):
            return Label(texts.UNREGISTER if expires == 0 else "REGISTER")
        case KeepFlow():
            return quiet(texts.KEEP_FLOW)
        case ReleaseFlow():
            return quiet(texts.RELEASE_FLOW)
        case _:
            assert_never(command)


def _request(method: str, direction: str) -> Label:
    text = f"{method}{direction}"
    return quiet(text) if method in _QUIET else Label(text)


def _response(status: int, phrase: str, direction: str) -> Label:
    text = f"{status} {phrase}{direction}"
    return failed(text) if status >= 300 and status not in _CHALLENGES else Label(text)


def _direction(body: Body | None, writer: Role) -> str:
    """Return the direction of the audio in the words of the end that wrote it, "" if it goes both ways."""
    match body:
        case Sdp(audio=Content(senders=senders)) if senders != "both":
            return " (inactive)" if senders == "none" else " (sendonly)" if senders == writer else " (recvonly)"
        case _:
            return ""
