"""The things that commands and events are about: the leg of a call, by a name that lasts, and audio or video."""

from fargo.statemachine.model.call1 import CallArrived, CandidatesReceived, PlaceCall
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import (
    AcceptSession,
    ChangeContent,
    Command,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    RejectContents,
    TerminateSession,
)
from fargo.statemachine.model.events import Event, FeaturesLearned, IqFailed, IqSucceeded, ResourceAvailable, TimePassed
from fargo.statemachine.model.jingle_events import (
    CallMessaged,
    CallProposed,
    ContentAccepted,
    ContentAdded,
    ContentRejected,
    ContentRemoved,
    SessionInitiated,
    TransportInformed,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    PlayRinging,
    RelayDescribed,
    RelayLost,
    RelayRefused,
    StopRinging,
    SwitchPhone,
)
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SipRequestReceived, SipResponseReceived

Leg = tuple[str, ...]
"""A channel by its name, a session by our end, the client and its sid, or one of the relay."""

_MOVES = TransportInformed | CandidatesReceived | SipRequestReceived | SipResponseReceived
"""The events by which an end can tell of another address."""
_SHOWS = ContentAdded | ContentRemoved | ContentAccepted | ContentRejected | TimePassed | IqFailed
"""The events by which there is more or less video."""


def places(command: Command) -> bool:
    """Return True if a command begins a call to a phone."""
    return isinstance(command, PlaceCall) or (
        isinstance(command, SendRequest)
        and command.method == "INVITE"
        and command.dialog is None
        and not command.repeats
    )


def arriving(event: CallArrived | InviteReceived) -> Leg:
    """Return the leg of a phone that calls."""
    return (event.channel if isinstance(event, CallArrived) else event.name,)


def sender_of(event: Event) -> str | None:
    """Return the client that an event comes from; a server says that one is not connected, or has no features."""
    match event:
        case IqFailed(condition="service-unavailable") | FeaturesLearned(features=()):
            return None
        case IqFailed(resource=client) | IqSucceeded(resource=client) | ResourceAvailable(resource=client):
            return client
        case FeaturesLearned(resource=client) | CallProposed(sender=client) | CallMessaged(sender=client):
            return client
        case _:
            iq = getattr(event, "iq", None)
            return None if iq is None else iq.sender


def session_of(event: SessionInitiated) -> Leg:
    """Return the leg of a client that calls."""
    return event.iq.to, event.iq.sender, event.sid


def leg_of(command: Command) -> Leg:
    """Return the leg that a command is said to; () if it is said to none."""
    match command:
        case InitiateSession(us, client, sid) | AcceptSession(us, client, sid):
            return us, client, sid
        case InformSession(us, client, sid) | InformTransport(us, client, sid) | InformDescription(us, client, sid):
            return us, client, sid
        case RejectContents(us, client, sid) | TerminateSession(us, client, sid) | ChangeContent(us, client, sid):
            return us, client, sid
        case OfferRelay(session) | AnswerRelay(session) | PlayDigit(session) | DeleteRelay(session):
            return "relay", session
        case PlayRinging(session) | StopRinging(session) | SwitchPhone(session):
            return "relay", session
        case SendRequest(method="MESSAGE" | "SUBSCRIBE"):
            return ()
        case SendRequest(dialog=str(dialog)):
            return (dialog,)
        case _ if isinstance(command, LogRecord):
            return ()
        case _:
            channel = getattr(command, "channel", None)
            return (channel,) if channel else ()


def tells_of_audio(event: Event) -> bool:
    """Return True if the relay may be offered a call once more because of an event. A phone may take over a call."""
    if isinstance(event, InviteReceived):
        return event.headers.replaces is not None
    return isinstance(event, _MOVES | _SHOWS | RelayDescribed | RelayLost | RelayRefused)
