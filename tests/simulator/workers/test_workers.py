"""Processes of one worker and of two: what holds whatever happens, and that it would be seen if it did not."""

from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thorough import examples

from fargo.engine import Engine
from fargo.statemachine import machine
from fargo.statemachine.model.events import GatewayAsked
from fargo.store.postgresql import lease
from fargo.workers import heartbeat
from fargo.workers.routes import Routes

from . import process, store
from .ownership import Book
from .rules import Rule
from .server import Server
from .store import SimulatedStore
from .stories import ONE_WORKER, PAUSES, TWO_WORKERS, WHATS, WorkersMove, told

MOVES = st.builds(WorkersMove, st.sampled_from(WHATS), st.integers(0, 3), st.integers(0, 119), st.sampled_from(PAUSES))
ASKS, REGISTERS = 4, 2
"""Numbers of what comes for alice."""


@pytest.mark.parametrize("workers", [ONE_WORKER, TWO_WORKERS])
@settings(max_examples=examples(12))
@given(story=st.lists(MOVES, max_size=12))
def test_one_process_speaks_for_a_user(workers: tuple[str, ...], story: list[WorkersMove]) -> None:
    broken = told(story, workers).broken
    assert broken is None, broken


def put(number: int = REGISTERS, seconds: float = 1.0, who: int = 0) -> WorkersMove:
    return WorkersMove("put", who, number, seconds)


def first(what: str, seconds: float, number: int = 0) -> WorkersMove:
    return WorkersMove(what, 0, number, seconds)


def second(what: str, seconds: float, number: int = 0) -> WorkersMove:
    return WorkersMove(what, 1, number, seconds)


FROZEN = (put(), put(seconds=0.0026), first("freeze", 12.0), first("thaw", 1.0))
"""The first process is frozen between the commit and the answer."""
ASKED_LATER = (put(ASKS), first("freeze", 0.0), put(ASKS, 12.0), first("thaw", 1.0))
"""The answer needs no row, as the user has no account yet."""
CUT_OFF = (put(), first("cut", 0.1), put(seconds=45.0), first("heal", 1.0))
TAKEN_AND_GIVEN_BACK = (
    *(put(), first("reset", 3.0), second("kill", 0.0), first("reset", 0.0), put(), first("reset", 3.0), put()),
)
ANSWER_LOST = (second("vanish", 1.0), put(), put(seconds=0.0026), first("reset", 1.0), put())
QUICK_CHANGE = (
    *(second("slow start", 0.0, 1), put(), put(seconds=0.0026), first("freeze", 0.001), first("reset", 0.3)),
    first("thaw", 1.0),
)
SLOW_STARTS = (put(), first("slow start", 0.0, 5), second("slow start", 0.0, 5), first("kill", 6.0))
GONE = (put(), first("vanish", 12.0))
MOVES_ON = (
    *(put(), second("kill", 1.0), put(who=1), put(ASKS, who=1, seconds=2.0), first("kill", 6.0), put(who=3)),
    put(ASKS, who=1, seconds=3.0),
)
"""Things come for alice to the worker that does not have her, also after a new start, and so she moves."""
HANDED_ON = (put(), put(ASKS, who=1, seconds=0.0056), WorkersMove("kill", 0, 0, 6.0), put(who=1))
"""The worker to which something is handed on is killed when it has it."""
ORDINARY = (put(), put(ASKS), put(ASKS + 10))
FULL = (
    *(put(), second("full", 0.0), *(put(number, 0.1) for number in range(ASKS, ASKS + 12, 2)), second("full", 9.0, 1)),
    *(second("kill", 9.0), put()),
)
"""The first process says ends that the log does not take, the second goes on without knowing, and ends."""
FULL_WITH_HANDED_ON = (
    *(WorkersMove("vanish", 2, 0, 0.1), put(), put(ASKS, who=1, seconds=0.005), second("full", 9.0, 0)),
    second("full", 9.0, 1),
)
"""Something handed on cannot be committed, and is taken into the log from the spare: nobody else is the worker then."""
STORIES = (
    *(FROZEN, ASKED_LATER, CUT_OFF, TAKEN_AND_GIVEN_BACK, ANSWER_LOST, QUICK_CHANGE, SLOW_STARTS, GONE, ORDINARY),
    FULL,
)


@pytest.mark.parametrize("story", STORIES)
def test_nothing_is_broken(story: tuple[WorkersMove, ...]) -> None:
    broken = told(story).broken
    assert broken is None, broken


