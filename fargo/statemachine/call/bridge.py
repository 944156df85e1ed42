"""What passes between the legs of a call.

Rules:

1. A leg folds its own protocol's events and says in neutral words what happened; the bridge tells it to the other leg.
   Neither leg knows the other's protocol.
2. When one leg ends, the other is told to end.
3. If audio goes through a relay, what one end offers and answers passes through it before the other end is told.
4. What either end did while its answer was with the relay is told after the answer.
5. A phone that refuses a direct call because it has none of the client's codecs is called again through the relay,
   which translates; the client goes on calling, and need not know.
6. An end that moves in the middle of the call is followed by the relay, or by the other end if there is none.
"""

from typing import assert_never

from msgspec.structs import replace

from fargo.statemachine.call import call_state
from fargo.statemachine.call.call_state import Call, RelayRetry
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking, jingle_leg
from fargo.statemachine.legs.jingle.forking import Forking, Inviting, Searching
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.jingle.jingle_session import JingleEvent
from fargo.statemachine.legs.jingle.single_session import Calling
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
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.relay.relay_session import RelayRequest
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent
from fargo.statemachine.media import paths
from fargo.statemachine.media.description import Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.media.paths import PathChoice, Policy
from fargo.statemachine.model.call_records import AudioPath, RecordAnswered, RecordCarried, RecordPath, Side
from fargo.statemachine.model.events import ResourceUnavailable
from fargo.statemachine.model.ng import RelayLost
from fargo.statemachine.model.presence import Client
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Cause, Reason

# --- beginnings


def offer(call: Call, audio: Audio, way: PathChoice, policy: Policy, nonce: str, effects: Effects) -> Call:
    """Bring what the user's client offers to the phone, the way that was chosen. ``nonce`` makes the name of a relay
    session unlike those of other users.
    """
    effects.record(RecordPath(call.id, way.path, way.why))
    description = audio.description
    name = f"{nonce}{effects.version}"
    if way.path is AudioPath.DIRECT:
        if paths.relays(policy):
            call = replace(
                call,
                relay_retry=RelayRetry(
                    call.sip, RelayRequest(name, audio.profile, True, paths.TRANSLATED), description
                ),
            )
        return _to_sip(call, Offered(description, audio.profile), effects)
    terms = RelayRequest(name, audio.profile, True, way.why)
    return replace(call, relay=relay_leg.offer((), terms, description, _fallback(terms, description, policy), effects))


def _fallback(terms: RelayRequest, description: Description, policy: Policy) -> Description | None:
    """What the other end can be offered if the relay fails."""
    return description if terms.profile is MediaProfile.PLAIN and policy.path == "auto" else None


def seek(call: Call, jid: str, client: Client, policy: Policy, effects: Effects) -> Call:
    """A client of the user can take calls: call it, if nobody has accepted."""
    leg = call.jingle
    if not forking.takes_more(leg, client.asks_first):
        return call
    profile = paths.profile_for(client.profiles, MediaProfile.PLAIN in leg.invitation.contents, policy)
    if profile is None:
        return call
    call = _prepared(call, leg, profile, policy, effects)
    if client.asks_first:
        # Not every client says that it rings; Dino does not. The caller is to hear something all the same.
        return _to_sip(replace(call, jingle=forking.propose(leg, jid, profile, effects)), Ringing(), effects)
    return replace(call, jingle=forking.add(leg, jid, profile, effects))


def _prepared(call: Call, leg: Searching | Forking, profile: MediaProfile, policy: Policy, effects: Effects) -> Call:
    """Have the relay make what clients of a manner are to be offered, unless there is that already."""
    description = telepathy_leg.offered(call.sip)
    if profile in leg.invitation.contents or relay_leg.has(call.relay, profile) or description is None:
        return call
    why = paths.relayed(profile, policy).why
    terms = RelayRequest(f"{leg.invitation.sid}-{effects.version}-{profile}", profile, False, why)
    fallback = _fallback(terms, description, policy)
    return replace(call, relay=relay_leg.offer(call.relay, terms, description, fallback, effects))


# --- what happens to a leg


def fold_sip(call: Call, event: TelepathyEvent, effects: Effects) -> Call:
    """The call after an event on its channel; the same object if nothing has changed."""
    sip, news = telepathy_leg.fold(call.sip, event, effects)
    changed = call if sip is call.sip else replace(call, sip=sip)
    return _from_sip(changed, news, effects) if news else changed


def fold_jingle(call: Call, event: JingleEvent, effects: Effects) -> Call:
    """The call after an event that concerns its XMPP leg; the same object if nothing has changed."""
    dials = bool(call.relay) and relay_leg.is_joined(call.relay)
    jingle, news = jingle_leg.fold(call.jingle, event, effects, dials)
    changed = call if jingle is call.jingle else replace(call, jingle=jingle)
    return _from_jingle(changed, news, effects) if news else changed


