"""Transferring a call: its phone and another one are joined, and the user's client leaves.

Rules:

1. The other phone is called for that, with what the call's phone takes as offer; or it is in a call of the user's
   already. Until it has answered, the user goes on talking.
2. Then each of the two phones is told where the other takes audio. When both have agreed, the client's session ends,
   and the other phone's leg takes its place, as in a call that was forwarded (`forwarding`). Audio goes between the
   phones.
3. A transfer that fails leaves the call as it was, and the user is told why: the phone gets its audio from the client
   again, and the other phone is hung up.
4. A client that leaves meanwhile does not end the call: the user has transferred it. If the transfer fails then, there
   is nobody to talk to, and the call ends.
5. A call that has ended takes the transfer with it.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from fargo.statemachine.call import texts
from fargo.statemachine.call.call_state import Call, Handover, ended
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import Terminated
from fargo.statemachine.legs.jingle.single_session import Active
from fargo.statemachine.legs.leg_events import (
    CodecsChanged,
    EarlyAudio,
    Ended,
    Held,
    LegEvents,
    Resumed,
    TransportChanged,
)
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.sip import joining, sip_leg
from fargo.statemachine.legs.sip.phases import Line, Over
from fargo.statemachine.legs.sip.sip_leg import SipLeg, SipLegEvent
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.call_records import AudioPath, RecordPath, RecordTransfer, Side, TransferStep
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.reason import Cause, Reason

_TELLS_OF_OTHER = TransportChanged | CodecsChanged | Held | Resumed
_NOT_JOINED = Reason(Cause.MEDIA, texts.NOT_JOINED, ours=True)


def is_possible(call: Call) -> bool:
    """Return True if the user talks to a phone that can be joined with another."""
    alone = call.forwarded is None and call.handover is None and call.transfer is None
    return alone and isinstance(call.jingle, Active) and joining.far_end(call.sip) is not None


# --- beginnings


def to_line(call: Call, peer: str, line: Line, offer: Description, gateway: str, effects: Effects) -> Call:
    """Call the number to which the user transfers the call (rule 1). ``offer``: how the call's phone takes audio;
    ``peer``, ``gateway``: as in `Handover`.
    """
    leg = sip_leg.place(line, offer, effects)
    return _begun(call, Handover(peer, line.target.words, gateway, leg, other_told=True), False, effects)


def to_phone(call: Call, peer: str, to: str, leg: SipLeg, gateway: str, effects: Effects) -> Call:
    """Join the call's phone with that of another call of the user's, which has been taken out of that. ``peer``,
    ``to``, ``gateway``: as in `Handover`.
    """
    return _settled(_begun(call, Handover(peer, to, gateway, leg), True, effects), effects)


def _begun(call: Call, handover: Handover, attended: bool, effects: Effects) -> Call:
    effects.record(RecordTransfer(call.id, TransferStep.ASKED, handover.to, attended=attended, by_user=True))
    return replace(call, handover=handover)


# --- what happens to the other phone


def concerns(call: Call, name: str) -> bool:
    """Return True if a leg of this name is the other phone's, or of one that is out of the call."""
    other = call.handover.leg.name if call.handover else None
    return name in (other, *(each.name for each in call.left))


def fold(call: Call, event: SipLegEvent, effects: Effects) -> Call:
    """Return the call after an event that concerns one of those legs (`concerns`)."""
    if call.handover and call.handover.leg.name == event.leg:
        return _heard(call, *sip_leg.fold_apart(call.handover.leg, event, effects), effects)
    folded = (sip_leg.fold_apart(each, event, effects)[0] if each.name == event.leg else each for each in call.left)
    return replace(call, left=_live(folded))


def expire(call: Call, effects: Effects) -> Call:
    """Do what is due of those legs by now."""
    if call.left:
        due = (sip_leg.expire(each, effects)[0] if _is_due(each, effects) else each for each in call.left)
        call = replace(call, left=_live(due))
    if call.handover and _is_due(call.handover.leg, effects):
        return _heard(call, *sip_leg.expire(call.handover.leg, effects), effects)
    return call


def resumed(call: Call, effects: Effects) -> Call:
    """Go on after a restart of the gateway."""
    left = tuple(sip_leg.resume(each, effects) for each in call.left)
    if call.handover is None:
        return replace(call, left=left)
    handover = replace(call.handover, leg=sip_leg.resume(call.handover.leg, effects))
    return replace(call, left=left, handover=handover)


def moved(call: Call, effects: Effects) -> Call:
    """Prepare the other phone's leg to go on at another SIP edge."""
    if call.handover is None:
        return call
    return _heard(call, *sip_leg.moved(call.handover.leg, effects), effects)


def _is_due(leg: SipLeg, effects: Effects) -> bool:
    due = sip_leg.deadline(leg)
    return due is not None and due.at <= effects.at


def _live(legs: Iterable[SipLeg]) -> tuple[SipLeg, ...]:
    return tuple(each for each in legs if not isinstance(each, Over))


