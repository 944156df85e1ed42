"""The journal of the gateway: a line for each call that has ended, and for each trouble and recovery of an account.

Rules:

1. It is told of each batch of entries once it is committed, and never before. A state is that after the whole batch.
2. A bug in it costs lines, and nothing else.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
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

    def take(self, entries: Iterable[Entry], users: Mapping[str, User]) -> None:
        """Take in the entries of a batch that is committed, and the states of their users since."""
        by_user: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_user[entry[0].user].append(entry)
        for jid, of_user in by_user.items():
            try:
                self._take(of_user, users[jid])
            except Exception:
                self._logger.failure(texts.BUG, user=jid)

    def _take(self, entries: list[Entry], user: User) -> None:
        self.calls.take(user.jid, entries, user.calls)
        if told := self._accounts.take(user.jid, entries, user.account):
            self._tell(told.level, told.text, told.fields)

    def stop(self) -> None:
        """Tell what is left to tell."""
        self.calls.stop()

    def _call_ended(self, call: Record) -> None:
        self._tell(call_line.level(call), call_line.line(call), call_line.fields(call))
        if self._ended:
            self._ended(call)

    def _tell(self, level: Level, line: str, fields: object) -> None:
        self._logger.emit(level.of_twisted, texts.LINE, line=line, fields=fields)
