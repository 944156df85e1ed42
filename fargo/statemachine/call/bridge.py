"""The bridge: it passes leg events from one leg of a call to the others.

Rules:

1. A leg folds the events of its own protocol and reports leg events, in neutral terms. The bridge tells them to the
   other leg. Neither leg knows the other's protocol.
2. When one leg ends, the other is told to end.
3. If audio goes through the relay, each offer and each answer goes through it before the other end is told.
4. What an end does while the answer is with the relay is told to the other end after the answer.
5. If a phone refuses a direct call because it has none of the client's codecs, it is called again through the relay,
   which translates. The client is not told.
6. If an end moves in the middle of the call, the relay is told, or the other end if there is no relay. A phone is told
   only if its SIP engine can do that.
7. Early audio of a phone goes to a client that calls through the relay only, as if the phone had answered; the call
   counts as answered when it has. What the client does before is told to the phone after its answer. A client that was
   called first (`calling_back`) hears it in any case.
8. If the relay has lost a session and made it again, both ends are told its new addresses. A phone cannot be told
   before it has answered.
9. After a restart of the gateway a call goes on if its SIP engine has kept its side of it. The relay keeps its own, and
   the clients are asked once they can be reached (`stream_opened`).
10. If no client takes a call that is to be forwarded, a second SIP leg takes their place (`forwarding`).
11. A phone that the user's phone is being joined with (`handover`) is heard by that module alone, until it is.
12. A call out whose client has yet to say how it is reached (`describing`) has no path until then, and no phone is
    called.
13. Another phone may take the place of the one in the call (`transfer`).
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine.call import (
    call_state,
    called_first,
    early,
    forwarding,
    handover,
    placing,
    seeing,
    seeking,
    standing,
    texts,
    transfer,
)
from fargo.statemachine.call.call_state import Call, RelayRetry
from fargo.statemachine.deadline import is_due
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.forking import Inviting, Searching
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.jingle.jingle_session import JingleEvent
from fargo.statemachine.legs.leg_events import (
    Answered,
    CodecsChanged,
    Dtmf,
    EarlyAudio,
    Ended,
    Held,
    LegEvent,
    LegEvents,
    Offered,
    Resumed,
    Ringing,
    RouteLost,
    TransportChanged,
    VideoEvent,
    audible,
)
from fargo.statemachine.legs.relay import moving, relay_leg
from fargo.statemachine.legs.relay.adding import VideoNews
from fargo.statemachine.legs.relay.remaking import Rerouted
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Preparing
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.media import paths
from fargo.statemachine.media.description import IceUdp, RawUdp
from fargo.statemachine.media.paths import PathChoice
from fargo.statemachine.model.call_records import (
    AudioPath,
    RecordAnswered,
    RecordCarried,
    RecordPath,
    Side,
)
from fargo.statemachine.model.events import ResourceUnavailable
from fargo.statemachine.model.jingle_events import SessionInitiated
from fargo.statemachine.model.ng import RelayLost
from fargo.statemachine.model.sip import SipEngine
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Cause, Reason

# Kept here, as looking up a member in its enumeration takes as long as a short function.
_PHONE: Final = Side.PHONE
_CLIENT: Final = Side.CLIENT
_MEDIA: Final = Cause.MEDIA
_TOO_LONG: Final = Reason(Cause.NETWORK, texts.TOO_LONG, ours=True)
_NOT_TAKEN: Final = Reason(Cause.NO_ANSWER, texts.NOT_TAKEN)

# --- what happens to a leg


def fold_sip(call: Call, event: SipLegEvent, effects: Effects) -> Call:
    """Return the call after an event that concerns its SIP leg; the same object if nothing has changed."""
    if call.forwarded is not None and call.forwarded.name == event.leg:
        leg, news = sip_leg.fold(call.forwarded, event, effects)
        changed = call if leg is call.forwarded else replace(call, forwarded=leg)
        return _passed_on(changed, audible(news), _CLIENT, effects)
    if transfer.concerns(call, event.leg):
        return _passed_on(*transfer.fold(call, event, effects), _PHONE, effects)
    if handover.concerns(call, event.leg):
        return handover.fold(call, event, effects)
    sip, news = sip_leg.fold(call.sip, event, effects)
    changed = call if sip is call.sip else handover.phone_heard(replace(call, sip=sip), news, effects)
    if not news:
        return changed
    return _passed_on(changed, audible(news) if called_first.waits(call) else news, _PHONE, effects)


def fold_jingle(call: Call, event: JingleEvent, effects: Effects) -> Call:
    """Return the call after an event that concerns its XMPP leg; the same object if nothing has changed."""
    takes_dtmf = relay_leg.is_joined(call.relay) if call.relay else False
    jingle, news = jingle_leg.fold(call.jingle, event, effects, takes_dtmf)
    changed = call if jingle is call.jingle else replace(call, jingle=jingle)
    return _passed_on(changed, news, _CLIENT, effects) if news else changed


def fold_relay(call: Call, reply: Reply, effects: Effects) -> Call:
    """Return the call after a reply of the relay that concerns it."""
    return _from_relay(call, relay_leg.fold(call.relay, reply, effects), effects)


def lose_relay(call: Call, event: RelayLost, effects: Effects) -> Call:
    """Lead audio through a relay again that has lost its sessions (rule 8)."""
    return replace(call, relay=relay_leg.lost(call.relay, event, effects)) if call.relay else call


def lose_sip(call: Call, reason: Reason, effects: Effects) -> Call:
    """End the call, as its SIP side has gone without an event of its own."""
    sip, news = sip_leg.lost(call.sip, reason)
    return _passed_on(replace(call, sip=sip), news, _PHONE, effects)


def edge_restarted(call: Call, effects: Effects) -> Call:
    """End the call if its SIP leg cannot go on after a restart of the SIP edge."""
    sip, news = sip_leg.edge_lost(call.sip, effects)
    return _passed_on(replace(call, sip=sip), news, _PHONE, effects) if news else call


def client_gone(call: Call, event: ResourceUnavailable, effects: Effects) -> Call:
    """Take a client that went offline out of the call, if it was in it."""
    return fold_jingle(call, event, effects) if jingle_leg.concerns(call.jingle, event) else call


def client_not_back(call: Call, client: str, effects: Effects) -> Call:
    """Take a client (full JID) out of the call that was not heard of in time, if it was in it."""
    jingle, news = jingle_leg.client_not_back(call.jingle, client, effects)
    return call if jingle is call.jingle else _passed_on(replace(call, jingle=jingle), news, _CLIENT, effects)


def overruled(call: Call, event: SessionInitiated, effects: Effects) -> Call:
    """Take a client out of the call that calls itself, with the same session id, and overrules our invitation. A call
    that gives way is not missed.
    """
    jingle, news = jingle_leg.overruled(call.jingle, event, effects)
    return _passed_on(replace(call, jingle=jingle, settled=True), news, _CLIENT, effects)


def search_ended(call: Call, effects: Effects) -> Call:
    """Wake clients, or end the call, if it waits for a client, as no other client can be found."""
    woken = seeking.wake(call, effects)
    if woken is not call:
        return woken
    jingle, news = jingle_leg.search_ended(call.jingle)
    return _passed_on(replace(call, jingle=jingle), news, _CLIENT, effects)


def stream_opened(call: Call, effects: Effects) -> Call:
    """Ask the clients in the call whether they still are, as the XMPP stream was down."""
    jingle_leg.stream_opened(call.jingle, effects)
    return call


def end(call: Call, reason: Reason, effects: Effects) -> Call:
    """End all legs, for a reason of the gateway's own."""
    if call_state.is_live(call) or sip_leg.is_live(call.sip):
        call_state.ended(call, Side.GATEWAY, reason, effects)
        call_state.not_reached(call, reason, effects)
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), effects)
    sip = sip_leg.tell(call.sip, Ended(reason), effects)
    forwarded = None if call.forwarded is None else sip_leg.tell(call.forwarded, Ended(reason), effects)
    call = handover.dropped(transfer.ended(call, reason, effects), effects, reason)
    return _relay_deleted(replace(call, jingle=jingle, sip=sip, forwarded=forwarded), effects)


