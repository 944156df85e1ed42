"""The SIP leg of a call, independent of the engine that carries it: the core's only interface to SIP engines.

Rules:

1. Every function asks the engine that has the leg. A new engine is one more `case` in each, and its events and phases
   are members of the aliases below; mypy names the functions that do not have it yet.
2. Before a call is placed, and after its end, no engine has it: those phases are handled here.
3. What an engine can do, it says as a value: `SipCapabilities`.
4. A leg has a ``name``, by which the events of its engine refer to it; None while no engine has it.
"""

from typing import Final, TypeAlias, assert_never, get_args

from msgspec.structs import replace

from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import (
    Answered,
    Ended,
    LegEvent,
    LegEvents,
    Offered,
    VideoAnswered,
    VideoOffered,
)
from fargo.statemachine.legs.sip import texts
from fargo.statemachine.legs.sip.capabilities import NOTHING, SipCapabilities
from fargo.statemachine.legs.sip.phases import Access, Line, Over, Preparing
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.phases import TelepathyLeg, TelepathyPhase
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyArrival, TelepathyEvent
from fargo.statemachine.legs.user_agent import (
    caller_identity,
    message,
    outliving,
    user_agent_leg,
    video,
)
from fargo.statemachine.legs.user_agent.message import Texted
from fargo.statemachine.legs.user_agent.phases import Confirmed, UserAgentLeg, UserAgentPhase
from fargo.statemachine.legs.user_agent.user_agent_leg import UserAgentArrival, UserAgentCallEvent
from fargo.statemachine.media.description import Description, MediaProfile, is_secured
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.model.call_records import CallRecord
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip import SipEngine
from fargo.statemachine.model.sip_messages import (
    DialogEvent,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
)
from fargo.statemachine.model.sip_values import Diversion
from fargo.statemachine.reason import Cause, Reason

SipLeg: TypeAlias = Preparing | TelepathyLeg | UserAgentLeg | Over
SipLegEvent: TypeAlias = TelepathyEvent | UserAgentCallEvent
SipArrival: TypeAlias = TelepathyArrival | UserAgentArrival
SipTextArrival: TypeAlias = TextReceived
SipStep: TypeAlias = tuple[SipLeg, LegEvents]
"""The leg after something has happened, and what the bridge should know."""

# Most events of a call ask for these, and a set is quicker than isinstance with a base class.
_OF_TELEPATHY: Final = frozenset(get_args(TelepathyLeg))
_OF_USER_AGENT: Final = frozenset(get_args(UserAgentLeg))
_TO_USER_AGENT: Final = frozenset(get_args(UserAgentCallEvent))


# --- beginnings


def place(line: Line, offer: Description, effects: Effects) -> SipLeg:
    """Call the line's target with the codecs and addresses of a description."""
    match line.engine:
        case "telepathy":
            return telepathy_leg.place(line, offer, effects)
        case "sip":
            return user_agent_leg.place(line, offer, effects)
        case _:
            assert_never(line.engine)


def arrived(
    event: SipArrival, access: Access, effects: Effects, takes_over: bool = False
) -> tuple[SipLeg, Description | Reason] | None:
    """Take in a call. Return the leg, and the caller's offer, or why it cannot be taken up: the leg is ending then.

    Return None if it is no call: it was refused for what it demands of the engine. ``takes_over``: it is to take over a
    call that is known (`transferring`).
    """
    match event:
        case TelepathyArrival():
            return telepathy_leg.arrived(event, access, effects)
        case UserAgentArrival():
            return user_agent_leg.arrived(event, access, effects, takes_over)
        case _:
            assert_never(event)


def is_known(leg: SipLeg, event: SipArrival) -> bool:
    """Return True if the call that comes in is the leg's: it was signalled twice."""
    match event:
        case TelepathyArrival():
            return leg.name == event.channel
        case UserAgentArrival():
            return isinstance(leg, UserAgentPhase) and user_agent_leg.is_known(leg, event)
        case _:
            assert_never(event)


def arrived_again(leg: SipLeg, event: SipArrival, access: Access, effects: Effects) -> None:
    """Handle a call that is known."""
    match event:
        case TelepathyArrival():
            pass
        case UserAgentArrival():
            assert isinstance(leg, UserAgentPhase), "the call is known"
            user_agent_leg.arrived_again(leg, event, access, effects)
        case _:
            assert_never(event)