@pytest.mark.parametrize("story", [MOVES_ON, HANDED_ON, FULL_WITH_HANDED_ON])
def test_what_comes_to_the_wrong_worker_is_handed_on_once(story: tuple[WorkersMove, ...]) -> None:
    done = told(story, TWO_WORKERS)
    assert done.broken is None, done.broken
    assert done.world.book.was_written


def said_before_the_commit(self: Engine, batch: Any, append: Callable[[], Any], then: Callable[..., None]) -> None:
    append()
    then([1] * len(batch.entries), batch, self.now())


def twice(self: Engine, issued: Any) -> None:
    self._dispatch(issued)
    self._dispatch(issued)


def ends_calls(self: Engine, batch: Any, error: BaseException) -> None:
    self._log_failed, self._sure_seconds = True, inf
    self._failed(str(error))
    self._keep(batch)


def forgetful(self: Engine, user: str, event: Any, _: object = None) -> None:
    if not isinstance(event, GatewayAsked):
        self._collect(user, event)


def mute(user: Any, recorded: Any) -> Any:
    after, issued, call = machine.fold(user, recorded)
    return after, issued[1:], call


class Mute:
    """A core of which the first command of each event is lost."""

    def __getattr__(self, name: str) -> Any:
        return mute if name == "fold" else getattr(machine, name)


def no_lock(session: Any, worker: Any) -> None:
    pass


def in_any_term(session: Any, worker: Any, term: Any, known: Any) -> None:
    lease._lock(session, worker)


def never(self: Server, recorded: Any) -> bool:
    return False


SPARE = process._SpareInMemory
WITH_TWO = (MOVES_ON, HANDED_ON, FULL_WITH_HANDED_ON)
MUTATIONS = {
    "commands before the commit": (Engine, "_ask", said_before_the_commit, ORDINARY, Rule.COMMITTED),
    "what is handed on is done twice": (Book, "done", lambda *_: None, HANDED_ON, Rule.SETTLED),
    "the spare forgets what is done": (SPARE, "came_of", lambda _: {}, FULL_WITH_HANDED_ON, Rule.FOLDED),
    "everybody is everyone's": (Routes, "owns", lambda *_: True, MOVES_ON, Rule.OWNER),
    "commands twice": (Engine, "_send", twice, ORDINARY, Rule.ONCE),
    "events are lost": (Engine, "put", forgetful, ORDINARY, Rule.KEPT),
    "commands are lost": (process, "machine", Mute(), ORDINARY, Rule.TRUE),
    "the log is asked once": (process, "SURE_SECONDS", inf, FROZEN, Rule.SILENT),
    "the log is not asked for answers": (process, "SURE_SECONDS", inf, ASKED_LATER, Rule.SILENT),
    "who is cut off ends the calls": (Engine, "_fail", ends_calls, CUT_OFF, Rule.SILENT),
    "nobody waits for the other to be silent": (process, "hush", lambda *_: 0.0, QUICK_CHANGE, Rule.ALONE),
    "nobody locks": (lease, "_lock", no_lock, ORDINARY, Rule.SILENT),
    "the term does not count": (store, "take_again", in_any_term, TAKEN_AND_GIVEN_BACK, Rule.VERSIONS),
    "nobody looks what is in the log": (Server, "found", never, ANSWER_LOST, Rule.VERSIONS),
    "silent sessions are left alone": (lease, "SILENT_SECONDS", 1e9, GONE, Rule.OWNED),
    "no signs of life": (heartbeat, "BEAT_SECONDS", 1e9, ORDINARY, Rule.SETTLED),
    "no early signs of life": (store, "live_until_used", lambda *_: None, SLOW_STARTS, Rule.SETTLED),
}


def noted_later(self: SimulatedStore, entries: Any, done: Any) -> Any:
    batch = list(entries)

    def work() -> list[int]:
        self._commit(batch)
        return self._commit([], lambda: self._book.done(done)) if done else [1] * len(batch)

    return self._in_fibre(work)


def test_what_is_handed_on_and_folded_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its worker is killed before it has noted that it is done."""
    monkeypatch.setattr(SimulatedStore, "append_done", noted_later)
    stories = [
        (put(), put(ASKS, who=1, seconds=seconds / 1000), first("kill", 6.0), second("kill", 6.0))
        for seconds in range(4, 14)
    ]
    assert Rule.FOLDED in [broken.rule for story in stories if (broken := told(story, TWO_WORKERS).broken)]


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_is_broken_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, wrong, story, rule = MUTATIONS[name]
    monkeypatch.setattr(where, what, wrong)
    broken = told(story, TWO_WORKERS if story in WITH_TWO else ONE_WORKER).broken
    assert broken is not None
    assert broken.rule == rule
