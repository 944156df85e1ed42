"""A process that waits until it is its turn to be a worker: what it says of itself, and what it is told meanwhile.

It answers signals (`signals`), and questions at its socket and its pages (`waiting_room`).
"""

import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import Self

from fargo.config import Config
from fargo.operations.instant import instant
from fargo.operations.values import Following, WaitingStatus
from fargo.store.interface import StoreError, StoreInUseError
from fargo.workers import texts
from fargo.workers.following import Follower
from fargo.workers.signals import WaitingSignals
from fargo.workers.waiting_room import WaitingRoom, Whereabouts


class StandingBy:
    """Begun by entering it. ``config`` is what was read from `path`, or what is in use since SIGHUP."""

    def __init__(self, config: Config, path: Path, follower: Follower, now: Callable[[], float] = monotonic) -> None:
        self._signals = WaitingSignals(config, path)
        self._follower = follower
        self._now = now
        self._began, self._started = now(), time()
        self._why = StoreError("")
        self._room = WaitingRoom(self.status, self.refused)
        self._version = version("fargo")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.close()

    @property
    def config(self) -> Config:
        """The configuration, as it counts now."""
        return self._signals.config

    def goes_on(self, why: StoreError) -> None:
        """It has to be waited: say why to who asks, and do what signals asked for."""
        self._why = why
        self._signals.answer(str(why))
        self._room.open(Whereabouts(self.config.state.directory, self.config.metrics.address))

    def status(self) -> WaitingStatus:
        """Return what this process waits for, and how far it follows the log."""
        why, following, now = self._why, self._follower, self._now()
        holder, since = (why.holder, why.since) if isinstance(why, StoreInUseError) else (None, None)
        return WaitingStatus(
            version=self._version,
            domain=self.config.xmpp.domain,
            process=os.getpid(),
            worker=self.config.worker or "",
            started=instant(self._started),
            uptime=round(now - self._began, 3),
            why=str(why),
            following=Following(
                len(following.users),
                following.position,
                None if following.read_at is None else round(now - following.read_at, 3),
                following.problem,
            ),
            holder=holder,
            held_since=instant(since),
        )

    def refused(self) -> str:
        """Return why nothing else can be asked of this process, and who can be asked."""
        if isinstance(self._why, StoreInUseError) and self._why.holder:
            return texts.NOT_ASKED.format(worker=self.config.worker, holder=self._why.holder)
        return texts.NOBODY_KNOWN.format(worker=self.config.worker, why=self._why)
