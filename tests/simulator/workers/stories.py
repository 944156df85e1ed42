"""Stories of all that may happen to workers, drawn from a seed or by a property test, and told again.

A story is a list of moves, each followed by some time. Its end is that all trouble is over (`WorkersWorld.finish`).
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

from ..broken import Broken
from .process import AGAIN_SECONDS, Process
from .server import QUICK
from .world import USERS, WorkersWorld

PAUSES: Final = (0.0, 0.001, 0.0026, 0.004, 0.02, 0.1, 0.3, 1.0, 1.2, 3.0, 3.5, 6.0, 12.0, 45.0)
"""Seconds that may pass after a move."""


_STARTS: Final = ((0.1, 0.5), (0.0, 0.0), (2.0, 1.0), (5.0, 0.5), (0.1, 4.0), (20.0, 0.5))


class WorkersMove(NamedTuple):
    """A move: what, the number of a process, another number, and how many seconds pass after it."""

    what: str
    who: int
    number: int
    seconds: float


class Told(NamedTuple):
    """A story that was told: the world at its end, and what was broken."""

    world: WorkersWorld
    broken: Broken | None


def _put(world: WorkersWorld, process: Process, number: int) -> None:
    world.put(process, USERS[number % 2], number // 2)


def _kill(world: WorkersWorld, process: Process, _: int) -> None:
    """The process is killed; systemd starts it again."""
    if process.is_on:
        process.die()
        world.clock.later(AGAIN_SECONDS, process.boot)


def _vanish(_: WorkersWorld, process: Process, __: int) -> None:
    """The machine has no power any more; nobody is told."""
    process.die(tells=False)


def _boot(_: WorkersWorld, process: Process, __: int) -> None:
    process.boot()


def _freeze(_: WorkersWorld, process: Process, __: int) -> None:
    process.freeze()


def _thaw(_: WorkersWorld, process: Process, __: int) -> None:
    process.thaw()


def _cut(_: WorkersWorld, process: Process, __: int) -> None:
    process.link.cut()


def _heal(_: WorkersWorld, process: Process, __: int) -> None:
    process.link.heal()


def _reset(_: WorkersWorld, process: Process, __: int) -> None:
    process.link.reset()


def _slow_start(_: WorkersWorld, process: Process, number: int) -> None:
    process.load_seconds, process.start_seconds = _STARTS[number % len(_STARTS)]


def _slow(world: WorkersWorld, _: Process, number: int) -> None:
    world.server.commit_seconds = (QUICK, 0.1, 0.4, 2.0, 8.0, 35.0)[number % 6]


def _full(world: WorkersWorld, _: Process, number: int) -> None:
    world.server.is_full = number % 2 == 0


def _restart_server(world: WorkersWorld, _: Process, number: int) -> None:
    if world.server.is_up:
        world.restart_server((0.2, 2.0, 10.0, 40.0)[number % 4])


_OF_PROCESS: Final[dict[str, tuple[int, Callable[[WorkersWorld, Process, int], None]]]] = {
    "kill": (3, _kill), "vanish": (2, _vanish), "boot": (3, _boot), "freeze": (5, _freeze), "thaw": (7, _thaw),
    "cut": (4, _cut), "heal": (5, _heal), "reset": (3, _reset), "slow start": (2, _slow_start),
}  # fmt: skip
_OF_SERVER: Final[dict[str, tuple[int, Callable[[WorkersWorld, Process, int], None]]]] = {
    "slow": (4, _slow), "full": (1, _full), "restart the server": (2, _restart_server),
}  # fmt: skip
ONE_WORKER: Final = ("a", "a")
TWO_WORKERS: Final = ("a", "b", "a", "b")
_PUT: Final = "put"
_PUT_WEIGHT: Final = 40
WHATS: Final = (_PUT, *_OF_PROCESS, *_OF_SERVER)
_WEIGHTS: Final = (_PUT_WEIGHT, *(weight for weight, _ in (*_OF_PROCESS.values(), *_OF_SERVER.values())))


def move(world: WorkersWorld, made: WorkersMove) -> None:
    """Make a move. Raises Broken."""
    process = world.processes[made.who % len(world.processes)]
    if made.what == _PUT:
        _put(world, process, made.number)
    elif made.what in _OF_PROCESS:
        world.trouble(process)
        _OF_PROCESS[made.what][1](world, process, made.number)
    else:
        world.trouble()
        _OF_SERVER[made.what][1](world, process, made.number)
    world.run(made.seconds)


def drawn(random: Random, length: int) -> list[WorkersMove]:
    """Return the moves of a story."""
    return [
        WorkersMove(what, random.randrange(4), random.randrange(120), random.choice(PAUSES))
        for what in random.choices(WHATS, _WEIGHTS, k=length)
    ]


def told(story: Sequence[WorkersMove], workers: Sequence[str] = ONE_WORKER) -> Told:
    """Tell a story to its end, or until something is broken. ``workers``: see `WorkersWorld`."""
    world = WorkersWorld(workers)
    try:
        world.begin()
        world.run(5.0)
        for each in story:
            move(world, each)
        world.finish()
    except Broken as broken:
        broken.log = tuple(world.server.rows)
        return Told(world, broken)
    finally:
        world.end()
    return Told(world, None)


def shortest_story(story: Sequence[WorkersMove], rule: str, workers: Sequence[str]) -> list[WorkersMove]:
    """Return the story without the moves that it is broken without just as well."""
    kept, size = list(story), len(story)
    while size:
        for start in range(len(kept) - size, -1, -1):
            shorter = [*kept[:start], *kept[start + size :]]
            broken = told(shorter, workers).broken
            if broken and broken.rule == rule:
                kept = shorter
        size //= 2
    return kept
