"""Watch the relay: notice when it stops answering and when it is restarted, because both lose its sessions.

The relay's statistics include how many statistics requests it has had. While it runs, this number grows; after a
restart it begins again. The last number is kept in a file, so a relay that was restarted while the gateway was down is
noticed, too. (Its uptime is not used, because that depends on the clock, which can be set.) If a relay does
not report the number, only its silence is noticed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.relay import texts
from fargo.adapters.relay.ng import Ng, NgReply, RefusedError, SilentError
from fargo.private_file import write_private
from fargo.statemachine.model.ng import RelayLost

EVERY: Final = 1.0
"""Seconds from an answer, or from giving up, to the next request."""


class Watch:
    """Request statistics through `ng` at intervals, with cookies that begin with `nonce`.

    `lost` is called once each time the relay is lost. `kept` is the file of the last number.
    """

    def __init__(self, ng: Ng, nonce: str, kept: Path, lost: Callable[[RelayLost], None], reactor: Any) -> None:
        self._ng = ng
        self._nonce = nonce
        self._lost = lost
        self._reactor = reactor
        self._requests = 0
        self._kept = kept
        self._keeps = True
        self._counted = _read(kept)
        """The number that the relay last reported, None if it has reported none or does not answer."""
        self.sessions: int | None = None
        """The number of sessions at the relay, as far as it has told."""
        self._silent = False
        self._warned = False
        self._timer: Any = None
        self._log = Logger()

    @property
    def answers(self) -> bool:
        """False from the time that the relay is taken for silent until it answers again."""
        return not self._silent

    def start(self) -> None:
        """Send the first request; the others follow."""
        self._requests += 1
        request = self._ng.ask(f"{self._nonce}:watch:{self._requests}", {"command": "statistics"})
        request.addCallbacks(self._answered, self._failed).addBoth(self._again)

    def stop(self) -> None:
        """Send no more requests."""
        if self._timer and self._timer.active():
            self._timer.cancel()

    def _again(self, outcome: object) -> None:
        if isinstance(outcome, Failure):
            self._log.failure(texts.WATCH_BUG, failure=outcome)
        self._timer = self._reactor.callLater(EVERY, self.start)

    def _answered(self, reply: NgReply) -> None:
        if self._silent:
            self._log.info(texts.ANSWERS_AGAIN)
        counted = _counted(reply)
        if counted is None and not self._warned:
            self._warned = True
            self._log.warn(texts.NOT_COUNTED)
        elif counted is not None and self._counted is not None and counted <= self._counted:
            self._tell(texts.RESTARTED)
        self._counted, self._silent, self.sessions = counted, False, _sessions(reply)
        self._keep(counted)

    def _keep(self, counted: int | None) -> None:
        try:
            write_private(self._kept, "" if counted is None else str(counted))
        except OSError as problem:
            if self._keeps:
                self._log.warn(texts.NOT_KEPT, why=problem.strerror)
            self._keeps = False

    def _failed(self, failure: Failure) -> None:
        failure.trap(SilentError, RefusedError)
        if failure.check(SilentError) and not self._silent:
            self._counted, self._silent, self.sessions = None, True, None
            self._tell(str(failure.value))

    def _tell(self, problem: str) -> None:
        self._log.error(texts.SESSIONS_LOST, problem=problem)
        self._lost(RelayLost(problem))


def _read(kept: Path) -> int | None:
    """Return the number in a file; None if there is none."""
    try:
        return int(kept.read_text())
    except (OSError, ValueError):
        return None


def _counted(reply: NgReply) -> int | None:
    """Return the number of statistics requests that the relay has had, None if it does not report it."""
    try:
        return int(reply["statistics"]["controlstatistics"]["totalstatscount"])
    except (KeyError, TypeError, ValueError):
        return None


def _sessions(reply: NgReply) -> int | None:
    """Return the number of sessions that the relay has, None if it does not report it."""
    try:
        return int(reply["statistics"]["currentstatistics"]["sessionstotal"])
    except (KeyError, TypeError, ValueError):
        return None
