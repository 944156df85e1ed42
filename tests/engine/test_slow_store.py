"""A store that takes its time: what comes meanwhile waits for the commit."""

import sqlite3

from store.backends import DELAY

from fargo import texts
from fargo.statemachine.model.commands import SignOut
from fargo.statemachine.model.events import SipSignedIn, Stopping

from .bench import ALICE, BOB, START, Bench, out


def test_commands_wait_for_the_commit(delayed: Bench) -> None:
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.run()
    delayed.run(DELAY / 2)
    assert (delayed.sent, delayed.recorded(), delayed.engine.busy()) == ([], [], [])
    delayed.run(DELAY / 2)
    assert [each.id for each in delayed.sent] == ["1.0", "1.1"]
    assert delayed.recorded() == [(ALICE, 1, START, SipSignedIn("a"))]
    assert delayed.engine.busy() == [ALICE]


def test_what_comes_during_a_commit_is_the_next_batch(delayed: Bench) -> None:
    for text in "abc":
        delayed.engine.put(ALICE, SipSignedIn(text))
        delayed.engine.put(BOB, out(text))
        delayed.run(DELAY / 4)
    assert delayed.recorded() == []
    delayed.run(DELAY)
    assert [(user, event) for user, _, _, event in delayed.recorded()] == [(ALICE, SipSignedIn("a")), (BOB, out("a"))]
    delayed.run()
    delayed.run(DELAY)
    assert [(version, event) for user, version, _, event in delayed.recorded() if user == ALICE] == [
        (1, SipSignedIn("a")),
        (2, SipSignedIn("b")),
        (3, SipSignedIn("c")),
    ]
    assert [each.id for each in delayed.sent] == ["1.0", "1.1", "2.0", "2.1", "3.0", "3.1"]
    assert len(delayed.log) == 6


def test_the_time_of_an_event_is_when_it_came(delayed: Bench) -> None:
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.run(DELAY / 2)
    delayed.engine.put(BOB, SipSignedIn("b"))
    for _ in range(4):
        delayed.run(DELAY)
    assert [at for _, _, at, _ in delayed.recorded()] == [START, START + DELAY / 2]


def test_a_deadline_is_armed_after_the_commit(delayed: Bench) -> None:
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.run()
    assert [call.getTime() for call in delayed.clock.calls] == [DELAY]
    delayed.run(DELAY)
    assert [call.getTime() for call in delayed.clock.calls] == [30]


def test_news_for_all_reach_who_is_being_committed(delayed: Bench) -> None:
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.run()
    delayed.engine.broadcast(Stopping())
    delayed.run(DELAY)
    delayed.run()
    delayed.run(DELAY)
    assert [event for *_, event in delayed.recorded()] == [SipSignedIn("a"), Stopping()]


def test_stopping_waits_for_the_commit_and_for_what_came_meanwhile(delayed: Bench) -> None:
    stopped: list[object] = []
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.run()
    delayed.engine.put(ALICE, SipSignedIn("b"))
    delayed.engine.stop().addCallback(stopped.append)
    delayed.engine.put(ALICE, SipSignedIn("too late"))
    delayed.run(DELAY)
    assert (stopped, len(delayed.sent)) == ([], 2)
    delayed.run()
    assert stopped == []
    delayed.run(DELAY)
    assert (stopped, len(delayed.sent)) == ([None], 4)
    assert [event for *_, event in delayed.recorded()] == [SipSignedIn("a"), SipSignedIn("b")]
    assert not delayed.clock.getDelayedCalls()


def test_stopping_commits_what_was_put_in_the_same_turn(delayed: Bench) -> None:
    stopped: list[object] = []
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.engine.stop().addCallback(stopped.append)
    delayed.run()
    assert stopped == []
    delayed.run(DELAY)
    assert (stopped, len(delayed.sent)) == ([None], 2)


def test_it_is_settled_when_nothing_is_left_to_commit(delayed: Bench) -> None:
    settled: list[object] = []
    delayed.engine.settled().addCallback(settled.append)
    assert settled == [None]
    delayed.engine.put(ALICE, SipSignedIn("a"))
    for _ in range(2):
        delayed.engine.settled().addCallback(settled.append)
    delayed.run()
    delayed.engine.put(ALICE, SipSignedIn("b"))
    delayed.run(DELAY)
    assert (settled, len(delayed.sent)) == ([None], 2)
    delayed.run()
    delayed.run(DELAY)
    assert (settled, len(delayed.sent)) == ([None, None, None], 4)
    assert delayed.engine.is_open


def test_stopping_is_done_at_once_if_the_store_is(bench: Bench) -> None:
    stopped: list[object] = []
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.stop().addCallback(stopped.append)
    assert (stopped, len(bench.sent)) == ([None], 2)


def test_a_commit_that_fails_late_lets_ends_be_said(delayed: Bench) -> None:
    stopped: list[object] = []
    delayed.engine.put(ALICE, SipSignedIn("begins"))
    delayed.run()
    delayed.engine.put(ALICE, SipSignedIn("begins"))
    delayed.engine.stop().addCallback(stopped.append)
    with sqlite3.connect(delayed.path) as other:
        other.execute("create trigger full before insert on events begin select raise(abort, 'no space'); end")
    delayed.run(DELAY)
    delayed.run(100)
    assert [each.command for each in delayed.sent] == [SignOut("begins")] * 2
    assert [each.version for each, _ in delayed.spared] == [1, 2]
    assert (len(delayed.log), stopped, delayed.engine.is_open) == (0, [None], False)
    why = f"{delayed.path} cannot be used as a log: no space."
    assert delayed.failures == [texts.COMMIT_FAILED.format(why=why)]


def test_a_user_who_is_being_committed_is_not_forgotten(delayed: Bench) -> None:
    delayed.engine.put(ALICE, out("a"))
    delayed.run()
    delayed.run(DELAY)
    delayed.engine.put(ALICE, out("b"))
    delayed.engine.forget(ALICE, 1)
    delayed.run()
    delayed.engine.forget(ALICE, 1)
    delayed.run(DELAY)
    assert [version for _, version, *_ in delayed.recorded()] == [1, 2]
    delayed.engine.forget(ALICE, 2)
    assert delayed.recorded() == []