def caller(event: SipArrival, access: Access) -> tuple[SipUri | BadAddress, str | None]:
    """Return who calls, and the name that they give themselves, None if they give none."""
    match event:
        case TelepathyArrival():
            return telepathy_leg.caller(event, access)
        case UserAgentArrival():
            return user_agent_leg.who_calls(event, access)
        case _:
            assert_never(event)


# --- questions about a leg


def engine_capabilities(engine: SipEngine | None) -> SipCapabilities:
    """Return what an engine can do; None is one that this version does not know."""
    match engine:
        case "telepathy":
            return telepathy_leg.CAPABILITIES
        case "sip":
            return user_agent_leg.CAPABILITIES
        case None:
            return NOTHING
        case _:
            assert_never(engine)


def capabilities(leg: SipLeg) -> SipCapabilities:
    """Return what the engine that has the leg, or is to have it, can do for it."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.CAPABILITIES
        case UserAgentPhase():
            return user_agent_leg.CAPABILITIES
        case Preparing(line):
            return engine_capabilities(line.engine)
        case Over():
            return NOTHING
        case _:
            assert_never(leg)


def outlives_gateway(leg: SipLeg, engine: SipEngine) -> bool:
    """Return True if the leg goes on after a restart of the gateway. ``engine``: that which the gateway has now."""
    able = capabilities(leg)
    return able.outlives_gateway and able == engine_capabilities(engine)


def direct_profiles(leg: SipLeg) -> tuple[MediaProfile, ...]:
    """Return the media profiles in which a client and the far end can have audio without the relay. Plain RTP is none
    of them if it is to be encrypted, nor DTLS if it is not offered.
    """
    offer = offered(leg)
    found: tuple[MediaProfile, ...]
    if offer is not None and is_secured(offer):
        found = (MediaProfile.DTLS,)
    elif isinstance(leg, Preparing):
        plain = (MediaProfile.PLAIN,) if leg.line.srtp == "off" else ()
        found = (*plain, MediaProfile.DTLS) if leg.line.dtls else plain
    else:
        found = (MediaProfile.PLAIN,) if offer is None or not offer.crypto else ()
    able = capabilities(leg).profiles
    return tuple(each for each in found if each in able)


def name_of_new(event: SipArrival) -> str:
    """Return the name of the leg that a call gets which has come in."""
    return event.name if isinstance(event, UserAgentArrival) else event.channel


def is_live(leg: SipLeg) -> bool:
    """Return True if the far end is still calling or talking, or is to be called."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.is_live(leg)
        case UserAgentPhase():
            return user_agent_leg.is_live(leg)
        case Preparing():
            return True
        case Over():
            return False
        case _:
            assert_never(leg)


def is_answer_useless(before: SipLeg, after: SipLeg) -> bool:
    """Return True if the called end has answered so that the call was hung up at once."""
    return isinstance(after, UserAgentPhase) and user_agent_leg.is_answer_useless(before, after)


def is_held(leg: SipLeg) -> bool:
    """Return True if the far end has us on hold."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.is_held(leg)
        case UserAgentPhase():
            return user_agent_leg.is_held(leg)
        case Preparing() | Over():
            return False
        case _:
            assert_never(leg)


def flow(leg: SipLeg) -> VideoFlow:
    """Return what the far end does with video."""
    return user_agent_leg.flow(leg) if isinstance(leg, UserAgentPhase) else BOTH_WAYS


def takes_video(leg: SipLeg) -> bool:
    """Return True if the far end is in the call, and can be offered video."""
    return isinstance(leg, Confirmed) and video.is_taken(leg)


def hears_early(leg: SipLeg) -> bool:
    """Return True if the caller has been let hear the other end, which has not answered."""
    return isinstance(leg, UserAgentPhase) and user_agent_leg.hears_early(leg)


def offered(leg: SipLeg) -> Description | None:
    """Return what the caller offers, as long as the call waits for us."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.offered(leg)
        case UserAgentPhase():
            return user_agent_leg.offered(leg)
        case Preparing(until=float()):
            return user_agent_leg.UNKNOWN
        case Preparing() | Over():
            return None
        case _:
            assert_never(leg)


