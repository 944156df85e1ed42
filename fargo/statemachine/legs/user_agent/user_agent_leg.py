"""The SIP leg of a call, as our own user agent has it: what `legs.sip.sip_leg` asks of an engine.

Rules:

1. Every request of the far end gets one final response, unless it is an ACK, whatever the phase.
2. Every request of ours but an INFO is pending until its final response (`unheard`): after a restart of the edge or the
   gateway it is sent again.
3. Every wait has a deadline, so every leg comes to its end.
4. A call does not depend on the registration that it began with.
5. This file says what each event means in each phase. What comes of it is in `caller` for a call of ours, in `called`
   and `answering` for one to us, in `confirmed` for a call that is answered, and in `releasing` for one that has ended.
6. `outliving` has what becomes of a leg whose gateway or edge was lost.
"""

from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import (
    Answered,
    CodecsChanged,
    Dtmf,
    EarlyAudio,
    Ended,
    Held,
    LegEvent,
    Offered,
    Resumed,
    Ringing,
    RouteLost,
    TransportChanged,
    VideoEvent,
)
from fargo.statemachine.legs.sip.capabilities import SipCapabilities
from fargo.statemachine.legs.sip.phases import Access, Line, Over
from fargo.statemachine.legs.user_agent import (
    answering,
    called,
    caller,
    caller_identity,
    confirmed,
    dialog,
    informing,
    leg_records,
    offer_answer,
    recalling,
    releasing,
    texts,
    unheard,
    video,
)
from fargo.statemachine.legs.user_agent.dialog import Dialog
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UacRecalling,
    UasProceeding,
    UasRefused,
    UasReleasing,
    UserAgentLeg,
    UserAgentStep,
)
from fargo.statemachine.legs.user_agent.responding import objection, respond, response
from fargo.statemachine.media.description import Description, MediaProfile
from fargo.statemachine.media.pictures import BOTH_WAYS, VideoFlow
from fargo.statemachine.model.call_records import CallRecord
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import Diversion, SipFragment
from fargo.statemachine.reason import Reason

UserAgentArrival: TypeAlias = InviteReceived
UserAgentCallEvent: TypeAlias = SipRequestReceived | SipResponseReceived | SipRequestUndelivered

UNKNOWN: Final = offer_answer.UNKNOWN
"""The assumed description of a phone that has made no offer."""
CAPABILITIES: Final = SipCapabilities(
    profiles=(MediaProfile.PLAIN, MediaProfile.DTLS),
    transport_change=True,
    outlives_gateway=True,
    forwards=True,
    joins=True,
    texts=True,
    voicemail=True,
    video=True,
)

# Seconds.
_LONGEST_PRACK: Final = 32.0
"""RFC 3262 §3."""
_LONGEST_REFUSAL: Final = 240.0
_NOBODY: Final = Access()


# --- beginnings


def place(line: Line, offer: Description, effects: Effects) -> UacCalling:
    """Call the line's target with these codecs and addresses: a plain description, or one with DTLS over ICE."""
    return caller.place(line, offer, effects)


def arrived(
    event: UserAgentArrival, access: Access, effects: Effects, takes_over: bool
) -> tuple[UserAgentLeg, Description | Reason] | None:
    """Take in a call. Return the leg, and the caller's offer, or why it cannot be taken up: the leg is ending then.
    Return None if the INVITE is refused without being a call. ``takes_over``: the call that it takes over is known.
    """
    return called.arrived(event, access, effects, takes_over)


def is_known(leg: UserAgentLeg, event: UserAgentArrival) -> bool:
    """Return True if an INVITE is of the same call as the leg: it has come in on another path, too."""
    return called.is_merged(leg, event)


def arrived_again(leg: UserAgentLeg, event: UserAgentArrival, access: Access, effects: Effects) -> None:
    """Refuse an INVITE of a call that is known, unless it is repeated."""
    called.merged(leg, event, access, effects)


def who_calls(event: UserAgentArrival, access: Access) -> tuple[SipUri | BadAddress, str | None]:
    """Return who calls, and the name that they give themselves, None if they give none."""
    return caller_identity.caller(event, access)


# --- questions about a leg


def is_live(leg: UserAgentLeg) -> bool:
    """Return True if the far end is still calling or talking, as far as we know."""
    return isinstance(leg, UacCalling | UacProceeding | UacRecalling | UasProceeding | Confirmed)


def is_answer_useless(before: object, after: UserAgentLeg) -> bool:
    """Return True if a call of ours was answered so that it was hung up at once."""
    return isinstance(before, UacCalling | UacProceeding) and isinstance(after, Releasing)


