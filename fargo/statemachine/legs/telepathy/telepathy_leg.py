"""The SIP leg of a call, as Telepathy's Call1 presents it: what `legs.sip.sip_leg` asks of an engine.

Rules, each learned from the connection manager's behaviour:

1. There is no media stack here: whenever a stream's sending or receiving is pending, we complete it. Completing the
   first receiving state is what sends the INVITE, or the 200.
2. The manager sometimes ends a session itself and says nothing. So every phase in which something must come has a
   deadline, after which the leg hangs up: that always works.
3. Offer and answer come in parts: see `negotiation`.
4. Which reasons can be said and heard: see `sip_reason`.
5. Our hold waits for changes by the phone: see `holding`.
6. The gateway ends the ringing, by its own clock. kamailio's timers jump with the wall clock, so the edge waits hours
   longer.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.address import BadAddress, SipUri, is_ip, parse_uri, uri_parameters
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
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoMoved,
    VideoOffered,
)
from fargo.statemachine.legs.sip.capabilities import SipCapabilities
from fargo.statemachine.legs.sip.phases import Access, Line, Over
from fargo.statemachine.legs.telepathy import holding, negotiation, texts
from fargo.statemachine.legs.telepathy.ending import cause_of_end, hang_up
from fargo.statemachine.legs.telepathy.phases import (
    Answering,
    Arriving,
    AwaitingMedia,
    Dialling,
    Ending,
    Talking,
    TelepathyLeg,
    TelepathyStep,
)
from fargo.statemachine.media.codecs import has_voice, numbered_as
from fargo.statemachine.media.description import (
    IPV4,
    Description,
    MediaProfile,
    RawUdp,
    address,
    is_cut_off,
    rtp_and_rtcp,
)
from fargo.statemachine.media.offer import CALLER_UNREACHABLE
from fargo.statemachine.model.call1 import (
    HELD,
    RINGING,
    AnswerCall,
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
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.numbering import digits
from fargo.statemachine.reason import Cause, Reason

TelepathyArrival: TypeAlias = CallArrived
TelepathyEvent: TypeAlias = (
    CallStateChanged
    | CallMembersChanged
    | CandidatesReceived
    | DescriptionReceived
    | SendingStateChanged
    | ReceivingStateChanged
    | HoldStateChanged
    | HoldPostponed
    | CallFailed
    | ChannelClosed
)

CAPABILITIES: Final = SipCapabilities(profiles=(MediaProfile.PLAIN,), transport_change=False, families=(IPV4,))

# Seconds.
_LONGEST_SET_UP: Final = 10.0
"""The edge gives up on a server that does not respond before that. A phone that rings does so by then."""
_LONGEST_ANSWER: Final = 15.0
_LONGEST_ENDING: Final = 10.0
_LONGEST_NAME: Final = 80
# Kept here, as looking up a member in its enumeration takes as long as a short function.
_ENDED: Final = CallState.ENDED
_CONFIRMED: Final = frozenset({CallState.ACCEPTED, CallState.ACTIVE})
_STARTED: Final = FlowState.STARTED
_SETTLED: Final[Mapping[int, FlowState]] = {
    FlowState.PENDING_START: FlowState.STARTED,
    FlowState.PENDING_STOP: FlowState.STOPPED,
}


# --- beginnings


def place(line: Line, offer: Description, effects: Effects) -> Dialling:
    """Call the line's target with these codecs and addresses (a plain description)."""
    channel = effects.emit(PlaceCall(line.connection, str(line.target), offer.codecs, rtp_and_rtcp(offer, (IPV4,))))
    return Dialling(channel, line.speaker, offer, effects.at, ring_seconds=line.ring_seconds)


def arrived(
    event: TelepathyArrival, access: Access, effects: Effects
) -> tuple[TelepathyLeg | Over, Description | Reason]:
    """Take in a call. Return the leg, and the caller's offer, or why it cannot be taken up: the leg is ending then."""
    offer = Description("audio", event.codecs, RawUdp(event.candidates, event.refused))
    if event.state == _ENDED:
        effects.emit(CloseChannel(event.channel))
        return Over(), Reason(Cause.CANCELLED)
    if address(offer, 1, (IPV4,)) is None or not has_voice(offer.codecs):
        reason = CALLER_UNREACHABLE if is_cut_off(offer) else Reason(Cause.MEDIA, texts.OFFER_WITHOUT_AUDIO)
        return hang_up(event.channel, reason, effects), reason
    return Arriving(event.channel, offer, effects.at, ring_seconds=access.ring_seconds), offer


