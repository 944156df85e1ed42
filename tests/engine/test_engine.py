"""Everything that is sent is in the log, and the log is in order."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest
from store.backends import DELAY
from twisted.logger import capturedLogs

from fargo import texts
from fargo.engine import steady_clock
from fargo.statemachine import machine
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import (
    Issued,
    SendPresence,
    SignOut,
)
from fargo.statemachine.model.events import (
    DrainChanged,
    IqSucceeded,
    PolicyChanged,
    PresenceProbed,
    Restarted,
    RoomChanged,
    SipSignedIn,
    Stopping,
    TimePassed,
)
from fargo.statemachine.model.rules import RULES
from fargo.store.entries import Entry
from fargo.store.interface import LeaseLostError, StoreError
from fargo.store.opening import open_reader

from .bench import ALICE, BOB, START, Bench, Machine, State, out


def test_an_event_that_needs_no_row_is_answered_in_its_turn_and_not_written(delayed: Bench) -> None:
    bench = delayed
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.put(ALICE, PresenceProbed("b"))
    bench.engine.put(ALICE, SipSignedIn("c"))
    bench.run()
    assert bench.sent == [], "nothing leaves before the log has what came before it"
    bench.run(DELAY)
    assert [type(each.command) for each in bench.sent] == [SignOut, SignOut, SendPresence, SignOut, SignOut]
    assert [version for _, version, _, _ in bench.recorded()] == [1, 2]
    bench.sent.clear()
    bench.engine.put(BOB, PresenceProbed("b"))
    settled = bench.engine.settled()
    bench.run()
    assert [each.user for each in bench.sent] == [BOB]
    assert settled.called
    assert bench.engine.users() == [ALICE]


def test_the_size_of_what_is_written_is_told(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.put(BOB, SipSignedIn("a" * 1000))
    bench.engine.put(BOB, PresenceProbed("b"))
    bench.run()
    [(first, small), (second, large)] = bench.written
    assert (first.user, second.user) == (ALICE, BOB)
    assert 0 < small < 2000 < 3000 < large < 4000


def test_the_log_names_the_call_of_an_event_and_the_rules(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.put(ALICE, out(""))
    bench.run()
    assert [(recorded.call, recorded.rules) for recorded, _ in bench.log.read()] == [(None, RULES), ("1", RULES)]
    assert [recorded.event for recorded, _ in bench.log.call(ALICE, "1")] == [out("")]


def test_a_turn_is_a_batch_and_its_commands_leave_in_order(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.put(BOB, SipSignedIn("b"))
    bench.engine.put(ALICE, out(""))
    assert (bench.sent, bench.recorded()) == ([], [])
    bench.run()
    assert bench.recorded() == [
        (ALICE, 1, START, SipSignedIn("a")),
        (BOB, 1, START, SipSignedIn("b")),
        (ALICE, 2, START, out("")),
    ]
    assert [(each.user, each.id) for each in bench.sent] == [(ALICE, "1.0"), (ALICE, "1.1"), (BOB, "1.0"), (BOB, "1.1")]
    assert [each for _, issued in bench.log.read() for each in issued] == bench.sent


def test_a_command_leaves_after_the_commit(path: Path) -> None:
    seen: list[int] = []
    bench = Bench(path, dispatch=lambda issued: seen.append(len(open_reader(path))))
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    assert seen == [1, 1]


def test_what_an_adapter_puts_while_it_is_dispatched_to_is_the_next_batch(path: Path) -> None:
    bench: Bench
    sizes: list[int] = []

    def dispatch(issued: Issued) -> None:
        bench.engine.put(BOB, out(issued.id))
        sizes.append(len(bench.log))

    bench = Bench(path, dispatch=dispatch)
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    assert sizes == [1, 1]
    assert [event for *_, event in bench.recorded()] == [SipSignedIn("a"), out("1.0"), out("1.1")]


@pytest.fixture
def failing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose log has one entry, of BOB, and takes no more."""
    take_no_more(bench, monkeypatch, StoreError("The disk is full."))
    return bench