def is_held(leg: UserAgentLeg) -> bool:
    """Return True if the far end has us on hold."""
    return isinstance(leg, Confirmed) and leg.session.held


def flow(leg: UserAgentLeg) -> VideoFlow:
    """Return what the far end does with video."""
    return leg.session.flow if isinstance(leg, Confirmed) else BOTH_WAYS


def hears_early(leg: UserAgentLeg) -> bool:
    """Return True if the caller has been let hear the other end, which has not answered."""
    return isinstance(leg, UasProceeding) and leg.early is not None


def offered(leg: UserAgentLeg) -> Description | None:
    """Return what the caller offers, as long as the call waits for us."""
    return leg.offer if isinstance(leg, UasProceeding) else None


def history(leg: UserAgentLeg) -> tuple[tuple[Diversion, ...], int | None]:
    """Return who has forwarded a call that waits for us, and its Max-Forwards (`SipHeaders`)."""
    return (leg.headers.diversion, leg.headers.max_forwards) if isinstance(leg, UasProceeding) else ((), None)


def records(leg: UserAgentLeg, call: str) -> tuple[CallRecord, ...]:
    """Return what readers of the log are to know of the leg as it stands. ``call``: the id of its call."""
    return leg_records.of(leg, call)


# --- folding


def fold(leg: UserAgentLeg, event: UserAgentCallEvent, effects: Effects) -> UserAgentStep:
    """Return the leg after an event that concerns it, and what the bridge should know."""
    match event:
        case SipResponseReceived():
            return _responded(leg, event, effects)
        case SipRequestReceived():
            return _requested(leg, event, effects)
        case SipRequestUndelivered():
            return _undelivered(leg, event, effects)
        case _:
            assert_never(event)


def _responded(leg: UserAgentLeg, event: SipResponseReceived, effects: Effects) -> UserAgentStep:
    match leg:
        case UacCalling() | UacProceeding():
            return caller.responded(leg, event, effects)
        case UacRecalling():
            return recalling.heard(leg, event, effects), ()
        case Confirmed():
            return confirmed.responded(leg, event, effects)
        case UacCancelling():
            return caller.cancelled(leg, event, effects)
        case Releasing():
            return releasing.responded(leg, event, effects)
        case Lingering():
            if (after := releasing.confirm(leg, event, effects)) is None:
                unheard.answered(event, effects)
            return after or leg, ()
        case UasProceeding() | UasRefused() | UasReleasing():
            unheard.answered(event, effects)
            return leg, ()
        case _:
            assert_never(leg)


def _undelivered(leg: UserAgentLeg, event: SipRequestUndelivered, effects: Effects) -> UserAgentStep:
    match leg:
        case UacCalling() | UacProceeding():
            return caller.undelivered(leg, event, effects)
        case UacRecalling():
            return recalling.heard(leg, event, effects), ()
        case Confirmed():
            return confirmed.undelivered(leg, event, effects)
        case UacCancelling():
            return caller.cancelled(leg, event, effects)
        case Releasing():
            return releasing.responded(leg, event, effects)
        case Lingering() | UasProceeding() | UasRefused() | UasReleasing():
            unheard.answered(event, effects)
            return leg, ()
        case _:
            assert_never(leg)