def caller(event: TelepathyArrival, access: Access) -> tuple[SipUri | BadAddress, str | None]:
    """Return who calls, and the name that they give themselves, which the edge put into a parameter of the URI.

    Both are the caller's word: what cannot be printed is left out of the name. A number with an IP address for a host,
    as many PBXs send it, belongs to the account's domain.
    """
    parsed = parse_uri(event.caller)
    name = "".join(c for c in uri_parameters(event.caller).get("fg-name", "") if c.isprintable()).strip()
    uri = parsed if isinstance(parsed, BadAddress) else parsed[0]
    if isinstance(uri, SipUri) and access.own and is_ip(uri.domain) and digits(uri.user):
        uri = SipUri(uri.user, access.own)
    return uri, name[:_LONGEST_NAME] or None


# --- questions about a leg


def is_live(leg: TelepathyLeg) -> bool:
    """Return True if the far end is still calling or talking, as far as we know."""
    return type(leg) is not Ending


def is_held(leg: TelepathyLeg) -> bool:
    """Return True if the far end has us on hold."""
    return isinstance(leg, Talking) and leg.held


def offered(leg: TelepathyLeg) -> Description | None:
    """Return what the caller offers, as long as the call waits for us."""
    return leg.offer if isinstance(leg, Arriving) else None


# --- folding


def fold(leg: TelepathyLeg, event: TelepathyEvent, effects: Effects) -> TelepathyStep:
    """Return the leg after an event that concerns it, and what the bridge should know."""
    # Two thirds of all events are one of two, and isinstance is quicker than a class pattern.
    if isinstance(event, SendingStateChanged):
        settled = _SETTLED.get(event.state)
        if settled is not None and type(leg) is not Ending:
            effects.emit(CompleteSending(event.leg, settled))  # rule 1
        return leg, ()
    if isinstance(event, CallStateChanged):
        return _state_changed(leg, event, effects)
    match event:
        case CallMembersChanged():
            return _flagged(leg, event, effects)
        case ReceivingStateChanged():
            return _receiving(leg, event, effects), ()
        case CandidatesReceived():
            return negotiation.addressed(leg, RawUdp(event.candidates, event.refused), effects)
        case DescriptionReceived():
            return negotiation.described(leg, event.codecs, effects)
        case HoldStateChanged():
            return holding.settled(leg, effects) if isinstance(leg, Talking) else leg, ()
        case HoldPostponed():
            return holding.postponed(leg, effects) if isinstance(leg, Talking) else leg, ()
        case CallFailed():
            effects.emit(CloseChannel(event.leg))
            text = texts.REFUSED_BY_MANAGER.format(words=event.message or event.error)
            return lost(leg, Reason(Cause.SERVER_ERROR, text, ours=True))
        case ChannelClosed():
            return lost(leg, Reason(Cause.NETWORK, texts.CHANNEL_GONE, ours=True))
        case _:
            assert_never(event)


def _receiving(leg: TelepathyLeg, event: ReceivingStateChanged, effects: Effects) -> TelepathyLeg:
    """Complete what is pending (rule 1). Once we receive, our answer to an incoming call has left."""
    settled = _SETTLED.get(event.state)
    if settled is not None and type(leg) is not Ending:
        effects.emit(CompleteReceiving(event.leg, settled))
    elif type(leg) is Answering and event.state == _STARTED:
        return holding.want(Talking(leg.name, leg.agreed), leg.hold, effects)
    return leg


def _state_changed(leg: TelepathyLeg, event: CallStateChanged, effects: Effects) -> TelepathyStep:
    if event.state == _ENDED:
        effects.emit(CloseChannel(event.leg))
        return lost(leg, cause_of_end(leg, event))
    if type(leg) is Dialling and event.state in _CONFIRMED:
        return negotiation.answered(leg, effects)
    return leg, ()


def _flagged(leg: TelepathyLeg, event: CallMembersChanged, effects: Effects) -> TelepathyStep:
    """Report that the far end rings, holds or resumes."""
    match leg:
        case Talking() if leg.held is not bool(event.flags & HELD):
            return holding.phone_changed(leg, not leg.held, effects), ((Resumed() if leg.held else Held()),)
        case Dialling(rings=rings) if event.flags & RINGING:
            return replace(leg, rings=effects.at if rings is None else rings), (Ringing(),)
        case _:
            return leg, ()


def lost(leg: TelepathyLeg, reason: Reason) -> TelepathyStep:
    """End the leg because its channel is gone. The bridge is not told of an end that it asked for."""
    return Over(), (Ended(reason),) if is_live(leg) else ()


