"""A process that waits to be a worker: its signals, and a log that is away meanwhile."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.logger import capturedLogs

from fargo import texts as common_texts
from fargo.config import load
from fargo.store.interface import StoreAwayError, StoreError, StoreInUseError
from fargo.workers import texts
from fargo.workers.signals import WaitingSignals
from fargo.workers.standby import in_turn

from .test_key import FILE

IN_USE, AWAY = StoreInUseError("Another has it."), StoreAwayError("It is away.")
_TAKEN = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Follower:
    users: dict[str, Any] = {}  # noqa: RUF012

    def follow(self, goes_on: object) -> None:
        pass

    def end(self) -> None:
        pass


class Manager:
    def __init__(self) -> None:
        self.told: list[str] = []

    def stands_by(self, why: str) -> None:
        self.told.append(why)


def waited(*outcomes: StoreError) -> tuple[list[str], list[str]]:
    """Start after these outcomes. Return what the service manager and the operator were told."""
    left, manager = list(outcomes), Manager()

    def start(_: object) -> str:
        if left:
            raise left.pop(0)
        return "started"

    with capturedLogs() as said:
        in_turn(start, cast(Any, Follower()), "a", cast(Any, manager), lambda _: None, lambda _: None)
    return manager.told, [each["log_format"] for each in said]


def test_a_log_that_is_away_is_waited_for_by_who_waits() -> None:
    told, said = waited(IN_USE, AWAY, AWAY, IN_USE)
    assert told == [texts.STILL_STANDS_BY.format(worker="a", why=why) for why in (IN_USE, AWAY, AWAY, IN_USE)]
    assert said == [texts.STANDS_BY, texts.AWAY, texts.STANDS_BY, texts.TAKES_OVER]


@pytest.mark.parametrize("outcomes", [[AWAY], [IN_USE, StoreError("It has another key.")]])
def test_other_trouble_is_not_waited_for(outcomes: list[StoreError]) -> None:
    with pytest.raises(StoreError, match=str(outcomes[-1])):
        waited(*outcomes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "fargo.toml"
    file.touch(mode=0o600)
    file.write_text(FILE.format(store="postgresql:///fargo"))
    return file


@pytest.fixture
def signals(file: Path) -> Iterator[WaitingSignals]:
    before = {each: signal.getsignal(each) for each in _TAKEN}
    yield WaitingSignals(load(file, "a"), file)
    for each, handler in before.items():
        signal.signal(each, handler)


def after(signals: WaitingSignals, number: int) -> list[str]:
    """Return what the operator is told after a signal."""
    os.kill(os.getpid(), number)
    with capturedLogs() as said:
        signals.answer("Another has it.")
        signals.answer("Another has it.")
    return [each["log_format"] for each in said]


def test_the_configuration_is_read_again_if_it_has_no_mistake(signals: WaitingSignals, file: Path) -> None:
    first = signals.config
    good = file.read_text()
    file.write_text(good.replace("[sip]", "[sip]\nport = 5070"))
    assert after(signals, signal.SIGHUP) == [texts.READ_AGAIN]
    assert (first.sip.port, signals.config.sip.port, signals.config.worker) == (5060, 5070, "a")
    file.write_text(good.replace("[sip]", "[sip]\nport = false"))
    assert after(signals, signal.SIGHUP) == [common_texts.NOT_RELOADED]
    assert signals.config.sip.port == 5070


def test_what_is_waited_for_is_told(signals: WaitingSignals) -> None:
    assert after(signals, signal.SIGUSR1) == [texts.STILL_STANDS_BY]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_it_ends_at_once(signals: WaitingSignals, number: int) -> None:
    with pytest.raises(SystemExit) as raised:
        os.kill(os.getpid(), number)
    assert raised.value.code == 0