def history(leg: SipLeg) -> tuple[tuple[Diversion, ...], int | None]:
    """Return who has forwarded a call that waits for us, the latest first, and over how many servers it may yet go;
    None if nothing is known of that.
    """
    return user_agent_leg.history(leg) if isinstance(leg, UserAgentPhase) else ((), None)


def records(leg: SipLeg, call: str) -> tuple[CallRecord, ...]:
    """Return what readers of the log are to know of the leg as it stands. ``call``: the id of its call."""
    # Only our own user agent has anything to tell.
    return user_agent_leg.records(leg, call) if type(leg) in _OF_USER_AGENT else ()  # type: ignore[arg-type]


def deadline(leg: SipLeg) -> Deadline | None:
    """Return by when the leg must have moved on; None if it may stay as it is."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.deadline(leg)
        case UserAgentPhase():
            return user_agent_leg.deadline(leg)
        case Preparing(until=float(until)):
            return Deadline(texts.CLIENT, until)
        case Preparing() | Over():
            return None
        case _:
            assert_never(leg)


# --- what happens to a leg


def fold(leg: SipLeg, event: SipLegEvent, effects: Effects) -> SipStep:
    """Return the leg after an event that concerns it. Names are not used twice, so it is of the leg's engine."""
    if type(event) in _TO_USER_AGENT:
        of_engine = type(leg) in _OF_USER_AGENT
        return user_agent_leg.fold(leg, event, effects) if of_engine else (leg, ())  # type: ignore[arg-type]
    of_engine = type(leg) in _OF_TELEPATHY
    return telepathy_leg.fold(leg, event, effects) if of_engine else (leg, ())  # type: ignore[arg-type]


def fold_apart(leg: SipLeg, event: SipLegEvent, effects: Effects) -> SipStep:
    """Return a leg that no client is at the other end of after an event that concerns it: there is no video then."""
    after, news = fold(leg, event, effects)
    if any(isinstance(each, VideoOffered) for each in news):
        after = tell(after, VideoAnswered(None), effects)
    return after, news


def tell(leg: SipLeg, leg_event: LegEvent, effects: Effects) -> SipLeg:
    """Do what an event of the other leg means for this one."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.tell(leg, leg_event, effects)
        case UserAgentPhase():
            return user_agent_leg.tell(leg, leg_event, effects)
        case Preparing(line):
            match leg_event:
                case Offered(description) | Answered(description):
                    return place(line, description, effects)
                case Ended():
                    return Over()
                case _:
                    return leg
        case Over():
            return leg
        case _:
            assert_never(leg)


def expire(leg: SipLeg, effects: Effects) -> SipStep:
    """Do what is due, as the leg's deadline has come."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.expire(leg, effects)
        case UserAgentPhase():
            return user_agent_leg.expire(leg, effects)
        case Preparing(until=float()):
            return Over(), (Ended(Reason(Cause.NO_ANSWER, texts.CLIENT_NOT_THERE)),)
        case Preparing() | Over():
            return leg, ()
        case _:
            assert_never(leg)


def strayed(event: SipLegEvent, effects: Effects) -> None:
    """Handle an event that no leg has, or no longer."""
    if isinstance(event, DialogEvent):
        user_agent_leg.strayed(event, effects)


def lost(leg: SipLeg, reason: Reason) -> SipStep:
    """End the leg because its SIP connection is lost, if it cannot go on without."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.lost(leg, reason)
        case UserAgentPhase():
            return leg, ()
        case Preparing():
            return Over(), (Ended(reason),)
        case Over():
            return leg, ()
        case _:
            assert_never(leg)


def moved(leg: SipLeg, effects: Effects) -> SipStep:
    """Prepare the leg to go on at another SIP edge than the far end knows. That of rakia has not outlived its own."""
    return outliving.moved(leg, effects) if isinstance(leg, UserAgentPhase) else (leg, ())


def edge_lost(leg: SipLeg, effects: Effects) -> SipStep:
    """End the leg if it cannot go on, as the SIP edge was restarted and has forgotten its transactions."""
    match leg:
        case TelepathyPhase():
            return telepathy_leg.edge_restarted(leg, effects)
        case UserAgentPhase() | Preparing() | Over():
            return leg, ()
        case _:
            assert_never(leg)


# --- texts. Only our own user agent carries them (`SipCapabilities.texts`).


def send_text(line: Line, text: KeptText | Composing, effects: Effects) -> str:
    """Send a text to the line's target. Return the id of the command."""
    return message.send(line, text, effects)


