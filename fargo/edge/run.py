"""Run the kamailio of an edge."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail

from fargo.edge import texts
from fargo.edge.ports import PortGuard, PortTakenError
from fargo.edge.settings import READY_LINE, EdgeSettings
from fargo.processes import Child, ProcessError


def write_configuration(settings: EdgeSettings) -> Path:
    """Write the files into the run directory, readable by our user only. Return the path of the configuration."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in settings.files().items():
        path = settings.run_dir / name
        path.unlink(missing_ok=True)  # so that it does not keep the mode of an older file
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return settings.run_dir / "kamailio.cfg"


def command(settings: EdgeSettings) -> list[str]:
    """Return the command that runs kamailio in the foreground, as our own user, with its log on stderr and its files in
    the run directory.
    """
    run_dir = str(settings.run_dir)
    return [settings.kamailio, "-f", f"{run_dir}/kamailio.cfg", "-DD", "-E", "-Y", run_dir, "-w", run_dir]


class Edge:
    """One run of kamailio. `ended` is called with a sentence if it ends by itself after `start()` has fired."""

    def __init__(self, settings: EdgeSettings, reactor: Any, ended: Callable[[str], None] = lambda why: None) -> None:
        self._settings = settings
        self._guard: PortGuard | None = None
        self._child = Child(
            "kamailio",
            command(settings),
            reactor,
            advice=texts.ADVICE,
            ready_line=lambda line: READY_LINE in line,
            ended=ended,
        )

    def start(self) -> Deferred[str]:
        """Write the configuration and start kamailio. The Deferred fires when it is ready; fails with ProcessError. In
        both cases `stop` is to be called in the end.
        """
        try:
            write_configuration(self._settings)
        except OSError as problem:
            return fail(ProcessError(texts.CONFIGURATION_UNWRITABLE.format(why=problem)))
        return self._child.start().addCallback(self._keep_ports)

    def stop(self) -> Deferred[None]:
        """End kamailio and its workers. The Deferred fires when they are gone, and never fails."""
        if self._guard:
            self._guard.close()
        return self._child.stop()

    def _keep_ports(self, ready_line: str) -> str:
        try:
            self._guard = PortGuard(self._settings.udp_addresses())
        except PortTakenError as problem:
            raise ProcessError(str(problem)) from problem
        return ready_line
