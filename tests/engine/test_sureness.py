"""An engine of a worker speaks only if its log is its own for sure."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from fargo.statemachine.model.events import PresenceProbed, SipSignedIn
from fargo.store.entries import Entry
from fargo.store.interface import LeaseLostError, StoreError

from .bench import ALICE, Bench, out


class AskedLog:
    """A log that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[Entry], Deferred[list[int]]]] = []

    def append(self, entries: Iterable[Entry]) -> Deferred[list[int]]:
        self.asked.append((list(entries), Deferred()))
        return self.asked[-1][1]

    def answer(self) -> None:
        entries, answer = self.asked.pop(0)
        answer.callback([1] * len(entries))

    def lose(self) -> None:
        self.asked.pop(0)[1].errback(LeaseLostError("Another has it."))


@pytest.fixture
def sure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bench, AskedLog]]:
    """An engine that is sure of its log for a second."""
    bench, log = Bench(tmp_path / "fargo.db", sure_seconds=1.0), AskedLog()
    monkeypatch.setattr(bench.log, "append", log.append)
    yield bench, log
    bench.log.close()


@pytest.mark.parametrize("lost", [False, True])
def test_a_log_that_took_its_time_is_asked_once_more(sure: tuple[Bench, AskedLog], lost: bool) -> None:
    """The process may have been stopped meanwhile."""
    bench, log = sure
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    bench.run(1.1)
    log.answer()
    assert bench.sent == []
    [(entries, _)] = log.asked
    assert entries == []
    if lost:
        log.lose()
    else:
        log.answer()
    assert (len(bench.sent), bench.engine.is_lost) == ((0, True) if lost else (2, False))


@pytest.mark.parametrize("lost", [False, True])
def test_the_log_is_asked_for_what_needs_no_row_too(sure: tuple[Bench, AskedLog], lost: bool) -> None:
    bench, log = sure
    bench.engine.put(ALICE, PresenceProbed("gateway"))
    bench.run()
    assert bench.sent == []
    if lost:
        log.lose()
        assert bench.sent == []
        return
    log.answer()
    bench.run(0.9)
    bench.engine.put(ALICE, PresenceProbed("gateway"))
    bench.run()
    assert len(bench.sent) == 2
    assert log.asked == [], "it was asked a moment ago"


def test_a_log_that_neither_takes_a_batch_nor_says_whose_it_is_has_nothing_said(sure: tuple[Bench, AskedLog]) -> None:
    bench, log = sure
    bench.engine.put(ALICE, out("a"))
    bench.run()
    bench.run(2)
    for _ in range(2):
        assert bench.sent == []
        log.asked.pop(0)[1].errback(StoreError("The disk is full."))
    assert (bench.sent, bench.engine.is_lost, len(bench.failures), len(bench.spared)) == ([], True, 1, 1)