def fold_relay(call: Call, reply: Reply, effects: Effects) -> Call:
    """The call after an answer of the relay that concerns it."""
    return _from_relay(call, relay_leg.fold(call.relay, reply, effects), effects)


def lose_relay(call: Call, event: RelayLost, effects: Effects) -> Call:
    """The relay is gone, and whoever was called or talked through it is cut off."""
    return _from_relay(call, relay_leg.lost(call.relay, event, effects), effects) if call.relay else call


def lose_sip(call: Call, reason: Reason, effects: Effects) -> Call:
    """The SIP side of the call is gone, without a word from it."""
    sip, news = telepathy_leg.lost(call.sip, reason)
    return _from_sip(replace(call, sip=sip), news, effects)


def client_gone(call: Call, event: ResourceUnavailable, effects: Effects) -> Call:
    """A client went offline; it may have been in the call."""
    return fold_jingle(call, event, effects) if jingle_leg.concerns(call.jingle, event) else call


def search_ended(call: Call, effects: Effects) -> Call:
    """No other client can be asked: a call that waits for one ends."""
    jingle, news = jingle_leg.search_ended(call.jingle)
    return _from_jingle(replace(call, jingle=jingle), news, effects)


def stream_opened(call: Call, effects: Effects) -> Call:
    """The XMPP stream was down, and is back."""
    jingle_leg.stream_opened(call.jingle, effects)
    return call


def end(call: Call, reason: Reason, effects: Effects) -> Call:
    """End all legs, for a reason that is neither end's."""
    if call_state.is_live(call) or telepathy_leg.is_live(call.sip):
        call_state.ended(call, Side.GATEWAY, reason, effects)
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), effects)
    sip, _ = telepathy_leg.tell(call.sip, Ended(reason), effects)
    return replace(call, jingle=jingle, sip=sip, relay=relay_leg.delete(call.relay, effects))


def restarted(call: Call, reason: Reason, effects: Effects) -> Call:
    """The gateway was away: nothing is left on the SIP side, and what it told the relay may not have arrived."""
    call = replace(call, relay=relay_leg.restart(call.relay, effects))
    return end(lose_sip(call, reason, effects), reason, effects)


def expire(call: Call, effects: Effects) -> Call:
    """Do what is due by now."""
    due = telepathy_leg.deadline(call.sip)
    if due is not None and due.at <= effects.at:
        sip, news = telepathy_leg.expire(call.sip, effects)
        call = _from_sip(replace(call, sip=sip), news, effects)
    due = jingle_leg.deadline(call.jingle)
    if due is not None and due.at <= effects.at:
        call = search_ended(call, effects)
    return call


# --- what the legs have to say


def _from_sip(call: Call, news: LegEvents, effects: Effects) -> Call:
    for leg_event in news:
        call = _passed_on(call, leg_event, Side.PHONE, effects)
    return call


def _from_jingle(call: Call, news: LegEvents, effects: Effects) -> Call:
    for leg_event in news:
        call = _passed_on(call, leg_event, Side.CLIENT, effects)
    return call


def _passed_on(call: Call, leg_event: LegEvent, by: Side, effects: Effects) -> Call:
    match leg_event:
        case Ringing() | Held() | Resumed():
            return _tell_other(call, leg_event, by, effects)
        case Answered():
            return _answered(call, leg_event, by, effects)
        case Ended():
            return _ended(call, leg_event, by, effects)
        case Offered() | RouteLost():
            return _tell_other(call, leg_event, by, effects)
        case Dtmf(digit, duration):
            relay_leg.play(call.relay, digit, duration, effects)
            return call
        case TransportChanged():
            return _moved(call, leg_event, by, effects)
        case _:
            assert_never(leg_event)


def _moved(call: Call, leg_event: TransportChanged, by: Side, effects: Effects) -> Call:
    """Rule 6. A client's plain address is not followed."""
    match leg_event.transport:
        case IceUdp() if by is Side.CLIENT:
            return replace(call, relay=relay_leg.client_moved(call.relay, leg_event.transport, effects))
        case RawUdp() if by is Side.PHONE and relay_leg.is_used(call.relay):
            return replace(call, relay=relay_leg.phone_moved(call.relay, leg_event.transport, effects))
        case RawUdp() if by is Side.PHONE:
            return _to_jingle(call, leg_event, effects)
        case IceUdp() | RawUdp():
            return call
        case _:
            assert_never(leg_event.transport)


def _tell_other(call: Call, leg_event: LegEvent, by: Side, effects: Effects) -> Call:
    return _to_jingle(call, leg_event, effects) if by is Side.PHONE else _to_sip(call, leg_event, effects)


