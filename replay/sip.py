"""The SIP messages behind the SIP leg's events and commands, in SIP's words, for people.

Rules:

1. Most of what passes between gateway and connection manager never leaves the machine: it has no message here, "".
2. What a message was follows from where the leg stood: the same hang-up is a CANCEL, a refusal or a BYE.
"""

from collections.abc import Container, Iterable

from fargo.statemachine.call1 import (
    RINGING,
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    ChangeReason,
    CompleteReceiving,
    FlowState,
    HangUp,
    PlaceCall,
    RingCall,
)
from fargo.statemachine.commands import Command, Issued
from fargo.statemachine.events import Event
from fargo.statemachine.telepathy_leg import Answering, Arriving, Dialling, Talking, TelepathyLeg


def channel(event: Event, issued: Iterable[Issued]) -> str:
    """The SIP channel of the call that begins with an event and its commands, "" if it has none."""
    if isinstance(event, CallArrived):
        return event.channel
    return next((each.id for each in issued if isinstance(each.command, PlaceCall)), "")


def received(event: Event, leg: TelepathyLeg | None) -> str:
    """What the gateway was sent; the leg is as it stood before the event, None if there was none."""
    match event, leg:
        case CallArrived(), _:
            return "INVITE"
        case CallMembersChanged(flags=flags), Dialling(answered=False) if flags & RINGING:
            return "180 Ringing"
        case CallStateChanged(state=CallState.ENDED, message=message), Dialling():
            return message or "refused"
        case CallStateChanged(state=CallState.ENDED), Arriving():
            return "CANCEL"
        case CallStateChanged(state=CallState.ENDED), Answering() | Talking():
            return "BYE"
        case CallStateChanged(state=CallState.ACCEPTED | CallState.ACTIVE), Dialling(answered=False):
            return "200 OK"
        case _:
            return ""


def sent(command: Command, leg: TelepathyLeg | None, channels: Container[str]) -> str:
    """What was sent because of a command that concerns one of the channels; the leg is as it stood before."""
    match command, leg:
        case CompleteReceiving() | RingCall() | HangUp(), _ if command.channel not in channels:
            return ""
        case CompleteReceiving(state=FlowState.STARTED), Dialling(answered=False):
            return "INVITE"
        case CompleteReceiving(state=FlowState.STARTED), Answering() | Talking():
            return "200 OK"
        case RingCall(), _:
            return "180 Ringing"
        case HangUp(), Dialling(answered=False):
            return "CANCEL"
        case HangUp(reason=reason), Arriving() | None:
            return _refusal(reason)
        case HangUp(), _:
            return "BYE"
        case _:
            return ""


def _refusal(reason: int) -> str:
    match reason:
        case ChangeReason.BUSY | ChangeReason.REJECTED:
            return "486 Busy Here"
        case ChangeReason.MEDIA_ERROR:
            return "488 Not Acceptable Here"
        case _:
            return "480 Temporarily Unavailable"
