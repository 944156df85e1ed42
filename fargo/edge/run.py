"""Run the kamailio of an edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from fargo.edge import texts
from fargo.edge.adopted import Adopted, ended
from fargo.edge.leftover import Leftover, configuration_in, find, output_in, recorded, serves
from fargo.edge.ports import PortGuard, PortTakenError
from fargo.edge.settings import READY_LINE, EdgeSettings, digest
from fargo.private_file import write_private
from fargo.processes import Child, OutlivingChild, ProcessError


def write_configuration(settings: EdgeSettings) -> Path:
    """Write the files into the run directory, readable by our user only. Return the path of the configuration."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in settings.files().items():
        write_private(settings.run_dir / name, text)
    return configuration_in(settings.run_dir)


def command(settings: EdgeSettings) -> list[str]:
    """Return the command that runs kamailio in the foreground, as our own user, with its log on stderr and its files in
    the run directory.
    """
    run_dir = str(settings.run_dir)
    configuration = str(configuration_in(settings.run_dir))
    return [settings.kamailio, "-f", configuration, "-DD", "-E", "-Y", run_dir, "-w", run_dir]


class Edge:
    """One run of kamailio: one that runs already with these settings, or else a new one. `ended` is called with a
    sentence if it ends by itself after `start()` has fired.

    It does not end with the gateway. The next run finds it again (`leftover`).
    """

    def __init__(self, settings: EdgeSettings, reactor: Any, ended: Callable[[str], None] = lambda why: None) -> None:
        self._settings = settings
        self._reactor = reactor
        self._ended = ended
        self._process: Adopted | Child | None = None
        self._log = Logger()

    @property
    def pid(self) -> int | None:
        """The id of kamailio's first process while it runs, None if it does not."""
        return self._process.pid if self._process else None

    def start(self) -> Deferred[None]:
        """Adopt or start kamailio. The Deferred fires when it serves; fails with ProcessError. In both cases `stop` is
        to be called in the end.
        """
        return Deferred.fromCoroutine(self._start())

    def stop(self) -> Deferred[None]:
        """End kamailio and its workers. The Deferred fires when they are gone, and never fails."""
        return self._process.stop() if self._process else succeed(None)

    async def _start(self) -> None:
        found = find(self._settings.run_dir)
        if found and not self._adopted(found):
            await self._make_way(found)
            found = None
        if found is None:
            await self._start_new()

    def _adopted(self, found: Leftover) -> bool:
        """Adopt a kamailio. Return whether it can be."""
        if not found.is_running or found.digest != digest(self._settings):
            return False
        try:
            self._process = Adopted(found, self._reactor, self._ended)
        except OSError:  # it has ended, or its FIFO is gone
            return False
        self._log.info(texts.ADOPTED, pid=found.pid)
        return True

    async def _make_way(self, found: Leftover) -> None:
        if found.is_running and found.digest:
            self._log.info(texts.REPLACED, pid=found.pid)
        await ended(found, self._reactor)
        if find(self._settings.run_dir):
            raise ProcessError(texts.NOT_ENDED.format(pid=found.pid))

    async def _start_new(self) -> None:
        settings = self._settings
        try:
            write_configuration(settings)
            guard = PortGuard(settings.udp_addresses(), settings.gateway_addresses())
        except OSError as problem:
            raise ProcessError(texts.CONFIGURATION_UNWRITABLE.format(why=problem)) from problem
        except PortTakenError as problem:
            raise ProcessError(str(problem)) from problem
        try:
            self._process = child = self._child(guard)
            await child.start()
            guard.secure()
            serves(settings.run_dir, digest(settings))
        except PortTakenError as problem:
            raise ProcessError(str(problem)) from problem
        except OSError as problem:
            raise ProcessError(texts.CONFIGURATION_UNWRITABLE.format(why=problem)) from problem
        finally:
            guard.close()

    def _child(self, guard: PortGuard) -> Child:
        run_dir = self._settings.run_dir
        return Child(
            "kamailio",
            command(self._settings),
            self._reactor,
            advice=texts.ADVICE,
            ready_line=lambda line: READY_LINE in line,
            ended=self._ended,
            lasting=OutlivingChild(recorded(run_dir), output_in(run_dir), guard.descriptors),
        )
