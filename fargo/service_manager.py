"""The service manager that started the gateway, such as systemd (sd_notify(3)): it is told what the gateway does.

Rules:

1. The gateway is ready when users can register and call, or when it has waited PATIENCE_SECONDS for that: an XMPP
   server that is down keeps it from serving, and must not make the start fail, as it connects as soon as it can. The
   status says what the gateway waits for, and what to do.
2. If the manager wants signs of life (WatchdogSec in systemd.service(5)), the reactor gives one in half of that time.
   A reactor that hangs gives none, and the manager starts the gateway again.
3. The children do not inherit the address of the manager: they are not the service.
4. A process that waits is ready, and its reactor does not run before it has taken over, for which it may have to read
   all of a log. So it is given WAITING_SECONDS between two signs of life until it has.
5. Without a manager nothing is done. What a manager does not take is not repeated, and the next sign of life follows.
"""

import os
import socket
from collections.abc import MutableMapping
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from fargo import texts
from fargo.plain import plain

PATIENCE_SECONDS: Final = 30.0
"""The time after which the gateway counts as started although it does not serve yet."""

WAITING_SECONDS: Final = 600.0
"""The time that a process that waits or takes over may need between two signs of life, if the manager wants any."""

_USEC: Final = 1_000_000


class ServiceManager:
    """The line to the gateway's service manager, if it has one."""

    _logger = Logger()

    def __init__(self, environment: MutableMapping[str, str], reactor: Any) -> None:
        self._reactor = reactor
        self._address = environment.pop("NOTIFY_SOCKET", None)
        self._life = LoopingCall(self._tell, "WATCHDOG=1")
        self._life.clock = reactor
        self._every = _half_of(environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", ""))
        self._patience: Any = None
        self._stood_by = False

    def started(self) -> None:
        """Say that the gateway waits for the XMPP server, and give signs of life from now on."""
        if self._address is None:
            return
        self._tell(f"STATUS={texts.STATUS_WAITING}")
        self._patience = self._reactor.callLater(PATIENCE_SECONDS, self._tell, "READY=1")
        if self._every:
            if self._stood_by:
                self._tell(_wanted(2 * self._every))
            self._life.start(self._every).addErrback(lambda failure: self._logger.failure(texts.MANAGER_BUG, failure))

    def stands_by(self, why: str) -> None:
        """Say that this process is ready to wait, why it does, and that it lives. The reactor does not run yet."""
        self._stood_by = True
        longer = (_wanted(WAITING_SECONDS),) if self._every else ()
        self._tell("READY=1", *longer, "WATCHDOG=1", f"STATUS={plain(why)}")

    def waits(self, why: str) -> None:
        """Say why users cannot register and call now, and what to do: a sentence."""
        self._tell(f"STATUS={plain(why)}")

    def serves(self) -> None:
        """Say that users can register and call."""
        self._forget_patience()
        self._tell("READY=1", f"STATUS={texts.STATUS_SERVES}")

    def stops(self) -> None:
        """Say that the gateway stops."""
        self._forget_patience()
        self._tell("STOPPING=1", f"STATUS={texts.STATUS_STOPS}")

    def _forget_patience(self) -> None:
        if self._patience and self._patience.active():
            self._patience.cancel()

    def _tell(self, *assignments: str) -> None:
        if self._address is None:
            return
        name = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setblocking(False)
            try:
                manager.sendto("\n".join(assignments).encode(), name)
            except OSError as error:
                self._logger.warn(texts.MANAGER_SILENT, why=error.strerror)


def _wanted(seconds: float) -> str:
    """Return what says that the manager is to wait for so long for a sign of life."""
    return f"WATCHDOG_USEC={round(seconds * _USEC)}"


def _half_of(microseconds: str, pid: str) -> float | None:
    """Return half of a time in seconds, None if it is not given or is for another process (sd_watchdog_enabled(3))."""
    if not microseconds.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / _USEC / 2