def edge_restarted(leg: TelepathyLeg, effects: Effects) -> TelepathyStep:
    """End a call that is not answered: the edge has forgotten its INVITE, so an answer would reach nobody."""
    match leg:
        case Dialling() | AwaitingMedia() | Arriving() | Answering():
            reason = Reason(Cause.NETWORK, texts.EDGE_RESTARTED, ours=True)
            return hang_up(leg.name, reason, effects), (Ended(reason),)
        case Talking() | Ending():
            return leg, ()
        case _:
            assert_never(leg)


def abandon(channel: str, effects: Effects) -> None:
    """Hang up and let go of a channel at once: the gateway has lost track of its call."""
    effects.emit(HangUp(channel, ChangeReason.INTERNAL_ERROR))
    effects.emit(CloseChannel(channel))


# --- waiting


def deadline(leg: TelepathyLeg) -> Deadline | None:
    """Return by when the leg must have moved on (rule 2); None if it may stay as it is."""
    match leg:
        case Talking(again=again):
            return Deadline(texts.NEXT_ATTEMPT, again) if again is not None else None
        case AwaitingMedia(since=since):
            return Deadline(texts.AUDIO, since + _LONGEST_ANSWER)
        case Dialling(since=since, rings=rings, ring_seconds=longest):
            return Deadline(texts.ANSWER, (since + _LONGEST_SET_UP if rings is None else rings) + longest)
        case Arriving(since=since, ring_seconds=longest):
            return Deadline(texts.ANSWER, since + longest)
        case Answering(since=since):
            return Deadline(texts.CONFIRMATION, since + _LONGEST_ANSWER)
        case Ending(since=since):
            return Deadline(texts.END_OF_CALL, since + _LONGEST_ENDING)
        case _:
            assert_never(leg)


def expire(leg: TelepathyLeg, effects: Effects) -> TelepathyStep:
    """Do what is due, as the leg's deadline has come."""
    match leg:
        case AwaitingMedia():
            reason = Reason(Cause.MEDIA, texts.ANSWER_INCOMPLETE)
            return hang_up(leg.name, reason, effects), (Ended(reason),)
        case Dialling(rings=None):
            reason = Reason(Cause.UNAVAILABLE, texts.NOT_REACHED)
            return hang_up(leg.name, reason, effects), (Ended(reason),)
        case Dialling() | Arriving() | Answering():
            reason = Reason(Cause.NO_ANSWER, texts.NOT_ANSWERED)
            return hang_up(leg.name, reason, effects), (Ended(reason),)
        case Ending():
            effects.emit(CloseChannel(leg.name))
            return Over(), ()
        case Talking():
            return holding.retry(leg, effects), ()
        case _:
            assert_never(leg)


# --- told by the bridge


def tell(leg: TelepathyLeg, leg_event: LegEvent, effects: Effects) -> TelepathyLeg:
    """Do what an event of the other leg means for this one."""
    match leg_event:
        case Ringing() if isinstance(leg, Arriving) and not leg.ringing:
            effects.emit(RingCall(leg.name))
            return replace(leg, ringing=True)
        case Answered(description) if isinstance(leg, Arriving):
            answer = numbered_as(leg.offer, description)
            effects.emit(AnswerCall(leg.name, answer.codecs, rtp_and_rtcp(answer, (IPV4,))))
            return Answering(leg.name, replace(answer, transport=leg.offer.transport), effects.at)
        case Ended(reason):
            return hang_up(leg.name, reason, effects) if is_live(leg) else leg
        case Held() | Resumed():
            return _hold(leg, isinstance(leg_event, Held), effects)
        case (
            Ringing()
            | Answered()
            | Offered()
            | Dtmf()
            | TransportChanged()
            | CodecsChanged()
            | VideoOffered()
            | VideoAnswered()
            | VideoMoved()
            | VideoEnded()
            | VideoDirected()
            | RouteLost()
            | EarlyAudio()
        ):
            return leg
        case _:
            assert_never(leg_event)


def _hold(leg: TelepathyLeg, hold: bool, effects: Effects) -> TelepathyLeg:
    """Put the far end on hold or take it off, as soon as our answer has left."""
    match leg:
        case Talking():
            return holding.want(leg, hold, effects)
        case Answering():
            return replace(leg, hold=hold)
        case Dialling() | AwaitingMedia() | Arriving() | Ending():
            return leg
        case _:
            assert_never(leg)
