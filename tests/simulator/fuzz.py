"""Simulator and explorer for as long as asked: what `script/fuzz` does.

The simulator makes runs of consecutive seeds, so the first seed of a failure repeats it; the explorer goes deeper than
the tests, start by start. Workers have stories of their own, with the same seeds. A failure is told in as few moves as
it takes, and what was recorded is kept as a golden log.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from msgspec import Struct

from replay.reading.golden import write

from .broken import Broken
from .explorer import explore
from .quirks import NONE
from .runs import a_beginning, at_random, run, shortest, some_quirks
from .starts import STARTS
from .workers.stories import ONE_WORKER, TWO_WORKERS, WorkersMove, drawn, shortest_story, told
from .world import Move

_LENGTH: Final = 150
"""Moves of a run."""
_MOST_STATES: Final = 100_000
"""Worlds that the explorer keeps for one start: some hundred megabytes."""
_DEEP: Final = 1000
_STORY: Final = 40
"""Moves of a story of workers."""
_OF_WORKERS: Final = 0.2
"""The share of the time that these have."""


class Failure(Struct, frozen=True):
    """An invariant that did not hold, the moves that lead there, and the golden log of it. `seed` is None if the
    explorer found it.
    """

    broken: Broken
    path: tuple[Move | WorkersMove, ...]
    seed: int | None
    golden: Path


class Fuzzed(Struct):
    """The progress so far."""

    runs: int = 0
    events: int = 0
    states: int = 0
    transitions: int = 0
    stories: int = 0
    failure: Failure | None = None


Progress = Callable[[Fuzzed], None]
"""Called now and then."""


def fuzz(seconds: float, seed: int, directory: Path, progress: Progress) -> Fuzzed:
    """Tell stories of workers for a fifth of the time. Simulate for half of the rest, then explore; whatever time the
    explorer leaves goes to more runs.

    Ends at the first failure, whose golden log is put into the directory.
    """
    start, fuzzed = monotonic(), Fuzzed()
    _tell(start + seconds * _OF_WORKERS, seed, directory, progress, fuzzed)
    seconds -= monotonic() - start
    start = monotonic()
    if fuzzed.failure:
        return fuzzed
    _simulate(start + seconds / 2, seed, directory, progress, fuzzed)
    for number, name in enumerate(STARTS, 1):
        if fuzzed.failure is None:
            _explore(name, start + seconds / 2 + seconds / 2 * number / len(STARTS), directory, progress, fuzzed)
    if fuzzed.failure is None:
        _simulate(start + seconds, seed + fuzzed.runs, directory, progress, fuzzed)
    return fuzzed


def _tell(until: float, seed: int, directory: Path, progress: Progress, fuzzed: Fuzzed) -> None:
    """Tell stories of workers; one at least."""
    while not fuzzed.stories or monotonic() < until:
        story = drawn(Random(seed), _STORY)
        workers = (ONE_WORKER, TWO_WORKERS)[seed % 2]
        done = told(story, workers)
        fuzzed.stories += 1
        progress(fuzzed)
        if done.broken:
            short = shortest_story(story, done.broken.rule, workers)
            broken = told(short, workers).broken
            assert broken is not None
            fuzzed.failure = _failure(broken, tuple(short), seed, directory)
            return
        seed += 1


def _simulate(until: float, seed: int, directory: Path, progress: Progress, fuzzed: Fuzzed) -> None:
    """Make runs; one at least."""
    first = fuzzed.runs
    while fuzzed.runs == first or monotonic() < until:
        random = Random(seed)
        start, quirks = a_beginning(random), some_quirks(random)
        done = run(start, at_random(random), quirks, _LENGTH)
        fuzzed.runs += 1
        fuzzed.events += len(done.log)
        progress(fuzzed)
        if done.broken:
            short = shortest(done, quirks)
            assert short.broken is not None
            fuzzed.failure = _failure(short.broken, short.path, seed, directory)
            return
        seed += 1


def _explore(name: str, until: float, directory: Path, progress: Progress, fuzzed: Fuzzed) -> None:
    """Go deeper and deeper; a first few steps at least."""
    states, transitions = fuzzed.states, fuzzed.transitions
    for explored in explore(STARTS[name], NONE, _DEEP):
        fuzzed.states, fuzzed.transitions = states + explored.states, transitions + explored.transitions
        progress(fuzzed)
        if explored.broken:
            fuzzed.failure = _failure(explored.broken, explored.path, None, directory)
        if explored.broken or explored.states > _MOST_STATES or monotonic() > until:
            return


def _failure(broken: Broken, path: tuple[Move | WorkersMove, ...], seed: int | None, directory: Path) -> Failure:
    directory.mkdir(parents=True, exist_ok=True)
    golden = directory / f"{'explored' if seed is None else seed}.jsonl"
    write(golden, broken.log)
    return Failure(broken, path, seed, golden)
