"""Checks of every event of every story in this folder.

1. No event makes a room of the core fail; a test that breaks one on purpose raises "a bug".
2. State, commands and deadlines are what their types say (`typed.py`).
3. An IQ-set is answered in the turn in which it comes, once. Only a registration may be answered later, or answer with
   it the one that it cuts short.
4. What waits for a reply belongs to something that there is.
"""

import sys

import pytest
from simulator.waiting import astray

from fargo.statemachine import machine
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.model.commands import (
    AcceptIq,
    AnswerCommand,
    Fault,
    Issued,
    RefuseIq,
    SendContact,
    SendForm,
    SendRegistrationForm,
)
from fargo.statemachine.model.events import Recorded, RegistrationCancelled, RegistrationSubmitted
from fargo.statemachine.user_state import User

from . import story
from .faulty import Breaker, raises
from .typed import check

ANSWERS = (AcceptIq, AnswerCommand, RefuseIq, SendContact, SendForm, SendRegistrationForm)


def answers_once(recorded: Recorded, issued: tuple[Issued, ...]) -> bool:
    """Rule 3."""
    answered = [each.command.iq for each in issued if isinstance(each.command, ANSWERS)]
    iq = getattr(recorded.event, "iq", None)
    if iq is None:
        return len(answered) <= 1
    if isinstance(recorded.event, RegistrationCancelled | RegistrationSubmitted):
        return answered.count(iq) <= 1
    return answered == [iq]


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_remembered() -> None:
    """Clear the caches: their contents would hide a mutant, as all mutants are tested in forks of one process."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith("fargo.statemachine"):
            for forget in (getattr(each, "cache_clear", None) for each in vars(module).values()):
                if forget:
                    forget()


@pytest.fixture(autouse=True)
def _what_always_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def fold(user: User, recorded: Recorded) -> tuple[User, tuple[Issued, ...], str | None]:
        after, issued, call = machine.fold(user, recorded)
        faults = [each.command for each in issued if isinstance(each.command, Fault)]
        assert not [fault for fault in faults if not fault.error.endswith("a bug")]
        assert check(User)(after) is None
        assert check(tuple[Issued, ...])(issued) is None
        assert check(tuple[Deadline, ...])(machine.deadlines(after)) is None
        assert machine.next_due(after) == min((due.at for due in machine.deadlines(after)), default=None)
        assert [each.id for each in issued] == [f"{recorded.version}.{n}" for n in range(len(issued))]
        assert {each.user for each in issued} <= {recorded.user}
        assert answers_once(recorded, issued)
        assert not list(astray(after))
        return after, issued, call

    monkeypatch.setattr(story, "fold", fold)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Breaker:
    """Break a function of the core."""
    return lambda name: monkeypatch.setattr(f"fargo.statemachine.{name}", raises)
