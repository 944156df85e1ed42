"""The operator says something to users, some at a time, and removes one."""

from dataclasses import dataclass, field
from typing import cast

import pytest
from msgspec.structs import replace
from statemachine.registering import Registering
from statemachine.story import ALICE
from twisted.internet.task import Clock

from fargo.control.server import ProblemError
from fargo.engine import Engine
from fargo.operations import texts
from fargo.operations.announcing import AT_ONCE, EVERY, Announcer
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.machine import new
from fargo.statemachine.model.events import Announced, Event
from fargo.statemachine.user_state import User

ONLINE = Registering().registered().user
OFFLINE = replace(ONLINE, contacts=Contacts())
TEXT = "There will be a pause tonight."


@dataclass
class FakeEngine:
    """An engine that only has states, and remembers what is put."""

    known: dict[str, User]
    is_open: bool = True
    told: list[tuple[str, Event]] = field(default_factory=list)

    def users(self) -> list[str]:
        return list(self.known)

    def state(self, jid: str) -> User | None:
        return self.known.get(jid)

    def put(self, user: str, event: Event) -> None:
        self.told.append((user, event))


def announcer(engine: FakeEngine) -> tuple[Announcer, Clock]:
    clock = Clock()
    return Announcer(cast(Engine, engine), clock), clock


@pytest.mark.parametrize(("everyone", "users"), [(False, ["on"]), (True, ["on", "off"])])
def test_who_is_told(everyone: bool, users: list[str]) -> None:
    engine = FakeEngine({"on": ONLINE, "off": OFFLINE, ALICE: new(ALICE), "sip.example.org": new("sip.example.org")})
    speaker, _ = announcer(engine)
    assert speaker.announce(TEXT, everyone) == len(users)
    assert engine.told == [(user, Announced(TEXT)) for user in users]


def test_some_are_told_at_a_time_and_one_thing_is_said_at_a_time() -> None:
    engine = FakeEngine({str(number): ONLINE for number in range(2 * AT_ONCE + 1)})
    speaker, clock = announcer(engine)
    speaker.announce(TEXT, False)
    for count in (AT_ONCE, 2 * AT_ONCE):
        assert len(engine.told) == count
        with pytest.raises(ProblemError, match=texts.ANNOUNCING.partition("{")[0]):
            speaker.announce("Or not.", False)
        clock.advance(EVERY)
    assert [user for user, _ in engine.told] == list(engine.known)
    assert not clock.getDelayedCalls()
    assert speaker.announce("It is over.", False) == len(engine.known)


def test_it_ends_with_the_gateway() -> None:
    engine = FakeEngine({str(number): ONLINE for number in range(10 * AT_ONCE)})
    speaker, clock = announcer(engine)
    speaker.announce(TEXT, False)
    engine.is_open = False
    clock.advance(EVERY)
    assert not clock.getDelayedCalls()


def test_nobody_is_there() -> None:
    speaker, clock = announcer(FakeEngine({}))
    assert speaker.announce(TEXT, True) == 0
    assert not clock.getDelayedCalls()