def _requested(leg: UserAgentLeg, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle a request. What is wrong in any phase is refused here (rule 1)."""
    match event.head.method:
        case "ACK":
            return _acknowledged(leg, event, effects)
        case "CANCEL":
            return _cancelled(leg, event, effects)
        case method:
            found = _dialog(leg, event)
            if (refusal := objection(found, event)) is not None:
                respond(leg.name, leg.access, event, refusal.status, effects, refusal.headers)
                return leg, ()
            assert found, "without a dialog there is an objection"
            return _in_dialog(leg, dialog.heard(found, event.head.cseq), method, event, effects)


def _dialog(leg: UserAgentLeg, event: SipRequestReceived) -> Dialog | None:
    """Return the dialog of the leg that a request may belong to."""
    match leg:
        case UasProceeding() | UasReleasing() | Confirmed() | Releasing() | Lingering():
            return leg.dialog
        case UacProceeding():
            return caller.early_dialog(leg, event.remote_tag)
        case UacCalling() | UacRecalling() | UacCancelling() | UasRefused():
            return None
        case _:
            assert_never(leg)


def takes_text(leg: UserAgentLeg, event: SipRequestReceived) -> bool:
    """Return True if a request of the far end is a text that can be taken."""
    found = _dialog(leg, event) if isinstance(event.body, KeptText) and is_live(leg) else None
    return found is not None and objection(found, event) is None


def _in_dialog(
    leg: UserAgentLeg, of: Dialog, method: str, event: SipRequestReceived, effects: Effects
) -> UserAgentStep:
    match leg:
        case UasProceeding() | UacProceeding() if isinstance(event.body, KeptText):
            respond(leg.name, leg.access, event, 200, effects)
            return leg, ()
        case _ if isinstance(event.body, SipFragment) and not (isinstance(leg, Confirmed) and leg.asked):
            respond(leg.name, leg.access, event, 481, effects)
            return leg, ()
        case Confirmed():
            return confirmed.requested(replace(leg, dialog=of), event, effects)
        case UasProceeding():
            return called.requested(replace(leg, dialog=of), event, effects)
        case UacProceeding():
            return caller.requested(leg, of, event, effects), ()
        case Releasing() if method == "BYE":
            respond(leg.name, leg.access, event, 200, effects)
            return releasing.crossed(leg, effects), ()
        case UasReleasing() if method == "BYE":
            respond(leg.name, leg.access, event, 200, effects)
            unheard.forget(leg.name, effects)
            return Over(), ()
        case _:
            respond(leg.name, leg.access, event, 481, effects)
            return leg, ()


def _acknowledged(leg: UserAgentLeg, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle an ACK: to our 2xx, or to our refusal."""
    unheard.acknowledged(event, effects)
    match leg:
        case Confirmed():
            return confirmed.acknowledged(leg, event, effects)
        case UasRefused(head=head) if head.cseq == event.head.cseq:
            return Over(), ()
        case UasReleasing(head=head) if head.cseq == event.head.cseq:
            return releasing.confirmed(leg, effects), ()
        case _:
            return leg, ()


def _cancelled(leg: UserAgentLeg, event: SipRequestReceived, effects: Effects) -> UserAgentStep:
    """Handle a CANCEL. It ends a call that is not answered, and has no effect on any other (RFC 3261 §9.2)."""
    if isinstance(leg, UasProceeding) and leg.head.cseq == event.head.cseq:
        return called.cancelled(leg, event, effects)
    respond(leg.name, leg.access, event, 200 if unheard.is_answered(event, effects) else 481, effects)
    return leg, ()


# --- waiting


def deadline(leg: UserAgentLeg) -> Deadline | None:
    """Return by when the leg must have moved on (rule 3); None if it may stay as it is."""
    match leg:
        case Confirmed():
            return confirmed.deadline(leg)
        case UacProceeding() if (announced := caller.announced_at(leg)) is not None:
            return Deadline(texts.ANSWER, min(announced, leg.since + leg.access.ring_seconds))
        case UacCalling(since=since) | UacProceeding(since=since):
            return Deadline(texts.ANSWER, since + leg.access.ring_seconds)
        case UacRecalling():
            return Deadline(texts.PLACED_ANEW, recalling.due(leg))
        case UasProceeding(since=since, reliable=reliable):
            longest = since + leg.access.ring_seconds
            acknowledged = reliable.since + _LONGEST_PRACK if reliable and reliable.since is not None else longest
            return Deadline(texts.ANSWER, min(longest, acknowledged))
        case UasRefused(since=since):
            return Deadline(texts.END_OF_CALL, since + _LONGEST_REFUSAL)
        case UasReleasing(since=since):
            return Deadline(texts.CONFIRMATION, since + confirmed.LONGEST_ACK)
        case UacCancelling(until=until) | Lingering(until=until):
            return Deadline(texts.END_OF_CALL, until)
        case Releasing(since=since):
            return Deadline(texts.END_OF_CALL, since + unheard.LONGEST)
        case _:
            assert_never(leg)


def expire(leg: UserAgentLeg, effects: Effects) -> UserAgentStep:
    """Do what is due, as the leg's deadline has come."""
    match leg:
        case Confirmed():
            return confirmed.expire(leg, effects)
        case UacProceeding(since=since) if effects.at < since + leg.access.ring_seconds:
            return caller.let_through(leg)
        case UacCalling() | UacProceeding():
            return caller.expire(leg, effects)
        case UacRecalling():
            return recalling.expire(leg, effects)
        case UasProceeding():
            return called.expire(leg, effects)
        case UasReleasing():
            return releasing.confirmed(leg, effects), ()
        case UasRefused() | UacCancelling() | Releasing() | Lingering():
            unheard.forget(leg.name, effects)
            return Over(), ()
        case _:
            assert_never(leg)


# --- told by the bridge


def tell(leg: UserAgentLeg, leg_event: LegEvent, effects: Effects) -> UserAgentLeg | Over:
    """Do what an event of the other leg means for this one."""
    match leg_event:
        case Ringing() if isinstance(leg, UasProceeding):
            return called.ring(leg, effects)
        case Answered(description) if isinstance(leg, UasProceeding):
            return answering.accept(leg, description, effects)
        case EarlyAudio(description) if isinstance(leg, UasProceeding):
            return answering.let_hear(leg, description, effects) if leg.sdp else called.ring(leg, effects)
        case Held() | Resumed() if isinstance(leg, Confirmed):
            return confirmed.hold(leg, isinstance(leg_event, Held), effects)
        case Held() | Resumed() if isinstance(leg, UasProceeding):
            return answering.hold(leg, isinstance(leg_event, Held))
        case TransportChanged() if isinstance(leg, Confirmed):
            return confirmed.move(leg, leg_event, effects)
        case TransportChanged() if isinstance(leg, UasProceeding):
            return answering.move(leg, leg_event)
        case Dtmf() if isinstance(leg, Confirmed):
            return informing.press(leg, leg_event, effects)
        case CodecsChanged(codecs) if isinstance(leg, Confirmed):
            return confirmed.narrow(leg, codecs, effects)
        case _ if isinstance(leg_event, VideoEvent):
            return video.tell(leg, leg_event, effects) if isinstance(leg, Confirmed) else leg
        case Ended(reason):
            return _end(leg, reason, effects)
        case (
            Ringing()
            | Answered()
            | Held()
            | Resumed()
            | Offered()
            | Dtmf()
            | TransportChanged()
            | CodecsChanged()
            | RouteLost()
            | EarlyAudio()
        ):
            return leg
        case _:
            assert_never(leg_event)


def _end(leg: UserAgentLeg, reason: Reason, effects: Effects) -> UserAgentLeg | Over:
    match leg:
        case UacCalling() | UacProceeding():
            return caller.cancel(leg, effects)
        case UacRecalling():
            recalling.abandon(leg, effects)
            return Over()
        case UasProceeding():
            return called.turn_down(leg, reason, effects)
        case Confirmed():
            return confirmed.hang_up(leg, effects)
        case UacCancelling() | UasRefused() | UasReleasing() | Releasing() | Lingering():
            return leg
        case _:
            assert_never(leg)


# --- after a fault


def abandon(leg: UserAgentLeg, effects: Effects) -> None:
    """End the call with as little code as possible: the gateway has lost track of it."""
    match leg:
        case UacCalling() | UacProceeding() | UacCancelling():
            unheard.forget(leg.name, effects)
            unheard.say(caller.cancellation(leg.name, leg.invite, None), effects)
        case UasProceeding():
            unheard.forget(leg.name, effects)
            unheard.refuse(response(leg.name, leg.access, leg.head, 500), effects)
        case UasReleasing() | Confirmed():
            unheard.forget(leg.name, effects)
            unheard.say(dialog.request(leg.dialog, "BYE")[1], effects)
        case UacRecalling():
            recalling.abandon(leg, effects)
        case UasRefused() | Releasing() | Lingering():
            pass  # what ends the call has been said, and is repeated until it is heard
        case _:
            assert_never(leg)


def abandon_arrival(event: UserAgentArrival, effects: Effects) -> None:
    """Refuse a call that has come in and has no leg."""
    unheard.refuse(response(event.name, _NOBODY, event.head, 500), effects)


def fail(event: UserAgentCallEvent, effects: Effects) -> None:
    """Respond to a request that a bug kept from being handled."""
    if isinstance(event, SipRequestReceived) and event.head.method != "ACK":
        respond(event.leg, _NOBODY, event, 500, effects)


# --- without a leg


def strayed(event: UserAgentCallEvent, effects: Effects) -> None:
    """Handle an event of a dialog that there is not, or no longer."""
    match event:
        case SipResponseReceived() | SipRequestUndelivered():
            unheard.answered(event, effects)
        case SipRequestReceived(head=head) if head.method == "ACK":
            unheard.acknowledged(event, effects)
        case SipRequestReceived(head=head):
            answered = head.method == "CANCEL" and unheard.is_answered(event, effects)
            respond(event.leg, _NOBODY, event, 200 if answered else 481, effects)
        case _:
            assert_never(event)


def unanswered(name: str, effects: Effects) -> None:
    """Send a pending message again, or give it up: nobody has answered it in time."""
    unheard.repeat(name, effects)
