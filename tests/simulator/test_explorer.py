"""Every way in which one call can go, up to a depth that takes a few seconds; `script/fuzz` goes deeper."""

import pytest

from .explorer import Explored, explore
from .quirks import NONE, Quirk
from .runs import CHATTER, SEEN
from .starts import STARTS
from .world import Move, World

pytestmark = pytest.mark.slow("walks through every state that a call can reach in so many moves")

MACHINES = frozenset({Quirk.MACHINE})
CROSSINGS = frozenset({Quirk.REFUSALS, Quirk.CODECS, Quirk.RELAY_REFUSES, Quirk.RELAY_DIES, Quirk.FORKING, Quirk.LOSS})
ASIDE = {
    "go offline",
    "come online",
    "busy",
    "not found",
    "unreachable",
    "accept with strange codecs",
    "accept in another manner",
}
"""Moves left out where it is about depth: who comes and goes, and whatever is like one that stays."""

CAMERAS = {
    "turn the camera",
    "turn its camera",
    "hold",
    "resume",
    "info hold",
    "info unhold",
    "deliver",
    "agree",
    "cross",
}
"""Uses of the camera at either end, and hold on top of it."""


def furthest(start: World, quirks: frozenset[Quirk], depth: int, aside: set[str]) -> Explored:
    """The whole exploration; what it came to is printed (pytest -s)."""

    def wanted(move: Move) -> bool:
        return move.what not in aside

    *_, last = explore(start, quirks, depth, wanted)
    print(f"\n{last.states:,} states, {last.transitions:,} transitions, {last.ends:,} at rest, depth {last.depth}")
    assert last.broken is None, "\n  ".join([f"{last.broken}", "after", *map(" ".join, last.path)])
    return last


@pytest.mark.parametrize(
    ("start", "depth"),
    [
        ("out", 7),
        ("out, proposed", 8),
        ("in while a client is asked", 6),
        ("in to two", 5),
        ("in to one that asks first", 6),
        ("in to both kinds", 5),
        ("out, relayed", 7),
        ("in, relayed", 6),
        ("in to both manners", 5),
        ("in to one that asks first, relayed", 6),
        ("out over SIP", 5),
        ("in over SIP", 6),
        ("out over SIP, being transferred", 3),
        ("out from end to end", 6),
    ],
)
def test_a_call_every_way_with_clients_that_come_and_go(start: str, depth: int) -> None:
    assert furthest(STARTS[start], NONE, depth, set()).states > 100


@pytest.mark.parametrize(
    ("start", "depth"),
    [
        ("out", 11),
        ("out, proposed", 13),
        ("in while a client is asked", 7),
        ("in to two", 5),
        ("in to one that asks first", 8),
        ("in to both kinds", 5),
        ("out, relayed", 7),
        ("in, relayed", 6),
        ("in to both manners", 5),
        ("in to one that asks first, relayed", 5),
        ("out over SIP", 5),
        ("in over SIP", 5),
        ("out from end to end", 6),
    ],
)
def test_a_call_every_way_and_further(start: str, depth: int) -> None:
    assert furthest(STARTS[start], CROSSINGS, depth, ASIDE).states > 100


@pytest.mark.parametrize(("start", "depth"), [("out over SIP", 5), ("in over SIP", 5)])
def test_a_call_every_way_that_other_machines_take_over(start: str, depth: int) -> None:
    assert furthest(STARTS[start], MACHINES, depth, ASIDE).states > 100


def test_cameras_are_turned_off_and_on_every_way() -> None:
    *_, last = explore(SEEN, CHATTER, 4, lambda move: move.what in CAMERAS)
    assert last.broken is None, "\n  ".join([f"{last.broken}", "after", *map(" ".join, last.path)])
    print(f"\n{last.states:,} states, {last.transitions:,} transitions, {last.ends:,} at rest")
    assert last.ends > 5
