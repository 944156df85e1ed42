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
from fargo.statemachine.call.call_state import Call, Second
from fargo.statemachine.effects import Turn
from fargo.statemachine.legs.jingle import forking, jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import Calling, Inviting, JingleEvent, sessions
from fargo.statemachine.legs.leg_events import (
    Answered,
    Cut,
    Dialled,
    Ended,
    Held,
    Moved,
    Notice,
    Notices,
    Offered,
    Resumed,
    Ringing,
)
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.relay.relay_leg import OfCommand, Terms
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent
from fargo.statemachine.media import paths
from fargo.statemachine.media.description import Description, IceUdp, Manner, RawUdp
from fargo.statemachine.media.offer import Audio
from fargo.statemachine.media.paths import Policy, Way
from fargo.statemachine.model.call_records import NoteAnswered, NoteCarried, NotePath, Path, Side
from fargo.statemachine.model.events import ResourceUnavailable
from fargo.statemachine.model.ng import RelayLost
from fargo.statemachine.model.presence import Client
from fargo.statemachine.reason import Cause, Reason

# --- beginnings


def offer(call: Call, audio: Audio, way: Way, policy: Policy, nonce: str, turn: Turn) -> Call:
    """Bring what the user's client offers to the phone, the way that was chosen. ``nonce`` makes the name of a relay
    session unlike those of other users.
    """
    turn.note(NotePath(call.id, way.path, way.why))
    description = audio.description
    name = f"{nonce}{turn.version}"
    if way.path is Path.DIRECT:
        if paths.relays(policy):
            call = replace(
                call, second=Second(call.sip, Terms(name, audio.manner, True, paths.TRANSLATED), description)
            )
        return _to_sip(call, Offered(description, audio.manner), turn)
    terms = Terms(name, audio.manner, True, way.why)
    return replace(call, relay=relay_leg.offer((), terms, description, _spare(terms, description, policy), turn))


def _spare(terms: Terms, description: Description, policy: Policy) -> Description | None:
    """What the other end can be offered if the relay fails."""
    return description if terms.manner is Manner.PLAIN and policy.path == "auto" else None


def seek(call: Call, jid: str, client: Client, policy: Policy, turn: Turn) -> Call:
    """A client of the user can take calls: call it, if nobody has accepted."""
    leg = call.jingle
    if not isinstance(leg, Inviting) or leg.taken or (client.asks_first and leg.retracted):
        return call
    manner = paths.manner_for(client.manners, Manner.PLAIN in leg.contents, policy)
    if manner is None:
        return call
    call = _prepared(call, leg, manner, policy, turn)
    if client.asks_first:
        # Not every client says that it rings; Dino does not. The caller is to hear something all the same.
        return _to_sip(replace(call, jingle=forking.propose(leg, jid, manner, turn)), Ringing(), turn)
    return replace(call, jingle=forking.add(leg, jid, manner, turn))


def _prepared(call: Call, leg: Inviting, manner: Manner, policy: Policy, turn: Turn) -> Call:
    """Have the relay make what clients of a manner are to be offered, unless there is that already."""
    description = telepathy_leg.offered(call.sip)
    if manner in leg.contents or relay_leg.has(call.relay, manner) or description is None:
        return call
    why = paths.relayed(manner, policy).why
    terms = Terms(f"{leg.sid}-{turn.version}-{manner}", manner, False, why)
    spare = _spare(terms, description, policy)
    return replace(call, relay=relay_leg.offer(call.relay, terms, description, spare, turn))


# --- what happens to a leg


def fold_sip(call: Call, event: TelepathyEvent, turn: Turn) -> Call:
    """The call after an event on its channel; the same object if nothing has changed."""
    sip, news = telepathy_leg.fold(call.sip, event, turn)
    changed = call if sip is call.sip else replace(call, sip=sip)
    return _from_sip(changed, news, turn) if news else changed


def fold_jingle(call: Call, event: JingleEvent, turn: Turn) -> Call:
    """The call after an event that concerns its XMPP leg; the same object if nothing has changed."""
    dials = bool(call.relay) and relay_leg.is_joined(call.relay)
    jingle, news = jingle_leg.fold(call.jingle, event, turn, dials)
    changed = call if jingle is call.jingle else replace(call, jingle=jingle)
    return _from_jingle(changed, news, turn) if news else changed


def fold_relay(call: Call, event: OfCommand, turn: Turn) -> Call:
    """The call after an answer of the relay that concerns it."""
    return _from_relay(call, relay_leg.fold(call.relay, event, turn), turn)


