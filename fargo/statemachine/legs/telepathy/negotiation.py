"""Offer and answer on the SIP side: what the manager signals of the far end's descriptions, part by part.

Rules:

1. A call that we placed is answered when three things have come, in any order: the state (accepted or active), the
   far end's addresses, and its codecs.
2. The description in the answer to a call that we placed is left waiting. Accepted, it would make the manager offer the
   far end its codecs anew; rejected, it would end the whole manager if the far end hangs up or holds at that moment.
   The edge sees to it that no later description of the far end names other codecs, for which the manager would wait.
   One that comes all the same, to a call that we took, is accepted as far as it names what was agreed.
3. A far end that moves (RFC 3264 §8.3.1) has its new addresses signalled one by one, RTP's first. One that holds by
   0.0.0.0 has not moved (§8.4), nor has one that resumes where it was.
4. If audio must not go to any of the addresses in an answer (`media.reach`), the call ends. A far end that wants to
   move to such an address is not followed; the manager has agreed to it by itself.
"""

from typing import assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Answered, Ended, TransportChanged
from fargo.statemachine.legs.telepathy import texts
from fargo.statemachine.legs.telepathy.ending import hang_up
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
from fargo.statemachine.media.codecs import common
from fargo.statemachine.media.description import (
    IPV4,
    Candidate,
    Codec,
    Description,
    RawUdp,
    Unusable,
    address,
    is_cut_off,
    rtp_and_rtcp,
)
from fargo.statemachine.media.offer import PHONE_UNREACHABLE
from fargo.statemachine.model.call1 import AcceptDescription
from fargo.statemachine.reason import Cause, Reason

# --- the answer


def answered(leg: Dialling, effects: Effects) -> TelepathyStep:
    """Handle that the far end accepted the call."""
    return _completed(AwaitingMedia(leg.name, leg.domain, leg.offer, effects.at, leg.codecs, leg.candidates), effects)


def addressed(leg: TelepathyLeg, named: RawUdp, effects: Effects) -> TelepathyStep:
    """Handle addresses from the far end's description."""
    candidates = named.candidates
    match leg:
        case Dialling() | AwaitingMedia() if is_cut_off(Description("audio", (), named)):
            return hang_up(leg.name, PHONE_UNREACHABLE, effects), (Ended(PHONE_UNREACHABLE),)
        case Dialling():
            return replace(leg, candidates=(*leg.candidates, *candidates)), ()
        case AwaitingMedia():
            return _completed(replace(leg, candidates=(*leg.candidates, *candidates)), effects)
        case Talking():
            return _moved(leg, candidates)
        case Arriving() | Answering() | Ending():
            return leg, ()
        case _:
            assert_never(leg)


def described(leg: TelepathyLeg, codecs: tuple[Codec, ...], effects: Effects) -> TelepathyStep:
    """Handle the codecs of the far end's description."""
    match leg:
        case Dialling():
            return replace(leg, codecs=codecs), ()
        case AwaitingMedia():
            return _completed(replace(leg, codecs=codecs), effects)
        case Talking():
            return _renegotiated(leg, codecs, effects)
        case Arriving() | Answering() | Ending():
            return leg, ()
        case _:
            assert_never(leg)


def _completed(leg: AwaitingMedia, effects: Effects) -> TelepathyStep:
    """Take the answer up if all of it has come (rule 1)."""
    if not (leg.codecs and 1 in [candidate.component for candidate in leg.candidates]):
        return leg, ()
    answer = Description("audio", leg.codecs, RawUdp(leg.candidates))
    agreed = common(leg.offer, answer)
    if isinstance(agreed, Unusable) or address(answer, 1, (IPV4,)) is None:
        reason = Reason(Cause.MEDIA, texts.ANSWER_WITHOUT_AUDIO)
        return hang_up(leg.name, reason, effects), (Ended(reason),)
    return Talking(leg.name, agreed), (Answered(agreed),)


# --- changes in the middle of a call


def _renegotiated(leg: Talking, codecs: tuple[Codec, ...], effects: Effects) -> TelepathyStep:
    """Accept the codecs that were agreed (rule 2)."""
    shared = common(leg.agreed, Description(leg.agreed.media, codecs, leg.agreed.transport))
    if isinstance(shared, Unusable):
        reason = Reason(Cause.MEDIA, texts.CODEC_CHANGED)
        return hang_up(leg.name, reason, effects), (Ended(reason),)
    effects.emit(AcceptDescription(leg.name, shared.codecs))
    return leg, ()


def _moved(leg: Talking, candidates: tuple[Candidate, ...]) -> TelepathyStep:
    """Follow the far end if it has moved (rule 3)."""
    known = rtp_and_rtcp(leg.agreed, (IPV4,))
    rtp = _usable(*candidates, *known)[:1]
    # RTCP goes to the port beside a new address for RTP, until the far end names another.
    now = _usable(*rtp, *candidates, *(known if rtp == known[:1] else ()))
    if now == known:
        return leg, ()
    before = address(leg.agreed)
    generation = before.generation + 1 if before else 0
    transport = RawUdp(tuple(replace(each, generation=generation) for each in now))
    return replace(leg, agreed=replace(leg.agreed, transport=transport)), (TransportChanged(transport),)


def _usable(*candidates: Candidate) -> tuple[Candidate, ...]:
    return rtp_and_rtcp(Description("audio", (), RawUdp(candidates)), (IPV4,))
