"""Old events leave the log and the disk; the rest goes on as if they were there."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from fargo import texts
from fargo.calls import records
from fargo.engine import Engine
from fargo.retention import NotRetiredError, Retention, retire
from fargo.statemachine import machine, snapshot
from fargo.statemachine.account.account_state import Account
from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import (
    Event,
    PresenceProbed,
    Recorded,
    RegistrationCancelled,
    RegistrationSubmitted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Snapshot,
    StreamOpened,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.rules import RULES
from fargo.statemachine.user_state import User
from fargo.store.interface import StoreError, SynchronousStore
from fargo.store.opening import open_store
from replay.reading import golden
from replay.verifying.verify import verify

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
GATEWAY = "sip.example.org"
SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))
LONG_AFTER = 4e9
DAY = 86400.0


def registers(jid: str) -> tuple[Event, ...]:
    iq = Iq(f"{jid}/desk", GATEWAY, "r1")
    return RegistrationSubmitted(iq, SipAccount(f"{jid.partition('@')[0]}@sip.test"), "s", "n"), SipSignedIn("1.0")


def record(log: SynchronousStore, jid: str, *events: Event, at: float = 1e9) -> User:
    """Append events of a user, a second apart, from the user's state."""
    user = new(jid)
    version = 0
    for recorded, _ in log.read(jid):
        user, *_ = fold(user, recorded)
        version = recorded.version
    for number, event in enumerate(events, 1):
        recorded = Recorded(jid, version + number, at + number - 1, event)
        user, issued, call = fold(user, recorded)
        log.append([(recorded.folded(call), issued)])
    return user


def folded(log: SynchronousStore, jid: str) -> User:
    user = new(jid)
    for recorded, _ in log.read(jid):
        user, *_ = fold(user, recorded)
    return user


