"""A transfer: a phone in a call asks that another be called in its place (REFER), or another takes its place by itself
(INVITE with Replaces, RFC 3891). The client keeps its session, and hears the new phone.

Rules:

1. The new phone is called in a second SIP leg, beside that of the phone that asks. Until it has taken the call, nothing
   changes between client and phone; so if it does not, nothing has to be put back.
2. It is offered what the relay can make of the client's audio, in the relay's present session, or what the client has
   agreed on with the first phone, if audio goes directly. When it has taken the call, relay or client are told where it
   is, as if the phone had moved.
3. Then the first phone is out of the call. What is left of its leg is in `Call.left` until it is over.
4. Each end learns of the hold of the other: the new phone if the client holds, and the client that the hold of the
   first phone is over.
5. A phone that hangs up while the new one rings has left the client with it: the client hears it ring, as one that was
   called first does (`called_first`), and the call ends if it is not taken.
6. One transfer is under way in a call at a time, and a call has a few at most: nobody can send it round and round.
7. A call with video goes on with it if the new phone takes it, and else without.
8. The user is told who they talk to now, as no client shows it.
9. In a direct call nobody translates between client and new phone. If they have no codec in common, the call stays with
   the first phone, and it and the user are told why. The client agreed on its codecs and its address at the beginning;
   a relay that came in between would need a client that takes others, and such a client is relayed from the beginning.
10. A call whose audio is encrypted from end to end stays with its phone: a client takes no other certificate.
"""

from typing import Final, NamedTuple, assert_never

from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.call import called_first, standing, texts
from fargo.statemachine.call.call_state import Call, Transfer, lasting
from fargo.statemachine.deadline import is_due
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.single_session import Active
from fargo.statemachine.legs.leg_events import (
    Answered,
    CodecsChanged,
    Dtmf,
    EarlyAudio,
    Ended,
    Held,
    LegEvents,
    Offered,
    Resumed,
    Ringing,
    RouteLost,
    TransportChanged,
    VideoAnswered,
    VideoDirected,
    VideoEnded,
    VideoEvent,
)
from fargo.statemachine.legs.relay import moving, relay_leg, seeing
from fargo.statemachine.legs.sip import joining, sip_leg, transferring
from fargo.statemachine.legs.sip.phases import Line, Preparing
from fargo.statemachine.legs.sip.sip_leg import SipLeg, SipLegEvent
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Description, RawUdp
from fargo.statemachine.media.pictures import BOTH_WAYS
from fargo.statemachine.model.call_records import RecordDialog, RecordTransfer, TransferStep
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.reason import Cause, Reason, to_status

_MOST: Final = 5
"""The number of transfers of one call."""
_PENDING: Final = Reason(Cause.BUSY, texts.TRANSFER_UNDER_WAY, status=491)
_NOT_NOW: Final = Reason(Cause.BUSY, texts.NOTHING_TO_TRANSFER, status=491)
_TOO_OFTEN: Final = Reason(Cause.DECLINED, texts.TRANSFERRED_TOO_OFTEN)
_END_TO_END: Final = Reason(Cause.MEDIA, texts.END_TO_END)
_NO_CODEC: Final = Reason(Cause.MEDIA, texts.NEW_PHONE_INCOMPATIBLE)


class Destination(NamedTuple):
    """A transfer that a phone asks for: the line to the new one, or why it is not called; and who that is, for
    people.
    """

    line: Line | Reason
    to: str


# --- beginnings


def referred(call: Call, event: SipLegEvent, wanted: Destination, effects: Effects) -> Call:
    """Call another phone, as the one in the call asks, or refuse that."""
    why = _objection(call) or wanted.line
    if isinstance(why, Reason):
        effects.record(RecordTransfer(call.id, TransferStep.REFUSED, wanted.to, why.text))
        sip = transferring.refuse(call.sip, event, why.status or to_status(why.cause), effects)
        return replace(call, sip=sip)
    attended = why.refers is not None and why.refers.replaces is not None
    effects.record(RecordTransfer(call.id, TransferStep.ASKED, wanted.to, attended=attended))
    sip = transferring.accept(call.sip, event, effects)
    begun = Transfer(Preparing(why), wanted.to)
    return _prepared(replace(call, sip=sip, transfer=begun, transfers=call.transfers + 1), effects)