def turn_away(call: Call, reason: Reason, effects: Effects) -> Call:
    """Forward a call that has come in and cannot be brought to any client, or end it (rule 10)."""
    if forwarding.applies(call, Ended(reason)):
        return forwarding.begin(call, reason, effects)
    return end(call, reason, effects)


def restarted(call: Call, engine: SipEngine, reason: Reason, effects: Effects) -> Call:
    """Go on with the call after a restart of the gateway (rule 9), or end it for a reason. ``engine``: the SIP engine
    that the gateway has now.
    """
    if sip_leg.outlives_gateway(call.sip, engine):
        return _resumed(call, effects)
    call = replace(call, relay=relay_leg.restart(call.relay, effects))
    return end(lose_sip(call, reason, effects), reason, effects)


def moved(call: Call, effects: Effects) -> Call:
    """Prepare the call to go on at another SIP edge than its far ends know; `restarted` follows."""
    sip, news = sip_leg.moved(call.sip, effects)
    call = replace(call, sip=sip)
    if call.forwarded is not None:
        forwarded, told = sip_leg.moved(call.forwarded, effects)
        call = _passed_on(replace(call, forwarded=forwarded), told, _CLIENT, effects)
    call = handover.moved(_passed_on(*transfer.moved(call, effects), _PHONE, effects), effects)
    return _passed_on(call, news, _PHONE, effects)


