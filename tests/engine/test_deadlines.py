"""Timers follow from the deadlines of the states."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from twisted.logger import capturedLogs

from fargo import texts
from fargo.statemachine.model.events import SipSignedIn, TimePassed

from .bench import ALICE, BOB, START, Bench, State, out


def test_the_earliest_deadline_is_armed_and_cleared(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    assert [call.getTime() for call in bench.clock.calls] == [30]
    bench.run(10)
    bench.engine.put(ALICE, SipSignedIn("b"))
    bench.run()
    assert [call.getTime() for call in bench.clock.calls] == [40]
    bench.run(30)
    bench.run()
    assert bench.recorded()[-1] == (ALICE, 3, START + 40, TimePassed())
    assert not bench.clock.getDelayedCalls()


def test_a_deadline_that_stays_keeps_its_timer(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    [timer] = bench.clock.calls
    bench.engine.put(ALICE, out(""))
    bench.run(1)
    assert bench.clock.calls == [timer]
    assert timer.active()
    bench.engine.put(ALICE, SipSignedIn("b"))
    bench.run(1)
    assert bench.clock.calls == [timer]
    assert timer.getTime() == 31


def test_nothing_is_logged_before_a_deadline_is_due(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    bench.start -= 4  # the reactor's clock is ahead of ours
    bench.run(30)
    bench.run()
    assert len(bench.log) == 1
    bench.run(4)
    bench.run()
    assert bench.recorded()[-1] == (ALICE, 2, START + 30, TimePassed())


def test_a_deadline_that_does_not_go_away_cannot_spin(bench: Bench) -> None:
    bench.engine.put(ALICE, out("stuck"))
    bench.run()
    assert [event for *_, event in bench.recorded()] == [out("stuck"), TimePassed()]
    for _ in range(1000):
        bench.run(1)
    times = [at for _, _, at, event in bench.recorded() if isinstance(event, TimePassed)]
    assert [round(later - at) for at, later in pairwise(times)] == [2, 4, 8, 16, 32, 64, 128, 256, 300]


def test_a_user_whose_deadlines_fail_harms_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    next_due: Callable[[State], float | None] = bench.machine.next_due

    def fails_for_alice(state: State) -> float | None:
        if state.jid == ALICE:
            raise KeyError("a bug")
        return next_due(state)

    monkeypatch.setattr(bench.machine, "next_due", fails_for_alice)
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.put(BOB, SipSignedIn("b"))
    with capturedLogs() as said:
        bench.run()
    assert [(each.user, each.id) for each in bench.sent] == [(ALICE, "1.0"), (ALICE, "1.1"), (BOB, "1.0"), (BOB, "1.1")]
    assert [call.getTime() for call in bench.clock.calls] == [30]
    assert texts.DEADLINES_BUG in [event["log_format"] for event in said]


def test_a_command_leaves_before_a_timer_is_set(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    next_due: Callable[[State], float | None] = bench.machine.next_due

    def noted(state: State) -> float | None:
        sent.append(len(bench.sent))
        return next_due(state)

    monkeypatch.setattr(bench.machine, "next_due", noted)
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    assert sent == [2]


def test_a_timer_stays_if_the_state_does(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose state is the same object is not asked for deadlines again."""
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    asked: list[str] = []
    next_due: Callable[[State], float | None] = bench.machine.next_due

    def noted(state: State) -> float | None:
        asked.append(state.jid)
        return next_due(state)

    monkeypatch.setattr(bench.machine, "next_due", noted)
    monkeypatch.setattr(bench.machine, "fold", lambda state, recorded: (state, (), None))
    bench.engine.put(ALICE, SipSignedIn("b"))
    bench.engine.put(BOB, SipSignedIn("b"))
    bench.run()
    assert asked == [BOB]
    assert [call.getTime() for call in bench.clock.calls] == [30]