def taken_over(call: Call, leg: SipLeg, caller: str, effects: Effects) -> Call:
    """Let a phone that calls take the place of the one in the call. ``leg``: its own, which waits for an answer."""
    if why := _objection(call):
        effects.record(RecordTransfer(call.id, TransferStep.REFUSED, caller, why.text, attended=True))
        return _left(call, sip_leg.tell(leg, Ended(why), effects))
    effects.record(RecordTransfer(call.id, TransferStep.ASKED, caller, attended=True))
    begun = Transfer(leg, caller)
    return _prepared(replace(call, transfer=begun, transfers=call.transfers + 1), effects)


def _objection(call: Call) -> Reason | None:
    """Return why no transfer can begin now (rule 6)."""
    if call.transfer is not None or call.handover is not None:
        return _PENDING
    if (local := joining.told(call.sip)) is not None and not isinstance(local.transport, RawUdp):
        return _END_TO_END
    if call.transfers >= _MOST:
        return _TOO_OFTEN
    joined = isinstance(call.jingle, Active) and (relay_leg.is_joined(call.relay) or not relay_leg.is_used(call.relay))
    return None if joined and call.forwarded is None else _NOT_NOW


def _prepared(call: Call, effects: Effects) -> Call:
    """Find out what the new phone is told of our audio (rule 2)."""
    relay = moving.shown_to_another(call.relay, effects)
    if relay is not None:
        return replace(call, relay=relay)
    local = joining.told(call.sip)
    assert local, "the call is answered"
    return described(replace(call, heard=transferring.remote(call.sip)), local, effects)


def is_awaited(call: Call) -> bool:
    """Return True if the new phone waits for what it is told of our audio."""
    if call.transfer is None:
        return call.transfers > 0 and isinstance(call.sip, Preparing)
    return isinstance(call.transfer.leg, Preparing) or sip_leg.offered(call.transfer.leg) is not None


def described(call: Call, local: Description, effects: Effects) -> Call:
    """Call the new phone with a description of our audio, or answer it."""
    profile = jingle_leg.sessions(call.jingle)[0].profile
    transfer = call.transfer
    if transfer is None:
        return replace(call, sip=sip_leg.tell(call.sip, Offered(local, profile), effects))
    if isinstance(transfer.leg, Preparing):
        leg = sip_leg.tell(transfer.leg, Offered(local, profile), effects)
        return replace(call, transfer=replace(transfer, leg=leg, call_id=_call_id(call, leg)))
    if not transferring.can_answer(transfer.leg, local):
        leg = sip_leg.tell(transfer.leg, Ended(_NO_CODEC), effects)
        return _failed(replace(call, transfer=replace(transfer, leg=leg)), _NO_CODEC, effects)
    leg = sip_leg.tell(transfer.leg, Answered(local), effects)
    theirs = transferring.remote(leg)
    assert theirs, "it is answered"
    return _joined(replace(call, transfer=replace(transfer, leg=leg)), theirs, effects)


def _call_id(call: Call, leg: SipLeg) -> str | None:
    records = sip_leg.records(leg, call.id)
    return next((each.call_id for each in records if isinstance(each, RecordDialog)), None)


# --- what happens to the new phone


def concerns(call: Call, name: str) -> bool:
    """Return True if a leg with this name is that of the new phone."""
    return call.transfer is not None and call.transfer.leg.name == name


def fold(call: Call, event: SipLegEvent, effects: Effects) -> tuple[Call, LegEvents]:
    """Return the call after an event that concerns it (`concerns`), and what the bridge should know."""
    assert call.transfer, "there is a new phone"
    leg, news = sip_leg.fold_apart(call.transfer.leg, event, effects)
    return _reported(replace(call, transfer=replace(call.transfer, leg=leg)), news, effects)


