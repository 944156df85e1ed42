"""The SIP leg of a call, as Telepathy's Call1 presents it. The only room of the core that knows Call1.

Rules, each learned from the connection manager's behaviour:

1. There is no media stack here: whenever a stream's sending or receiving is pending, we complete it. Completing the
   first receiving state is what sends the INVITE, or the 200.
2. An outgoing call is answered when three things have come, in whatever order: the state (accepted or active), the
   far end's addresses, and its codecs.
3. The far end's description in the answer to a call that we placed is rejected in the end: accepted, it would make the
   manager hang on later changes of codecs. But only a while after the answer: a rejection that crosses a far end which
   hangs up at once ends the whole manager. So does one after a hold of ours: before a hold it is rejected first. Any
   later description is accepted at once, as far as it names what was agreed.
4. The manager sometimes ends a session itself and says nothing. So every wait has a deadline, and what comes after
   it is a hang-up: that always works.
5. How a call is refused, and what a refusal says: see `sip_reason`.
6. A far end that moves (RFC 3264 §8.3.1) has its new addresses signalled one by one, RTP's first. One that holds by
   0.0.0.0 has not moved (§8.4), nor has one that resumes where it was.
"""

from typing import ClassVar, Final, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.address import BadAddress, SipUri, parse_uri
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import (
    Answered,
    Dtmf,
    Ended,
    Held,
    LegEvent,
    LegEvents,
    Offered,
    Resumed,
    Ringing,
    RouteLost,
    TransportChanged,
)
from fargo.statemachine.legs.telepathy import sip_reason
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Description,
    RawUdp,
    Unusable,
    address,
    common,
    has_voice,
    numbered_as,
)
from fargo.statemachine.model.call1 import (
    HELD,
    RINGING,
    AcceptDescription,
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
    HoldStateChanged,
    PlaceCall,
    ReceivingStateChanged,
    RejectDescription,
    RequestHold,
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.reason import Cause, Reason

TelepathyEvent: TypeAlias = (
    CallStateChanged
    | CallMembersChanged
    | CandidatesReceived
    | DescriptionReceived
    | SendingStateChanged
    | ReceivingStateChanged
    | HoldStateChanged
    | CallFailed
    | ChannelClosed
)

# Seconds. The edge gives up on a ringing phone well before the first of these; it is for a manager that lost the call.
_LONGEST_RINGING: Final = 600.0
_LONGEST_ANSWER: Final = 15.0
_LONGEST_ENDING: Final = 10.0
_LONGEST_NAME: Final = 80
_SETTLING: Final = 2.0
"""How long after an answer its description is rejected (rule 3)."""

_CONFIRMED: Final = frozenset({CallState.ACCEPTED, CallState.ACTIVE})
_SETTLED: Final[dict[int, FlowState]] = {
    FlowState.PENDING_START: FlowState.STARTED,
    FlowState.PENDING_STOP: FlowState.STOPPED,
}


class Preparing(Struct, frozen=True, gc=False):
    """We shall place the call, once it is known what to offer. ``domain`` is whose SIP server will speak."""

    connection: str
    target: str
    domain: str
    channel: str = ""


class Dialling(Struct, frozen=True, gc=False):
    """We place the call. ``domain`` is whose SIP server speaks; the rest is what has been heard of the answer so
    far.
    """

    channel: str
    domain: str
    offer: Description
    since: float
    answered: bool = False
    codecs: tuple[Codec, ...] = ()
    candidates: tuple[Candidate, ...] = ()


class Arriving(Struct, frozen=True, gc=False):
    """A call has come in and waits for us."""

    channel: str
    offer: Description
    since: float
    ringing: bool = False


class Answering(Struct, frozen=True, gc=False):
    """We have accepted the incoming call; our answer has not left. ``agreed``: its codecs, and where the far end wants
    audio; ``hold``: the client wants the far end on hold then.
    """

    channel: str
    agreed: Description
    since: float
    hold: bool = False


class Talking(Struct, frozen=True, gc=False):
    """The dialog is established, with these codecs; the far end wants audio where ``agreed`` says.

    ``reject``: when the answer's description is due to be rejected (rule 3), 0 if it waits no longer. ``held``: the far
    end has us on hold.
    """

    channel: str
    agreed: Description
    reject: float = 0.0
    held: bool = False


class Ending(Struct, frozen=True, gc=False):
    """We have hung up; the manager has not said that the call is ended."""

    channel: str
    since: float


class Over(Struct, frozen=True, gc=False):
    """Nothing is left of it, and no event is about it."""

    channel: ClassVar = ""


_PAST: Final = frozenset({Ending, Over})

TelepathyLeg: TypeAlias = Preparing | Dialling | Arriving | Answering | Talking | Ending | Over
Step: TypeAlias = tuple[TelepathyLeg, LegEvents]


# --- beginnings


def place(leg: Preparing, offer: Description, effects: Effects) -> TelepathyLeg:
    """Call the SIP address with these codecs and addresses (a plain description)."""
    command = effects.emit(PlaceCall(leg.connection, leg.target, offer.codecs, _candidates(offer)))
    return Dialling(command, leg.domain, offer, effects.at)


def arrived(event: CallArrived, effects: Effects) -> tuple[TelepathyLeg, Description | Reason]:
    """A call has come in: the leg, and the caller's offer, or why it cannot be taken up (the leg is ending then)."""
    offer = Description("audio", event.codecs, RawUdp(event.candidates))
    if event.state == CallState.ENDED:
        effects.emit(CloseChannel(event.channel))
        return Over(), Reason(Cause.CANCELLED)
    if address(offer) is None or not has_voice(offer.codecs):
        reason = Reason(Cause.MEDIA, "The caller's offer contains no usable audio.")
        return _hang_up(event.channel, reason, effects), reason
    return Arriving(event.channel, offer, effects.at), offer


def caller(event: CallArrived) -> tuple[SipUri | BadAddress, str]:
    """Who calls, and the name that they give themselves ("" if none), which the edge put into a parameter of the URI.

    Both are the caller's word: what cannot be printed is left out of the name.
    """
    parsed = parse_uri(event.caller)
    if isinstance(parsed, BadAddress):
        return parsed, ""
    uri, parameters = parsed
    name = "".join(c for c in parameters.get("fg-name", "") if c.isprintable()).strip()
    return uri, name[:_LONGEST_NAME]


def _candidates(description: Description) -> tuple[Candidate, ...]:
    """RTP's address, and RTCP's: the next port where the end did not say (RFC 3550 §11); never RTCP's alone."""
    rtp, rtcp = address(description), address(description, 2)
    if rtp is None:
        return ()
    return (
        Candidate(1, rtp.ip, rtp.port),
        Candidate(2, rtcp.ip, rtcp.port) if rtcp else Candidate(2, rtp.ip, min(rtp.port + 1, 65535)),
    )


# --- what concerns a leg


def is_live(leg: TelepathyLeg) -> bool:
    """Whether the far end is still calling or talking, as far as we know."""
    return type(leg) not in _PAST


def is_held(leg: TelepathyLeg) -> bool:
    """Whether the far end has us on hold."""
    return isinstance(leg, Talking) and leg.held


def offered(leg: TelepathyLeg) -> Description | None:
    """What the caller offers, as long as the call waits for us."""
    return leg.offer if isinstance(leg, Arriving) else None


def deadline(leg: TelepathyLeg) -> Deadline | None:
    """By when the leg must have moved on (rule 4); an established dialog may last."""
    match leg:
        case Talking(reject=reject):
            return Deadline("the answer to be settled", reject) if reject else None
        case Dialling(answered=True, since=since):
            return Deadline("the phone's audio", since + _LONGEST_ANSWER)
        case Dialling(since=since) | Arriving(since=since):
            return Deadline("an answer", since + _LONGEST_RINGING)
        case Answering(since=since):
            return Deadline("the confirmation of our answer", since + _LONGEST_ANSWER)
        case Ending(since=since):
            return Deadline("the end of the SIP call", since + _LONGEST_ENDING)
        case Preparing() | Over():
            return None
        case _:
            assert_never(leg)


# --- folding


def fold(leg: TelepathyLeg, event: TelepathyEvent, effects: Effects) -> Step:
    """What an event that concerns the leg makes of it, and what the bridge should know."""
    match event:
        case SendingStateChanged():
            _sending(leg, event, effects)
            return leg, ()
        case ReceivingStateChanged():
            return _receiving(leg, event, effects), ()
        case CallStateChanged():
            return _moved(leg, event, effects)
        case CallMembersChanged():
            return _flagged(leg, event)
        case CandidatesReceived():
            return _addressed(leg, event.candidates, effects)
        case DescriptionReceived():
            return _described(leg, event, effects)
        case HoldStateChanged():
            return leg, ()
        case CallFailed():
            told = event.message or event.error
            reason = Reason(Cause.SERVER_ERROR, f"The gateway's SIP side refused the call: {told}")
            effects.emit(CloseChannel(event.channel))
            return Over(), _ended(leg, reason)
        case ChannelClosed():
            return Over(), _ended(leg, Reason(Cause.NETWORK, "The SIP side of the call is gone."))
        case _:
            assert_never(event)


def _sending(leg: TelepathyLeg, event: SendingStateChanged, effects: Effects) -> None:
    """Complete what is pending (rule 1)."""
    settled = _SETTLED.get(event.state)
    if settled is not None and is_live(leg):
        effects.emit(CompleteSending(event.channel, settled))


def _receiving(leg: TelepathyLeg, event: ReceivingStateChanged, effects: Effects) -> TelepathyLeg:
    """The same; and once we receive, our answer to an incoming call is out."""
    settled = _SETTLED.get(event.state)
    if settled is not None and is_live(leg):
        effects.emit(CompleteReceiving(event.channel, settled))
    elif isinstance(leg, Answering) and event.state == FlowState.STARTED:
        talking = Talking(leg.channel, leg.agreed)
        return _hold(talking, effects) if leg.hold else talking
    return leg


def _moved(leg: TelepathyLeg, event: CallStateChanged, effects: Effects) -> Step:
    """The call is in another state."""
    if event.state == CallState.ENDED:
        effects.emit(CloseChannel(event.channel))
        return Over(), _ended(leg, _why(leg, event))
    if event.state in _CONFIRMED and isinstance(leg, Dialling) and not leg.answered:
        return _heard(replace(leg, answered=True, since=effects.at), effects)
    return leg, ()


def _flagged(leg: TelepathyLeg, event: CallMembersChanged) -> Step:
    """The far end rings, or has us on hold, or no longer."""
    match leg:
        case Talking() if leg.held is not bool(event.flags & HELD):
            return replace(leg, held=not leg.held), ((Resumed() if leg.held else Held()),)
        case Dialling() if event.flags & RINGING and not leg.answered:
            return leg, (Ringing(),)
        case _:
            return leg, ()


def _addressed(leg: TelepathyLeg, candidates: tuple[Candidate, ...], effects: Effects) -> Step:
    match leg:
        case Dialling():
            return _heard(replace(leg, candidates=(*leg.candidates, *candidates)), effects)
        case Talking():
            return _readdressed(leg, candidates)
        case Preparing() | Arriving() | Answering() | Ending() | Over():
            return leg, ()
        case _:
            assert_never(leg)


def _readdressed(leg: Talking, candidates: tuple[Candidate, ...]) -> Step:
    """Whether the far end has moved (rule 6). RTCP's address is the next port until it is said to be another."""
    known = _candidates(leg.agreed)
    rtp = _usable(*candidates, *known)[:1]
    now = _usable(*rtp, *candidates, *(known if rtp == known[:1] else ()))
    if now == known:
        return leg, ()
    before = address(leg.agreed)
    generation = before.generation + 1 if before else 0
    moved = RawUdp(tuple(replace(each, generation=generation) for each in now))
    return replace(leg, agreed=replace(leg.agreed, transport=moved)), (TransportChanged(moved),)


def _usable(*candidates: Candidate) -> tuple[Candidate, ...]:
    return _candidates(Description("audio", (), RawUdp(candidates)))


def _described(leg: TelepathyLeg, event: DescriptionReceived, effects: Effects) -> Step:
    match leg:
        case Dialling():
            return _heard(replace(leg, codecs=event.codecs), effects)
        case Talking():
            return _renegotiated(leg, event.codecs, effects)
        case Preparing() | Arriving() | Answering() | Ending() | Over():
            return leg, ()
        case _:
            assert_never(leg)


def _renegotiated(leg: Talking, codecs: tuple[Codec, ...], effects: Effects) -> Step:
    """The far end names its codecs anew."""
    shared = common(leg.agreed, Description(leg.agreed.media, codecs, leg.agreed.transport))
    if isinstance(shared, Unusable):
        reason = Reason(Cause.MEDIA, "The phone changed to a codec that your client cannot take.")
        return _hang_up(leg.channel, reason, effects), (Ended(reason),)
    effects.emit(AcceptDescription(leg.channel, shared.codecs))
    return leg, ()


def _heard(leg: Dialling, effects: Effects) -> Step:
    """Whether the answer is complete (rule 2), and if so what it says."""
    if not (leg.answered and leg.codecs and 1 in [c.component for c in leg.candidates]):
        return leg, ()
    answer = Description("audio", leg.codecs, RawUdp(leg.candidates))
    shared = common(leg.offer, answer)
    if isinstance(shared, Unusable) or address(answer) is None:
        reason = Reason(Cause.MEDIA, f"{leg.domain} answered with no audio that your client can take.")
        return _hang_up(leg.channel, reason, effects), (Ended(reason),)
    return Talking(leg.channel, shared, effects.at + _SETTLING), (Answered(shared),)


def _ended(leg: TelepathyLeg, reason: Reason) -> LegEvents:
    """The bridge need not hear of an end that it asked for."""
    return (Ended(reason),) if is_live(leg) else ()


def expire(leg: TelepathyLeg, effects: Effects) -> Step:
    """The leg's deadline has come."""
    match leg:
        case Talking():
            effects.emit(RejectDescription(leg.channel))
            return replace(leg, reject=0.0), ()
        case Dialling(answered=True):
            reason = Reason(Cause.MEDIA, f"{leg.domain} answered the call without saying where to send audio.")
            return _hang_up(leg.channel, reason, effects), (Ended(reason),)
        case Dialling() | Arriving() | Answering():
            reason = Reason(Cause.NO_ANSWER, "The call was not answered in time.")
            return _hang_up(leg.channel, reason, effects), (Ended(reason),)
        case Ending():
            effects.emit(CloseChannel(leg.channel))
            return Over(), ()
        case Preparing() | Over():
            return leg, ()
        case _:
            assert_never(leg)


def lost(leg: TelepathyLeg, reason: Reason) -> Step:
    """The connection that the call went over is gone, and the call with it."""
    return Over(), _ended(leg, reason)


# --- told by the bridge


def tell(leg: TelepathyLeg, leg_event: LegEvent, effects: Effects) -> Step:
    """Do what the other end's news mean for this one."""
    match leg_event:
        case Ringing():
            return _ringing(leg, effects), ()
        case Held() | Resumed():
            return _holding(leg, isinstance(leg_event, Held), effects), ()
        case Answered(description) if isinstance(leg, Arriving):
            answer = numbered_as(leg.offer, description)
            effects.emit(AnswerCall(leg.channel, answer.codecs, _candidates(answer)))
            return Answering(leg.channel, replace(answer, transport=leg.offer.transport), effects.at), ()
        case Offered(description) if isinstance(leg, Preparing):
            return place(leg, description, effects), ()
        case Ended(reason):
            return _told_to_end(leg, reason, effects), ()
        case Offered() | Answered() | Dtmf() | TransportChanged() | RouteLost():
            return leg, ()
        case _:
            assert_never(leg_event)


def _ringing(leg: TelepathyLeg, effects: Effects) -> TelepathyLeg:
    """A client rings: the caller is told once."""
    if not isinstance(leg, Arriving) or leg.ringing:
        return leg
    effects.emit(RingCall(leg.channel))
    return replace(leg, ringing=True)


def _told_to_end(leg: TelepathyLeg, reason: Reason, effects: Effects) -> TelepathyLeg:
    match leg:
        case Talking() | Dialling() | Arriving() | Answering():
            return _hang_up(leg.channel, reason, effects)
        case Preparing():
            return Over()
        case Ending() | Over():
            return leg
        case _:
            assert_never(leg)


def _holding(leg: TelepathyLeg, hold: bool, effects: Effects) -> TelepathyLeg:
    """The client puts the far end on hold, or takes it off."""
    match leg:
        case Talking() if hold:
            return _hold(leg, effects)
        case Talking():
            effects.emit(RequestHold(leg.channel, False))
            return leg
        case Answering():
            return replace(leg, hold=hold)
        case Preparing() | Dialling() | Arriving() | Ending() | Over():
            return leg
        case _:
            assert_never(leg)


def _hold(leg: Talking, effects: Effects) -> Talking:
    """Put the far end on hold, after a waiting description is out of the way (rule 3)."""
    if leg.reject:
        effects.emit(RejectDescription(leg.channel))
    effects.emit(RequestHold(leg.channel, True))
    return replace(leg, reject=0.0)


def abandon(name: str, effects: Effects) -> None:
    """Get rid of a channel without further ado: the gateway lost track of its call."""
    if name:
        effects.emit(HangUp(name, ChangeReason.INTERNAL_ERROR))
        effects.emit(CloseChannel(name))


def _hang_up(name: str, reason: Reason, effects: Effects) -> TelepathyLeg:
    effects.emit(HangUp(name, sip_reason.refusal(reason), reason.text))
    return Ending(name, effects.at)


def _why(leg: TelepathyLeg, event: CallStateChanged) -> Reason:
    """Why the far end, or its server, ended the call: BYE and CANCEL look the same, what went before tells them
    apart.
    """
    match leg:
        case Talking():
            return sip_reason.hung_up(event)
        case Dialling(domain=domain, answered=False):
            return sip_reason.failure(domain, event)
        case Arriving():
            return Reason(Cause.CANCELLED, "The caller gave up.")
        case Preparing() | Dialling() | Answering() | Ending() | Over():
            return Reason(Cause.HUNG_UP)
        case _:
            assert_never(leg)
