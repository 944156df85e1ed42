"""A SIP host: a private message bus and the telepathy-rakia that serves on it.

1. The bus is a Unix socket in the host's directory, accessible to our own user only. So nobody else can reach rakia or
   see the passwords that it is given.
2. A host is started once. When rakia or the bus ends unexpectedly, `died` is called once; a new host is a new `Host`.
3. Each rakia has a bus of its own. Two on one bus would request the same name, and one would end the other.
"""

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from xml.sax.saxutils import escape

from twisted.internet.defer import Deferred, gatherResults

from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.bus import DAEMON, Bus, BusError, Signal
from fargo.adapters.telepathy.translate import SIGNALS
from fargo.private_file import write_private
from fargo.processes import Child, ProcessError

MANAGER = "org.freedesktop.Telepathy.ConnectionManager.sofiasip"
"""rakia's bus name, which is still that of its predecessor, telepathy-sofiasip."""
MANAGER_PATH = "/org/freedesktop/Telepathy/ConnectionManager/sofiasip"

_NAME_RULE = f"type='signal',sender='{DAEMON}',interface='{DAEMON}',member='NameOwnerChanged',arg0='{MANAGER}'"
_LONGEST_SOCKET_PATH = 107  # bytes, unix(7)
_NAME_BYTES: Final = 4

# The default limits are too low: rakia owns a name for each account, and a burst of calls has many pending replies.
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
    """The directory for a host's files, and its programs as names or paths."""

    directory: Path
    rakia: str = "/usr/lib/telepathy/telepathy-rakia"
    dbus_daemon: str = "dbus-daemon"


class Host:
    """One bus and one rakia. `name` is that of the rakia between us and the edge, another one for each run.

    `heard` is called with each of rakia's signals, `died` with a sentence for the log when either program ends
    unexpectedly.
    """

    def __init__(
        self, settings: HostSettings, reactor: Any, heard: Callable[[Signal], None], died: Callable[[str], None]
    ) -> None:
        self.name = token_hex(_NAME_BYTES)
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
            advice=texts.BUS_ADVICE,
            ready_line=lambda line: line.startswith("unix:path="),
            ended=self._ended,
        )
        self._rakia = Child(
            "telepathy-rakia",
            # At each sign-in it prints the 60 parameters of its SIP stack to stdout. Errors go to stderr.
            ["sh", "-c", 'exec "$0" > /dev/null', settings.rakia],
            reactor,
            advice=texts.RAKIA_ADVICE,
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self._address, "RAKIA_PERSIST": "1"},
            ended=self._ended,
        )

    def start(self) -> Deferred[None]:
        """Start both programs. The Deferred fires when rakia is ready, or fails with ProcessError."""
        return Deferred.fromCoroutine(self._start())

    def call(self, path: str, interface: str, method: str, signature: str, *values: Any) -> Deferred[list[Any]]:
        """Call a method of rakia. The Deferred fires with the values that it returns, or fails with BusError."""
        assert self._bus, "the host is not up"
        return self._bus.call(MANAGER, path, interface, method, signature, *values)

    def tell(self, path: str, interface: str, method: str, signature: str = "", *values: Any) -> None:
        """Call a method of rakia without a reply."""
        assert self._bus, "the host is not up"
        self._bus.tell(MANAGER, path, interface, method, signature, *values)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of those of its programs that run."""
        return tuple(each.pid for each in (self._daemon, self._rakia) if each.pid)

    def memory_kib(self) -> int | None:
        """Return the memory that rakia uses, None if it has ended."""
        return memory_kib(self._rakia.pid) if self._rakia.pid else None

    def stop(self) -> Deferred[None]:
        """Stop both programs. The Deferred fires when they have ended, and never fails."""
        self._over = True
        if self._bus:
            self._bus.close()
            self._bus = None
        return gatherResults([self._rakia.stop(), self._daemon.stop()]).addCallback(lambda _: None)

    async def _start(self) -> None:
        self._prepare()
        await self._daemon.start()
        try:
            self._bus = Bus(self._address, self._signalled, lambda: self._ended(texts.BUS_CLOSED))
            await self._bus.listen([_NAME_RULE, *map(_rule, SIGNALS)])
        except BusError as problem:
            raise ProcessError(texts.BUS_UNUSABLE.format(problem=problem)) from None
        await self._rakia.start()

    def _prepare(self) -> None:
        if len(os.fsencode(self._socket)) > _LONGEST_SOCKET_PATH:
            raise ProcessError(texts.SOCKET_PATH_TOO_LONG.format(socket=self._socket))
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._socket.unlink(missing_ok=True)
            write_private(self._configuration, _CONFIGURATION.format(socket=escape(str(self._socket))))
        except OSError as problem:
            raise ProcessError(texts.DIRECTORY_UNUSABLE.format(problem=problem)) from None

    def _signalled(self, signal: Signal) -> None:
        if signal.member != "NameOwnerChanged":
            self._heard(signal)
        elif signal.arguments[2]:
            self._rakia.is_ready()
        else:
            self._ended(texts.RAKIA_LEFT)

    def _ended(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._died(why)


def memory_kib(pid: int) -> int | None:
    """Return the memory that a process uses, None if there is no such process (proc(5), statm: resident)."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * resource.getpagesize() // 1024


def _rule(signal: tuple[str, str]) -> str:
    interface, member = signal
    return f"type='signal',sender='{MANAGER}',interface='{interface}',member='{member}'"
