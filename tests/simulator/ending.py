"""The end of a world: everybody waits, then hangs up, and nothing may be left."""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from fargo.statemachine.account.account_state import connection_of
from fargo.statemachine.legs.jingle.jingle_leg import sessions
from fargo.statemachine.legs.relay.relay_session import Joined
from fargo.statemachine.legs.user_agent.phases import Confirmed
from fargo.statemachine.machine import deadlines, secrets
from fargo.statemachine.media import pictures
from fargo.statemachine.media.pictures import VideoFlow

from .client import Session
from .phone import Phone
from .provider import Provider
from .quirks import NONE, Quirk
from .relay import ENOUGH
from .world import GATEWAY_ITSELF, LONGEST, SIP, Move, World, broken_rule, drained, moves, passing, step, talkers

_ANSWERING: Final = {Quirk.CHATTER, Quirk.CODECS, Quirk.EARLY, Quirk.OVERTAKING, Quirk.RELAY_REFUSES, Quirk.RELAY_DIES}
"""With these quirks every answer reaches its client."""


def finish(world: World, quirks: frozenset[Quirk] = NONE) -> World:
    """Let the world come to its end, and see that it does: nobody rings for ever, what one end hangs up ends at the
    other unless a quirk kept it from hearing of it, and nothing is left. Raises Broken.
    """
    world = drained(world)
    if apart := list(_apart(world)):
        raise broken_rule(world, "phones that are joined follow each other", apart)
    world = _without_absent(_waited(world))
    if blind := list(_mistaken(world)):
        raise broken_rule(world, "client and phone agree on who sends video", blind)
    if ringing := [s for c in world.clients for s in c.sessions if s.phase != "talking"]:
        raise broken_rule(world, "no client is left ringing", ringing)
    if phones := world.sip.left_ringing():
        raise broken_rule(world, "no phone is left ringing", phones)
    if not quirks & {Quirk.ZOMBIES, Quirk.NONSENSE}:
        if len(set(talkers(world))) > 1:
            raise broken_rule(world, "nobody talks to nobody (clients, phones, calls)", talkers(world))
        if len(set(_relayed(world))) > 1:
            raise broken_rule(world, "who is relayed is in a session (clients, phones, relay, calls)", _relayed(world))
        if quirks <= _ANSWERING and any(s.restarting and s.relay for c in world.clients for s in c.sessions):
            raise broken_rule(world, "a client that restarts ICE is answered", world.clients)
        if quirks <= _ANSWERING and len(set(_whereabouts(world))) > 1:
            raise broken_rule(world, "a phone that moves is followed (phones, who sends to them)", _whereabouts(world))
        world = _all(world, SIP, "hang up")
        if left := [s for c in world.clients for s in c.sessions]:
            raise broken_rule(world, "a phone that hangs up ends the call", left)
    for who in (*(client.jid for client in world.clients), SIP):
        world = _all(world, who, "hang up")
    world = _waited(world)
    unheard = {Quirk.ZOMBIES, Quirk.NONSENSE} <= quirks  # a forgotten call may have become a zombie
    if not unheard and (any(talkers(world)) or not world.sip.is_empty()):
        raise broken_rule(world, "what everybody has hung up is over (clients, phones, calls)", talkers(world))
    if not unheard and (kept_on := [kept for kept in world.relay.sessions if kept.ignored < ENOUGH]):
        raise broken_rule(world, "no session is left at the relay", kept_on)
    if world.sip.forgotten(connection_of(world.user.account)):
        raise broken_rule(world, "no connection is left to itself", world.sip.connections)
    if not unheard and world.watch.noted:
        raise broken_rule(world, "what is over is noted to have ended", world.watch.noted)
    if world.watch.owed:
        raise broken_rule(world, "every IQ is answered", world.watch.owed)
    if world.user.texts:
        raise broken_rule(world, "every text comes to an end", world.user.texts)
    if unanswered := world.watch.sip.unanswered():
        raise broken_rule(world, "every request of a phone is answered", unanswered)
    if set(world.vault) != set(secrets(world.user)):
        raise broken_rule(world, "the vault keeps what the account refers to, and no more", tuple(world.vault))
    return world