def expire(call: Call, effects: Effects) -> tuple[Call, LegEvents]:
    """Do what is due by now for the new phone, and return what the bridge should know."""
    if call.transfer is None or not is_due(sip_leg.deadline(call.transfer.leg), effects.at):
        return call, ()
    leg, news = sip_leg.expire(call.transfer.leg, effects)
    return _reported(replace(call, transfer=replace(call.transfer, leg=leg)), news, effects)


def _reported(call: Call, news: LegEvents, effects: Effects) -> tuple[Call, LegEvents]:
    """Return the call after what the leg of the new phone reports, and what it reports as one in the call."""
    for place, each in enumerate(news):
        transfer = call.transfer
        assert transfer, "it ends with the last of these"
        match each:
            case Ringing():
                sip = transferring.rings(call.sip, effects)
                call = replace(call, sip=sip, transfer=replace(transfer, rings=True))
            case EarlyAudio(description):
                call = replace(call, transfer=replace(transfer, early=description))
            case Answered(description):
                return _joined(call, description, effects), news[place + 1 :]
            case Ended(reason):
                return _failed(call, reason, effects), ()
            case Offered() | Held() | Resumed() | Dtmf() | TransportChanged() | CodecsChanged() | RouteLost():
                pass  # a phone that has not answered reports none of these
            case _ if isinstance(each, VideoEvent):
                pass
            case _:
                assert_never(each)
    return call, ()


def _joined(call: Call, theirs: Description, effects: Effects) -> Call:
    """Put the new phone in the place of the first (rules 2 to 4)."""
    transfer, first = call.transfer, sip_leg.tell(call.sip, VideoAnswered(None), effects)
    assert transfer, "a transfer has come to its end"
    left = _left(call, transferring.succeeded(first, effects)).left
    before = transferring.remote(first) or call.heard
    call = replace(call, sip=transfer.leg, transfer=None, transferred_to=transfer.to, left=left, relay_retry=None)
    call = _told(call, transfer.to, _moved(call, theirs, before), effects)
    return _anew(call, effects)


def answered(call: Call, theirs: Description, effects: Effects) -> Call:
    """Go on when the new phone has taken the call that the first has left to it (rule 5)."""
    return _told(replace(call, early=False), call.transferred_to, _moved(call, theirs, call.heard), effects)


def _told(call: Call, to: str, theirs: Description, effects: Effects) -> Call:
    """Tell everybody that the new phone has the call."""
    effects.record(RecordTransfer(call.id, TransferStep.DONE, to))
    us = jingle_leg.sessions(call.jingle)[0].us
    effects.emit(SendText(bare(us), effects.user, texts.TRANSFERRED.format(to=to), None))
    if theirs.video is not None and not seeing.has_video(call.relay):
        # It was removed while the new phone rang.
        theirs, call = pictures.without(theirs), replace(call, sip=sip_leg.tell(call.sip, VideoEnded(), effects))
    call = _described(call, theirs, effects)
    if theirs.video is None:
        jingle, _ = jingle_leg.tell(call.jingle, VideoEnded(), effects)
        call = replace(call, jingle=jingle, relay=seeing.end_video(call.relay, effects))
    for each in standing.of_client(call):
        call = replace(call, sip=sip_leg.tell(call.sip, each, effects))
    return call


def _moved(call: Call, theirs: Description, before: Description | None) -> Description:
    """Return the new phone's description with addresses that a client takes for newer than the first's (XEP-0177
    §4.2).
    """
    if relay_leg.is_used(call.relay) or before is None:
        return theirs
    assert isinstance(theirs.transport, RawUdp), "phones have plain addresses"
    assert isinstance(before.transport, RawUdp), "phones have plain addresses"
    generation = 1 + max((each.generation for each in before.transport.candidates), default=-1)
    newer = tuple(replace(each, generation=generation) for each in theirs.transport.candidates)
    return replace(theirs, transport=RawUdp(newer))


