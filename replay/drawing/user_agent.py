"""Labels for the events and commands of our own SIP user agent, in the words of SIP.

In session descriptions the far end counts as "initiator" and the gateway as "responder" (`fargo.adapters.sdp.session`).
"""

from typing import assert_never

from fargo.statemachine.media.description import Content, Role
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    FlowClosed,
    InviteReceived,
    KeepFlow,
    RegisterAnswered,
    RegisterUndelivered,
    ReleaseFlow,
    SendRegister,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
    UserAgentCommand,
    UserAgentEvent,
)
from fargo.statemachine.model.sip_values import Body, Sdp
from fargo.statemachine.pending import PendingCommands
from replay.drawing import sip_details, texts
from replay.drawing.label import Label, Tone, failed, quiet

_CHALLENGES = frozenset({401, 407})
_QUIET = frozenset({"ACK", "PRACK"})


def received(event: UserAgentEvent, pending: PendingCommands) -> Label:
    """Return the label of an event. ``pending``: the user's commands that waited for replies when it came."""
    match event:
        case InviteReceived(body=body):
            return _request("INVITE", _direction(body, "initiator"), sip_details.of_request(event))
        case TextReceived():
            return _request("MESSAGE", "", sip_details.of_request(event))
        case SipRequestReceived(head=head, body=body):
            return _request(head.method, _direction(body, "initiator"), sip_details.of_request(event))
        case SipResponseReceived(status=status, phrase=phrase, body=body):
            details = sip_details.of_response(event, pending)
            return _response(status, phrase, _direction(body, "initiator"), details)
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
            return _request(method, _direction(body, "responder"), sip_details.of_our_request(command))
        case SendResponse(status=status, phrase=phrase, body=body):
            details = sip_details.of_our_response(command)
            return _response(status, phrase, _direction(body, "responder"), details)
        case SendRegister(expires=expires):
            return Label(texts.UNREGISTER if expires == 0 else "REGISTER")
        case KeepFlow():
            return quiet(texts.KEEP_FLOW)
        case ReleaseFlow():
            return quiet(texts.RELEASE_FLOW)
        case _:
            assert_never(command)


def _request(method: str, direction: str, details: str) -> Label:
    return Label(f"{method}{direction}", Tone.QUIET if method in _QUIET else Tone.PLAIN, details)


def _response(status: int, phrase: str, direction: str, details: str | None = None) -> Label:
    is_failure = status >= 300 and status not in _CHALLENGES
    return Label(f"{status} {phrase}{direction}", Tone.ERROR if is_failure else Tone.PLAIN, details)


def _direction(body: Body | None, writer: Role) -> str:
    """Return the direction of the audio in the words of the end that wrote it, "" if it goes both ways."""
    match body:
        case Sdp(audio=Content(senders=senders)) if senders != "both":
            return " (inactive)" if senders == "none" else " (sendonly)" if senders == writer else " (recvonly)"
        case _:
            return ""