def take_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch, why: StoreError) -> None:
    """Let the log of a bench have one entry, of BOB, and refuse all others."""

    def fail(entries: Iterable[Entry]) -> None:
        raise why

    bench.engine.put(BOB, SipSignedIn("b"))
    bench.run()
    del bench.sent[:]
    monkeypatch.setattr(bench.log, "append", fail)


def test_after_a_failing_commit_only_ends_are_said(failing: Bench) -> None:
    failing.engine.put(ALICE, SipSignedIn("begins"))
    failing.run()
    assert [each.command for each in failing.sent] == [SignOut("begins")]
    assert failing.failures == [texts.COMMIT_FAILED.format(why="The disk is full.")]
    failing.engine.broadcast(Stopping())
    failing.engine.put(ALICE, SipSignedIn("a"))
    failing.run()
    assert [each.command for each in failing.sent[1:]] == [SignOut("a"), SignOut("a!")]
    assert (len(failing.log), len(failing.failures)) == (1, 1)


def test_after_a_failing_commit_the_spare_gets_what_the_log_would_have_got(failing: Bench) -> None:
    failing.engine.put(ALICE, SipSignedIn("begins"))
    failing.run()
    failing.engine.broadcast(Stopping())
    failing.run()
    assert [(each.user, each.version, each.event) for each, _ in failing.spared] == [
        (ALICE, 1, SipSignedIn("begins")),
        (BOB, 2, Stopping()),
    ]
    assert len(failing.spared[0][1]) == 3, "also the commands that were not carried out"


def test_after_a_failing_commit_nobody_is_forgotten_and_deadlines_stay(failing: Bench) -> None:
    failing.engine.put(ALICE, out("a"))
    failing.run()
    failing.engine.forget(ALICE, 1)
    failing.engine.put(ALICE, out("b"))
    failing.run(30)
    assert [(each.version, each.event) for each, _ in failing.spared] == [
        (1, out("a")),
        (2, out("b")),
        (2, TimePassed()),
    ]
    stopped: list[object] = []
    failing.engine.stop().addCallback(stopped.append)
    assert (stopped, failing.engine.is_open) == ([None], False)


def test_who_has_lost_the_lease_says_nothing_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    take_no_more(bench, monkeypatch, LeaseLostError("Another has it."))
    bench.engine.put(ALICE, out("a"))
    bench.engine.put(BOB, out("b"))
    bench.run(60)
    bench.engine.broadcast(Stopping())
    bench.engine.put(BOB, out("c"))
    bench.run(60)
    stopped: list[object] = []
    bench.engine.stop().addCallback(stopped.append)
    assert (stopped, bench.sent, bench.spared, bench.failures) == ([None], [], [], ["Another has it."])
    assert (bench.engine.is_lost, bench.engine.is_open) == (True, False)


@pytest.mark.parametrize("committed", [True, False])
def test_a_lease_that_is_lost_during_a_commit_leaves_nothing_to_say(delayed: Bench, committed: bool) -> None:
    delayed.engine.put(ALICE, SipSignedIn("a"))
    delayed.run()
    if not committed:
        with sqlite3.connect(delayed.path) as other:
            other.execute("create trigger full before insert on events begin select raise(abort, 'no space'); end")
    delayed.engine.lose(LeaseLostError("Another has it."))
    delayed.run(60)
    assert len(delayed.log) == int(committed)
    assert (delayed.sent, delayed.spared, delayed.failures) == ([], [], ["Another has it."])


def test_time_never_goes_back_within_a_stream(path: Path) -> None:
    bench = Bench(path)
    bench.engine.put(ALICE, out(""))
    bench.run(1)
    bench.start -= 3600
    bench.engine.put(ALICE, out(""))
    bench.engine.put(BOB, out(""))
    bench.run()
    assert [at for _, _, at, _ in bench.recorded()] == [START, START, START - 3599]
    bench.log.close()
    later = Bench(path, start=START - 7200)
    later.engine.load()
    later.engine.put(ALICE, out(""))
    later.run()
    assert later.recorded()[-1] == (ALICE, 3, START, out(""))


