"""The room on the disk: looks again and again how much is left for the log, and tells when it is too little.

Rules:

1. There is too little below the reserve, and enough again above the reserve and a tenth of it, so that neither is told
   all the time.
2. What is too little for new calls is enough for those in progress, and to end them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from fargo import texts

EVERY: Final = 5.0
"""Seconds between two looks. A look takes some microseconds."""


class Room:
    """The room on the disk of a directory. `tell` is called with True when it becomes too little, and with False when
    it is enough again. ``reserve``: bytes.
    """

    _logger = Logger()

    def __init__(self, directory: Path, reserve: int, tell: Callable[[bool], None], reactor: Any) -> None:
        self._directory = directory
        self._reserve = reserve
        self._tell = tell
        self._none = False
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor

    def reserve(self, reserve: int) -> None:
        """Keep so many bytes from the next look on."""
        self._reserve = reserve

    def start(self) -> None:
        """Look now, and then again and again."""
        self._loop.start(EVERY).addErrback(lambda failure: self._logger.failure(texts.ROOM_BUG, failure))

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        disk = os.statvfs(self._directory)
        left = disk.f_bavail * disk.f_frsize
        none = left < (self._reserve * 1.1 if self._none else self._reserve)
        if none == self._none:
            return
        self._none = none
        if none:
            self._logger.error(texts.NO_ROOM, directory=self._directory, left=left // 1_000_000)
        else:
            self._logger.info(texts.ROOM_AGAIN, directory=self._directory, left=left // 1_000_000)
        self._tell(none)