def understands_typing(event: SipLegEvent | SipTextArrival) -> bool:
    """Return True if an event shows that the far end understands notices of who types."""
    return isinstance(event, SipResponseReceived | TextReceived) and event.headers.composing


def text_of(event: SipLegEvent) -> str | None:
    """Return the id of the command that may have sent a text and that an event answers, None if there is none."""
    return event.command if isinstance(event, SipResponseReceived | SipRequestUndelivered) else None


def text_answered(line: Line, event: SipLegEvent, effects: Effects) -> Texted | Reason:
    """Return what has come of a text by the event that answers it, or why it was not delivered."""
    assert isinstance(event, SipResponseReceived | SipRequestUndelivered), "it answers a command (`text_of`)"
    return message.answered(line, event, effects)


def text_sender(event: SipTextArrival, access: Access) -> tuple[SipUri | BadAddress, str | None]:
    """Return who has written, and the name that they give themselves, None if they give none."""
    return caller_identity.caller(event, access)


def answer_text(event: SipTextArrival, status: int, effects: Effects) -> None:
    """Answer a text that has come in."""
    message.respond(event, status, effects)


def text_in_call(event: SipLegEvent) -> KeptText | None:
    """Return the text that an event brings from the far end of a call, None if it brings none."""
    # Each event of a phone comes this way, and isinstance is slow for a Struct of another class.
    return event.body if type(event) is SipRequestReceived and type(event.body) is KeptText else None


def takes_text(leg: SipLeg, event: SipLegEvent) -> bool:
    """Return True if a text of the far end (`text_in_call`) can be taken."""
    return (
        isinstance(leg, UserAgentPhase)
        and isinstance(event, SipRequestReceived)
        and user_agent_leg.takes_text(leg, event)
    )


def without_text(event: SipLegEvent) -> SipLegEvent:
    """Return an event without its text, which is not taken. The leg refuses it."""
    return replace(event, body=None) if isinstance(event, SipRequestReceived) else event


# --- messages that have no answer yet


def unanswered(name: str, effects: Effects) -> None:
    """Handle that nobody has answered a pending command of a leg in time. ``name``: the command's id."""
    user_agent_leg.unanswered(name, effects)


def resume(leg: SipLeg, effects: Effects) -> SipLeg:
    """Go on with a leg that has outlived the gateway, as that was restarted."""
    return outliving.resume(leg, effects) if isinstance(leg, UserAgentPhase) else leg


def restarted(effects: Effects) -> None:
    """Send again what the far end may not have heard, as the gateway was restarted."""
    outliving.restarted(effects)


def edge_restarted(effects: Effects) -> None:
    """Send again what the far end has not answered, as the SIP edge was restarted."""
    outliving.edge_restarted(effects)


# --- after a fault


def abandon(leg: SipLeg, effects: Effects) -> None:
    """End the call at once: the gateway has lost track of it."""
    match leg:
        case TelepathyPhase():
            telepathy_leg.abandon(leg.name, effects)
        case UserAgentPhase():
            user_agent_leg.abandon(leg, effects)
        case Preparing() | Over():
            pass
        case _:
            assert_never(leg)


def abandon_arrival(event: SipArrival, effects: Effects) -> None:
    """End at once a call that has come in and has no leg."""
    match event:
        case TelepathyArrival():
            telepathy_leg.abandon(event.channel, effects)
        case UserAgentArrival():
            user_agent_leg.abandon_arrival(event, effects)
        case _:
            assert_never(event)


def fail(event: SipLegEvent, effects: Effects) -> None:
    """Answer an event that could not be handled, if the far end waits for an answer."""
    if isinstance(event, DialogEvent):
        user_agent_leg.fail(event, effects)