def _resumed(call: Call, effects: Effects) -> Call:
    """Say again what may not have been heard. A SIP leg whose time has come while the gateway was away ends."""
    relay_leg.resume(call.relay, effects)
    call = handover.resumed(transfer.resumed(call, effects), effects)
    if is_due(sip_leg.deadline(call.sip), effects.at):
        return _sip_expired(call, effects)
    forwarded = None if call.forwarded is None else sip_leg.resume(call.forwarded, effects)
    sip, jingle = sip_leg.resume(call.sip, effects), jingle_leg.resume(call.jingle, effects)
    return replace(call, sip=sip, jingle=jingle, forwarded=forwarded)


def expire(call: Call, effects: Effects) -> Call:
    """Do what is due by now."""
    if is_due(sip_leg.deadline(call.sip), effects.at):
        call = _sip_expired(call, effects)
    call = handover.expire(_passed_on(*transfer.expire(call, effects), _PHONE, effects), effects)
    if call.forwarded is not None and is_due(sip_leg.deadline(call.forwarded), effects.at):
        leg, news = sip_leg.expire(call.forwarded, effects)
        call = _passed_on(replace(call, forwarded=leg), news, _CLIENT, effects)
    if is_due(call_state.longest(call), effects.at):
        return end(call, _TOO_LONG, effects)
    if is_due(call_state.forward_deadline(call), effects.at):
        return _not_taken(call, effects)
    if not is_due(jingle_leg.deadline(call.jingle), effects.at):
        return call
    if isinstance(call.jingle, Searching):
        return search_ended(call, effects)
    jingle, news = jingle_leg.expire(call.jingle, effects)
    return _passed_on(replace(call, jingle=jingle), news, _CLIENT, effects)


def _not_taken(call: Call, effects: Effects) -> Call:
    """Forward a call that no client has taken in time (rule 10)."""
    jingle, _ = jingle_leg.tell(call.jingle, Ended(_NOT_TAKEN), effects)
    return turn_away(_relay_deleted(replace(call, jingle=jingle), effects), _NOT_TAKEN, effects)


