"""Child processes of the daemon: dbus-daemon, telepathy-rakia, kamailio.

1. A child never outlives the daemon, however the daemon ends: it is started through `setpriv --pdeathsig`. Only one
   that is made to (`OutlivingChild`) does: its output goes to a FIFO, which it holds open itself (`fargo.outputs`).
2. A child leads a session of its own. So Ctrl-C on the daemon's terminal does not reach it and the daemon decides the
   order of stopping, and processes that the child has forked are killed when it ends.
3. The lines that a child writes are logged with their level (`fargo.journal.program_lines`), those from before it was
   ready when it is; after that not more than so many in a second (`fargo.outputs`), and chatter in a count of its own.
   A child that does not get
   ready is quoted in the failure only, so that a start that is tried again does not fill the log.
4. No secret may be in a child's arguments or output, and none leaves a core, which has the passwords that it had in
   its memory (`leave_no_core`).
5. The owner of a child learns of its end once: `ready` fails, `ended` is called, or the Deferred of `stop` fires.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo import texts
from fargo.journal import program_lines
from fargo.journal.levels import Level
from fargo.journal.program_lines import ProgramLine
from fargo.outputs import Lines, Output, Paced, made_fifo

START_SECONDS = 20
"""The time that a child may take to become ready."""

STOP_SECONDS = 5
"""The time that a child may take to end after TERM, before KILL."""

FIRST_LINES = 20
"""The number of last lines that are kept of a child that is not ready yet."""

_CLEAN = ("exit code 0", "signal SIGTERM")
"""The ends that are expected of a child that was told to stop."""


def leave_no_core() -> None:
    """Keep this process, and all that it starts from now on, from leaving a core when it crashes (setrlimit(2))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class ProcessError(Exception):
    """A child could not be started, or ended before it was ready. The text tells the administrator what to do."""


class _State(Enum):
    STARTING = auto()
    READY = auto()
    STOPPING = auto()
    GONE = auto()


@dataclass(frozen=True)
class OutlivingChild:
    """Describes the start of a child that outlives the daemon."""

    beginning: Sequence[str]
    """The beginning of its command."""
    output: Path
    """The place of its FIFO."""
    descriptors: Sequence[int]
    """The descriptors that it inherits, by the same numbers. They may be closed when it is ready or has ended."""


