"""Every way in which one call can go, up to a depth that takes a few seconds; `script/fuzz` goes deeper."""

import pytest

from .explorer import Explored, explore
from .quirks import NONE, Quirk
from .world import Move, World, signed_in

CROSSINGS = frozenset({Quirk.REFUSALS, Quirk.CODECS})
ASIDE = {"go offline", "come online", "busy", "not found", "unreachable", "accept with strange codecs"}
"""Moves left out where it is about depth: who comes and goes, and whatever is like one that stays."""


def furthest(start: World, quirks: frozenset[Quirk], depth: int, aside: set[str]) -> Explored:
    """The whole exploration; what it came to is printed (pytest -s)."""

    def wanted(move: Move) -> bool:
        return move.what not in aside

    *_, last = explore(start, quirks, depth, wanted)
    print(f"\n{last.states:,} states, {last.transitions:,} transitions, {last.ends:,} at rest, depth {last.depth}")
    assert last.broken is None, "\n  ".join([f"{last.broken}", "after", *map(" ".join, last.path)])
    return last


@pytest.mark.parametrize(("quirks", "depth", "aside"), [(NONE, 8, set()), (NONE, 11, ASIDE), (CROSSINGS, 9, ASIDE)])
def test_a_call_out_every_way(quirks: frozenset[Quirk], depth: int, aside: set[str]) -> None:
    assert furthest(signed_in(clients=1, out=1), quirks, depth, aside).states > 500


@pytest.mark.parametrize(("quirks", "depth", "aside"), [(NONE, 6, set()), (NONE, 8, ASIDE), (CROSSINGS, 6, ASIDE)])
def test_a_call_in_to_two_clients_every_way(quirks: frozenset[Quirk], depth: int, aside: set[str]) -> None:
    assert furthest(signed_in(clients=2, in_=1), quirks, depth, aside).states > 500