def on_disk(path: Path) -> bytes:
    """All that is in the log's files."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(path.name + "*")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fargo.db"


@pytest.fixture
def log(path: Path) -> Iterator[SynchronousStore]:
    with closing(open_store(path)) as store:
        yield store


def test_an_old_account_stays_and_its_past_leaves(log: SynchronousStore) -> None:
    before = record(log, ALICE, *registers(ALICE), *[PresenceProbed(GATEWAY)] * 10)
    assert sum(retire(log, LONG_AFTER)) == 11
    ((recorded, _),) = log.read()
    assert isinstance(recorded.event, Snapshot)
    assert (recorded.version, recorded.at) == (12, 1e9 + 11)
    assert folded(log, ALICE) == before
    assert verify(log.read()).differences == 0
    assert sum(retire(log, LONG_AFTER)) == 0


def test_only_what_is_old_leaves(log: SynchronousStore) -> None:
    record(log, ALICE, *registers(ALICE), *[PresenceProbed(GATEWAY)] * 3)
    before = record(log, ALICE, *[PresenceProbed(GATEWAY)] * 3, at=1e9 + DAY)
    assert sum(retire(log, 1e9 + DAY)) == 4
    assert [recorded.version for recorded, _ in log.read()] == [5, 6, 7, 8]
    assert [recorded.version for recorded in log.events()] == [5, 6, 7, 8]
    assert folded(log, ALICE) == before
    record(log, ALICE, PresenceProbed(GATEWAY), at=1e9 + 2 * DAY)
    assert [recorded.version for recorded in log.events()] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("session", SESSIONS[::4], ids=lambda session: session.stem)
def test_sessions_leave_whole_and_what_is_left_verifies(log: SynchronousStore, session: Path) -> None:
    log.append(golden.read(session))
    users = {recorded.user: folded(log, recorded.user) for recorded, _ in log.read()}
    times = sorted({recorded.at for recorded, _ in log.read()})
    was = {each.name: each for each in records(log.call_entries())}
    for before in (*times[:: max(1, len(times) // 6)], LONG_AFTER):
        list(retire(log, before))
        assert verify(log.read()).differences == 0
        assert all(was[each.name] == each for each in records(log.call_entries())), (
            "a call is there as it was, or not at all"
        )
        assert {jid: folded(log, jid) for jid in users} == users
    if all(condensed(user) for user in users.values()):
        assert records(log.call_entries()) == []


def test_a_snapshot_names_the_rules_that_it_was_folded_by(log: SynchronousStore) -> None:
    log.append([(replace(recorded, rules=1), issued) for recorded, issued in golden.read(SESSIONS[0])])
    assert sum(retire(log, LONG_AFTER))
    assert {recorded.rules for recorded, _ in log.read() if isinstance(recorded.event, Snapshot)} == {RULES}


def test_many_events_leave_in_small_steps(log: SynchronousStore) -> None:
    record(log, ALICE, *registers(ALICE))
    many = []
    user = folded(log, ALICE)
    for number in range(600):
        recorded = Recorded(ALICE, 3 + number, 1e9 + 10 + number, PresenceProbed(GATEWAY))
        user, issued, _ = fold(user, recorded)
        many.append((recorded, issued))
    log.append(many)
    steps = list(retire(log, LONG_AFTER))
    assert sum(steps) == 601
    assert max(steps) <= 256
    assert folded(log, ALICE) == user


def test_users_with_nothing_old_are_steps_too(log: SynchronousStore) -> None:
    for jid in (ALICE, BOB):
        record(log, jid, *registers(jid))
    assert list(retire(log, 0.0)) == [0, 0]


def test_the_gateway_appends_between_two_steps(log: SynchronousStore, path: Path) -> None:
    for jid in (ALICE, BOB):
        record(log, jid, *registers(jid), PresenceProbed(GATEWAY))
    other = open_store(path, beside_writer=True)
    for step, _ in enumerate(retire(other, LONG_AFTER), 1):
        record(log, BOB, PresenceProbed(GATEWAY), at=LONG_AFTER)
        assert [recorded.version for recorded, _ in log.read(BOB)][-1] == 3 + step
    assert verify(log.read()).differences == 0


def test_two_at_once_do_no_harm(log: SynchronousStore, path: Path) -> None:
    record(log, ALICE, *registers(ALICE), *[PresenceProbed(GATEWAY)] * 300)
    other, before = open_store(path, beside_writer=True), folded(log, ALICE)
    for _ in retire(log, LONG_AFTER):
        list(retire(other, LONG_AFTER))
    assert folded(log, ALICE) == before
    assert verify(log.read()).events == 1


class Gateway:
    """An engine on a log, on a clock that stands still until it is told to go on."""

    def __init__(self, log: SynchronousStore) -> None:
        self.clock = Clock()
        self.failures: list[str] = []
        now = lambda: 1e9 + self.clock.seconds()  # noqa: E731
        self.engine = Engine(log, machine, lambda _: None, self.failures.append, self.clock.callLater, now)
        self.engine.load()

    def hears(self, jid: str, *events: Event, after: float = 0.0) -> None:
        for event in events:
            self.engine.put(jid, event)
            self.clock.advance(after)


def test_who_cancels_is_gone_from_the_disk(log: SynchronousStore, path: Path) -> None:
    gateway = Gateway(log)
    gateway.hears(ALICE, *registers(ALICE))
    gateway.hears(BOB, *registers(BOB))
    gateway.hears(ALICE, RegistrationCancelled(Iq(f"{ALICE}/desk", GATEWAY, "c")))
    gateway.hears(ALICE, SipSignedOut("1.0", SipTrouble.ASKED))
    assert ALICE.encode() in on_disk(path)
    gateway.clock.advance(599)
    assert [recorded.user for recorded, _ in log.read(ALICE)]
    for _ in range(3):
        gateway.clock.advance(1)
    assert list(log.read(ALICE)) == []
    assert ALICE.encode() not in on_disk(path)
    assert BOB.encode() in on_disk(path)
    assert gateway.failures == []
    gateway.hears(ALICE, *registers(ALICE))
    assert [recorded.version for recorded, _ in log.read(ALICE)] == [1, 2]


def test_who_has_cancelled_is_forgotten_by_the_next_gateway_too(log: SynchronousStore, path: Path) -> None:
    record(log, ALICE, *registers(ALICE), RegistrationCancelled(Iq(f"{ALICE}/desk", GATEWAY, "c")))
    gateway = Gateway(log)
    for _ in range(3):
        gateway.clock.advance(700)
    assert len(log) == 0
    assert ALICE.encode() not in on_disk(path)


def test_what_comes_at_the_moment_of_forgetting_begins_anew(log: SynchronousStore) -> None:
    gateway = Gateway(log)
    gateway.hears(ALICE, *registers(ALICE), RegistrationCancelled(Iq(f"{ALICE}/desk", GATEWAY, "c")))
    gateway.clock.advance(0)
    gateway.clock.advance(599)
    gateway.clock.pump([0.999, 0.0015])
    gateway.engine.put(ALICE, StreamOpened())
    for _ in range(3):
        gateway.clock.advance(1)
    assert [(recorded.version, type(recorded.event)) for recorded, _ in log.read(ALICE)] == [(1, StreamOpened)]


def test_who_never_registered_is_forgotten_when_it_is_old(log: SynchronousStore, path: Path) -> None:
    gateway = Gateway(log)
    gateway.hears(BOB, *registers(BOB))
    gateway.hears(ALICE, StreamOpened())
    gateway.clock.advance(1)
    assert sum(retire(log, LONG_AFTER, gateway.engine.forget)) > 0
    log.purge()
    assert ALICE.encode() not in on_disk(path)
    assert folded(log, BOB).account == fold(folded(log, BOB), Recorded(BOB, 9, 1e9, PresenceProbed("x")))[0].account
    gateway.hears(ALICE, StreamOpened())
    gateway.clock.advance(1)
    assert [recorded.version for recorded, _ in log.read(ALICE)] == [1]


def test_who_is_heard_of_meanwhile_is_not_forgotten(log: SynchronousStore) -> None:
    gateway = Gateway(log)
    gateway.hears(ALICE, StreamOpened())
    gateway.clock.advance(1)
    gateway.engine.put(ALICE, StreamOpened())
    list(retire(log, LONG_AFTER, gateway.engine.forget))
    gateway.clock.advance(1)
    assert [recorded.version for recorded, _ in log.read(ALICE)] == [1, 2]


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Collect the messages that are logged for the operator."""
    lines: list[str] = []

    def see(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    observer = cast(ILogObserver, see)  # the interface is zope's, not Python's
    globalLogPublisher.addObserver(observer)
    yield lines
    globalLogPublisher.removeObserver(observer)


def retention(log: SynchronousStore, clock: Clock, keep: float | None) -> Retention:
    return Retention(log, keep, lambda jid, version: None, lambda: 1e9 + clock.seconds(), clock)


def test_every_hour_what_has_grown_old_leaves(log: SynchronousStore, said: list[str]) -> None:
    record(log, ALICE, *registers(ALICE), *[PresenceProbed(GATEWAY)] * 3)
    clock = Clock()
    keeper = retention(log, clock, 2 * 3600.0 + 2)
    keeper.start()
    clock.pump([0.1] * 20)
    assert len(log) == 5
    clock.advance(3600)
    clock.pump([0.1] * 20)
    clock.advance(3600)
    clock.pump([0.1] * 20)
    assert [recorded.version for recorded, _ in log.read()] == [2, 3, 4, 5]
    clock.advance(3600)
    clock.pump([0.1] * 20)
    assert [recorded.version for recorded, _ in log.read()] == [5]
    assert said == [texts.RETIRED.format(count=count) for count in (1, 3)]
    keeper.stop()
    clock.pump([3600.0] * 3)
    assert len(said) == 2


def test_for_ever_is_for_ever(log: SynchronousStore) -> None:
    record(log, ALICE, *registers(ALICE))
    clock = Clock()
    keeper = retention(log, clock, None)
    keeper.start()
    clock.pump([3600.0] * 5)
    assert len(log) == 2
    keeper.stop()


def test_stopping_in_the_middle_leaves_the_rest(log: SynchronousStore, said: list[str]) -> None:
    for jid in (ALICE, BOB):
        record(log, jid, *registers(jid))
    clock = Clock()
    keeper = retention(log, clock, 0.0)
    keeper.start()
    keeper.stop()
    clock.pump([0.1] * 20)
    assert (len(log), said) == (4, [])


def test_a_log_that_fails_is_said_and_tried_again(
    log: SynchronousStore, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(log, ALICE, *registers(ALICE))
    clock = Clock()
    keeper = retention(log, clock, -3600.0)

    def fail(recorded: Recorded, issued: tuple[Issued, ...]) -> int:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(log, "condense", fail)
        keeper.start()
        clock.pump([0.1] * 20)
    why = texts.NOT_RETIRED_OF_ONE.format(user=ALICE, why="The disk is full.")
    assert said == [texts.NOT_RETIRED.format(why=why)]
    clock.advance(3600)
    clock.pump([0.1] * 20)
    assert len(log) == 1
    keeper.stop()


def test_a_snapshot_that_cannot_be_folded_stops_nobody_elses_retention(
    log: SynchronousStore, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fold of a snapshot reports a fault and leaves the user without an account, so the events must stay."""
    for jid in (ALICE, BOB, CAROL):
        record(log, jid, *registers(jid))
    account = snapshot.account

    def broken(event: Snapshot) -> Account:
        if event.account and not event.account.address.startswith("carol"):
            raise ZeroDivisionError("a bug")
        return account(event)

    monkeypatch.setattr(snapshot, "account", broken)
    clock = Clock()
    keeper = retention(log, clock, -3600.0)
    keeper.start()
    clock.pump([0.1] * 20)
    assert [(recorded.user, recorded.version) for recorded, _ in log.read()] == [
        (ALICE, 1),
        (ALICE, 2),
        (BOB, 1),
        (BOB, 2),
        (CAROL, 2),
    ]
    why = texts.NOT_RETIRED_OF_SEVERAL.format(count=2, user=ALICE, why=texts.OTHER_STATE)
    assert said == [texts.NOT_RETIRED.format(why=why), texts.RETIRED.format(count=1)]
    keeper.stop()


def test_a_user_whose_events_cannot_be_condensed_stops_nobody_elses_retention(
    log: SynchronousStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for jid in (ALICE, BOB):
        record(log, jid, *registers(jid))

    def broken(user: User) -> Snapshot | None:
        if user.jid == ALICE:
            raise ZeroDivisionError("a bug")
        return condensed(user)

    monkeypatch.setattr("fargo.retention.condensed", broken)
    sentence = texts.NOT_RETIRED_OF_ONE.format(user=ALICE, why="ZeroDivisionError: a bug")
    with pytest.raises(NotRetiredError, match=f"^{re.escape(sentence)}$"):
        list(retire(log, LONG_AFTER))
    assert [recorded.user for recorded, _ in log.read()] == [ALICE, ALICE, BOB]
