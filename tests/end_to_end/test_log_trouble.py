"""A locked log and a full disk: calls live as long as they can, and both ends are told of their end."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from world.gateway import FARGO, Gateway, toml
from world.jingle_call import JingleCall
from world.process import Process, Server
from world.sip_agent import ScriptedProvider
from world.stanza import Failure, element
from world.world import World
from world.xmpp_client import XmppClient

from fargo import texts
from fargo.calls import records
from fargo.statemachine.model.events import Recorded, Restarted, Stopping
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import NO_ROOM, STOPPING
from fargo.store.opening import open_reader
from fargo.store.spare import SIZE

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Talk, inward, out
from .verified import verified

LONGER_THAN_SQLITE_WAITS = 6.0
"""Seconds. SQLite's connections wait for 5 if nobody says otherwise."""

IMPATIENT = """
from fargo.cli import main
from fargo.store.sqlite import patient
patient.LOCKED_SECONDS = 1.0
main()
"""
"""A gateway that waits for a locked log for a second."""

RESERVE = 8_000_000
"""Bytes of the disk that are kept for calls in progress."""

MOUNT = 'mount -t tmpfs -o size=32m,mode=700 none "$0" && echo mounted && exec sleep infinity'


@contextmanager
def locked(log: Path) -> Iterator[sqlite3.Connection]:
    """Lock a log as another process would."""
    with closing(sqlite3.connect(log, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield other


async def pinged(client: XmppClient, gateway: Gateway, id: str) -> None:
    """Check that the gateway answers a ping, which needs no log."""
    client.send(element("iq", None, element("ping", "urn:xmpp:ping"), type="get", id=id, to=gateway.jid))
    await client.wait(lambda stanza: stanza.get("id") == id, "the answer to a ping")


async def test_a_locked_log_is_waited_for_and_costs_nobody_a_call(
    scripted_alice: Customer, scripted: ScriptedProvider, gateway: Gateway
) -> None:
    talk = await out(scripted_alice, scripted)
    mark = len(scripted_alice.client.stanzas)
    with locked(gateway.log):
        informing = asyncio.create_task(talk.call.inform("active"))
        for number in range(3):
            await pinged(scripted_alice.client, gateway, f"ping-{number}")
            await asyncio.sleep(LONGER_THAN_SQLITE_WAITS / 3)  # the fault lasts for so long
        said = [each for each in scripted_alice.client.stanzas[mark:] if not each.get("id", "").startswith("ping-")]
        assert said == [], "the client is told nothing"
        assert not informing.done(), "and its request waits"
    await informing
    await talk.heard()
    await talk.hang_up()
    assert texts.STOPPING.partition("{")[0] not in gateway.process.output


async def goodbye(customer: Customer, scripted: ScriptedProvider, talk: Talk, ringing: JingleCall) -> None:
    """Check that all ends of an answered call and of a ringing one are told that the gateway stops."""
    for call in (talk.call, ringing):
        ended = await call.ended()
        assert (ended.reason, ended.text) == ("connectivity-error", STOPPING)
    await talk.phone.ended()


def check_log(path: Path) -> list[Recorded]:
    """Check that a log verifies and that no call in it goes on, and return its events."""
    entries = verified(path)
    assert [call.name for call in records(entries) if call.ended is None] == []
    return [recorded for recorded, _ in entries]


class TestALogThatStaysLocked:
    @pytest.fixture
    def program(self) -> Sequence[str | Path]:
        return (sys.executable, "-c", IMPATIENT)

    async def test_everybody_is_told_and_the_next_start_knows_it(
        self, scripted_alice: Customer, scripted: ScriptedProvider, gateway: Gateway
    ) -> None:
        talk = await inward(scripted_alice, scripted)
        ringing = await scripted_alice.call("carol", await scripted_alice.world.media())
        phone = await scripted.called()
        phone.respond(phone.invite, 180)
        await ringing.ringing()
        mark = len(scripted_alice.client.stanzas)
        with locked(gateway.log):
            await talk.call.inform("active")  # anything that the log has to take
            await goodbye(scripted_alice, scripted, talk, ringing)
            phone.respond(await phone.request_of("CANCEL"), 200)
            phone.respond(phone.invite, 487)
            await scripted_alice.client.presence(gateway.jid, "unavailable", after=mark)
            assert await gateway.process.ended() == 1
        assert texts.STOPPING.partition("{")[0] in gateway.process.output
        with closing(open_reader(gateway.log)) as log:
            assert Stopping() not in [recorded.event for recorded, _ in log.read()]
        mark = len(scripted_alice.client.stanzas)
        await gateway.start()
        await scripted_alice.signed_in(after=mark)
        told = [recorded.event for recorded in check_log(gateway.log)]
        assert told.index(Stopping()) < told.index(Restarted())
        spare = gateway.log.with_name("fargo.db-spare")
        assert spare.read_bytes() == bytes(SIZE)
        later = await out(scripted_alice, scripted)
        await later.hang_up()


@sip_only
async def test_kept_calls_are_ended_if_the_log_fails_while_the_gateway_stops(
    world: World, scripted: ScriptedProvider, engine: str
) -> None:
    program = (sys.executable, "-c", IMPATIENT)
    gateway = await world.gateway(engine=engine, program=program, options=["--keep-calls"])
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    talk = await out(alice, scripted)
    with locked(gateway.log):
        informing = asyncio.create_task(talk.call.inform("active"))  # anything that the log has to take
        await asyncio.sleep(0)  # it is sent now, before the ping
        await pinged(alice.client, gateway, "ping")
        os.kill(gateway.process.pid, signal.SIGTERM)
        ended = await talk.call.ended()
        assert (ended.reason, ended.text) == ("connectivity-error", STOPPING)
        await talk.phone.ended()
        assert await gateway.process.ended() == 1
    informing.cancel()
    assert texts.SIGNALLED_TO_KEEP.format(name="SIGTERM") in gateway.process.output
    await gateway.start()
    assert await stopped(gateway) == 0
    check_log(gateway.log)


class Disk(Server):
    """A small disk for the state directory of a gateway, in a mount namespace of its own."""

    async def start(self) -> None:
        self.process = await Process.start("disk", "unshare", "--mount", "--", "sh", "-c", MOUNT, self.directory)
        await self.process.line("mounted")

    @property
    def program(self) -> Sequence[str | Path]:
        """Return the command that runs a gateway with this disk."""
        return ("nsenter", "-t", str(self.process.pid), "-m", "--", FARGO)

    @property
    def seen(self) -> Path:
        """Return the path of the disk for those who are not in its namespace."""
        return Path(f"/proc/{self.process.pid}/root{self.directory}")

    def fill(self, leave: int = 0) -> None:
        """Take all the room that there is but for some bytes."""
        space = os.statvfs(self.seen)
        with (self.seen / "filling").open("wb", 0) as file, suppress(OSError):
            for _ in range(space.f_blocks * space.f_frsize // 4096):
                if leave and os.statvfs(self.seen).f_bavail * space.f_frsize < leave:
                    break
                file.write(bytes(4096))

    def clear(self) -> None:
        """Give the room back."""
        (self.seen / "filling").unlink()

    def copy(self, to: Path) -> Path:
        """Copy the log to where SQLite can read it, and return its path there."""
        for file in self.seen.glob("fargo.db*"):
            shutil.copy(file, to / file.name)
        return to / "fargo.db"


@pytest_asyncio.fixture
async def disk(world: World) -> AsyncIterator[Disk]:
    async with Disk() as disk:
        yield disk


async def on(disk: Disk, world: World, engine: str) -> Gateway:
    """Start a gateway that keeps its state on a disk."""
    settings: dict[str, dict[str, object]] = {
        "state": {"directory": str(disk.directory)},
        "log": {"reserve_mb": RESERVE // 1_000_000},
    }
    return await world.add(Gateway(world.server, settings=settings, engine=engine, program=disk.program))


async def test_on_a_disk_that_is_almost_full_no_call_begins(
    world: World, scripted: ScriptedProvider, engine: str, disk: Disk, tmp_path: Path
) -> None:
    gateway = await on(disk, world, engine)
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    talk = await out(alice, scripted)
    disk.fill(leave=RESERVE - 1_000_000)
    await gateway.process.line(texts.NO_ROOM.partition(":")[0])
    with pytest.raises(ConnectionRefusedError) as refused:
        await alice.call("carol", await world.media())
    assert refused.value.args[0] == Failure("wait", "resource-constraint", "", NO_ROOM)
    phone = scripted.call(talk.media)
    said = await phone.final(phone.invite)
    phone.refused(phone.invite, said)
    assert (said.status, said.get("Retry-After")) == {"sip": (503, "60"), "telepathy": (480, None)}[engine]
    await talk.heard()
    gateway.tables["log"]["reserve_mb"] = 1
    gateway.write(gateway.configuration.name, toml(gateway.tables))
    os.kill(gateway.process.pid, signal.SIGHUP)
    await gateway.process.line(texts.ROOM_AGAIN.partition(":")[0])
    await (await out(alice, scripted)).hang_up()
    await talk.hang_up()
    assert await stopped(gateway) == 0
    with closing(open_reader(disk.copy(tmp_path))) as log:
        causes = [call.cause for call in records(log.call_entries())]
    assert causes.count(Cause.CONGESTION) == 2


async def test_a_full_disk_lets_everybody_be_told_and_the_next_start_knows_it(
    world: World, scripted: ScriptedProvider, engine: str, disk: Disk, tmp_path: Path
) -> None:
    gateway = await on(disk, world, engine)
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    talk = await out(alice, scripted)
    mark = len(alice.client.stanzas)
    disk.fill()
    await talk.call.inform("active")
    assert (await talk.call.ended()).text == STOPPING
    await talk.phone.ended()
    await alice.client.presence(gateway.jid, "unavailable", after=mark)
    assert await gateway.process.ended() == 1
    assert "full" in gateway.process.output
    disk.clear()
    mark = len(alice.client.stanzas)
    await gateway.start()
    await alice.signed_in(after=mark)
    assert await stopped(gateway) == 0
    told = [recorded.event for recorded in check_log(disk.copy(tmp_path))]
    assert told.index(Stopping()) < told.index(Restarted())


async def stopped(gateway: Gateway) -> int:
    await gateway.stop()
    return await gateway.process.ended()
