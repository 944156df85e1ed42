"""The edge as the daemon starts it, and its configuration files."""

import json
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from twisted.python.failure import Failure
from world.ports import free_port
from world.process import Process, until

from fargo.edge import texts
from fargo.edge.leftover import end, find
from fargo.edge.run import Edge, command, write_configuration
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.processes import ProcessError
from fargo.texts import ENDED_UNEXPECTEDLY

from .agents import Agent, request

SECRET = "not to be seen by anyone"

DAEMON = """
import json, sys
from pathlib import Path
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import eventAsText, globalLogPublisher
from fargo.edge.leftover import end, find
from fargo.edge.run import Edge
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.processes import ProcessError

globalLogPublisher.addObserver(lambda event: print(eventAsText(event, False, False, False), flush=True))

async def main(reactor):
    values = json.loads(sys.argv[1])
    values["run_dir"] = Path(values["run_dir"])
    ended = Deferred()
    edge = Edge(TelepathyEdgeSettings(**values), reactor, ended.callback)
    reactor.addSystemEventTrigger("before", "shutdown", edge.stop)
    try:
        await deferLater(reactor, 0)  # from then on it handles SIGTERM
        await edge.start()
        print("started", flush=True)
        print(await ended, flush=True)
    except ProcessError as problem:
        print(problem, flush=True)

task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[TelepathyEdgeSettings]:
    yield TelepathyEdgeSettings(
        inside_port=free_port("127.0.0.1"),
        outside_ip="127.0.0.2",
        outside_port=free_port("127.0.0.2"),
        secret=SECRET,
        run_dir=tmp_path / "edge",
    )
    if found := find(tmp_path / "edge"):
        end(found)


async def daemon(settings: TelepathyEdgeSettings) -> Process:
    """Start a process that adopts or starts the edge, and ends it when it gets SIGTERM."""
    values = json.dumps({**asdict(settings), "run_dir": str(settings.run_dir)})
    return await Process.start("a daemon", sys.executable, "-uc", DAEMON, values, cwd=Path(__file__).parents[2])


def processes_of(settings: TelepathyEdgeSettings) -> list[int]:
    """Return the pids of the kamailio processes with this configuration."""
    wanted = str(settings.run_dir).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if line.split(b"\0")[0].endswith(b"kamailio") and wanted in line:
                found.append(int(entry.name))
    return found


async def left_behind(settings: TelepathyEdgeSettings) -> list[int]:
    """Start a daemon, kill it when its edge runs, and return the pids of the edge that goes on."""
    first = await daemon(settings)
    await first.line("^started$")
    first.kill()
    await first.ended()
    return processes_of(settings)


async def test_it_starts_tells_of_its_end_and_leaves_nothing(settings: TelepathyEdgeSettings) -> None:
    process = await daemon(settings)
    try:
        await process.line("^started$")
        os.kill(min(processes_of(settings)), signal.SIGKILL)  # the first one is the parent of the others
        await process.line("^" + re.escape(ENDED_UNEXPECTEDLY.format(program="kamailio", how="signal SIGKILL")))
        await until(lambda: not processes_of(settings), "its workers are gone")
        assert await process.ended() == 0
    finally:
        await process.stop()


async def test_it_outlives_the_daemon_and_the_next_one_adopts_it(settings: TelepathyEdgeSettings) -> None:
    before = await left_behind(settings)
    second = await daemon(settings)
    try:
        await second.line("^started$")
        assert set(before) <= set(processes_of(settings))
        assert min(processes_of(settings)) == min(before), "nothing was started a second time"
        os.kill(min(before), signal.SIGKILL)
        await second.line(f"^{re.escape(texts.ADOPTED_ENDED)}")
    finally:
        await second.stop()
    assert not processes_of(settings)


async def test_one_that_was_adopted_ends_with_its_owner(settings: TelepathyEdgeSettings) -> None:
    await left_behind(settings)
    second = await daemon(settings)
    await second.line("^started$")
    await second.stop()
    assert not processes_of(settings)


@pytest.mark.parametrize("change", [{"ring_seconds": 60}, {"kamailio": "/usr/sbin/kamailio"}])
async def test_one_with_another_configuration_is_replaced(
    settings: TelepathyEdgeSettings, change: dict[str, Any]
) -> None:
    before = await left_behind(settings)
    second = await daemon(replace(settings, **change))
    try:
        await second.line("^started$")
        assert await second.line(re.escape(texts.REPLACED.format(pid=min(before))))
        assert set(processes_of(settings)).isdisjoint(before)
    finally:
        await second.stop()


async def test_workers_that_are_left_alone_are_replaced(settings: TelepathyEdgeSettings) -> None:
    before = await left_behind(settings)
    os.kill(min(before), signal.SIGSTOP)  # so that it does not end its workers
    os.kill(min(before), signal.SIGKILL)
    second = await daemon(settings)
    try:
        await second.line("^started$")
        assert set(processes_of(settings)).isdisjoint(before)
    finally:
        await second.stop()


async def test_one_that_never_served_is_replaced(settings: TelepathyEdgeSettings) -> None:
    """Its ports may not be kept yet."""
    before = await left_behind(settings)
    record = settings.run_dir / "process"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:2]))
    second = await daemon(settings)
    try:
        await second.line("^started$")
        assert set(processes_of(settings)).isdisjoint(before)
    finally:
        await second.stop()


async def test_a_process_that_got_the_same_id_is_left_alone(settings: TelepathyEdgeSettings) -> None:
    """Nor is that of another machine's run, which may be the same process in another container."""
    other = await Process.start("a stranger", "sleep", "60")
    try:
        settings.run_dir.mkdir()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        stat = Path(f"/proc/{other.pid}/stat").read_text()
        fields = stat.split()
        fields[21] = str(int(fields[21]) - 1)
        for record in (f"{boot}{' '.join(fields)}\n", f"another boot\n{stat}", "", "gibberish\n1\n", f"{boot}1 (sh\n"):
            (settings.run_dir / "process").write_text(record)
            assert find(settings.run_dir) is None
        (settings.run_dir / "process").write_text(boot + stat)
        assert find(settings.run_dir), "and this is how it is found"
        assert other.running
    finally:
        await other.stop()


