"""Every way in which one call can go: breadth first, all interleavings of all ends' moves, up to a depth.

Rules:

1. Two worlds are the same if they differ only in names that versions gave (ids of commands, sids, IQs) and in when it
   is; so much of the order in which things came about is forgotten.
2. Every world is checked as it comes about (invariants.py), and every one is brought to its end (`world.finish`): as it
   is, and after a crash at once. So a leak anywhere on the way is found where it begins.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .invariants import Broken
from .quirks import Quirk
from .world import GATEWAY_ITSELF, Move, World, finish, is_quiet, moves, step

_NAMES: Final = re.compile(
    r"(?P<counted>(?:version|stanzas|submitted)=\d+)"
    r"|(?P<time>\d{10}\.\d+)"
    r"|(?P<name>nonce\d+-\d+|\b\d+\.\d+\b|-iq\d+(?:-again)*|(?<=')\d+(?='))"
)


@dataclass(frozen=True, slots=True)
class Explored:
    """How far an exploration went; `broken` is the first invariant that did not hold, with the moves that led there."""

    depth: int
    states: int
    transitions: int
    ends: int
    broken: Broken | None = None
    path: tuple[Move, ...] = ()


def explore(
    start: World, quirks: frozenset[Quirk], depth: int, wanted: Callable[[Move], bool] = lambda _: True
) -> Iterator[Explored]:
    """Explore depth by depth, moves that are wanted only; yields after each, and ends where nothing new comes."""
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
                    _ends_well(after, quirks)
                except Broken as broken:
                    yield Explored(reached, len(seen), transitions, ends, broken, (*path, move))
                    return
                ends += is_quiet(after)
                found.append((after, (*path, move)))
        edge = found
        yield Explored(reached, len(seen), transitions, ends)
        if not edge:
            return


def _ends_well(world: World, quirks: frozenset[Quirk]) -> None:
    """Rule 2."""
    finish(world, quirks)
    finish(step(world, Move(GATEWAY_ITSELF, "crash")), quirks)


def key(world: World) -> int:
    """Rule 1. Worlds of the same key are the same (but for a chance of one in 2**64)."""
    names: dict[str, str] = {}

    def plain(found: re.Match[str]) -> str:
        if found["counted"]:
            return ""
        if found["time"]:
            return f"{float(found['time']) - world.at:+}"
        return names.setdefault(found[0], f"#{len(names)}")

    return hash(_NAMES.sub(plain, repr(world)))
