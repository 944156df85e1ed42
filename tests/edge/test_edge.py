"""The edge as the daemon starts it, and its configuration files."""

import json
import os
import re
import signal
import socket
import stat
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from twisted.python.failure import Failure
from world.ports import free_port
from world.process import Process, until

from fargo.edge import texts
from fargo.edge.run import Edge, command, write_configuration
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.processes import ProcessError
from fargo.texts import ENDED_UNEXPECTEDLY

SECRET = "not to be seen by anyone"

DAEMON = """
import json, sys
from pathlib import Path
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from fargo.edge.run import Edge
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.processes import ProcessError

async def main(reactor):
    values = json.loads(sys.argv[1])
    values["run_dir"] = Path(values["run_dir"])
    ended = Deferred()
    edge = Edge(TelepathyEdgeSettings(**values), reactor, ended.callback)
    try:
        await edge.start()
        print("started", flush=True)
        print(await ended, flush=True)
    except ProcessError as problem:
        print(problem, flush=True)
    finally:
        await edge.stop()

task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
"""


@pytest.fixture
def settings(tmp_path: Path) -> TelepathyEdgeSettings:
    return TelepathyEdgeSettings(
        inside_port=free_port("127.0.0.1"),
        outside_ip="127.0.0.2",
        outside_port=free_port("127.0.0.2"),
        secret=SECRET,
        run_dir=tmp_path / "edge",
    )


async def daemon(settings: TelepathyEdgeSettings) -> Process:
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
            if line.startswith(b"kamailio\0") and wanted in line:
                found.append(int(entry.name))
    return found


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


async def test_it_goes_with_the_daemon(settings: TelepathyEdgeSettings) -> None:
    process = await daemon(settings)
    try:
        await process.line("^started$")
        process.kill()
        await until(lambda: not processes_of(settings), "all of kamailio is gone")
    finally:
        await process.stop()


async def test_a_port_in_use_is_told(settings: TelepathyEdgeSettings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((settings.outside_ip, settings.outside_port))
        process = await daemon(settings)
        try:
            assert await process.ended() == 0
            assert texts.ADVICE in process.output
            assert f"on {settings.outside_ip}: Address already in use" in process.output
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


async def test_nobody_else_can_bind_its_ports_while_it_runs(settings: TelepathyEdgeSettings) -> None:
    """kamailio alone would let everybody bind them who sets SO_REUSEADDR, too."""
    process = await daemon(settings)
    try:
        await process.line("^started$")
        for ip, port in settings.udp_addresses():
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                with pytest.raises(OSError, match="Address already in use"):
                    bind(str(ip), port, option)
        os.kill(min(processes_of(settings)), signal.SIGKILL)
        assert await process.ended() == 0
        for ip, port in settings.udp_addresses():
            bind(str(ip), port, socket.SO_REUSEADDR).close()
    finally:
        await process.stop()


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
