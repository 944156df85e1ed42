"""The speed of this machine now: fixed work, measured in the same minutes as a load, so that its cost can be told as a
ratio to it and compared with that of another machine, or of another hour.

Rules:

1. The work is plain Python, and the fold of a fixed log. It is told in processor time, and the best of several
   runs counts: what else the machine does only makes a run slower.
2. It is measured before a load and after it. Between the two, the machine was somewhere in between.
"""

from dataclasses import dataclass
from time import process_time
from typing import Final

from benchmarks.workload import workload

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.user_state import User

_RUNS: Final = 5
_TURNS: Final = 200_000
_CALLS, _EVENTS = 16, 3200


@dataclass(frozen=True)
class Machine:
    """The milliseconds that the plain work takes, and the microseconds in which an event is folded."""

    loop_ms: float
    fold_us: float


def machine() -> Machine:
    """Measure now. This takes a quarter of a second."""
    before, events = workload(_CALLS, 1, _EVENTS)
    return Machine(
        round(min(_loop() for _ in range(_RUNS)) * 1e3, 2),
        round(min(_fold(before, events) for _ in range(_RUNS)) * 1e6 / len(events), 2),
    )


def between(one: Machine, other: Machine) -> Machine:
    """Return the mean of two measurements."""
    return Machine(round((one.loop_ms + other.loop_ms) / 2, 2), round((one.fold_us + other.fold_us) / 2, 2))


def _loop() -> float:
    start = process_time()
    found: dict[int, str] = {}
    for turn in range(_TURNS):
        place = turn * 7919 % 4096
        found[place] = f"{place}:{found.get(turn % 512, '')[:8]}"
    return process_time() - start


def _fold(before: list[Recorded], events: list[Recorded]) -> float:
    users: dict[str, User] = {}
    for recorded in before:
        users[recorded.user] = fold(users.get(recorded.user) or new(recorded.user), recorded)[0]
    start = process_time()
    for recorded in events:
        users[recorded.user] = fold(users[recorded.user], recorded)[0]
    return process_time() - start
