"""The orders for a process of the load: a line of JSON for each order, and one for each answer.

The end of the orders ends the process.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.load.epoll import Loop

Order = dict[str, Any]
Answer = Callable[[object], None]
_READ_BYTES = 65536


class Orders:
    """The orders on standard input. `do` gets each, and what answers it, now or later."""

    def __init__(self, loop: Loop, do: Callable[[Order, Answer], None]) -> None:
        self._loop = loop
        self._do = do
        self._rest = b""
        loop.watch(sys.stdin.fileno(), self._read)

    def _read(self) -> None:
        told = os.read(sys.stdin.fileno(), _READ_BYTES)
        if not told:
            self._loop.stop()
            return
        *lines, self._rest = (self._rest + told).split(b"\n")
        for line in lines:
            self._do(json.loads(line), self._answer)

    def _answer(self, said: object) -> None:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
