"""Passwords that no account refers to leave the vault after their time, with a line; the mark follows the log."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogPublisher

from fargo import texts
from fargo.store.interface import StoreError
from fargo.store.vault import UNUSED_DAYS, UNUSED_SECONDS
from fargo.vault_upkeep import EVERY, VaultUpkeep


class Vault:
    """A vault with one unused password. `problem` is why it cannot be written."""

    def __init__(self) -> None:
        self.used: object = None
        self.since: float | None = None
        self.marks = 0
        self.problem: StoreError | None = None

    def note_mark(self) -> Deferred[None]:
        self.marks += 1
        return succeed(None)

    def note_unused(self, used: object, now: float) -> Deferred[int]:
        self.used, self.since = used, now
        return succeed(1)

    def erase_unused(self, now: float) -> Deferred[int]:
        if self.problem:
            return fail(self.problem)
        if self.since is None or now - self.since < UNUSED_SECONDS:
            return succeed(0)
        self.since = None
        return succeed(1)


@pytest.fixture
def said() -> Any:
    lines: list[tuple[LogLevel, str]] = []

    def note(event: LogEvent) -> None:
        lines.append((event["log_level"], eventAsText(event, includeTimestamp=False, includeSystem=False)))

    globalLogPublisher.addObserver(note)  # type: ignore[arg-type]
    yield lines
    globalLogPublisher.removeObserver(note)  # type: ignore[arg-type]


def upkeep(vault: Any, clock: Clock) -> VaultUpkeep:
    return VaultUpkeep(vault, {"used"}, lambda: 1e9 + clock.seconds(), clock)


FOUND = (LogLevel.info, texts.UNUSED_FOUND.format(count=1, days=UNUSED_DAYS))
ERASED = (LogLevel.info, texts.UNUSED_ERASED.format(count=1, days=UNUSED_DAYS))


def test_what_is_unused_goes_when_it_is_old(said: list[tuple[LogLevel, str]]) -> None:
    vault, clock = Vault(), Clock()
    care = upkeep(vault, clock)
    care.start()
    assert (vault.used, vault.since, said) == ({"used"}, 1e9, [FOUND])
    clock.advance(UNUSED_SECONDS - 1)
    assert said == [FOUND]
    clock.advance(EVERY)
    assert said == [FOUND, ERASED]
    clock.advance(EVERY)
    assert said == [FOUND, ERASED]
    care.stop()
    assert not clock.getDelayedCalls()


def test_the_mark_is_written_again_and_again() -> None:
    vault, clock = Vault(), Clock()
    upkeep(vault, clock).start()
    clock.pump([EVERY] * 3)
    assert vault.marks == 4


def test_a_vault_that_cannot_be_written_is_named_and_tried_again(said: list[tuple[LogLevel, str]]) -> None:
    vault, clock = Vault(), Clock()
    vault.problem = StoreError("The disk is full.")
    upkeep(vault, clock).start()
    assert said == [FOUND, (LogLevel.error, texts.VAULT_NOT_WRITTEN.format(why="The disk is full."))]
    vault.problem = None
    clock.advance(UNUSED_SECONDS)
    assert said[-1] == ERASED


def test_an_upkeep_that_has_not_begun_can_be_stopped() -> None:
    upkeep(Vault(), Clock()).stop()
