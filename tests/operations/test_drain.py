"""The operator drains the gateway: no new calls begin, and a command waits for the end of those that go on."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from statemachine.story import Story
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from fargo.cli import main
from fargo.cli import texts as cli
from fargo.control.questions import AskStatus, Drain, Question
from fargo.operations import texts
from fargo.operations.desk import Desk
from fargo.operations.values import Draining
from fargo.statemachine.user_state import User

from .test_status import AILING, CONFIGURATION

# --- the gateway


def _in_a_call() -> User:
    story = Story().signed_in()
    story.call_out()
    return story.user


@dataclass
class FakeEngine:
    """An engine with one user, who is in a call."""

    draining: bool = False
    user: User = field(default_factory=_in_a_call)

    def now(self) -> float:
        return 0.0

    def users(self) -> list[str]:
        return [self.user.jid]

    def state(self, _: str) -> User:
        return self.user

    def settled(self) -> Deferred[None]:
        return succeed(None)


def test_it_is_told_how_many_calls_go_on_and_the_operator_hears_of_it_once() -> None:
    engine, clock = FakeEngine(), Clock()
    answers: list[Any] = []
    desk = Desk(*(cast(Any, each) for each in (engine, None, None, None, clock)))
    with capturedLogs() as said:
        for on in (True, True, False):
            desk.answer(Drain(on)).addCallback(answers.append)
            clock.pump([0] * 3)
            assert engine.draining is on
    assert answers == [Draining(True, 1), Draining(True, 1), Draining(False, 1)]
    assert [each["log_format"] for each in said] == [texts.DRAINING, texts.NOT_DRAINING]


# --- the command


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "fargo.toml"
    path.write_text(CONFIGURATION)
    return path


def drain(monkeypatch: pytest.MonkeyPatch, path: Path, told: list[object], *options: str) -> tuple[Result, list[Any]]:
    """Run the command with a gateway that gives these answers."""
    command, answers = sys.modules["fargo.cli.drain"], iter(told)
    asked: list[Any] = []

    def answer(_: Path, question: Question, __: type) -> object:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr(command, "asked", answer)
    monkeypatch.setattr(command, "sleep", lambda _: None)
    return CliRunner().invoke(main, ["drain", "-c", str(path), *options]), asked


def status(calls: int, draining: bool = True) -> object:
    return replace(AILING, calls=replace(AILING.calls, now=calls), draining=draining)


def test_a_drain_begins_and_ends(monkeypatch: pytest.MonkeyPatch, configuration: Path) -> None:
    result, asked = drain(monkeypatch, configuration, [Draining(True, 2)])
    assert (result.exit_code, result.stdout) == (0, f"{cli.DRAINING.format(calls=2)}\n")
    assert asked == [Drain(True)]
    result, asked = drain(monkeypatch, configuration, [Draining(False, 2)], "--off")
    assert (result.exit_code, result.stdout) == (0, f"{cli.NOT_DRAINING.format(calls=2)}\n")
    assert asked == [Drain(False)]


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        ([Draining(True, 0)], 0, cli.NO_CALL_LEFT),
        ([Draining(True, 2), status(1), status(0)], 0, cli.NO_CALL_LEFT),
        ([Draining(True, 2), status(2, draining=False)], 1, cli.DRAIN_ENDED.format(calls=2)),
        ([Draining(True, 2), status(2), None], 3, cli.NOT_RUNNING.partition("{")[0]),
    ],
    ids=["no call", "the last call ends", "the drain ends", "the gateway ends"],
)
def test_the_end_of_all_calls_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, configuration: Path, told: list[object], code: int, said: str
) -> None:
    result, asked = drain(monkeypatch, configuration, told, "--wait")
    assert result.exit_code == code
    assert said in result.output
    assert asked == [Drain(True), *[AskStatus()] * (len(told) - 1)]


def test_what_cannot_be(monkeypatch: pytest.MonkeyPatch, configuration: Path) -> None:
    assert drain(monkeypatch, configuration, [], "--off", "--wait")[0].exit_code == 2
    result, _ = drain(monkeypatch, configuration, [None])
    assert result.exit_code == 2
    assert cli.NOT_RUNNING.partition("{")[0] in result.stderr
