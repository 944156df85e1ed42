"""Watches the relay: whether it answers, and whether it is still the one that has our sessions.

Asked how often it has been asked that, a relay that lives counts up, and one that was started again begins anew. Its
uptime would tell the same only as long as nobody sets the clock. Of one that does not count, only silence tells.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.relay.ng import Ng, RefusedError, Reply, SilentError
from fargo.statemachine.model.ng import RelayLost

EVERY: Final = 3.0
"""Seconds from one answer, or silence, to the next question."""

_RESTARTED: Final = "The media relay was restarted."
_UNCOUNTED: Final = "The media relay does not count how often it is asked: that it was restarted will not be noticed."


class Watch:
    """Asks through `ng`, with cookies that begin with `nonce`; `lost` is told once each time the relay is lost."""

    def __init__(self, ng: Ng, nonce: str, lost: Callable[[RelayLost], None], reactor: Any) -> None:
        self._ng = ng
        self._nonce = nonce
        self._lost = lost
        self._reactor = reactor
        self._questions = 0
        self._counted: int | None = None
        """What the relay last said; None before it said anything, when it is lost, and if it does not count."""
        self._silent = False
        self._warned = False
        self._timer: Any = None
        self._log = Logger()

    def start(self) -> None:
        """Ask for the first time; the others follow."""
        self._questions += 1
        asked = self._ng.ask(f"{self._nonce}:watch:{self._questions}", {"command": "statistics"})
        asked.addCallbacks(self._answered, self._failed).addBoth(self._again)

    def stop(self) -> None:
        """Ask no more."""
        if self._timer and self._timer.active():
            self._timer.cancel()

    def _again(self, outcome: object) -> None:
        if isinstance(outcome, Failure):
            self._log.failure("The media relay cannot be watched", failure=outcome)
        self._timer = self._reactor.callLater(EVERY, self.start)

    def _answered(self, reply: Reply) -> None:
        if self._silent:
            self._log.info("The media relay answers again.")
        counted = _counted(reply)
        if counted is None and not self._warned:
            self._warned = True
            self._log.warn(_UNCOUNTED)
        elif counted is not None and self._counted is not None and counted <= self._counted:
            self._tell(_RESTARTED)
        self._counted, self._silent = counted, False

    def _failed(self, failure: Failure) -> None:
        failure.trap(SilentError, RefusedError)
        if failure.check(SilentError) and not self._silent:
            self._counted, self._silent = None, True
            self._tell(str(failure.value))

    def _tell(self, problem: str) -> None:
        self._log.error("{problem} Whatever went through it is lost.", problem=problem)
        self._lost(RelayLost(problem))


def _counted(reply: Reply) -> int | None:
    """How often the relay was asked, None if it does not say."""
    try:
        return int(reply["statistics"]["controlstatistics"]["totalstatscount"])
    except (KeyError, TypeError, ValueError):
        return None
