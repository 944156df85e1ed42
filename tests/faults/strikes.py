"""The faults. Each function lets one happen and returns when all runs again.

`FULL` seconds are those of the matrix, `SHORT` ones those of the cells that script/test runs.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

from world.stanza import NS, element

from fargo.adapters.telepathy.texts import HOST
from fargo.texts import EDGE, RUNNING_AGAIN

from .cells import Fault
from .site import Site, kill, pids

DISK_BYTES: Final = 128 * 1024 * 1024
"""Enough for what the gateway keeps free by default (`[log] reserve_mb`), and a log."""
BLOCK: Final = 4096


@dataclass(frozen=True)
class Seconds:
    """The length of the faults that have none of their own."""

    silent: float
    busy: float
    full: float
    noticed: float
    """After a jump of the clock."""


@dataclass(frozen=True)
class Past:
    """A fault that is past: when it was `over`, and when that which it has ended ran again, None if it ended nothing.
    A fault that kills is over at once, one that lasts at its end.
    """

    over: float
    back: float | None


FULL: Final = Seconds(silent=30, busy=60, full=8, noticed=6)
SHORT: Final = Seconds(silent=3, busy=3, full=3, noticed=3)


async def gateway(site: Site, seconds: Seconds) -> Past:
    now = time.monotonic()
    site.gateway.process.kill()
    return Past(now, await site.is_back(now))


async def edge(site: Site, seconds: Seconds) -> Past:
    return await _supervised(site, pids("kamailio", str(site.gateway.state)), EDGE)


async def rakia(site: Site, seconds: Seconds) -> Past:
    return await _supervised(site, pids("telepathy-rakia"), HOST.format(number=1))


async def bus(site: Site, seconds: Seconds) -> Past:
    return await _supervised(site, pids("dbus-daemon"), HOST.format(number=1))


async def _supervised(site: Site, found: Sequence[int], name: str) -> Past:
    """Kill a program that the gateway starts again."""
    now, mark = time.monotonic(), len(site.gateway.process.lines)
    kill(found)
    await site.gateway.process.line(re.escape(RUNNING_AGAIN.format(name=name)), after=mark)
    return Past(now, time.monotonic())


async def relay(site: Site, seconds: Seconds) -> Past:
    now = time.monotonic()
    site.relay.process.kill()
    await site.restart_relay()
    return Past(now, time.monotonic())


async def xmpp_server(site: Site, seconds: Seconds) -> Past:
    now = time.monotonic()
    site.world.server.process.kill()
    await site.restart_xmpp_server()
    return Past(now, time.monotonic())


async def silent(site: Site, seconds: Seconds) -> Past:
    """Let the provider hear nothing of what is sent to it."""
    site.provider.ignored = []
    await asyncio.sleep(seconds.silent)
    site.provider.ignored = None
    return Past(time.monotonic(), None)


async def busy(site: Site, seconds: Seconds) -> Past:
    site.provider.refusing = 503
    await asyncio.sleep(seconds.busy)
    site.provider.refusing = None
    return Past(time.monotonic(), None)


async def disk(site: Site, seconds: Seconds) -> Past:
    """Fill the disk with the gateway's files."""
    filler = site.gateway.directory / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(BLOCK))
    await _something_to_write(site, seconds.full)
    filler.unlink()
    return await _running(site)


def locked(lasts: float) -> "Strike":
    async def strike(site: Site, seconds: Seconds) -> Past:
        """Hold the log's write lock, as a backup or a slow disk does."""
        with closing(sqlite3.connect(site.gateway.log, isolation_level=None)) as log:
            log.execute("BEGIN IMMEDIATE")
            await _something_to_write(site, lasts)
            log.execute("ROLLBACK")
        return await _running(site)

    return strike


def clock(shift: int) -> "Strike":
    async def strike(site: Site, seconds: Seconds) -> Past:
        """Move the wall clock of the gateway and its programs, and give their timers the time to notice."""
        assert site.clock
        site.clock.move(shift)
        await asyncio.sleep(seconds.noticed)
        return Past(time.monotonic(), None)

    return strike


async def _something_to_write(site: Site, seconds: float) -> None:
    """Let the client ask for the registration form again and again. Each time is an event in the log."""
    until_then = time.monotonic() + seconds
    while (left := until_then - time.monotonic()) > 0:
        client = site.alice.client
        query = element("query", NS["register"])
        client.send(element("iq", None, query, type="get", id=client.new_id(), to=site.gateway.jid))
        await asyncio.sleep(min(0.5, left))


async def power(site: Site, seconds: Seconds) -> Past:
    """Kill everything that runs on the gateway's machine, and start it again."""
    now = time.monotonic()
    ours = [*pids("kamailio", str(site.gateway.state)), *pids("telepathy-rakia"), *pids("dbus-daemon")]
    kill([site.gateway.process.pid, *ours, site.relay.process.pid, site.world.server.process.pid])
    await asyncio.gather(site.restart_relay(), site.restart_xmpp_server(), site.is_back(now))
    return Past(now, time.monotonic())


async def _running(site: Site) -> Past:
    """Wait until the gateway runs, if the fault has ended it."""
    over, last = time.monotonic(), site.lives[-1]
    if last.running:
        return Past(over, None)
    return Past(over, await site.is_back(over))


Strike = Callable[[Site, Seconds], Awaitable[Past]]
STRIKES: Final[Mapping[Fault, Strike]] = {
    Fault.GATEWAY: gateway,
    Fault.EDGE: edge,
    Fault.RAKIA: rakia,
    Fault.BUS: bus,
    Fault.RELAY: relay,
    Fault.XMPP: xmpp_server,
    Fault.SILENT: silent,
    Fault.BUSY: busy,
    Fault.DISK: disk,
    Fault.LOCKED_4: locked(4),
    Fault.LOCKED_10: locked(10),
    Fault.AHEAD: clock(3600),
    Fault.BEHIND: clock(-3600),
    Fault.POWER: power,
}