async def test_nobody_reads_its_output_while_no_daemon_runs(settings: TelepathyEdgeSettings) -> None:
    """It does not wait for a reader, and the next daemon gets what the kernel has kept."""
    await left_behind(settings)
    written = os.open(settings.run_dir / "output", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(written, b"it is full\n"):
            pass
    os.close(written)
    agent = await Agent.open("127.0.0.3")
    agent.send(request("OPTIONS", f"sip:{settings.outside_ip}"), (settings.outside_ip, settings.outside_port))
    await agent.expect(lambda message: message.is_response, "an answer")
    agent.close()
    second = await daemon(settings)
    await second.line("^started$")
    await second.stop()
    assert not processes_of(settings)


async def test_a_port_in_use_is_told(settings: TelepathyEdgeSettings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((settings.outside_ip, settings.outside_port))
        process = await daemon(settings)
        try:
            assert await process.ended() == 0
            taken = texts.PORT_TAKEN.format(address=settings.outside_ip, port=settings.outside_port)
            assert taken in process.output
        finally:
            await process.stop()


def bind(address: str, port: int, option: int) -> socket.socket:
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        other.bind((address, port))
    except OSError:
        other.close()
        raise
    return other


async def test_nobody_else_can_bind_its_ports(settings: TelepathyEdgeSettings) -> None:
    """kamailio alone would let everybody bind them who sets SO_REUSEADDR, too. Also while no daemon runs."""
    process = await daemon(settings)
    try:
        await process.line("^started$")
        require_kept(settings)
        process.kill()
        await process.ended()
        require_kept(settings)
        found = find(settings.run_dir)
        assert found
        end(found)
        for ip, port in settings.udp_addresses():
            bind(str(ip), port, socket.SO_REUSEADDR).close()
    finally:
        await process.stop()


def require_kept(settings: TelepathyEdgeSettings) -> None:
    for ip, port in settings.udp_addresses():
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with pytest.raises(OSError, match="Address already in use"):
                bind(str(ip), port, option)


async def test_a_port_that_somebody_bound_first_is_told(settings: TelepathyEdgeSettings) -> None:
    """In the way that lets kamailio bind it, too."""
    for ip, port in settings.udp_addresses():
        with bind(str(ip), port, socket.SO_REUSEADDR):
            process = await daemon(settings)
            try:
                assert await process.ended() == 0
                assert texts.PORT_TAKEN.format(address=ip, port=port) in process.output
            finally:
                await process.stop()
    assert not processes_of(settings)


async def test_the_secret_shows_nowhere(settings: TelepathyEdgeSettings) -> None:
    assert SECRET not in repr(settings) + " ".join(command(settings)) + "".join(settings.files().values())
    path = write_configuration(settings)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    path.chmod(0o644)
    write_configuration(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_configuration_that_cannot_be_written_is_a_failure_to_start(settings: TelepathyEdgeSettings) -> None:
    settings.run_dir.touch()
    failures: list[Failure] = []
    Edge(settings, reactor=None).start().addErrback(failures.append)
    [failure] = failures
    assert isinstance(failure.value, ProcessError)
    assert str(failure.value).startswith(texts.CONFIGURATION_UNWRITABLE.format(why=""))
