"""Saying something to all users, on behalf of the operator.

Rules:

1. It is for users who are registered, and either online now or, if the operator says so, anybody: an XMPP server
   usually keeps a message for somebody who is offline.
2. The users are told one after the other, AT_ONCE each EVERY seconds, so that calls go on as usual. They are those of
   the beginning.
3. One announcement at a time. It ends with the gateway.
"""

from collections.abc import Iterator
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.control.server import ProblemError
from fargo.engine import Engine
from fargo.operations import texts
from fargo.statemachine.account.account_state import in_force
from fargo.statemachine.model.events import Announced

AT_ONCE: Final = 5
EVERY: Final = 0.1


class Announcer:
    """Announces by putting events into the engine."""

    _logger = Logger()

    def __init__(self, engine: Engine, reactor: Any) -> None:
        self._engine = engine
        self._left: list[str] = []
        self._text = ""
        self._loop = LoopingCall(self._some)
        self._loop.clock = reactor

    def announce(self, text: str, everyone: bool) -> int:
        """Begin to say this to users. Return to how many. Raises ProblemError during another announcement."""
        if self._loop.running:
            raise ProblemError(texts.ANNOUNCING.format(left=len(self._left)))
        self._text, self._left = text, list(self._meant(everyone))
        count = len(self._left)
        self._loop.start(EVERY).addErrback(self._bug)
        return count

    def _meant(self, everyone: bool) -> Iterator[str]:
        for each in self._engine.users():
            user = self._engine.state(each)
            if user and in_force(user.account) and (everyone or user.contacts.clients):
                yield each

    def _some(self) -> None:
        some, self._left = self._left[:AT_ONCE], self._left[AT_ONCE:]
        for each in some:
            self._engine.put(each, Announced(self._text))
        if not self._left or not self._engine.is_open:
            self._loop.stop()

    def _bug(self, failure: Failure) -> None:
        self._logger.failure(texts.ANNOUNCING_BUG, failure)
