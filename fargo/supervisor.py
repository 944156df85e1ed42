"""Keeps one program running: starts it, notices its end, starts it again after a growing delay.

Rules:

1. At start-up a program that fails START_ATTEMPTS times in a row is given up, and `start` fails.
2. A program that has run once, or that `keep_running` has started, is never given up. Its restarts are five minutes
   apart at most.
3. A program that ran for STEADY_SECONDS begins with the shortest delay again; one that keeps ending does not.
4. An outage lasts from the end of the program, or its first failure to start, until it runs again. The log has the end,
   each reason for not starting once, however often it is tried, and the recovery.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo import texts
from fargo.processes import ProcessError

START_ATTEMPTS: Final = 10
"""The number of attempts to start a program before the gateway gives up at start-up: over about a minute."""

DELAYS: Final = (0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 300)
"""Seconds until the next start, by the number of failures in a row. The last one is for all further failures."""

STEADY_SECONDS: Final = 60
"""The time for which a program has to run before its earlier failures are forgotten."""


class Supervised(Protocol):
    """One run of a program. It tells its supervisor when it ends by itself after `start` has fired."""

    def start(self) -> Deferred[Any]: ...
    def stop(self) -> Deferred[None]: ...


P = TypeVar("P", bound=Supervised)


class Supervisor(Generic[P]):
    """Supervises the program called `name`.

    `make` builds one run of the program; its argument is what the run calls, with the reason, when it ends by itself.
    `lost` is called each time a running program ends, before the next one is started.
    """

    running: P | None = None
    """The program while it runs."""
    restarts: int = 0
    """The number of times that it has ended by itself after it ran."""

    def __init__(
        self,
        name: str,
        make: Callable[[Callable[[str], None]], P],
        reactor: Any,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._make = make
        self._reactor = reactor
        self._lost = lost
        self._latest: P | None = None
        self._starting: Deferred[None] | None = None
        self._waiting: deque[Deferred[P]] = deque()
        self._failures = 0
        self._told: set[str] = set()
        self._timer: Any = None
        self._stopping = False
        self._log = Logger()

    def start(self) -> Deferred[None]:
        """Start the program. The Deferred fires when it runs, or fails with ProcessError when it is given up."""
        starting = self._starting = Deferred()
        self.keep_running()
        return starting

    def keep_running(self) -> None:
        """Start the program as one that is never given up."""
        Deferred.fromCoroutine(self._start()).addErrback(self._bug)

    def stop(self) -> Deferred[None]:
        """End the program and do not start it again. The Deferreds of `start` and `when_running` stay open."""
        self._stopping = True
        self.running = None
        self._clear_timer()
        return self._latest.stop() if self._latest else succeed(None)

    def leave(self) -> Deferred[None]:
        """Supervise the program no more. It goes on if it runs; an attempt to start it is ended."""
        if not self.running:
            return self.stop()
        self._stopping = True
        self.running = None
        self._clear_timer()
        return succeed(None)

    def when_running(self) -> Deferred[P]:
        """Return a Deferred with the running program, or the next one as soon as it runs. It can be cancelled."""
        if self.running:
            return succeed(self.running)
        waiting: Deferred[P] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    async def _start(self) -> None:
        program = self._latest = self._make(self._ended)
        try:
            await program.start()
        except Exception as error:  # no error ends the supervision
            await program.stop()
            self._cannot_start(error)
        else:
            self._started(program)

    def _started(self, program: P) -> None:
        if self._stopping:
            return
        if self._failures:
            self._log.info(texts.RUNNING_AGAIN, name=self._name)
        self._told.clear()
        self.running = program
        self._timer = self._reactor.callLater(STEADY_SECONDS, self._steady)
        if self._starting:
            starting, self._starting = self._starting, None
            starting.callback(None)
        while self._waiting:
            self._waiting.popleft().callback(program)

    def _steady(self) -> None:
        self._failures = 0

    def _ended(self, why: str) -> None:
        if not self.running:
            return  # it was not ready yet, so its start fails
        program, self.running = self.running, None
        self._clear_timer()
        self._failures += 1
        self.restarts += 1
        self._log.error(texts.RESTARTING, name=self._name, why=why)
        program.stop().addCallback(lambda _: self._schedule())
        self._lost()

    def _cannot_start(self, error: Exception) -> None:
        if self._stopping:
            return
        self._failures += 1
        why = str(error) if isinstance(error, ProcessError) else Failure(error).getTraceback()
        if self._starting and self._failures == START_ATTEMPTS:
            problem = texts.GIVEN_UP.format(name=self._name, attempts=START_ATTEMPTS, why=why)
            self._starting.errback(ProcessError(problem))
            return
        self._tell(why)
        self._schedule()

    def _tell(self, why: str) -> None:
        """Log why the program cannot be started, unless this outage's log has it."""
        reason = why.partition("\n")[0]  # the program's own words follow, in which the time or its pid may stand
        if reason in self._told:
            return
        self._told.add(reason)
        if self._starting:
            plan = texts.LIMITED_ATTEMPTS.format(attempts=START_ATTEMPTS)
        else:
            plan = texts.ENDLESS_ATTEMPTS.format(minutes=DELAYS[-1] // 60)
        self._log.error(texts.CANNOT_START, name=self._name, plan=plan, why=why)

    def _schedule(self) -> None:
        if not self._stopping:
            delay = DELAYS[min(self._failures, len(DELAYS)) - 1]
            self._timer = self._reactor.callLater(delay, self.keep_running)

    def _clear_timer(self) -> None:
        if self._timer and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _bug(self, failure: Failure) -> None:
        self._log.failure(texts.SUPERVISOR_BUG, failure=failure, name=self._name)
