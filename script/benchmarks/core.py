"""Measure the speed of the core: of its fold, of a replay from the log, and of the engine with its log.

Rules:

1. A figure is the best of several runs, because disturbances come from outside and only ever make a run slower.
2. The gateway's own code is measured, with a file on the disk and with the garbage collector running.
3. An event is decoded right before it is folded, as in the gateway. The figure of the fold excludes the decoding.
4. Each figure is measured in a process of its own, like that of a gateway. An earlier measurement fragments the memory
   and would slow down all later ones.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
from benchmarks.workload import START, WorkloadError, workload
from twisted.internet import reactor

from fargo.engine import Engine
from fargo.statemachine import machine
from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.user_state import User
from fargo.store.interface import Store
from fargo.store.opening import open_store

CALLS_PER_USER: Final = (1, 2, 4, 8)
ROUNDS: Final = 50
"""The number of steps that each call takes in a run."""
BATCH: Final = 250
"""The events that arrive in one iteration of the reactor, and are therefore committed together."""

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(list[Recorded])


@dataclass(frozen=True)
class Figures:
    """The results. `fold_us_by_calls` is in microseconds per event, by the number of live calls of its user."""

    fold_events_per_s: int
    replay_events_per_s: int
    append_events_per_s: int
    fold_us_by_calls: dict[str, float]


def measured(live_calls: int, runs: int, directory: Path) -> Figures:
    """Measure all figures, with logs in this directory."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        costs = {calls: processes.submit(_fold, live_calls, calls, runs).result() for calls in CALLS_PER_USER}
        append = processes.submit(_append, live_calls, [directory / f"{run}.db" for run in range(runs)]).result()
        replay = processes.submit(_replay, directory / "0.db", runs).result()
    figures = {str(calls): round(cost * 1e6, 2) for calls, cost in costs.items()}
    return Figures(round(1 / costs[1]), round(1 / replay), round(1 / append), figures)


def _fold(live_calls: int, calls: int, runs: int) -> float:
    """Return the seconds per event, with this many calls for each user."""
    before, events = workload(live_calls // calls, calls, live_calls * ROUNDS)
    users: dict[str, User] = {}
    for recorded in before:
        users[recorded.user] = fold(users.get(recorded.user) or new(recorded.user), recorded)[0]
    measured_runs = [list(_folding(dict(users), events)) for _ in range(runs)]
    by_batch: Iterator[tuple[float, ...]] = zip(*measured_runs, strict=True)
    return sum(min(seconds) for seconds in by_batch) / len(events)


def _folding(users: dict[str, User], events: list[Recorded]) -> Iterator[float]:
    """Yield the seconds for each batch."""
    for batch in _batches(events):
        fresh = _decoder.decode(_encoder.encode(batch))
        start = perf_counter()
        for recorded in fresh:
            users[recorded.user] = fold(users[recorded.user], recorded)[0]
        yield perf_counter() - start


def _replay(path: Path, runs: int) -> float:
    """Return the seconds per event for reading the log as the gateway does at its start."""
    with closing(open_store(path)) as store:
        return min(_seconds(_engine(store).load) for _ in range(runs)) / len(store)


def _append(live_calls: int, paths: list[Path]) -> float:
    """Return the seconds per event, until the commands of the last one were dispatched."""
    before, events = workload(live_calls, 1, live_calls * ROUNDS)
    return min(_appending(before, events, path) for path in paths) / len(events)


def _appending(before: list[Recorded], events: list[Recorded], path: Path) -> float:
    with closing(open_store(path)) as store:
        engine = _engine(store)
        _put(engine, before)
        seconds = _seconds(lambda: _put(engine, events))
        if len(store) != len(before) + len(events):
            raise WorkloadError(f"{len(store):,} events are in the log instead of {len(before) + len(events):,}.")
        return seconds


def _put(engine: Engine, events: list[Recorded]) -> None:
    """Put the events into the engine, one batch in each iteration of the reactor, and let it commit them."""
    for batch in _batches(events):
        for recorded in batch:
            engine.put(recorded.user, recorded.event)
        reactor.iterate()


def _engine(store: Store) -> Engine:
    """Return an engine that discards its commands, and whose clock stands still: a timer would add an event."""
    return Engine(store, machine, lambda issued: None, _fail, reactor.callLater, lambda: START)


def _fail(problem: str) -> None:
    raise WorkloadError(problem)


def _batches(events: list[Recorded]) -> Iterator[list[Recorded]]:
    return (events[at : at + BATCH] for at in range(0, len(events), BATCH))


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