def test_the_clock_is_the_wall_clock_and_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fargo.engine.time", lambda: 1000.0)
    monkeypatch.setattr("fargo.engine.monotonic", lambda: 5.0)
    now = steady_clock()
    monkeypatch.setattr("fargo.engine.time", lambda: 0.0)
    monkeypatch.setattr("fargo.engine.monotonic", lambda: 7.0)
    assert now() == 1002.0


def test_a_user_whose_idleness_is_unknown_costs_the_others_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(path)
    for user in (ALICE, BOB):
        bench.engine.put(user, SipSignedIn("c"))
    bench.run()
    bench.log.close()

    is_idle = Machine.is_idle

    def broken(machine: Machine, state: State) -> bool:
        if state.jid == ALICE:
            raise ZeroDivisionError("a bug")
        return is_idle(machine, state)

    monkeypatch.setattr(Machine, "is_idle", broken)
    again = Bench(path)
    again.engine.load()
    again.engine.broadcast(Restarted())
    with capturedLogs() as said:
        again.run()
    assert [(user, version) for user, version, _, event in again.recorded() if event == Restarted()] == [
        (ALICE, 2),
        (BOB, 2),
    ]
    assert again.engine.busy() == [ALICE, BOB]
    assert [event["log_format"] for event in said] == [texts.IDLE_BUG]


def test_what_was_known_before_a_crash_is_known_again(path: Path) -> None:
    bench = Bench(path)
    bench.engine.put(ALICE, SipSignedIn("secret"))
    bench.engine.put(BOB, out(""))
    bench.run()
    bench.log.close()  # without stopping the engine, as in a crash

    again = Bench(path, start=START + 10)
    assert again.engine.load() == {"secret"}
    assert again.machine.users == bench.machine.users
    assert again.engine.busy() == [ALICE]
    again.engine.broadcast(Restarted())
    again.run()
    assert again.recorded()[2:] == [(ALICE, 2, START + 10, Restarted())]
    assert [call.getTime() for call in again.clock.calls] == [20]
    assert again.sent == []