def _sip_expired(call: Call, effects: Effects) -> Call:
    sip, news = sip_leg.expire(call.sip, effects)
    return _passed_on(replace(call, sip=sip), news, _PHONE, effects)


# --- what the legs report


def _passed_on(call: Call, news: LegEvents, by: Side, effects: Effects) -> Call:
    """Return the call after what the leg of a side reports."""
    for leg_event in news:
        match leg_event:
            case Ringing() if called_first.waits(call):
                call = called_first.rung(call, effects)
            case Held() | Resumed() | Ringing():
                call = _tell_other(call, leg_event, by, effects)
            case EarlyAudio(description):
                call = early.heard(call, description, effects)
            case Answered():
                call = _answered(call, leg_event, by, effects)
            case Ended():
                call = _ended(call, leg_event, by, effects)
            case Offered() if by is _CLIENT:
                call = _described(call, leg_event, effects)
            case Offered() | RouteLost():
                call = _tell_other(call, leg_event, by, effects)
            case Dtmf() if call.forwarded is not None:
                call = _tell_other(call, leg_event, by, effects)
            case Dtmf(digit, duration):
                relay_leg.play(call.relay, by is _PHONE, digit, duration, effects)
            case TransportChanged():
                call = _moved(call, leg_event, by, effects)
            case CodecsChanged():
                call = _narrowed(call, leg_event, by, effects)
            case _ if isinstance(leg_event, VideoEvent):
                call = _seen(call, leg_event, by, effects)
            case _:
                assert_never(leg_event)
    return call


def _described(call: Call, offered: Offered, effects: Effects) -> Call:
    """Place a call whose client has said by now how it is reached (rule 12)."""
    assert isinstance(call.sip, Preparing), "no phone is called before"
    assert call.undescribed is not None, "it was placed without a description"
    description, profile, policy = offered.description, offered.profile, call.undescribed
    way = paths.choose(description.codecs, profile, sip_leg.direct_profiles(call.sip), policy)
    if isinstance(way, Reason):
        return end(call, way, effects)
    effects.record(RecordPath(call.id, way.path, way.why))
    return placing.placed(replace(call, undescribed=None), description, profile, call.sip.line, way, policy, effects)


def _moved(call: Call, leg_event: TransportChanged, by: Side, effects: Effects) -> Call:
    """Tell who has to know that an end has moved (rule 6). The relay does not follow a client's plain address."""
    relayed = relay_leg.is_used(call.relay)
    match leg_event.transport:
        case IceUdp() if by is _CLIENT and relayed:
            return replace(call, relay=moving.client_moved(call.relay, leg_event.transport, effects))
        case RawUdp() if by is _PHONE and relayed:
            moved = moving.phone_moved(call.relay, leg_event.transport, leg_event.crypto, effects)
            return replace(call, relay=moved)
        case IceUdp() | RawUdp() if relayed:
            return call
        case IceUdp() | RawUdp() if by is _PHONE:
            return _to_jingle(call, leg_event, effects)
        case IceUdp() | RawUdp():
            return _to_sip(call, leg_event, effects) if sip_leg.capabilities(call.sip).transport_change else call
        case _:
            assert_never(leg_event.transport)


def _narrowed(call: Call, leg_event: CodecsChanged, by: Side, effects: Effects) -> Call:
    """Tell who has to know that an end takes fewer codecs, or all of them again: the relay, which translates."""
    if by is _PHONE and relay_leg.is_used(call.relay):
        return replace(call, relay=moving.phone_speaks(call.relay, leg_event.codecs, effects))
    return _tell_other(call, leg_event, by, effects)


