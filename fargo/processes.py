"""Child processes of the daemon: dbus-daemon, telepathy-rakia, kamailio.

1. A child never outlives the daemon, however the daemon ends: `setpriv --pdeathsig` stands before each.
2. A child leads a session of its own. So Ctrl-C on the daemon's terminal leaves the order of stopping to the daemon,
   and whatever the child had forked goes when it goes.
3. Each line a child writes goes to the log. Nothing secret may be in its arguments or its output.
4. Whoever started a child is told of its end once: by `ready` failing, by `ended`, or by the Deferred of `stop`.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

START_SECONDS = 20
"""How long a child may take until it is ready."""

STOP_SECONDS = 5
"""How long a child may take to end after TERM, before KILL."""

LAST_LINES = 20
"""How many of a child's last lines an error quotes."""

LINE_BYTES = 4096
"""Where a line without an end is cut."""


class ProcessError(Exception):
    """A child could not be started, or ended early. The text is for the administrator and says what to do."""


class _State(Enum):
    STARTING = auto()
    READY = auto()
    STOPPING = auto()
    GONE = auto()


class Child(ProcessProtocol):
    """One program, run once.

    `ready_line` tells from an output line that the program is ready; of a program that prints no such line its owner
    says so with `is_ready()`. `advice` is the sentence that ends every failure to start: what to install or where to
    look. `ended` is called with a sentence when the program ends unasked after it was ready. `env` None hands on the
    daemon's own.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        reactor: Any,
        *,
        advice: str,
        env: Mapping[str, str] | None = None,
        ready_line: Callable[[str], bool] = lambda line: False,
        ended: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.name = name
        self.pid: int | None = None
        """The program's process id while it runs."""
        self.ready: Deferred[str] = Deferred()
        """Fires with the line that said so ("" after `is_ready()`); fails with ProcessError."""
        self._argv = list(argv)
        self._env = dict(os.environ if env is None else env)
        self._reactor = reactor
        self._advice = advice
        self._ready_line = ready_line
        self._ended = ended
        self._state = _State.GONE
        self._stopped: list[Deferred[None]] = []
        self._timer: Any = None
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._partial: dict[int, bytes] = {}
        self._log = Logger(namespace=f"fargo.processes.{name}")

    def start(self) -> Deferred[str]:
        """Start it, once; the Deferred is `ready`."""
        program = self._argv[0]
        if shutil.which(program, path=self._env.get("PATH")) is None:
            self.ready.errback(ProcessError(f"{self.name}: there is no program {program}. {self._advice}"))
            return self.ready
        # setsid and setpriv both become the program that they start: one process, one id.
        argv = ["setsid", "setpriv", "--pdeathsig", "TERM", "--", *self._argv]
        self._state = _State.STARTING
        self._timer = self._reactor.callLater(START_SECONDS, self._too_slow)
        self._reactor.spawnProcess(self, argv[0], argv, env=self._env)
        return self.ready

    def is_ready(self, line: str = "") -> None:
        """The program is ready. Said again, or of one that is stopping, it means nothing."""
        if self._state is _State.STARTING:
            self._state = _State.READY
            self._clear_timer()
            self.ready.callback(line)

    def stop(self) -> Deferred[None]:
        """End it and all that it forked: TERM, and KILL after STOP_SECONDS. Fires when it is gone; never fails."""
        gone: Deferred[None] = Deferred()
        if self._state is _State.GONE:
            gone.callback(None)
            return gone
        self._stopped.append(gone)
        if self._state is not _State.STOPPING:
            self._end()
        return gone

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        transport: Any = self.transport
        self.pid = transport.pid  # here, and not after spawnProcess: the end may come before that returns
        transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        *lines, rest = (self._partial.get(childFD, b"") + data).split(b"\n")
        if len(rest) > LINE_BYTES:
            lines, rest = [*lines, rest], b""
        self._partial[childFD] = rest
        for line in lines:
            self._line(line)

    def processExited(self, reason: Failure) -> None:  # noqa: N802
        # A kamailio that was killed leaves its workers. They hold its ports and its output: its end shows after theirs.
        self._kill_group()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self._clear_timer()
        state, self._state, self.pid = self._state, _State.GONE, None
        for rest in self._partial.values():
            self._line(rest)
        how = _how(reason)
        if not self.ready.called:
            self.ready.errback(ProcessError(self._failure(f"{self.name} ended before it was ready ({how}).")))
        elif state is _State.READY:
            self._log.error("{name} ended unasked ({how})", name=self.name, how=how)
            self._ended(self._failure(f"{self.name} ended unasked ({how})."))
        for gone in self._stopped:
            gone.callback(None)

    def _line(self, data: bytes) -> None:
        line = data[:LINE_BYTES].decode(errors="replace").rstrip()
        if not line:
            return
        self._last.append(line)
        self._log.info("{name}: {line}", name=self.name, line=line)
        if self._ready_line(line):
            self.is_ready(line)

    def _too_slow(self) -> None:
        self._timer = None
        self.ready.errback(ProcessError(self._failure(f"{self.name} was not ready after {START_SECONDS} seconds.")))
        self._end()

    def _failure(self, what: str) -> str:
        said = "\n  ".join(["It said:", *self._last]) if self._last else "It said nothing."
        return f"{what} {self._advice} {said}"

    def _end(self) -> None:
        self._state = _State.STOPPING
        self._clear_timer()
        self._timer = self._reactor.callLater(STOP_SECONDS, self._kill_group)
        assert self.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def _kill_group(self) -> None:
        assert self.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _clear_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def _how(reason: Failure) -> str:
    value = reason.value
    number = getattr(value, "signal", None)
    return f"signal {signal.Signals(number).name}" if number else f"exit code {getattr(value, 'exitCode', 0)}"