def _heard(call: Call, leg: SipLeg, news: LegEvents, effects: Effects) -> Call:
    """Return the call after what the other phone's leg reports."""
    assert call.handover, "there is another phone"
    call = replace(call, handover=replace(call.handover, leg=leg))
    for each in news:
        if isinstance(each, Ended):
            return _failed(call, each.reason, effects)
        if isinstance(each, EarlyAudio) and isinstance(call.jingle, Terminated):
            call = replace(call, sip=joining.join(call.sip, each.description, False, effects))
    return _settled(_untold(call, news, of_phone=False), effects)


def _untold(call: Call, news: LegEvents, of_phone: bool) -> Call:
    """Return the call after one of the phones has moved, say. ``of_phone``: it is that of the call."""
    if call.handover is None or not any(isinstance(each, _TELLS_OF_OTHER) for each in news):
        return call
    untold = replace(call.handover, other_told=False) if of_phone else replace(call.handover, phone_told=False)
    return replace(call, handover=untold)


# --- what happens to the rest of the call


def phone_heard(call: Call, news: LegEvents, effects: Effects) -> Call:
    """Return the call after an event of its phone, before what that reports is passed on."""
    if any(isinstance(each, Ended) for each in news):
        return call
    return _settled(_untold(call, news, of_phone=True), effects)


def client_left(call: Call, effects: Effects) -> Call:
    """Go on without the client (rule 4)."""
    return replace(call, relay=relay_leg.delete(call.relay, effects))


def dropped(call: Call, effects: Effects) -> Call:
    """Take the transfer back, as the call has ended (rule 5)."""
    if call.handover is None:
        return call
    text = texts.PEER_LEFT.format(peer=call.handover.peer, to=call.handover.to)
    _told(call.handover, text, effects)
    return _without(call, Reason(Cause.CANCELLED, text), effects)


# --- joining


def _settled(call: Call, effects: Effects) -> Call:
    """Tell the phones of each other, if the other has answered, until both have agreed (rule 2)."""
    handover = call.handover
    if handover is None or (other := joining.far_end(handover.leg)) is None:
        return call
    phone = joining.far_end(call.sip)
    if phone is None or not joining.can_be_joined(phone, other):
        return _failed(call, _NOT_JOINED, effects)
    if not handover.phone_told:
        before = handover.before or joining.told(call.sip)
        sip = joining.join(call.sip, other, sip_leg.is_held(handover.leg), effects)
        told = replace(handover, before=before, phone_told=True)
        return _settled(replace(call, sip=sip, handover=told), effects)
    if joining.refuses(call.sip, other):
        return _failed(call, _NOT_JOINED, effects)
    if not joining.has_joined(call.sip, other):
        return call
    if not handover.other_told:
        leg = joining.join(handover.leg, phone, sip_leg.is_held(call.sip), effects)
        return _settled(replace(call, handover=replace(handover, leg=leg, other_told=True)), effects)
    if joining.refuses(handover.leg, phone):
        return _failed(call, _NOT_JOINED, effects)
    return _done(call, handover, effects) if joining.has_joined(handover.leg, phone) else call


def _done(call: Call, handover: Handover, effects: Effects) -> Call:
    """Let the client go (rule 2)."""
    effects.record(RecordTransfer(call.id, TransferStep.DONE, handover.to, by_user=True))
    effects.record(RecordPath(call.id, AudioPath.DIRECT, texts.NOW_BETWEEN_PHONES.format(to=handover.to)))
    reason = Reason(Cause.HUNG_UP, texts.YOU_HANDED_OVER.format(to=handover.to))
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), effects)
    _told(handover, texts.HANDED_OVER.format(peer=handover.peer, to=handover.to), effects)
    relay = relay_leg.delete(call.relay, effects)
    joined = replace(call, jingle=jingle, relay=relay, forwarded=handover.leg, handover=None)
    return replace(joined, handed_over=effects.at, relay_retry=None, forward=None, settled=True)


def _failed(call: Call, why: Reason, effects: Effects) -> Call:
    """Leave the call as it was (rule 3), or end it, if the client has left (rule 4)."""
    handover = call.handover
    assert handover, "it is transferred"
    stays = not isinstance(call.jingle, Terminated)
    text = texts.NOT_HANDED_OVER if stays else texts.HANDED_TO_NOBODY
    _told(handover, text.format(peer=handover.peer, to=handover.to, why=why.text), effects)
    call = _without(call, why, effects)
    if not stays:
        ended(call, Side.GATEWAY if why.ours else Side.PHONE, why, effects)
        return replace(call, sip=sip_leg.tell(call.sip, Ended(why), effects))
    if handover.before is None:
        return call
    return replace(call, sip=joining.part(call.sip, handover.before, jingle_leg.holds(call.jingle), effects))


def _without(call: Call, why: Reason, effects: Effects) -> Call:
    """Hang up the other phone."""
    assert call.handover, "it is transferred"
    effects.record(RecordTransfer(call.id, TransferStep.FAILED, call.handover.to, why.text, by_user=True))
    leg = sip_leg.tell(call.handover.leg, Ended(why), effects)
    return replace(call, handover=None, left=_live((*call.left, leg)))


def _told(handover: Handover, text: str, effects: Effects) -> None:
    effects.emit(SendText(handover.gateway, effects.user, text))