def lose_relay(call: Call, event: RelayLost, turn: Turn) -> Call:
    """The relay is gone, and whoever was called or talked through it is cut off."""
    return _from_relay(call, relay_leg.lost(call.relay, event, turn), turn) if call.relay else call


def lose_sip(call: Call, reason: Reason, turn: Turn) -> Call:
    """The SIP side of the call is gone, without a word from it."""
    sip, news = telepathy_leg.lost(call.sip, reason)
    return _from_sip(replace(call, sip=sip), news, turn)


def client_gone(call: Call, event: ResourceUnavailable, turn: Turn) -> Call:
    """A client went offline; it may have been in the call."""
    return fold_jingle(call, event, turn) if jingle_leg.concerns(call.jingle, event) else call


def search_ended(call: Call, turn: Turn) -> Call:
    """No other client can be asked: a call that waits for one ends."""
    jingle, news = jingle_leg.search_ended(call.jingle)
    return _from_jingle(replace(call, jingle=jingle), news, turn)


def stream_opened(call: Call, turn: Turn) -> Call:
    """The XMPP stream was down, and is back."""
    return replace(call, jingle=jingle_leg.stream_opened(call.jingle, turn))


def end(call: Call, reason: Reason, turn: Turn) -> Call:
    """End all legs, for a reason that is neither end's."""
    if call_state.is_live(call) or telepathy_leg.is_live(call.sip):
        call_state.ended(call, Side.GATEWAY, reason, turn)
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), turn)
    sip, _ = telepathy_leg.tell(call.sip, Ended(reason), turn)
    return replace(call, jingle=jingle, sip=sip, relay=relay_leg.delete(call.relay, turn))


def restarted(call: Call, reason: Reason, turn: Turn) -> Call:
    """The gateway was away: nothing is left on the SIP side, and what it told the relay may not have arrived."""
    call = replace(call, relay=relay_leg.restart(call.relay, turn))
    return end(lose_sip(call, reason, turn), reason, turn)


def expire(call: Call, turn: Turn) -> Call:
    """Do what is due by now."""
    due = telepathy_leg.deadline(call.sip)
    if due is not None and due.at <= turn.at:
        sip, news = telepathy_leg.expire(call.sip, turn)
        call = _from_sip(replace(call, sip=sip), news, turn)
    due = jingle_leg.deadline(call.jingle)
    if due is not None and due.at <= turn.at:
        jingle, news = jingle_leg.expire(call.jingle, turn)
        call = _from_jingle(replace(call, jingle=jingle), news, turn)
    return _from_relay(call, relay_leg.expire(call.relay, turn), turn) if call.relay else call


# --- what the legs have to say


def _from_sip(call: Call, news: Notices, turn: Turn) -> Call:
    for notice in news:
        call = _passed_on(call, notice, Side.PHONE, turn)
    return call


def _from_jingle(call: Call, news: Notices, turn: Turn) -> Call:
    for notice in news:
        call = _passed_on(call, notice, Side.CLIENT, turn)
    return call


def _passed_on(call: Call, notice: Notice, by: Side, turn: Turn) -> Call:
    match notice:
        case Ringing() | Held() | Resumed():
            return _tell_other(call, notice, by, turn)
        case Answered():
            return _answered(call, notice, by, turn)
        case Ended():
            return _ended(call, notice, by, turn)
        case Offered() | Cut():
            return _tell_other(call, notice, by, turn)
        case Dialled(digit, duration):
            relay_leg.play(call.relay, digit, duration, turn)
            return call
        case Moved():
            return _moved(call, notice, by, turn)
        case _:
            assert_never(notice)


def _moved(call: Call, notice: Moved, by: Side, turn: Turn) -> Call:
    """Rule 6. A client's plain address is not followed."""
    match notice.transport:
        case IceUdp() if by is Side.CLIENT:
            return replace(call, relay=relay_leg.client_moved(call.relay, notice.transport, turn))
        case RawUdp() if by is Side.PHONE and relay_leg.is_used(call.relay):
            return replace(call, relay=relay_leg.phone_moved(call.relay, notice.transport, turn))
        case RawUdp() if by is Side.PHONE:
            return _to_jingle(call, notice, turn)
        case IceUdp() | RawUdp():
            return call
        case _:
            assert_never(notice.transport)


