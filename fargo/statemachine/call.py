"""A call: an XMPP leg, a SIP leg, and the bridge between them.

Rules:

1. A leg folds its own protocol's events and says in neutral words what happened; the bridge tells it to the other leg.
   Neither leg knows the other's protocol.
2. When one leg ends, the other is told to end. The call is over when both are.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

from fargo.statemachine import jingle_leg, telepathy_leg
from fargo.statemachine.jingle_leg import JingleEvent, JingleLeg
from fargo.statemachine.notices import Deadline, Ended, Notices
from fargo.statemachine.reason import Reason
from fargo.statemachine.telepathy_leg import TelepathyEvent, TelepathyLeg
from fargo.statemachine.turn import Turn

CallEvent: TypeAlias = JingleEvent | TelepathyEvent


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a user; ``id`` is the version of the event it began with, ``connection`` the SIP connection it
    goes over.
    """

    id: str
    connection: str
    jingle: JingleLeg
    sip: TelepathyLeg


def is_over(call: Call) -> bool:
    """Whether neither leg has anything left to do."""
    return isinstance(call.jingle, jingle_leg.Over) and isinstance(call.sip, telepathy_leg.Over)


def concerns(call: Call, event: CallEvent) -> bool:
    """Whether the event is about one of the call's legs."""
    if isinstance(event, TelepathyEvent):
        return telepathy_leg.concerns(call.sip, event)
    return jingle_leg.concerns(call.jingle, event)


def fold(call: Call, event: CallEvent, turn: Turn) -> Call:
    """The call after an event that concerns it."""
    if isinstance(event, TelepathyEvent):
        sip, news = telepathy_leg.fold(call.sip, event, turn)
        return _tell_jingle(replace(call, sip=sip), news, turn)
    jingle, news = jingle_leg.fold(call.jingle, event, turn)
    return _tell_sip(replace(call, jingle=jingle), news, turn)


def _tell_jingle(call: Call, news: Notices, turn: Turn) -> Call:
    for notice in news:
        jingle, reply = jingle_leg.tell(call.jingle, notice, turn)
        call = _tell_sip(replace(call, jingle=jingle), reply, turn)
    return call


def _tell_sip(call: Call, news: Notices, turn: Turn) -> Call:
    for notice in news:
        sip, reply = telepathy_leg.tell(call.sip, notice, turn)
        call = _tell_jingle(replace(call, sip=sip), reply, turn)
    return call


def end(call: Call, reason: Reason, turn: Turn) -> Call:
    """End both legs, for a reason that is neither end's."""
    return _tell_sip(_tell_jingle(call, (Ended(reason),), turn), (Ended(reason),), turn)


def lose_sip(call: Call, reason: Reason, turn: Turn) -> Call:
    """The SIP side of the call is gone, without a word from it."""
    sip, news = telepathy_leg.lost(call.sip, reason)
    return _tell_jingle(replace(call, sip=sip), news, turn)


def seek(call: Call, client: str, turn: Turn) -> Call:
    """Another client of the user can take calls: call it too, if the call is still waiting for one."""
    match call.jingle:
        case jingle_leg.Inviting() as inviting:
            return replace(call, jingle=jingle_leg.add(inviting, client, turn))
        case _:
            return call


def search_ended(call: Call, turn: Turn) -> Call:
    """No other client can be asked: a call that waits for one ends."""
    jingle, news = jingle_leg.search_ended(call.jingle)
    return _tell_sip(replace(call, jingle=jingle), news, turn)


def expire(call: Call, turn: Turn) -> Call:
    """Do what is due by now."""
    due = telepathy_leg.deadline(call.sip)
    if due is not None and due.at <= turn.at:
        sip, news = telepathy_leg.expire(call.sip, turn)
        call = _tell_jingle(replace(call, sip=sip), news, turn)
    due = jingle_leg.deadline(call.jingle)
    if due is not None and due.at <= turn.at:
        call = search_ended(call, turn)
    return call


def deadlines(call: Call) -> tuple[Deadline, ...]:
    """By when the call must have moved on."""
    due = (telepathy_leg.deadline(call.sip), jingle_leg.deadline(call.jingle))
    return tuple(Deadline(f"call {call.id}: {d.name}", d.at) for d in due if d is not None)
