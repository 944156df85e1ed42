"""The operator's view: accounts by state, calls lately, the parts of the gateway, and memory."""

import os
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from statemachine.registering import Registering
from statemachine.story import ALICE, Story

from fargo.operations import texts
from fargo.operations.census import AT_ONCE, STATES, Census, account_state
from fargo.operations.memory import memory_of, memory_of_trees
from fargo.operations.parts import Parts
from fargo.operations.recent import SECONDS, RecentCount
from fargo.operations.tally import CallTally
from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.machine import new
from fargo.statemachine.model.call_records import Direction, RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Recorded, StreamOpened
from fargo.statemachine.model.presence import SignedIn, SignedOut, SigningIn, SigningOut, SignInRefused, Waiting
from fargo.statemachine.reason import Cause
from fargo.statemachine.user_state import User

NO_MEMORY = dict.fromkeys(("gateway", "edge", "engine"))


# --- accounts and calls


def registered(connection: object) -> User:
    user = Registering().registered().user
    assert isinstance(user.account, Registered)
    return replace(user, account=replace(user.account, connection=connection))


@pytest.mark.parametrize(
    ("connection", "state"),
    [
        (SignedIn("1"), "signed-in"),
        (SigningIn("1", 0, 0), "signing-in"),
        (SigningIn("1", 0, 1, "It burns."), "waiting"),
        (Waiting(0, 1, "It burns."), "waiting"),
        (SignInRefused("No."), "refused"),
        (SignedOut(), "signed-out"),
        (SigningOut("1", 0), "signed-out"),
    ],
)
def test_the_state_of_an_account(connection: object, state: str) -> None:
    assert account_state(registered(connection).account) == state
    assert state in STATES


def test_who_registers_for_the_first_time_has_no_account_yet() -> None:
    story = Registering()
    story.submit()
    assert account_state(story.user.account) is None
    assert account_state(new(ALICE).account) is None
    story = Registering().registered()
    story.submit()
    assert account_state(story.user.account) == "changing"


def test_all_are_counted_and_some_at_a_time() -> None:
    story = Story().signed_in()
    story.call_out()
    names = [str(number) for number in range(2 * AT_ONCE + 1)]
    users = dict.fromkeys(names, story.user) | {"0": new("0")}
    del users["1"]
    census = Census()
    assert len(list(census.steps(names, users.get))) == 2
    assert census.calls == len(names) - 2
    assert census.accounts == dict.fromkeys(STATES, 0) | {"signed-in": len(names) - 2}


def entry(*commands: Command) -> tuple[Recorded, tuple[Issued, ...]]:
    issued = tuple(Issued(ALICE, f"1.{place}", command) for place, command in enumerate(commands))
    return Recorded(ALICE, 1, 0, StreamOpened()), issued


def test_calls_are_counted_as_the_log_has_them() -> None:
    now = [1_000_000.0]
    tally = CallTally(lambda: now[0])
    tally.take(entry(RecordBegun("1", Direction.OUT, "bob@sip.test"), RecordEnded("1", Side.PHONE, Cause.BUSY)))
    tally.take(entry(RecordBegun("2", Direction.OUT, "bob@sip.test"), RecordEnded("2", Side.PHONE, Cause.NETWORK)))
    now[0] += 1800
    tally.take(entry(RecordBegun("3", Direction.OUT, "bob@sip.test")))
    assert [tally.begun.within(each, now[0]) for each in (60, 3600)] == [1, 3]
    assert [tally.failed.within(each, now[0]) for each in (60, 3600)] == [0, 1]


def test_what_is_long_ago_is_forgotten() -> None:
    count = RecentCount()
    for second in range(0, 100_000, 5):
        count.add(second)
    assert count.within(3600, 100_000) == pytest.approx(720, abs=SECONDS / 5)
    assert len(count._counts) <= 3600 / SECONDS + 2
    assert count.within(3600, 200_000) == 0


# --- the parts


@dataclass
class Part:
    """Any part of a gateway, which is well."""

    is_open: bool = True
    trouble: str = ""
    is_up: bool = True
    pids: tuple[int, ...] = ()
    restarts: int = 0
    answers: bool = True
    sessions: int | None = None
    is_failing: bool = False
    no_room: bool = False


@dataclass
class Everything:
    """All parts of a gateway."""

    xmpp: Part = field(default_factory=Part)
    edge: Part = field(default_factory=Part)
    engine: Part = field(default_factory=Part)
    relay: Part = field(default_factory=Part)
    log: Part = field(default_factory=Part)

    def problems(self) -> dict[str, str]:
        found = Parts(self.xmpp, self.edge, self.engine, self.relay, self.log).statuses(NO_MEMORY)
        assert list(found) == ["xmpp", "edge", "engine", "relay", "log"]
        return {name: part.problem for name, part in found.items() if part.problem}


@pytest.mark.parametrize(
    ("part", "wrong", "problem"),
    [
        ("xmpp", Part(is_open=False), texts.NO_STREAM),
        ("xmpp", Part(is_open=False, trouble="The secret is wrong."), "The secret is wrong."),
        ("edge", Part(is_up=False), texts.NO_EDGE),
        ("engine", Part(is_up=False), texts.NO_ENGINE),
        ("relay", Part(answers=False), texts.NO_RELAY),
        ("log", Part(no_room=True), texts.NO_ROOM),
        ("log", Part(is_failing=True, no_room=True), texts.LOG_FAILED),
    ],
)
def test_what_is_wrong_is_told(part: str, wrong: Part, problem: str) -> None:
    assert Everything().problems() == {}
    assert Everything(**{part: wrong}).problems() == {part: problem}


def test_a_relay_that_is_not_configured_is_no_part() -> None:
    part = Part(restarts=3)
    found = Parts(part, part, part, None, part).statuses({**NO_MEMORY, "edge": 12})
    assert "relay" not in found
    assert (found["edge"].memory, found["edge"].restarts) == (12, 3)


def test_the_memory_of_processes() -> None:
    own = memory_of(os.getpid())
    assert own
    assert own > 10_000_000, "Python with all of this"
    total = memory_of_trees([os.getpid()])
    assert total
    assert total > 10_000_000
    assert memory_of_trees([]) is None
    assert memory_of(2**22) is None
