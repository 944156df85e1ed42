"""Restarts of a program, and the messages about them, on a clock that the test moves."""

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, capturedLogs, eventAsText
from twisted.python.failure import Failure

from fargo import texts
from fargo.processes import ProcessError
from fargo.supervisor import DELAYS, START_ATTEMPTS, STEADY_SECONDS, Supervisor

MINUTES = 60
NAME = "The probe"
NO_PORT = ProcessError("Port 5060 is in use. It said:\n  12:00:00 alas")


ENDED = texts.RESTARTING.format(name=NAME, why="It crashed.")
ENDLESS = texts.ENDLESS_ATTEMPTS.format(minutes=5)
RUNNING = texts.RUNNING_AGAIN.format(name=NAME)


def cannot_start(plan: str, why: object) -> str:
    return texts.CANNOT_START.format(name=NAME, plan=plan, why=why)


class Program:
    """A run that the test moves on by hand."""

    def __init__(self, ended: Callable[[str], None]) -> None:
        self.end = ended
        self.started: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        return self.started

    def stop(self) -> Deferred[None]:
        return self.gone


class Scene:
    """A supervisor of programs that start at once, or fail at once with `trouble`."""

    def __init__(self, trouble: Exception | None = None, *, is_given_up: bool = True) -> None:
        self.clock = Clock()
        self.trouble = trouble
        self.by_hand = False
        self.runs: list[Program] = []
        self.starts: list[float] = []
        self.losses: list[int] = []
        self.supervisor = Supervisor(NAME, self._make, self.clock, lambda: self.losses.append(len(self.runs)))
        self.outcome: list[object] = []
        if is_given_up:
            self.supervisor.start().addBoth(self.outcome.append)
        else:
            self.supervisor.keep_running()

    def _make(self, ended: Callable[[str], None]) -> Program:
        run = Program(ended)
        self.runs.append(run)
        self.starts.append(self.clock.seconds())
        if not self.by_hand:
            run.gone.callback(None)
            run.started.errback(self.trouble) if self.trouble else run.started.callback(None)
        return run

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([0.5] * int(seconds * 2))

    def wait(self) -> float:
        """Seconds until the next start."""
        count, begin = len(self.runs), self.clock.seconds()
        while len(self.runs) == count:
            assert self.clock.seconds() < begin + 60 * MINUTES, "it is never started again"
            self.pass_time(0.5)
        return self.clock.seconds() - begin

    def lose(self, why: str = "It crashed.") -> float:
        """End the running program; seconds until the next start."""
        self.runs[-1].end(why)
        return self.wait()


@pytest.fixture
def log() -> Iterator[Sequence[LogEvent]]:
    with capturedLogs() as events:
        yield events


def logged(log: Sequence[LogEvent], level: LogLevel) -> list[str]:
    return [eventAsText(event, False, False, False) for event in log if event["log_level"] is level]


def test_a_program_that_keeps_ending_is_started_after_growing_delays() -> None:
    scene = Scene()
    waits = [scene.lose() for _ in range(len(DELAYS) + 2)]
    assert waits == [0.5, *DELAYS[1:], DELAYS[-1], DELAYS[-1]]  # the test's clock has steps of half a second


def test_a_program_that_ran_for_a_while_is_started_at_once() -> None:
    scene = Scene()
    for _ in range(4):
        scene.lose()
    scene.pass_time(STEADY_SECONDS - 1)
    assert scene.lose() == DELAYS[4]
    scene.pass_time(STEADY_SECONDS)
    assert scene.lose() == 0.5