def _tell_other(call: Call, notice: Notice, by: Side, turn: Turn) -> Call:
    return _to_jingle(call, notice, turn) if by is Side.PHONE else _to_sip(call, notice, turn)


def _to_jingle(call: Call, notice: Notice, turn: Turn) -> Call:
    jingle, news = jingle_leg.tell(call.jingle, notice, turn)
    told = replace(call, jingle=jingle)
    return _from_jingle(told, news, turn) if news else told


def _to_sip(call: Call, notice: Notice, turn: Turn) -> Call:
    sip, news = telepathy_leg.tell(call.sip, notice, turn)
    told = replace(call, sip=sip)
    return _from_sip(told, news, turn) if news else told


def _answered(call: Call, notice: Answered, by: Side, turn: Turn) -> Call:
    """Rule 3, for the answer."""
    (session,) = sessions(call.jingle)
    turn.note(NoteAnswered(call.id, session.client))
    relay = relay_leg.answer(call.relay, session.manner, notice.description, turn)
    if by is Side.CLIENT:
        way = paths.DIRECT if relay is None else Way(Path.RELAY, relay_leg.why(relay))
        turn.note(NotePath(call.id, way.path, way.why))
    if relay is not None:
        return replace(call, relay=relay)
    return _tell_other(replace(call, relay=relay_leg.delete(call.relay, turn)), notice, by, turn)


def _ended(call: Call, notice: Ended, by: Side, turn: Turn) -> Call:
    """Rule 2, but for rule 5. The second leg to end says nothing new."""
    if by is Side.PHONE and notice.reason.cause is Cause.MEDIA and (second := _second(call)):
        return _again(call, second, turn)
    if call_state.is_live(call) if by is Side.PHONE else telepathy_leg.is_live(call.sip):
        call_state.ended(call, by, notice.reason, turn)
    told = _tell_other(call, notice, by, turn)
    return replace(told, relay=relay_leg.delete(told.relay, turn))


def _second(call: Call) -> Second | None:
    """What is left to try, if the client still calls and nothing is left of the first call to the phone."""
    return call.second if isinstance(call.jingle, Calling) and isinstance(call.sip, telepathy_leg.Over) else None


def _again(call: Call, second: Second, turn: Turn) -> Call:
    """Rule 5."""
    turn.note(NotePath(call.id, Path.RELAY, second.terms.why))
    relay = relay_leg.offer(call.relay, second.terms, second.offer, None, turn)
    return replace(call, sip=second.sip, relay=relay, second=None)


# --- what the relay has to say


def _from_relay(call: Call, step: relay_leg.Step, turn: Turn) -> Call:
    call = replace(call, relay=step.leg)
    if step.carried:
        turn.note(NoteCarried(call.id, *step.carried))
    for notice in step.news:
        match notice:
            case Offered():
                call = _offered(call, notice, turn)
            case Answered():
                call = _answer(call, notice, turn)
            case Moved():
                call = _to_jingle(call, notice, turn)
            case Cut():
                call = _cut(call, notice, turn)
            case _:
                assert_never(notice)
    return call


def _offered(call: Call, notice: Offered, turn: Turn) -> Call:
    """The called end can be told what is offered."""
    if call.caller:
        return _to_jingle(call, notice, turn)
    if not relay_leg.has(call.relay, notice.manner):
        turn.note(NotePath(call.id, Path.DIRECT, "The media relay failed, and client and phone can do without it."))
    return _to_sip(call, notice, turn)


def _answer(call: Call, notice: Answered, turn: Turn) -> Call:
    """The calling end can be told what is answered; and then what happened in the meantime (rule 4)."""
    if call.caller:
        call = _to_sip(call, notice, turn)
        return _to_sip(call, Held(), turn) if jingle_leg.holds(call.jingle) else call
    call = _to_jingle(call, notice, turn)
    return _to_jingle(call, Held(), turn) if telepathy_leg.is_held(call.sip) else call


def _cut(call: Call, notice: Cut, turn: Turn) -> Call:
    """Who is called, or talks, in that manner is cut off."""
    if isinstance(call.jingle, Inviting):
        jingle, news = jingle_leg.tell(call.jingle, notice, turn)
        call = replace(call, jingle=jingle)
        # A client may have refused before, and that tells the caller more.
        return end(call, notice.reason, turn) if Ended(notice.reason) in news else _from_jingle(call, news, turn)
    through = any(session.manner is notice.manner for session in sessions(call.jingle))
    return end(call, notice.reason, turn) if through else call