def _seen(call: Call, leg_event: VideoEvent, by: Side, effects: Effects) -> Call:
    """Tell the relay and the ends what an end does with video (`seeing`)."""
    call, to_it, to_other = seeing.reported(call, leg_event, by is _PHONE, effects)
    for each in to_it:
        call = _to_sip(call, each, effects) if by is _PHONE else _to_jingle(call, each, effects)
    for each in to_other:
        call = _tell_other(call, each, by, effects)
    return call


def _tell_other(call: Call, leg_event: LegEvent, by: Side, effects: Effects) -> Call:
    return _to_jingle(call, leg_event, effects) if by is _PHONE else _to_sip(call, leg_event, effects)


def _to_jingle(call: Call, leg_event: LegEvent, effects: Effects) -> Call:
    if call.forwarded is not None:
        return replace(call, forwarded=sip_leg.tell(call.forwarded, leg_event, effects))
    jingle, news = jingle_leg.tell(call.jingle, leg_event, effects)
    told = replace(call, jingle=jingle)
    return _passed_on(told, news, _CLIENT, effects) if news else told


def _to_sip(call: Call, leg_event: LegEvent, effects: Effects) -> Call:
    return replace(call, sip=sip_leg.tell(call.sip, leg_event, effects))


def _answered(call: Call, leg_event: Answered, by: Side, effects: Effects) -> Call:
    """Pass an answer on, through the relay if the call goes through it (rule 3)."""
    if call.forwarded is not None:
        return forwarding.answered(call, leg_event, effects)
    if call.transfers:
        return transfer.answered(call, leg_event.description, effects)
    (session,) = sessions(call.jingle)
    if not isinstance(call.sip, Preparing):
        effects.record(RecordAnswered(call.id, session.client))
    if by is _PHONE and call.caller:
        return called_first.described(replace(call, early=False), leg_event.description, effects)
    if call.early:
        return early.answered(call, leg_event, effects)
    relay = relay_leg.answer(call.relay, session.profile, leg_event.description, effects)
    if by is _CLIENT:
        call = replace(call, forward=None, early=isinstance(call.sip, Preparing))
        way = paths.direct(session.profile) if relay is None else PathChoice(AudioPath.RELAY, relay_leg.why(relay))
        effects.record(RecordPath(call.id, way.path, way.why))
    if relay is not None:
        return replace(call, relay=relay)
    if by is _CLIENT and placing.is_apart(call, leg_event.description):
        return end(call, paths.APART, effects)
    return _tell_other(_relay_deleted(call, effects), leg_event, by, effects)


def _ended(call: Call, leg_event: Ended, by: Side, effects: Effects) -> Call:
    """End the call, or call the phone again (rules 2 and 5). The end of the second leg is not recorded."""
    if by is _PHONE and leg_event.reason.cause is _MEDIA and (second := placing.second(call)):
        return _again(call, second, effects)
    if by is _PHONE and transfer.can_be_left(call):
        return transfer.left_to(call, effects)
    if by is _CLIENT and call.forwarded is None and forwarding.applies(call, leg_event):
        return forwarding.begin(_relay_deleted(call, effects), leg_event.reason, effects)
    if by is _CLIENT and call.handover is not None:
        return handover.client_left(call, effects)
    if call.early and not call.transfers and by is _CLIENT and leg_event.reason.cause is Cause.HUNG_UP:
        leg_event = Ended(Reason(Cause.CANCELLED, leg_event.reason.text))
    if call_state.is_live(call) if by is _PHONE else sip_leg.is_live(call.sip):
        of_target = call.forwarded is not None and by is _CLIENT and not leg_event.reason.ours
        side = _PHONE if of_target else by
        call_state.ended(call, Side.GATEWAY if leg_event.reason.ours else side, leg_event.reason, effects, of_target)
        if by is _PHONE:
            call_state.not_reached(call, leg_event.reason, effects)
    call = handover.dropped(transfer.ended(call, leg_event.reason, effects), effects)
    told = _tell_other(replace(call, settled=True) if leg_event.settled else call, leg_event, by, effects)
    return _relay_deleted(told, effects)