def test_each_end_and_each_recovery_is_logged(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    assert not log
    scene.lose("It crashed.")
    scene.lose("It crashed.")
    assert logged(log, LogLevel.error) == [ENDED] * 2
    assert logged(log, LogLevel.info) == [RUNNING] * 2


def test_an_outage_is_logged_once_however_often_the_start_is_tried(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    scene.trouble = NO_PORT
    scene.runs[-1].end("It crashed.")
    scene.pass_time(10 * MINUTES)
    assert 10 <= len(scene.starts) <= 25
    scene.trouble = None
    scene.wait()
    assert logged(log, LogLevel.error) == [ENDED, cannot_start(ENDLESS, NO_PORT)]
    assert logged(log, LogLevel.info) == [RUNNING]
    scene.trouble = NO_PORT
    scene.lose()
    assert len(logged(log, LogLevel.error)) == 4, "the next outage is told like the first"


def test_another_reason_in_the_same_outage_is_logged_too(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    scene.trouble = NO_PORT
    scene.lose()
    scene.trouble = ProcessError("There is no such program.")
    scene.wait()
    scene.trouble = ProcessError(str(NO_PORT).replace("12:00:00", "12:00:01"))
    scene.wait()
    assert logged(log, LogLevel.error) == [
        ENDED,
        cannot_start(ENDLESS, NO_PORT),
        cannot_start(ENDLESS, "There is no such program."),
    ]


def test_a_program_that_has_run_is_never_given_up() -> None:
    scene = Scene()
    scene.trouble = NO_PORT
    scene.lose()
    for _ in range(5 * START_ATTEMPTS):
        assert scene.wait() <= 5 * MINUTES
    scene.trouble = None
    scene.wait()
    assert scene.supervisor.running is scene.runs[-1]


def test_a_program_to_be_kept_running_is_not_given_up_before_it_has_run(log: Sequence[LogEvent]) -> None:
    scene = Scene(NO_PORT, is_given_up=False)
    for _ in range(5 * START_ATTEMPTS):
        assert scene.wait() <= 5 * MINUTES
    scene.trouble = None
    scene.wait()
    assert scene.supervisor.running is scene.runs[-1]
    assert logged(log, LogLevel.error) == [cannot_start(ENDLESS, NO_PORT)]


def test_at_start_up_it_is_given_up_after_ten_failures(log: Sequence[LogEvent]) -> None:
    scene = Scene(NO_PORT)
    scene.pass_time(60 * MINUTES)
    assert len(scene.starts) == START_ATTEMPTS == 10
    assert scene.starts[-1] < 1.5 * MINUTES
    [failure] = scene.outcome
    assert isinstance(failure, Failure)
    assert isinstance(failure.value, ProcessError)
    assert str(failure.value) == texts.GIVEN_UP.format(name=NAME, attempts=10, why=NO_PORT)
    assert logged(log, LogLevel.error) == [cannot_start(texts.LIMITED_ATTEMPTS.format(attempts=10), NO_PORT)]


def test_at_start_up_it_may_fail_nine_times(log: Sequence[LogEvent]) -> None:
    scene = Scene(NO_PORT)
    while len(scene.starts) < START_ATTEMPTS - 1:
        scene.wait()
    scene.trouble = None
    assert scene.outcome == []
    scene.wait()
    assert scene.outcome == [None]
    assert logged(log, LogLevel.info) == [RUNNING]


def test_a_bug_in_starting_is_a_failure_like_others(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    scene.trouble = ZeroDivisionError("a bug")
    scene.lose()
    scene.wait()
    scene.trouble = None
    scene.wait()
    assert scene.supervisor.running
    assert "ZeroDivisionError: a bug" in logged(log, LogLevel.error)[1]
    assert len(logged(log, LogLevel.error)) == 2


def test_it_is_told_of_each_loss_before_the_next_start() -> None:
    scene = Scene()
    for _ in range(3):
        scene.lose()
    assert scene.losses == [1, 2, 3]


def test_the_next_start_waits_until_the_last_run_is_gone() -> None:
    scene = Scene()
    scene.by_hand = True
    scene.lose()
    second = scene.runs[-1]
    second.started.callback(None)
    second.end("It crashed.")
    scene.pass_time(10)
    assert scene.runs[-1] is second
    second.gone.callback(None)
    scene.wait()
    third = scene.runs[-1]
    third.started.errback(NO_PORT)
    scene.pass_time(10)
    assert scene.runs[-1] is third
    third.gone.callback(None)
    scene.wait()


def test_an_end_before_it_was_ready_is_a_failure_to_start(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    scene.by_hand = True
    scene.lose()
    scene.runs[-1].end("It left.")
    scene.pass_time(10)
    assert len(scene.runs) == 2
    assert scene.losses == [1]
    assert len(logged(log, LogLevel.error)) == 1


def test_whoever_waits_gets_the_next_run() -> None:
    scene = Scene()
    got: list[object] = []
    scene.supervisor.when_running().addCallback(got.append)
    scene.runs[0].end("It crashed.")
    assert scene.supervisor.running is None
    scene.supervisor.when_running().addCallback(got.append)
    assert got == scene.runs[:1]
    scene.wait()
    assert got == scene.runs[:2]


def test_whoever_waits_no_longer_is_forgotten() -> None:
    scene = Scene()
    scene.runs[0].end("It crashed.")
    got: list[object] = []
    impatient = scene.supervisor.when_running()
    scene.supervisor.when_running().addCallback(got.append)
    impatient.addErrback(lambda failure: failure.trap(CancelledError) and None)
    impatient.cancel()
    kept = weakref.ref(impatient)
    del impatient
    gc.collect()
    assert kept() is None, "an outage may be long, and many may come and go"
    scene.wait()
    assert got == scene.runs[1:]


def test_nothing_is_started_once_it_is_stopped(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    scene.runs[0].end("It crashed.")
    assert scene.supervisor.stop().called
    scene.pass_time(10 * MINUTES)
    assert len(scene.runs) == 1
    assert not scene.clock.getDelayedCalls()


def test_it_can_be_stopped_while_the_last_run_is_ending() -> None:
    scene = Scene()
    scene.by_hand = True
    scene.lose()
    run = scene.runs[-1]
    run.started.callback(None)
    run.end("It left.")
    gone = scene.supervisor.stop()
    run.gone.callback(None)
    assert gone.called
    scene.pass_time(10 * MINUTES)
    assert len(scene.runs) == 2


@pytest.mark.parametrize("fails", [True, False])
def test_it_can_be_stopped_while_it_starts(log: Sequence[LogEvent], fails: bool) -> None:
    scene = Scene()
    scene.by_hand = True
    scene.lose()
    run = scene.runs[-1]
    gone = scene.supervisor.stop()
    run.started.errback(NO_PORT) if fails else run.started.callback(None)
    assert not gone.called
    run.gone.callback(None)
    assert gone.called
    scene.pass_time(10 * MINUTES)
    assert len(scene.runs) == 2
    assert scene.supervisor.running is None
    assert len(log) == 1, "only the end before"


def test_stopping_a_running_program_is_no_outage(log: Sequence[LogEvent]) -> None:
    scene = Scene()
    assert scene.supervisor.stop().called
    scene.runs[0].end("It was told to.")
    scene.pass_time(10 * MINUTES)
    assert (len(scene.runs), log, scene.losses) == (1, [], [])
    assert not scene.clock.getDelayedCalls()
