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
6. If the two cannot be joined for a reason that is not the number's, and the phone understands that (Allow: REFER), it
   is asked to call the number itself (`asking`). It tells what comes of that, and the call ends when that has taken the
   call. Joining comes first, as most providers refuse to be asked, or pass it on to a phone that cannot dial the
   number.
"""

from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.call import texts
from fargo.statemachine.call.call_state import AskedPhone, Call, Handover, ended, has_one_phone, lasting
from fargo.statemachine.deadline import is_due
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
from fargo.statemachine.legs.sip import asking, joining, sip_leg
from fargo.statemachine.legs.sip.phases import Line, Over
from fargo.statemachine.legs.sip.sip_leg import SipLeg, SipLegEvent
from fargo.statemachine.media.description import Description
from fargo.statemachine.model.call_records import AudioPath, RecordPath, RecordTransfer, Side, TransferStep
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.reason import Cause, Reason

_TellsOfOther: TypeAlias = TransportChanged | CodecsChanged | Held | Resumed
_NOT_JOINED: Final = Reason(Cause.MEDIA, texts.NOT_JOINED, ours=True)
_APART: Final = Reason(Cause.MEDIA, texts.BEHIND_NAT, ours=True)
_NOTHING_HEARD: Final = Reason(Cause.NO_ANSWER, texts.NOTHING_HEARD)
_NOT_OF_NUMBER: Final = frozenset({Cause.MEDIA, Cause.SECURITY, Cause.FORBIDDEN, Cause.NETWORK, Cause.SERVER_ERROR})
"""The causes for which the phone may reach a number that the gateway has not joined it with (rule 6)."""
_LONGEST_ASKED: Final = 180.0
"""The seconds within which a phone must have said what has become of a call that it was asked to place."""


def is_possible(call: Call) -> bool:
    """Return True if the user talks to a phone that can be joined with another."""
    return has_one_phone(call) and isinstance(call.jingle, Active) and joining.far_end(call.sip) is not None


# --- beginnings


def to_line(call: Call, peer: str, line: Line, offer: Description, gateway: str, effects: Effects) -> Call:
    """Call the number to which the user transfers the call (rule 1). ``offer``: how the call's phone takes audio;
    ``peer``, ``gateway``: as in `Handover`.
    """
    leg = sip_leg.place(line, offer, effects)
    # The offer does not say that the phone holds the call, so the number is told that when it has answered.
    told = not sip_leg.is_held(call.sip)
    begun = Handover(peer, line.target.words, gateway, leg, other_told=told, line=line)
    return _begun(call, begun, False, effects)


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
    if call.handover is None and not call.left:  # nearly always
        return False
    other = call.handover.leg.name if call.handover else None
    return name in (other, *(each.name for each in call.left))


def fold(call: Call, event: SipLegEvent, effects: Effects) -> Call:
    """Return the call after an event that concerns one of those legs (`concerns`)."""
    if call.handover and call.handover.leg.name == event.leg:
        return _heard(call, *sip_leg.fold_apart(call.handover.leg, event, effects), effects)
    folded = (sip_leg.fold_apart(each, event, effects)[0] if each.name == event.leg else each for each in call.left)
    return replace(call, left=lasting(folded))


def expire(call: Call, effects: Effects) -> Call:
    """Do what is due of those legs by now."""
    if call.left:
        call = replace(call, left=lasting(_expired(each, effects) for each in call.left))
    asked = call.handover.asked if call.handover else None
    if asked and asked.until <= effects.at:
        return _failed(call, _NOTHING_HEARD, effects)
    if call.handover and is_due(sip_leg.deadline(call.handover.leg), effects.at):
        return _heard(call, *sip_leg.expire(call.handover.leg, effects), effects)
    return call


def _expired(leg: SipLeg, effects: Effects) -> SipLeg:
    return sip_leg.expire(leg, effects)[0] if is_due(sip_leg.deadline(leg), effects.at) else leg


def resumed(call: Call, effects: Effects) -> Call:
    """Go on after a restart of the gateway."""
    left = tuple(sip_leg.resume(each, effects) for each in call.left)
    if call.handover is None:
        return replace(call, left=left)
    handover = replace(call.handover, leg=sip_leg.resume(call.handover.leg, effects))
    return replace(call, left=left, handover=handover)


def moved(call: Call, effects: Effects) -> Call:
    """Prepare the other phone's leg to go on at another SIP edge; `resumed` follows. A phone that was asked to place
    the call is given up, as its answer and its news find us no more, and none is asked.
    """
    handover = call.handover
    if handover is None:
        return call
    if handover.asked:
        return _failed(call, _NOTHING_HEARD, effects)
    leg, news = sip_leg.moved(handover.leg, effects)
    handover = replace(handover, leg=leg)
    ends = next((each.reason for each in news if isinstance(each, Ended)), None)
    if ends is None:
        return replace(call, handover=handover)
    return _failed(replace(call, handover=replace(handover, line=None)), ends, effects)


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
    if call.handover is None or not any(isinstance(each, _TellsOfOther) for each in news):
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


def dropped(call: Call, effects: Effects, why: Reason | None = None) -> Call:
    """Take the transfer back, as the call has ended (rule 5). ``why``: None if its phone has hung up."""
    if call.handover is None:
        return call
    if why is None and call.handover.asked and call.handover.asked.accepted:
        return _taken(call, call.handover, effects)
    template = texts.PEER_LEFT if why is None else texts.HANDED_TO_NOBODY
    text = template.format(peer=call.handover.peer, to=call.handover.to, why=why.text if why else "").strip()
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
    if joining.is_apart(phone, other):
        return _failed(call, _APART, effects)
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
    # The client may have held the phone meanwhile, which only the other phone does from now on.
    sip = sip_leg.tell(call.sip, Held() if sip_leg.is_held(handover.leg) else Resumed(), effects)
    joined = replace(call, sip=sip, jingle=jingle, relay=relay, forwarded=handover.leg, handover=None)
    return replace(joined, handed_over=effects.at, relay_retry=None, forward=None, settled=True)


def _failed(call: Call, why: Reason, effects: Effects) -> Call:
    """Leave the call as it was (rule 3), or end it, if the client has left (rule 4)."""
    handover = call.handover
    assert handover, "it is transferred"
    if handover.line and _may_be_asked(call, handover, why):
        return _asked(call, handover, handover.line, why, effects)
    stays = not isinstance(call.jingle, Terminated)
    text = texts.NOT_HANDED_OVER if stays else texts.HANDED_TO_NOBODY
    _told(handover, text.format(peer=handover.peer, to=handover.to, why=why.text), effects)
    call = _without(call, why, effects)
    if not stays:
        ended(call, Side.GATEWAY if why.ours else Side.PHONE, why, effects)
        return replace(call, sip=sip_leg.tell(call.sip, Ended(why), effects))
    return replace(call, sip=_parted(call, handover, effects))


def _parted(call: Call, handover: Handover, effects: Effects) -> SipLeg:
    """Return the leg of the call's phone after it is told of the client again, if it was told of the other phone."""
    if handover.before is None:
        return call.sip
    holds, flow = jingle_leg.holds(call.jingle), jingle_leg.flow(call.jingle)
    return joining.part(call.sip, handover.before, holds, flow, effects)


