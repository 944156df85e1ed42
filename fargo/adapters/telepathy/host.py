"""A SIP host: a private message bus and the telepathy-rakia that serves on it.

1. The bus is a Unix socket in the host's directory, for our own user only, so nobody else can reach rakia or see the
   passwords that it is given.
2. A host lives once. When rakia or the bus ends unasked, `died` is called, once; another host is a new `Host`.
3. Two rakias on one bus would end each other, because both want the same name: one bus for each.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from twisted.internet.defer import Deferred, gatherResults

from fargo.adapters.telepathy.bus import DAEMON, Bus, BusError, Signal
from fargo.adapters.telepathy.translate import SIGNALS
from fargo.processes import Child, ProcessError

MANAGER = "org.freedesktop.Telepathy.ConnectionManager.sofiasip"
"""rakia's bus name: still that of telepathy-sofiasip, as which it began."""
MANAGER_PATH = "/org/freedesktop/Telepathy/ConnectionManager/sofiasip"

_NAME_RULE = f"type='signal',sender='{DAEMON}',interface='{DAEMON}',member='NameOwnerChanged',arg0='{MANAGER}'"
_LONGEST_SOCKET_PATH = 107  # bytes, unix(7)

# rakia owns a name for every account, and a burst of calls leaves many replies open: far beyond what a desktop needs.
_CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
  <limit name="max_completed_connections">1000</limit>
  <limit name="max_names_per_connection">100000</limit>
  <limit name="max_match_rules_per_connection">100000</limit>
  <limit name="max_replies_per_connection">100000</limit>
  <limit name="max_incoming_bytes">250000000</limit>
  <limit name="max_outgoing_bytes">250000000</limit>
</busconfig>
"""


@dataclass(frozen=True)
class HostSettings:
    """Where a host keeps its files, and its programs (names or paths)."""

    directory: Path
    rakia: str = "/usr/lib/telepathy/telepathy-rakia"
    dbus_daemon: str = "dbus-daemon"


class Host:
    """One bus and one rakia. `heard` gets rakia's signals, `died` a sentence for the log when either ends unasked."""

    def __init__(
        self, settings: HostSettings, reactor: Any, heard: Callable[[Signal], None], died: Callable[[str], None]
    ) -> None:
        self._directory = settings.directory
        self._socket = settings.directory / "bus"
        self._configuration = settings.directory / "bus.conf"
        self._address = f"unix:path={self._socket}"
        self._heard = heard
        self._died = died
        self._over = False
        self._bus: Bus | None = None
        self._daemon = Child(
            "dbus-daemon",
            [
                settings.dbus_daemon,
                f"--config-file={self._configuration}",
                "--nofork",
                "--nopidfile",
                "--print-address",
            ],
            reactor,
            advice="Is the package dbus-daemon installed, and may we write to the state directory?",
            ready_line=lambda line: line.startswith("unix:path="),
            ended=self._ended,
        )
        self._rakia = Child(
            "telepathy-rakia",
            # Its standard output is the 60 parameters of its SIP stack, at every sign-in; errors go to the other one.
            ["sh", "-c", 'exec "$0" > /dev/null', settings.rakia],
            reactor,
            advice="Is the package telepathy-rakia installed, and is its path in [programs] right?",
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self._address, "RAKIA_PERSIST": "1"},
            ended=self._ended,
        )

    def start(self) -> Deferred[None]:
        """Fires when rakia serves; fails with ProcessError if it cannot be brought to."""
        return Deferred.fromCoroutine(self._start())

    def call(self, path: str, interface: str, method: str, signature: str, *values: Any) -> Deferred[list[Any]]:
        """Call a method of rakia's; fires with what it returns, or fails with BusError."""
        assert self._bus, "the host is not up"
        return self._bus.call(MANAGER, path, interface, method, signature, *values)

    def tell(self, path: str, interface: str, method: str, signature: str = "", *values: Any) -> None:
        """Call a method of rakia's whose reply nobody wants."""
        assert self._bus, "the host is not up"
        self._bus.tell(MANAGER, path, interface, method, signature, *values)

    def stop(self) -> Deferred[None]:
        """End both programs; fires when they are gone. Never fails."""
        self._over = True
        if self._bus:
            self._bus.close()
            self._bus = None
        return gatherResults([self._rakia.stop(), self._daemon.stop()]).addCallback(lambda _: None)

    async def _start(self) -> None:
        self._prepare()
        await self._daemon.start()
        try:
            self._bus = Bus(self._address, self._signalled, lambda: self._ended("The message bus hung up."))
            await self._bus.listen([_NAME_RULE, *map(_rule, SIGNALS)])
        except BusError as problem:
            raise ProcessError(f"The private message bus cannot be used: {problem}") from None
        await self._rakia.start()

    def _prepare(self) -> None:
        if len(os.fsencode(self._socket)) > _LONGEST_SOCKET_PATH:
            raise ProcessError(f"{self._socket} is too long for a socket's path: choose a shorter state directory.")
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._socket.unlink(missing_ok=True)
            self._configuration.write_text(_CONFIGURATION.format(socket=escape(str(self._socket))))
        except OSError as problem:
            raise ProcessError(f"The directory of the SIP host cannot be used: {problem}") from None

    def _signalled(self, signal: Signal) -> None:
        if signal.member != "NameOwnerChanged":
            self._heard(signal)
        elif signal.arguments[2]:
            self._rakia.is_ready()
        else:
            self._ended("telepathy-rakia left the message bus.")

    def _ended(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._died(why)


def _rule(signal: tuple[str, str]) -> str:
    interface, member = signal
    return f"type='signal',sender='{MANAGER}',interface='{interface}',member='{member}'"
