"""The numbers of what is handed on: they are told at once, and the store is not asked more than once for them."""

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from fargo.operations.values import HandedOnFigures, WaitingThings
from fargo.store.interface import StoreAwayError
from fargo.store.ownership import WrittenFor
from fargo.workers import texts
from fargo.workers.figures import ANSWER_SECONDS, HandedOnCount


class Slow:
    """A store that answers later."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def waiting(self) -> None:
        raise AssertionError("this takes its time")

    def aside(self, work: Any) -> Deferred[Any]:
        assert work == self.waiting
        self.asked.append(Deferred())
        return self.asked[-1]


def counts() -> tuple[HandedOnCount, Slow, Clock, list[HandedOnFigures]]:
    """A count of which two ask for the numbers, whom it tells."""
    slow, clock = Slow(), Clock()
    count, told = HandedOnCount(cast(Any, slow), clock), list[HandedOnFigures]()
    count.given, count.taken = 4, 3
    for _ in range(2):
        count.figures().addCallback(told.append)
    return count, slow, clock, told


def test_the_store_is_asked_once_for_all() -> None:
    _, slow, clock, told = counts()
    assert told == []
    (asked,) = slow.asked
    asked.callback({"b": WrittenFor(2, 1.23456)})
    assert told == [HandedOnFigures(4, 3, {"b": WaitingThings(2, 1.235)})] * 2
    assert clock.getDelayedCalls() == []


def test_a_store_that_is_away_is_not_waited_for() -> None:
    count, slow, clock, told = counts()
    clock.advance(ANSWER_SECONDS)
    assert told == [HandedOnFigures(4, 3, None)] * 2
    count.figures().addCallback(told.append)
    assert len(slow.asked) == 1, "it has not answered yet"
    slow.asked[0].errback(StoreAwayError("It is away."))
    assert told == [HandedOnFigures(4, 3, None)] * 3
    count.figures()
    assert len(slow.asked) == 2


def test_a_bug_is_logged_and_costs_no_status() -> None:
    _, slow, _, told = counts()
    with capturedLogs() as said:
        slow.asked[0].errback(ZeroDivisionError())
    assert told == [HandedOnFigures(4, 3, None)] * 2
    assert [each["log_format"] for each in said] == [texts.NOT_COUNTED]
