"""Every way in which one call can go: breadth first, all interleavings of all ends' moves, up to a depth.

Rules:

1. Two worlds are the same if they differ only in names that versions gave (ids of commands, sids, IQs, Call-IDs,
   phones) and in when it is; so much of the order in which things came about is forgotten.
2. Every world is checked as it comes about (invariants.py), and every one is brought to its end (`ending.finish`): as
   it is, after a crash at once, and after a crash that kept the last commands from leaving. So a leak is found where it
   begins. With the SIP engine sip, what the phone says then has the same effect.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from .broken import Broken
from .ending import finish
from .provider import Provider
from .quirks import Quirk
from .world import GATEWAY_ITSELF, SIP, Move, World, drained, entries, is_quiet, moves, step

_NUMBER: Final = re.compile(r"[0-9a-f]{16,}|\d+(?:[.-]\d+)?")
"""Hashes and numbers."""
_NOW_AND_THEN: Final = 200
_LONG_AGO: Final = 12
"""Digits and point of a time; names are shorter."""


class Explored(Struct, frozen=True):
    """The extent of an exploration; `broken` is the first invariant that did not hold, with the moves to it."""

    depth: int
    states: int
    transitions: int
    ends: int
    broken: Broken | None = None
    path: tuple[Move, ...] = ()


def explore(
    start: World, quirks: frozenset[Quirk], depth: int, wanted: Callable[[Move], bool] = lambda _: True
) -> Iterator[Explored]:
    """Explore depth by depth, moves that are wanted only, and end where nothing new comes.

    Yields how far it is after each depth, and after every so many worlds.
    """
    seen = {key(start)}
    edge: list[tuple[World, tuple[Move, ...]]] = [(start, ())]
    transitions = ends = 0
    for reached in range(1, depth + 1):
        found: list[tuple[World, tuple[Move, ...]]] = []
        for world, path in edge:
            for move in moves(world, quirks):
                if not wanted(move):
                    continue
                transitions += 1
                try:
                    after = step(world, move)
                    if (known := key(after)) in seen:
                        continue
                    seen.add(known)
                    finish(after, quirks)
                    for crashed in _crashes(world, move, after):
                        finish(crashed, quirks)
                except Broken as broken:
                    yield Explored(reached, len(seen), transitions, ends, broken, (*path, move))
                    return
                ends += is_quiet(after)
                found.append((after, (*path, move)))
                if len(seen) % _NOW_AND_THEN == 0:
                    yield Explored(reached, len(seen), transitions, ends)
        edge = found
        yield Explored(reached, len(seen), transitions, ends)
        if not edge:
            return


def _crashes(world: World, move: Move, after: World) -> Iterator[World]:
    """Rule 2."""
    crashed = step(after, Move(GATEWAY_ITSELF, "crash"))
    yield crashed
    if move.what == "deliver":
        lossy = step(world, Move(move.who, "deliver, then crash"))
        if move.who == SIP and isinstance(world.sip, Provider) and _ends(lossy) != _ends(crashed):
            broken = Broken("what a crash has kept from leaving is made up for (clients, phones)", _ends(lossy))
            broken.log = entries(lossy)
            raise broken
        yield lossy


def _ends(world: World) -> tuple[int, int]:
    """Return the numbers of sessions of the clients and of phones that someone is at, once everything has arrived."""
    world = drained(world)
    assert isinstance(world.sip, Provider)
    return sum(len(client.sessions) for client in world.clients), sum(phone.talks for phone in world.sip.phones)


def key(world: World) -> int:
    """Rule 1. Worlds of the same key are the same (but for a chance of one in 2**64)."""
    clients = tuple(replace(client, stanzas=0) for client in world.clients)
    sip = replace(world.sip, made=0) if isinstance(world.sip, Provider) else world.sip
    told = repr(replace(world, clients=clients, sip=sip, submitted=0, log=None))
    names: dict[str, str] = {}

    def plain(found: re.Match[str]) -> str:
        number = found[0]
        if "." in number and len(number) >= _LONG_AGO:
            return f"{float(number) - world.at:+}"
        named = not number.isdigit() or told[found.start() - 1] == "'" or told[found.start() - 1].isalpha()
        if named or told[found.start() - 1] == "-":  # a call's id, an IQ's, a relay session's, a phone's
            return names.setdefault(number, f"#{len(names)}")
        return number

    return hash(_NUMBER.sub(plain, told))