# --- asking the phone to place the call (rule 6)


def _may_be_asked(call: Call, handover: Handover, why: Reason) -> bool:
    """Return True if the phone may reach the number, which it cannot be joined with. If our own way to the provider is
    the trouble, it is that to the phone, too.
    """
    others = why.cause in _NOT_OF_NUMBER and (not why.ours or why.cause is Cause.MEDIA)
    return others and handover.asked is None and asking.understands(call.sip)


def _asked(call: Call, handover: Handover, line: Line, why: Reason, effects: Effects) -> Call:
    """Ask the phone to call the number, and hang up what there is of our own call to it."""
    leg = sip_leg.tell(handover.leg, Ended(why), effects)
    sip, command = asking.ask(_parted(call, handover, effects), line.target, effects)
    asked = AskedPhone(command, why, effects.at + _LONGEST_ASKED)
    left = lasting((*call.left, leg))
    return replace(call, sip=sip, left=left, handover=replace(handover, leg=Over(), before=None, asked=asked))


def is_answer(call: Call, event: SipLegEvent) -> bool:
    """Return True if an event answers what the phone was asked."""
    asked = call.handover.asked if call.handover else None
    return asked is not None and sip_leg.text_of(event) == asked.command


def answered(call: Call, event: SipLegEvent, effects: Effects) -> Call:
    """Return the call after an answer of its phone (`is_answer`)."""
    handover = call.handover
    assert handover, "it is transferred"
    assert handover.asked, "the phone was asked"
    sip, accepted = asking.answered(call.sip, event, effects)
    if accepted is False:
        return _failed(replace(call, sip=sip), handover.asked.why, effects)
    if accepted is None:
        return replace(call, sip=sip)
    again = {"command": accepted} if isinstance(accepted, str) else {"accepted": True}
    return replace(call, sip=sip, handover=replace(handover, asked=replace(handover.asked, **again)))


def told_by_phone(call: Call, event: SipLegEvent, effects: Effects) -> Call:
    """Return the call after its phone may have told what has become of the call that it was asked to place."""
    if call.handover is None or call.handover.asked is None or event.leg != call.sip.name:
        return call
    outcome = asking.outcome(call.sip, event)
    if isinstance(outcome, Reason):
        return _failed(call, outcome, effects)
    if not outcome:
        return call
    reason = Reason(Cause.HUNG_UP, texts.YOU_HANDED_OVER.format(to=call.handover.to))
    ended(call, Side.CLIENT, reason, effects)
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), effects)
    call = _taken(call, call.handover, effects)
    sip, relay = sip_leg.tell(call.sip, Ended(reason), effects), relay_leg.delete(call.relay, effects)
    return replace(call, jingle=jingle, sip=sip, relay=relay, settled=True)


def _taken(call: Call, handover: Handover, effects: Effects) -> Call:
    """Say that the other phone has the call, which is none of ours."""
    _ask_no_more(handover, effects)
    effects.record(RecordTransfer(call.id, TransferStep.DONE, handover.to, by_user=True))
    _told(handover, texts.HANDED_OVER.format(peer=handover.peer, to=handover.to), effects)
    return replace(call, handover=None)


# --- ends


def _without(call: Call, why: Reason, effects: Effects) -> Call:
    """Hang up the other phone."""
    assert call.handover, "it is transferred"
    _ask_no_more(call.handover, effects)
    effects.record(RecordTransfer(call.id, TransferStep.FAILED, call.handover.to, why.text, by_user=True))
    leg = sip_leg.tell(call.handover.leg, Ended(why), effects)
    return replace(call, handover=None, left=lasting((*call.left, leg)))


def _ask_no_more(handover: Handover, effects: Effects) -> None:
    """Do not ask the phone again after a restart, if it was asked: that is settled otherwise by now."""
    if handover.asked:
        effects.settle(handover.asked.command)


def _told(handover: Handover, text: str, effects: Effects) -> None:
    effects.emit(SendText(handover.gateway, effects.user, text))
