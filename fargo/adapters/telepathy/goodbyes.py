"""Telling the phones of a rakia that has ended that their calls are over. Only the edge knows them by then (GOODBYES in
`fargo/edge/telepathy/kamailio.cfg`).

    HOSTS sip:INSIDE_IP:INSIDE_PORT          ->  200 if the edge has no call of another rakia,
    Fargo-Hosts: the names of those that live    202 if it has just told the phone of one

1. The names are those of now, each time. So a call of a rakia that has been started meanwhile is never ended.
2. It is said again until there is no other call, at most `ROUNDS` times: a message to a phone may be lost, or cross its
   answer.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.defer import Deferred

from fargo.adapters.telepathy.asking import EdgeQuestions

ROUNDS: Final = 10
PAUSE: Final = 1.0
"""The time between two rounds, in seconds."""

_NO_OTHER_CALL: Final = 200


class Goodbyes:
    """``living`` returns the names of the rakias that live. ``asking``: the way to the edge."""

    def __init__(self, living: Callable[[], Iterable[str]], asking: EdgeQuestions, reactor: Any) -> None:
        self._living = living
        self._asking = asking
        self._reactor = reactor
        self._news = 0
        """Counts the occasions to tell the edge. The rounds of one end with the next."""
        self._timer: Any = None

    def say(self) -> None:
        """Tell the edge which rakias live, now and as often as needed, as another one may have had calls."""
        self._forget()
        self._round(self._news, ROUNDS)

    def finish(self) -> Deferred[None]:
        """Tell the edge for the last time. The Deferred fires when it knows or does not respond, and never fails."""
        self._forget()
        return self._tell().addCallback(lambda _: None)

    def _forget(self) -> None:
        self._news += 1
        if self._timer and self._timer.active():
            self._timer.cancel()

    def _round(self, news: int, left: int) -> None:
        self._tell().addCallback(self._told, news, left - 1)

    def _told(self, status: int | None, news: int, left: int) -> None:
        if status != _NO_OTHER_CALL and news == self._news and left:
            self._timer = self._reactor.callLater(PAUSE, self._round, news, left)

    def _tell(self) -> Deferred[int | None]:
        return self._asking.ask("HOSTS", "", f"Fargo-Hosts: {' '.join(self._living())}")