def test_news_for_all_reach_those_who_have_anything_open(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.put(BOB, out(""))
    bench.run()
    bench.engine.broadcast(Stopping())
    bench.run()
    assert bench.recorded()[2:] == [(ALICE, 2, START, Stopping())]


def test_stopping_commits_what_was_put_and_takes_no_more(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.stop()
    bench.engine.put(ALICE, SipSignedIn("b"))
    bench.run(100)
    assert [event for *_, event in bench.recorded()] == [SipSignedIn("a")]
    assert len(bench.sent) == 2


def test_a_value_that_the_log_could_not_give_back_harms_nobody(bench: Bench) -> None:
    bench.engine.put(ALICE, IqSucceeded("1.0", "\ud800"))
    bench.engine.put(BOB, out(""))
    bench.run()
    assert [user for user, *_ in bench.recorded()] == [BOB]
    assert bench.failures == []


def test_a_bug_is_counted_and_said_loudly(bench: Bench) -> None:
    with capturedLogs() as said:
        bench.engine.put(ALICE, out("bug"))
        bench.run()
    assert bench.engine.faults == 1
    assert bench.sent == []
    [event] = [event for event in said if event["log_namespace"].startswith("fargo.")]
    assert (event["log_level"].name, event["log_format"]) == ("error", texts.FAULT_IN_CALL)


def test_a_bug_outside_of_a_call_names_none(bench: Bench) -> None:
    with capturedLogs() as said:
        bench.engine.put(ALICE, out("bug outside"))
        bench.run()
    assert texts.FAULT in [event["log_format"] for event in said]


def test_a_bug_in_an_adapter_costs_only_its_command(path: Path) -> None:
    sent: list[str] = []

    def dispatch(issued: Issued) -> None:
        if issued.id == "1.0":
            raise KeyError("a bug")
        sent.append(issued.id)

    bench = Bench(path, dispatch=dispatch)
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.run()
    assert (sent, bench.failures) == (["1.1"], [])


def test_the_real_machine_fits(path: Path) -> None:
    bench = Bench(path, machine=machine)
    bench.engine.load()
    bench.engine.put(ALICE, Restarted())
    bench.run()
    assert bench.recorded() == [(ALICE, 1, START, Restarted())]


def test_the_policy_is_told_before_anything_else_and_once(path: Path) -> None:
    relayed = Policy("auto", relay=True)
    bench = Bench(path, policy=relayed)
    bench.engine.put(ALICE, SipSignedIn("1"))
    bench.engine.put(ALICE, SipSignedIn("2"))
    bench.run()
    assert [event for *_, event in bench.recorded()] == [PolicyChanged(relayed), SipSignedIn("1"), SipSignedIn("2")]


def test_another_policy_reaches_everyone_who_has_anything_open_once(path: Path) -> None:
    bench = Bench(path)
    for jid in (ALICE, BOB):
        bench.engine.put(jid, SipSignedIn("1"))
    bench.run()
    before, relayed = len(bench.recorded()), Policy("auto", relay=True)
    bench.engine.put(ALICE, out("in the same turn"))
    bench.engine.change_policy(relayed)
    bench.engine.change_policy(relayed)
    bench.run()
    told = [(jid, event) for jid, _, _, event in bench.recorded()[before:]]
    changed = PolicyChanged(relayed)
    assert told == [(ALICE, changed), (ALICE, out("in the same turn")), (BOB, changed)]


def test_a_policy_that_is_known_from_the_log_is_not_told_again(path: Path) -> None:
    for policy in (Policy("relay", relay=True), Policy("relay", relay=True), Policy()):
        bench = Bench(path, policy=policy)
        bench.engine.load()
        bench.engine.put(ALICE, SipSignedIn("1"))
        bench.run()
        bench.log.close()
    told = [event.policy for *_, event in Bench(path).recorded() if isinstance(event, PolicyChanged)]
    assert told == [Policy("relay", relay=True), Policy()]


def test_each_user_is_told_of_room_and_drain_before_anything_else_and_once(path: Path) -> None:
    relayed = Policy(relay=True)
    bench = Bench(path, policy=relayed)
    bench.engine.put(BOB, SipSignedIn("1"))
    bench.run()
    bench.engine.no_room = bench.engine.draining = True
    bench.engine.put(ALICE, SipSignedIn("1"))
    bench.engine.put(ALICE, SipSignedIn("2"))
    bench.run()
    bench.engine.no_room = bench.engine.draining = False
    bench.engine.put(ALICE, SipSignedIn("3"))
    bench.engine.put(BOB, SipSignedIn("2"))
    bench.run()
    told = {user: [event for jid, *_, event in bench.recorded() if jid == user] for user in (ALICE, BOB)}
    assert told[BOB] == [PolicyChanged(relayed), SipSignedIn("1"), SipSignedIn("2")], "who did nothing was not told"
    assert told[ALICE] == [
        PolicyChanged(relayed),
        *(RoomChanged(True), DrainChanged(True)),
        *(SipSignedIn("1"), SipSignedIn("2")),
        *(RoomChanged(False), DrainChanged(False), SipSignedIn("3")),
    ]


def test_news_for_all_reach_who_has_something_open_only_since_this_turn(bench: Bench) -> None:
    bench.engine.put(ALICE, SipSignedIn("a"))
    bench.engine.broadcast(Stopping())
    bench.engine.put(BOB, SipSignedIn("b"))
    bench.run()
    assert [(user, event) for user, _, _, event in bench.recorded()] == [
        (ALICE, SipSignedIn("a")),
        (ALICE, Stopping()),
        (BOB, SipSignedIn("b")),
    ]