def _relay_deleted(call: Call, effects: Effects) -> Call:
    """Return the call with all of its relay sessions being deleted; the same object if it has none."""
    return replace(call, relay=relay_leg.delete(call.relay, effects)) if call.relay else call


def _again(call: Call, relay_retry: RelayRetry, effects: Effects) -> Call:
    """Call the phone again, through the relay (rule 5)."""
    effects.record(RecordPath(call.id, AudioPath.RELAY, relay_retry.terms.why))
    relay = relay_leg.offer(call.relay, relay_retry.terms, relay_retry.offer, None, effects)
    return replace(call, sip=Preparing(relay_retry.line), relay=relay, relay_retry=None)


# --- what the relay reports


def _from_relay(call: Call, step: relay_leg.RelayStep, effects: Effects) -> Call:
    call = replace(call, relay=step.leg)
    if step.carried:
        effects.record(RecordCarried(call.id, *step.carried))
    for leg_event in step.news:
        match leg_event:
            case Offered():
                call = _offered(call, leg_event, effects)
            case Answered() if call.caller and placing.is_apart(call, leg_event.description):
                call = end(call, paths.APART, effects)
            case Answered():
                call = _answer(call, leg_event, effects)
            case TransportChanged():
                call = _to_jingle(call, leg_event, effects)
            case Rerouted():
                call = _rerouted(call, leg_event, effects)
            case VideoNews(to_phone=True, event=event):
                call = _caught_up(_caught_up(_to_sip(call, event, effects), _CLIENT, effects), _PHONE, effects)
            case VideoNews(event=event):
                call = _to_jingle(call, event, effects)
            case RouteLost():
                call = _cut(call, leg_event, effects)
            case _:
                assert_never(leg_event)
    return call


def _rerouted(call: Call, rerouted: Rerouted, effects: Effects) -> Call:
    """Tell the ends where the relay is now (rule 8)."""
    client, phone = rerouted
    if phone is not None and phone.lost and call.early:
        return end(call, phone.lost, effects)
    if client is not None:
        call = _to_jingle(call, client, effects)
    return call if phone is None else _to_sip(call, phone, effects)


def _offered(call: Call, leg_event: Offered, effects: Effects) -> Call:
    """Tell the called end what the relay offers."""
    if transfer.is_awaited(call):
        return transfer.described(call, leg_event.description, effects)
    if call.caller:
        return _to_jingle(call, leg_event, effects)
    if not relay_leg.has(call.relay, leg_event.profile):
        effects.record(RecordPath(call.id, AudioPath.DIRECT, texts.RELAY_FAILED))
    return _to_sip(call, leg_event, effects)


def _answer(call: Call, leg_event: Answered, effects: Effects) -> Call:
    """Tell the calling end what the relay answers, and then what has happened in the meantime (rule 4)."""
    by = _CLIENT if call.caller else _PHONE
    return _caught_up(_tell_other(call, leg_event, by, effects), by, effects)


def _caught_up(call: Call, by: Side, effects: Effects) -> Call:
    """Tell the other end what an end has brought about while it could not be told."""
    for each in standing.of_phone(call) if by is _PHONE else standing.of_client(call):
        call = _tell_other(call, each, by, effects)
    return call


def _cut(call: Call, leg_event: RouteLost, effects: Effects) -> Call:
    """Cut off who is called, or talks, in that profile."""
    if isinstance(call.jingle, Inviting):
        jingle, news = jingle_leg.tell(call.jingle, leg_event, effects)
        call = replace(call, jingle=jingle)
        # A client may have refused before, and that tells the caller more.
        if Ended(leg_event.reason) in news:
            return end(call, leg_event.reason, effects)
        return _passed_on(call, news, _CLIENT, effects)
    through = any(session.profile is leg_event.profile for session in sessions(call.jingle))
    return end(call, leg_event.reason, effects) if through else call
