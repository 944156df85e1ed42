"""Totality: every event in every phase folds as the rules have it, and every pair of the two is reached."""

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import get_args

import pytest
from thorough import is_thorough

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.call1 import RejectDescription
from fargo.statemachine.model.commands import Command, Fault
from fargo.statemachine.model.events import Recorded, TimePassed
from fargo.statemachine.user_state import User

from .broken import Entry
from .coverage import Pair, every_pair, meeting, strays
from .quirks import NONE, Quirk
from .runs import (
    CALLED_BACK,
    FORWARDING,
    REFERRING,
    SEEING,
    SEEN,
    TRANSFERRING,
    WANTED,
    a_beginning,
    at_random,
    run,
    some_quirks,
)
from .starts import STARTS
from .values import USER

SLOW = pytest.mark.slow("folds every event in every phase that two hundred runs come through")
pytestmark = [SLOW, pytest.mark.xdist_group("runs")]

RUNS = 200
FORWARDED = 8
TALKATIVE = 24
UNREACHABLE: set[Pair] = set()
"""Pairs that nothing can bring about, each with its reason."""


LATER = (0.0, 1000.0)
"""The seconds after which a stray event comes. All of them are only tried by `script/fuzz --stories`."""


@cache
def runs() -> tuple[tuple[Entry, ...], ...]:
    return tuple(_runs())


def _runs() -> Iterator[tuple[Entry, ...]]:
    """Yield the entries of some runs, each with some quirks. In every eighth a call may be answered by several phones:
    hardly any of the others comes to what remains of such a call. In some a phone and a client do nothing but hold and
    move: one in seven of these comes to two offers that cross.
    """
    for seed in range(RUNS):
        random = Random(seed)
        forks = {Quirk.FORKING} if seed % 8 == 0 else set()
        yield run(a_beginning(random), at_random(random), some_quirks(random) | forks, 100).log
    for seed in range(FORWARDED):
        random = Random(seed)
        yield run(FORWARDING, at_random(random), some_quirks(random), 100).log
        yield run(CALLED_BACK, at_random(random), some_quirks(random), 100).log
        yield run(CALLED_BACK, at_random(Random(seed)), NONE, 100).log
        yield run(SEEING, at_random(random), frozenset({Quirk.CHATTER}), 60).log
        yield run(SEEN, at_random(random), some_quirks(random) | {Quirk.CHATTER}, 60).log
        yield run(WANTED, at_random(random), some_quirks(random) | {Quirk.CHATTER}, 60).log
        for start in (*TRANSFERRING.values(), *REFERRING.values()):
            yield run(start, at_random(random), some_quirks(random), 60).log
    for seed in range(TALKATIVE):
        start = STARTS["out over SIP" if seed % 2 else "in over SIP"]
        yield run(start, at_random(Random(seed)), frozenset({Quirk.CHATTER}), 60).log
    for start in STARTS.values():
        yield run(start, at_random(Random(0)), NONE, 100).log


@cache
def users() -> tuple[tuple[User, Recorded], ...]:
    return tuple(_users())


def _users() -> Iterator[tuple[User, Recorded]]:
    """A user in every combination of phases that the runs come through, and the last event."""
    seen: set[tuple[Pair, ...]] = set()
    for log in runs():
        user = new(USER)
        for recorded, _ in log:
            user, *_ = fold(user, recorded)
            phases = tuple(sorted(set(meeting(user, TimePassed()))))
            if phases not in seen:
                seen.add(phases)
                yield user, recorded


def test_every_event_in_every_phase_folds_and_every_pair_is_reached() -> None:
    met: set[Pair] = set()
    for state, (user, last) in enumerate(users()):
        for number, event in enumerate(strays(user)):
            met.update(meeting(user, event))
            for later in LATER if is_thorough() else (LATER[(state + number) % 2],):
                _, commands, _ = fold(user, Recorded(USER, last.version + 1, last.at + later, event))
                assert not [each for each in commands if isinstance(each.command, Fault)], (user, event)
    print(f"\n{len(users())} combinations of phases, {len(met & every_pair())} of {len(every_pair())} pairs")
    assert every_pair() - met == UNREACHABLE


def test_the_runs_come_to_every_command() -> None:
    issued = {type(each.command) for log in runs() for _, commands in log for each in commands}
    assert set(get_args(Command)) - issued == {Fault, RejectDescription}
