"""Labels for the events and commands of the Telepathy engine: the SIP messages behind them.

Rules:

1. The phase of the leg tells which message it was: the same hang-up is a CANCEL, a refusal or a BYE.
2. Most messages between gateway and connection manager never leave the machine. Those are quiet, and named after the
   event or the command.
"""

from typing import TypeAlias, assert_never

from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.telepathy.phases import Answering, Arriving, AwaitingMedia, Dialling, Talking
from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.call1 import (
    HELD,
    RINGING,
    AcceptDescription,
    AnswerCall,
    Call1Command,
    Call1Event,
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChangeReason,
    ChannelClosed,
    CloseChannel,
    CompleteReceiving,
    CompleteSending,
    DescriptionReceived,
    FlowState,
    HangUp,
    HoldPostponed,
    HoldStateChanged,
    PlaceCall,
    ReceivingStateChanged,
    RejectDescription,
    RequestHold,
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import SignIn, SignOut
from fargo.statemachine.model.events import SipSignedIn, SipSignedOut
from replay.drawing.label import Label, failed, number, quiet

_Event: TypeAlias = SipSignedIn | SipSignedOut | Call1Event
_Command: TypeAlias = SignIn | SignOut | Call1Command

_HOLD_STATES = ("not on hold", "on hold", "hold pending", "resuming")


def received(event: _Event, leg: SipLeg | None) -> Label:
    """Return the label of an event; the leg is as it stood before it, None if there was none."""
    match event, leg:
        case CallArrived(), _:
            return Label("INVITE")
        case CallMembersChanged(flags=flags), Dialling() if flags & RINGING:
            return Label("180 Ringing")
        case CallMembersChanged(flags=flags), Talking(held=held) if held is not bool(flags & HELD):
            return Label("INVITE (resume)" if held else "INVITE (hold)")
        case CallStateChanged(state=CallState.ENDED, message=message), Dialling():
            return failed(message or "refused")
        case CallStateChanged(state=CallState.ENDED), Arriving():
            return Label("CANCEL")
        case CallStateChanged(state=CallState.ENDED), AwaitingMedia() | Answering() | Talking():
            return Label("BYE")
        case CallStateChanged(state=CallState.ACCEPTED | CallState.ACTIVE), Dialling():
            return Label("200 OK")
        case _:
            return _signalled(event)


def _signalled(event: _Event) -> Label:
    """Label an event that is no SIP message (rule 2)."""
    match event:
        case CallArrived():
            return quiet("call arrived")
        case CallStateChanged(state=state):
            return quiet(f"call {number(CallState, state)}")
        case CallMembersChanged(flags=flags):
            told = [word for flag, word in ((RINGING, "ringing"), (HELD, "holding")) if flags & flag]
            return quiet(f"phone {', '.join(told) or 'ready'}")
        case CandidatesReceived(candidates=candidates):
            return quiet(_addresses(candidates))
        case DescriptionReceived(codecs=codecs):
            return quiet(_names(codecs))
        case SendingStateChanged(state=state):
            return quiet(f"sending {number(FlowState, state)}")
        case ReceivingStateChanged(state=state):
            return quiet(f"receiving {number(FlowState, state)}")
        case HoldStateChanged(state=state):
            return quiet(_HOLD_STATES[state] if 0 <= state < len(_HOLD_STATES) else f"hold {state}")
        case HoldPostponed():
            return quiet("another change is under way")
        case CallFailed(error=error, message=message):
            return failed(message or error)
        case ChannelClosed():
            return quiet("channel closed")
        case SipSignedIn():
            return Label("signed in")
        case SipSignedOut(trouble=trouble):
            return failed(f"signed out: {trouble.value}")
        case _:
            assert_never(event)


def sent(command: _Command, leg: SipLeg | None) -> Label:
    """Return the label of a command; the leg is as it stood before the event that led to it."""
    match command, leg:
        case CompleteReceiving(state=FlowState.STARTED), Dialling():
            return Label("INVITE")
        case CompleteReceiving(state=FlowState.STARTED), Answering():
            return Label("200 OK")
        case RingCall(), _:
            return Label("180 Ringing")
        case RequestHold(hold=hold), _:
            return Label("INVITE (hold)" if hold else "INVITE (resume)")
        case HangUp(), Dialling():
            return Label("CANCEL")
        case HangUp(reason=reason), Arriving() | None:
            return failed(_refusal(reason))
        case HangUp(), _:
            return Label("BYE")
        case _:
            return _told(command)


def _told(command: _Command) -> Label:
    """Label a command that is no SIP message (rule 2)."""
    match command:
        case PlaceCall():
            return quiet("place the call")
        case RingCall() | RequestHold() | HangUp():
            return quiet(type(command).__name__)
        case AnswerCall():
            return quiet("answer the call")
        case AcceptDescription(codecs=codecs):
            return quiet(f"accept {_names(codecs)}")
        case RejectDescription():
            return quiet("reject codecs")
        case CompleteReceiving(state=state):
            return quiet(f"receive {number(FlowState, state)}")
        case CompleteSending(state=state):
            return quiet(f"send {number(FlowState, state)}")
        case CloseChannel():
            return quiet("close channel")
        case SignIn():
            return Label("sign in")
        case SignOut():
            return Label("sign out")
        case _:
            assert_never(command)


def _refusal(reason: int) -> str:
    match reason:
        case ChangeReason.BUSY | ChangeReason.REJECTED:
            return "486 Busy Here"
        case ChangeReason.MEDIA_ERROR:
            return "488 Not Acceptable Here"
        case _:
            return "480 Temporarily Unavailable"


def _addresses(candidates: tuple[Candidate, ...]) -> str:
    return ", ".join(f"{each.ip}:{each.port}" for each in candidates) or "no address"


def _names(codecs: tuple[Codec, ...]) -> str:
    return ", ".join(each.name or str(each.id) for each in codecs) or "no codec"
