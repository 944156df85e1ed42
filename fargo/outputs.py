"""The output of child processes: its lines, not too many of them, and the FIFO of a child that outlives the daemon.

Rules:

1. Such a child has the FIFO open for reading and writing. So it neither ends nor waits because nobody reads: while no
   daemon runs, the kernel keeps the first 64 KiB of what is written, and the rest is lost.
2. The daemon reads what is there, also what was written before it was started. The output ends when no process of the
   child is left.
3. What children write may be of a stranger's making, as kamailio quotes what it cannot parse. So only so many lines of
   it are passed on in a second (`Paced`), whoever sends however much.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

LINE_BYTES: Final = 4096
"""The length at which a line is cut."""

LINES_A_SECOND: Final = 10
"""The number of lines that are passed on in any second; that others were left out is one of them."""

L = TypeVar("L")

_READ_BYTES: Final = 65536
"""All that a FIFO keeps."""


class Lines:
    """Calls `heard` with each line of what it takes, without its end. Empty lines are left out."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._partial = b""

    def take(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._tell(line)
        if len(self._partial) > LINE_BYTES:
            self.end()

    def end(self) -> None:
        """Take what there is of the last line for a whole one."""
        rest, self._partial = self._partial, b""
        self._tell(rest)

    def _tell(self, data: bytes) -> None:
        line = data[:LINE_BYTES].decode(errors="replace").rstrip()
        if line:
            self._heard(line)


class Paced(Generic[L]):
    """Calls `heard` with the lines that it takes, of which it leaves some out if there are more than LINES_A_SECOND. It
    calls `left_out` with the number of these within a second.
    """

    def __init__(self, heard: Callable[[L], None], left_out: Callable[[int], None], reactor: Any) -> None:
        self._heard = heard
        self._left_out = left_out
        self._reactor = reactor
        self._heard_at: deque[float] = deque([float("-inf")] * (LINES_A_SECOND - 1), LINES_A_SECOND - 1)
        self._count = 0
        self._timer: Any = None

    def take(self, line: L) -> None:
        """Take the next line."""
        now = self._reactor.seconds()
        if now - self._heard_at[0] > 1:
            self._heard_at.append(now)
            self._heard(line)
            return
        self._count += 1
        self._timer = self._timer or self._reactor.callLater(1, self._tell)

    def end(self) -> None:
        """Tell of the lines that were left out last, as no more come."""
        if self._timer:
            self._timer.cancel()
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        count, self._count = self._count, 0
        self._left_out(count)


@contextmanager
def made_fifo(path: Path) -> Iterator[int]:
    """Make a FIFO that only our user can use, in the place of what is there, and open it for a child (rule 1). Raises
    OSError.
    """
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@implementer(IReadDescriptor)
class Watched:
    """A descriptor that the reactor watches until it is closed. `readable` is called when it can be read or has ended,
    and may be called when it cannot be read.

    (The methods with names of two words are Twisted's.)
    """

    def __init__(self, descriptor: int, readable: Callable[[], None], reactor: Any) -> None:
        self._descriptor = descriptor
        self._readable = readable
        self._reactor = reactor
        reactor.addReader(self)

    def close(self) -> None:
        """Close the descriptor. It may be closed already."""
        if self._descriptor >= 0:
            self._reactor.removeReader(self)
            os.close(self._descriptor)
            self._descriptor = -1

    def fileno(self) -> int:
        return self._descriptor

    def doRead(self) -> None:  # noqa: N802
        self._readable()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """Take what is left, as the reactor watches no more: at the end of the descriptor, and at its own end."""
        for _ in range(2):  # a FIFO can have one reading of data, and then its end
            if self._descriptor >= 0:
                self._readable()
        self.close()

    def logPrefix(self) -> str:  # noqa: N802
        return type(self).__name__


class Output:
    """The output of a child in a FIFO that exists. `heard` is called with each line, `ended` at the end (rule 2)."""

    def __init__(self, path: Path, heard: Callable[[str], None], ended: Callable[[], None], reactor: Any) -> None:
        """Raises OSError."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._lines = Lines(heard)
        self._ended = ended
        self._watched = Watched(self._descriptor, self._read, reactor)

    def close(self) -> None:
        """Read no more. `ended` is not called."""
        self._watched.close()

    def _read(self) -> None:
        """Read once, as a child may write faster than this reads."""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self._lines.take(data)
            return
        self.close()
        self._lines.end()
        self._ended()