def _apart(world: World) -> Iterator[tuple[Phone, Phone]]:
    """Yield the two phones of each call that was forwarded of which one is not told where the other is, or that it
    holds, though nothing is under way.
    """
    phones = {each.dialog: each for each in world.sip.phones} if isinstance(world.sip, Provider) else {}
    for call in world.user.calls.values():
        legs = call.sip, call.forwarded
        if not all(isinstance(each, Confirmed) and each.exchange is None for each in legs):
            continue
        one, other = (phones.get(each.name or "") if each else None for each in legs)
        if one is None or other is None or any(_is_busy(each) for each in (one, other)):
            continue
        if (one.to, one.holds, other.to, other.holds) != (other.at, other.held, one.at, one.held):
            yield one, other


def _mistaken(world: World) -> Iterator[tuple[Session, Phone]]:
    """Yield the client and the phone of each call with video that take it for sent, or not sent, otherwise than the
    other, though nothing is under way and neither is on hold.
    """
    phones = {each.dialog: each for each in world.sip.phones} if isinstance(world.sip, Provider) else {}
    for call in world.user.calls.values():
        leg, clients = call.sip, [(s.sid, s.client) for s in sessions(call.jingle)]
        phone = phones.get(leg.name) if isinstance(leg, Confirmed) and leg.exchange is None else None
        if phone is None or _is_busy(phone) or phone.held or phone.holds or not phone.shows:
            continue
        for client in world.clients:
            for session in client.sessions:
                if (session.sid, client.jid) not in clients or not session.seen or session.doubted or client.asked:
                    continue
                theirs = pictures.flow(phone.shows, "initiator")
                if session.flow != VideoFlow(theirs.takes, theirs.sends):
                    yield session, phone


def _is_busy(phone: Phone) -> bool:
    """Return True if something is under way with a phone, or it has had its own way."""
    return phone.phase != "talking" or bool(phone.asked or phone.asking or phone.oks) or phone.stubborn


def _without_absent(world: World) -> World:
    """After the clients that are not online have forgotten their sessions: they never come back."""
    clients = (client if client.online else msgspec.structs.replace(client, sessions=()) for client in world.clients)
    return replace(world, clients=tuple(clients))


def _whereabouts(world: World) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses at which phones expect audio, and those to which clients and the relay send it."""
    clients = [session.phone for client in world.clients for session in client.sessions if session.phone]
    relay = [kept.phone for kept in world.relay.sessions if kept.joined and kept.ignored < ENOUGH]
    return tuple(sorted(world.sip.whereabouts())), tuple(sorted((*clients, *relay)))


def _relayed(world: World) -> tuple[int, int, int, int]:
    """Return the numbers of clients and phones told of the relay, of its sessions with both ends, and of those that the
    gateway believes it to have.
    """
    joined = [each for call in world.user.calls.values() for each in call.relay if isinstance(each, Joined)]
    return (
        sum(session.relay is not None for client in world.clients for session in client.sessions),
        world.sip.relayed(),
        sum(kept.joined for kept in world.relay.sessions if kept.ignored < ENOUGH),
        len(joined),
    )


def _waited(world: World) -> World:
    """After every deadline has come, and everything that is owed on the SIP side has been done."""
    for _ in range(LONGEST):
        if owed := next(world.sip.owed(), None):
            world = step(world, Move(SIP, *owed))
        elif passing(world):
            world = step(world, Move(GATEWAY_ITSELF, "wait"))
        else:
            return world
        world = drained(world)
    raise broken_rule(world, "deadlines come to an end", deadlines(world.user))


def _all(world: World, who: str, what: str) -> World:
    """After someone has done something in every one of their calls."""
    while found := [move for move in moves(world, NONE) if move.who == who and move.what == what]:
        world = step(world, found[0])
    return drained(world)