def _to_jingle(call: Call, leg_event: LegEvent, effects: Effects) -> Call:
    jingle, news = jingle_leg.tell(call.jingle, leg_event, effects)
    told = replace(call, jingle=jingle)
    return _from_jingle(told, news, effects) if news else told


def _to_sip(call: Call, leg_event: LegEvent, effects: Effects) -> Call:
    sip, news = telepathy_leg.tell(call.sip, leg_event, effects)
    told = replace(call, sip=sip)
    return _from_sip(told, news, effects) if news else told


def _answered(call: Call, leg_event: Answered, by: Side, effects: Effects) -> Call:
    """Rule 3, for the answer."""
    (session,) = sessions(call.jingle)
    effects.record(RecordAnswered(call.id, session.client))
    relay = relay_leg.answer(call.relay, session.profile, leg_event.description, effects)
    if by is Side.CLIENT:
        way = paths.DIRECT if relay is None else PathChoice(AudioPath.RELAY, relay_leg.why(relay))
        effects.record(RecordPath(call.id, way.path, way.why))
    if relay is not None:
        return replace(call, relay=relay)
    return _tell_other(replace(call, relay=relay_leg.delete(call.relay, effects)), leg_event, by, effects)


def _ended(call: Call, leg_event: Ended, by: Side, effects: Effects) -> Call:
    """Rule 2, but for rule 5. The second leg to end says nothing new."""
    if by is Side.PHONE and leg_event.reason.cause is Cause.MEDIA and (second := _second(call)):
        return _again(call, second, effects)
    if call_state.is_live(call) if by is Side.PHONE else telepathy_leg.is_live(call.sip):
        call_state.ended(call, by, leg_event.reason, effects)
    told = _tell_other(call, leg_event, by, effects)
    return replace(told, relay=relay_leg.delete(told.relay, effects))


def _second(call: Call) -> RelayRetry | None:
    """What is left to try, if the client still calls and nothing is left of the first call to the phone."""
    return call.relay_retry if isinstance(call.jingle, Calling) and isinstance(call.sip, telepathy_leg.Over) else None


def _again(call: Call, relay_retry: RelayRetry, effects: Effects) -> Call:
    """Rule 5."""
    effects.record(RecordPath(call.id, AudioPath.RELAY, relay_retry.terms.why))
    relay = relay_leg.offer(call.relay, relay_retry.terms, relay_retry.offer, None, effects)
    return replace(call, sip=relay_retry.sip, relay=relay, relay_retry=None)


# --- what the relay has to say


def _from_relay(call: Call, step: relay_leg.Step, effects: Effects) -> Call:
    call = replace(call, relay=step.leg)
    if step.carried:
        effects.record(RecordCarried(call.id, *step.carried))
    for leg_event in step.news:
        match leg_event:
            case Offered():
                call = _offered(call, leg_event, effects)
            case Answered():
                call = _answer(call, leg_event, effects)
            case TransportChanged():
                call = _to_jingle(call, leg_event, effects)
            case RouteLost():
                call = _cut(call, leg_event, effects)
            case _:
                assert_never(leg_event)
    return call


def _offered(call: Call, leg_event: Offered, effects: Effects) -> Call:
    """The called end can be told what is offered."""
    if call.caller:
        return _to_jingle(call, leg_event, effects)
    if not relay_leg.has(call.relay, leg_event.profile):
        effects.record(
            RecordPath(call.id, AudioPath.DIRECT, "The media relay failed, and client and phone can do without it.")
        )
    return _to_sip(call, leg_event, effects)


def _answer(call: Call, leg_event: Answered, effects: Effects) -> Call:
    """The calling end can be told what is answered; and then what happened in the meantime (rule 4)."""
    if call.caller:
        call = _to_sip(call, leg_event, effects)
        return _to_sip(call, Held(), effects) if jingle_leg.holds(call.jingle) else call
    call = _to_jingle(call, leg_event, effects)
    return _to_jingle(call, Held(), effects) if telepathy_leg.is_held(call.sip) else call


def _cut(call: Call, leg_event: RouteLost, effects: Effects) -> Call:
    """Who is called, or talks, in that manner is cut off."""
    if isinstance(call.jingle, Inviting):
        jingle, news = jingle_leg.tell(call.jingle, leg_event, effects)
        call = replace(call, jingle=jingle)
        # A client may have refused before, and that tells the caller more.
        return (
            end(call, leg_event.reason, effects)
            if Ended(leg_event.reason) in news
            else _from_jingle(call, news, effects)
        )
    through = any(session.profile is leg_event.profile for session in sessions(call.jingle))
    return end(call, leg_event.reason, effects) if through else call
