"""Upkeep of the vault while the gateway runs.

Rules:

1. Passwords to which no account refers are noted at the start, and erased when they are old. They are left by a crash
   between the writing of a password and of its event, and by `fargo accept-log`. None comes up while the gateway runs,
   and none is referred to again: the name of a password is given out only once.
2. The vault's mark follows the log within a minute, and so reaches the event that refers to a new password.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo import texts
from fargo.store.vault import UNUSED_DAYS, Vault

EVERY: Final = 60.0
"""Seconds between two rounds."""


class VaultUpkeep:
    """Keeps the vault of a running gateway in order. `used` are the names of the passwords to which accounts refer,
    `now` the clock in seconds since 1970. All methods belong to the reactor's thread.
    """

    _logger = Logger()

    def __init__(self, vault: Vault, used: Collection[str], now: Callable[[], float], reactor: Any) -> None:
        self._vault = vault
        self._used = used
        self._now = now
        self._loop = LoopingCall(self._round)
        self._loop.clock = reactor

    def start(self) -> None:
        """Note what is unused; then erase what is old and write the mark, now and again and again."""
        noted = self._vault.note_unused(self._used, self._now())
        noted.addCallbacks(lambda count: self._say(texts.UNUSED_FOUND, count), self._failed)
        self._loop.start(EVERY)

    def stop(self) -> None:
        """Leave the vault as it is from now on."""
        if self._loop.running:
            self._loop.stop()

    def _round(self) -> Deferred[None]:
        self._vault.note_mark().addErrback(self._failed)
        erased = self._vault.erase_unused(self._now())
        return erased.addCallbacks(lambda count: self._say(texts.UNUSED_ERASED, count), self._failed)

    def _say(self, sentence: str, count: int) -> None:
        if count:
            self._logger.info(sentence, count=count, days=UNUSED_DAYS)

    def _failed(self, failure: Failure) -> None:
        self._logger.error(texts.VAULT_NOT_WRITTEN, why=failure.getErrorMessage())
