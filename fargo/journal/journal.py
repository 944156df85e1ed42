"""The journal of the gateway: a line for each call that has ended, and for each trouble and recovery of an account.

Rules:

1. It is told of each entry once it is committed, and never before.
2. A bug in it costs lines, and nothing else.
"""

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from fargo.calls import Record
from fargo.journal import call_line, texts
from fargo.journal.accounts import AccountTroubles
from fargo.journal.ended_calls import EndedCalls
from fargo.journal.levels import Level
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry


class Journal:
    """Tells the operator what becomes of users' calls and accounts. `calls` follows the calls. `ended` is told of each
    call that has ended, too.
    """

    _logger = Logger()

    def __init__(self, reactor: Any, ended: Callable[[Record], None] | None = None) -> None:
        self._ended = ended
        self.calls = EndedCalls(self._call_ended, reactor)
        self._accounts = AccountTroubles()

    def take(self, entry: Entry, user: User) -> None:
        """Take in an entry that is committed, and the state of its user since."""
        try:
            self.calls.take(entry, user.calls)
            if told := self._accounts.take(entry, user.account):
                self._tell(told.level, told.text, told.fields)
        except Exception:
            self._logger.failure(texts.BUG, user=user.jid)

    def stop(self) -> None:
        """Tell what is left to tell."""
        self.calls.stop()

    def _call_ended(self, call: Record) -> None:
        self._tell(call_line.level(call), call_line.line(call), call_line.fields(call))
        if self._ended:
            self._ended(call)

    def _tell(self, level: Level, line: str, fields: object) -> None:
        self._logger.emit(level.of_twisted, texts.LINE, line=line, fields=fields)