def _failed(call: Call, why: Reason, effects: Effects) -> Call:
    """Go on with the first phone (rule 1)."""
    transfer = call.transfer
    assert transfer, "a transfer has come to its end"
    _record_failed(call, transfer, why, effects)
    words = None
    if why.cause is Cause.MEDIA and not relay_leg.is_used(call.relay):
        us, text = jingle_leg.sessions(call.jingle)[0].us, texts.NOT_TRANSFERRED.format(to=transfer.to)
        effects.emit(SendText(bare(us), effects.user, text, None))
        words = texts.NO_COMMON_CODEC
    sip = transferring.failed(call.sip, why.status or to_status(why.cause), effects, words)
    return replace(_left(call, transfer.leg), sip=sip, transfer=None)


def _record_failed(call: Call, transfer: Transfer, why: Reason, effects: Effects) -> None:
    failed = RecordTransfer(call.id, TransferStep.FAILED, transfer.to, why.text or why.cause, call_id=transfer.call_id)
    effects.record(failed)


# --- ends


def left_to(call: Call, effects: Effects) -> Call:
    """Go on with the new phone, as the first has hung up (rule 5)."""
    transfer, first = call.transfer, call.sip
    assert transfer, "a transfer is under way"
    call = _left(replace(call, sip=transfer.leg, transfer=None, early=True, transferred_to=transfer.to), first)
    call = _anew(call, effects)
    if transfer.early is not None:
        return heard_early(call, transfer.early, effects)
    return called_first.rung(call, effects) if transfer.rings else call


def _anew(call: Call, effects: Effects) -> Call:
    """Tell the client that nothing holds of what the first phone has done: to hold, or to turn its camera off."""
    jingle, _ = jingle_leg.tell(call.jingle, Resumed(), effects)
    jingle, _ = jingle_leg.tell(jingle, VideoDirected(BOTH_WAYS), effects)
    return replace(call, jingle=jingle)


def heard_early(call: Call, theirs: Description, effects: Effects) -> Call:
    """Let the client hear the new phone, which has not taken the call, as the first has hung up (rule 5)."""
    return _described(call, _moved(call, theirs, call.heard), effects)


def _described(call: Call, theirs: Description, effects: Effects) -> Call:
    """Tell the relay, or the client, where the new phone is."""
    relay = moving.passed_on(call.relay, theirs, effects)
    return called_first.described(replace(call, relay=relay), theirs, effects)


def can_be_left(call: Call) -> bool:
    """Return True if the phone in the call may hang up without ending it: another is being called in its place."""
    return call.transfer is not None and sip_leg.offered(call.transfer.leg) is None


def ended(call: Call, why: Reason, effects: Effects) -> Call:
    """End these legs, as the call is over."""
    left = lasting(sip_leg.tell(leg, Ended(why), effects) for leg in call.left)
    if call.transfer is None:
        return replace(call, left=left) if call.left else call
    _record_failed(call, call.transfer, why, effects)
    leg = sip_leg.tell(call.transfer.leg, Ended(why), effects)
    return _left(replace(call, left=left, transfer=None), leg)


def resumed(call: Call, effects: Effects) -> Call:
    """Go on after a restart of the gateway."""
    if call.transfer is None:
        return call
    leg = sip_leg.resume(call.transfer.leg, effects)
    return replace(call, transfer=replace(call.transfer, leg=leg))


def moved(call: Call, effects: Effects) -> tuple[Call, LegEvents]:
    """Prepare these legs to go on at another SIP edge, and return what the bridge should know."""
    call = replace(call, left=lasting(sip_leg.moved(leg, effects)[0] for leg in call.left))
    if call.transfer is None:
        return call, ()
    leg, news = sip_leg.moved(call.transfer.leg, effects)
    return _reported(replace(call, transfer=replace(call.transfer, leg=leg)), news, effects)


def _left(call: Call, leg: SipLeg) -> Call:
    """Return the call with a leg that is out of it."""
    return replace(call, left=lasting((*call.left, leg)))