class Child(ProcessProtocol):
    """One run of a program.

    The program is ready when `ready_line` is true of a line that it writes, or when its owner calls `is_ready()`.
    `advice` is a sentence for every failure to start: what to install or what to check. `ended` is called with a
    sentence when the program ends by itself after it was ready. Without `env` it gets the daemon's environment. With
    `lasting` it outlives the daemon.
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
        lasting: OutlivingChild | None = None,
    ) -> None:
        self.name = name
        self.pid: int | None = None
        """The id of the process while it runs."""
        self.ready: Deferred[str] = Deferred()
        """Fires with the line that matched ("" after `is_ready()`); fails with ProcessError."""
        self._argv = list(argv)
        self._env = dict(os.environ if env is None else env)
        self._reactor = reactor
        self._advice = advice
        self._ready_line = ready_line
        self._ended = ended
        self._lasting = lasting
        self._output: Output | None = None
        self._state = _State.GONE
        self._stopped: list[Deferred[None]] = []
        self._timer: Any = None
        self._was_ready = False
        self._reason: Failure | None = None
        self._first_lines: deque[str] = deque(maxlen=FIRST_LINES)
        self._lines: dict[int, Lines] = {}
        self._log = Logger(namespace=f"fargo.processes.{name}")
        self._paced = Paced(self._log_line, partial(self._log_left_out, Level.WARNING), reactor)
        self._chatter = Paced(self._log_line, partial(self._log_left_out, Level.DEBUG), reactor)

    def start(self) -> Deferred[str]:
        """Start the program and return `ready`. To be called once."""
        program = self._argv[0]
        if shutil.which(program, path=self._env.get("PATH")) is None:
            problem = texts.NO_PROGRAM.format(program=self.name, path=program, advice=self._advice)
            self.ready.errback(ProcessError(problem))
            return self.ready
        # setsid and setpriv both replace themselves with the program that they start: one process, one id.
        self._state = _State.STARTING
        self._timer = self._reactor.callLater(START_SECONDS, self._too_slow)
        try:
            if self._lasting:
                self._spawn_lasting(self._lasting)
            else:
                self._spawn(["setpriv", "--pdeathsig", "TERM", "--"])
        except OSError as problem:  # no memory, no more processes, or no FIFO
            self._clear_timer()
            if self._output:
                self._output.close()
            self._state = _State.GONE
            self.ready.errback(ProcessError(texts.NOT_SPAWNED.format(program=self.name, why=problem)))
        return self.ready

    def _spawn(self, beginning: Sequence[str], descriptors: Mapping[int, Any] | None = None) -> None:
        argv = ["setsid", *beginning, *self._argv]
        self._reactor.spawnProcess(self, argv[0], argv, env=self._env, childFDs=descriptors)

    def _spawn_lasting(self, lasting: OutlivingChild) -> None:
        with made_fifo(lasting.output) as end:
            self._output = Output(lasting.output, self._line, self._all_gone, self._reactor)
            inherited = {number: number for number in lasting.descriptors}
            self._spawn(lasting.beginning, {0: "w", 1: end, 2: end, **inherited})

    def is_ready(self, line: str = "") -> None:
        """Take the program as ready. Without effect if it is ready already, or is stopping."""
        if self._state is _State.STARTING:
            self._state = _State.READY
            self._was_ready = True
            self._clear_timer()
            for each in self._first_lines:
                self._log_line(program_lines.read(each))
            self.ready.callback(line)

    def stop(self) -> Deferred[None]:
        """End the program and all that it forked: TERM, then KILL after STOP_SECONDS. Fires when it is gone; never
        fails.
        """
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
        self._lines.setdefault(childFD, Lines(self._line)).take(data)

    def processExited(self, reason: Failure) -> None:  # noqa: N802
        # A kamailio that was killed leaves its workers. They hold its ports, and its output, so processEnded waits.
        self._kill_group()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        self._reason = reason
        if self._output is None:
            self._all_gone()

    def _all_gone(self) -> None:
        """Tell the owner of the end, as no process of the child is left."""
        self._output = None
        if self._reason is None:  # the end of the output of a lasting child was noticed before its own
            return
        self._clear_timer()
        state, self._state, self.pid = self._state, _State.GONE, None
        for lines in self._lines.values():
            lines.end()
        self._paced.end()
        self._chatter.end()
        how = _how(self._reason)
        if not self.ready.called:
            self.ready.errback(self._failure(texts.ENDED_EARLY, how=how))
        elif state is _State.READY:
            self._ended(texts.ENDED_UNEXPECTEDLY.format(program=self.name, how=how))
        elif self._was_ready and how not in _CLEAN:  # it was failing, or did not stop; its owner cannot know how
            self._log.error(texts.ENDED, program=self.name, how=how)
        for gone in self._stopped:
            gone.callback(None)

    def _line(self, line: str) -> None:
        if self._was_ready:
            read = program_lines.read(line)
            (self._chatter if read.is_chatter else self._paced).take(read)
            return
        self._first_lines.append(line)
        if self._ready_line(line):
            self.is_ready(line)

    def _log_line(self, line: ProgramLine) -> None:
        self._log.emit(line.level.of_twisted, texts.PROGRAM_LINE, program=self.name, line=line.text)

    def _log_left_out(self, level: Level, count: int) -> None:
        self._log.emit(level.of_twisted, texts.LINES_LEFT_OUT, program=self.name, count=count)

    def _too_slow(self) -> None:
        self._timer = None
        self.ready.errback(self._failure(texts.TOO_SLOW, seconds=START_SECONDS))
        self._end()

    def _failure(self, text: str, **values: object) -> ProcessError:
        output = "\n  ".join([texts.OUTPUT, *self._first_lines]) if self._first_lines else texts.NO_OUTPUT
        return ProcessError(text.format(program=self.name, advice=self._advice, output=output, **values))

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
