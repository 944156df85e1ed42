"""The edge as the daemon starts it, and its configuration files."""

import json
import os
import re
import signal
import socket
import stat
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from twisted.python.failure import Failure
from world.ports import free_port
from world.process import Process, until

from fargo.edge import Edge, EdgeSettings, command, configuration, route_params, texts, write_configuration
from fargo.processes import ProcessError
from fargo.texts import ENDED_UNEXPECTEDLY

SECRET = "not to be seen by anyone"

DAEMON = """
import json, sys
from pathlib import Path
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from fargo.edge import Edge, EdgeSettings
from fargo.processes import ProcessError

async def main(reactor):
    values = json.loads(sys.argv[1])
    values["run_dir"] = Path(values["run_dir"])
    ended = Deferred()
    edge = Edge(EdgeSettings(**values), reactor, ended.callback)
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
def settings(tmp_path: Path) -> EdgeSettings:
    return EdgeSettings(
        inside_port=free_port("127.0.0.1"),
        outside_ip="127.0.0.2",
        outside_port=free_port("127.0.0.2"),
        secret=SECRET,
        run_dir=tmp_path / "edge",
    )


async def daemon(settings: EdgeSettings) -> Process:
    values = json.dumps({**asdict(settings), "run_dir": str(settings.run_dir)})
    return await Process.start("a daemon", sys.executable, "-uc", DAEMON, values, cwd=Path(__file__).parents[2])


def processes_of(settings: EdgeSettings) -> list[int]:
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


async def test_it_starts_tells_of_its_end_and_leaves_nothing(settings: EdgeSettings) -> None:
    process = await daemon(settings)
    try:
        await process.line("^started$")
        os.kill(min(processes_of(settings)), signal.SIGKILL)  # the first one is the parent of the others
        await process.line("^" + re.escape(ENDED_UNEXPECTEDLY.format(program="kamailio", how="signal SIGKILL")))
        await until(lambda: not processes_of(settings), "its workers are gone")
        assert await process.ended() == 0
    finally:
        await process.stop()


async def test_it_goes_with_the_daemon(settings: EdgeSettings) -> None:
    process = await daemon(settings)
    try:
        await process.line("^started$")
        process.kill()
        await until(lambda: not processes_of(settings), "all of kamailio is gone")
    finally:
        await process.stop()


async def test_a_port_in_use_is_told(settings: EdgeSettings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((settings.outside_ip, settings.outside_port))
        process = await daemon(settings)
        try:
            assert await process.ended() == 0
            assert texts.ADVICE in process.output
            assert f"on {settings.outside_ip}: Address already in use" in process.output
        finally:
            await process.stop()


async def test_the_secret_shows_nowhere(settings: EdgeSettings) -> None:
    assert SECRET not in repr(settings) + " ".join(command(settings)) + configuration(settings)
    path = write_configuration(settings)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    path.chmod(0o644)
    write_configuration(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_configuration_that_cannot_be_written_is_a_failure_to_start(settings: EdgeSettings) -> None:
    settings.run_dir.touch()
    failures: list[Failure] = []
    Edge(settings, reactor=None).start().addErrback(failures.append)
    [failure] = failures
    assert isinstance(failure.value, ProcessError)
    assert str(failure.value).startswith(texts.CONFIGURATION_UNWRITABLE.format(why=""))


def test_another_secret_is_another_way_in(settings: EdgeSettings) -> None:
    assert configuration(settings) != configuration(replace(settings, secret="another secret of ours"))


def test_the_whole_of_loopback_is_forbidden_to_a_real_outside(settings: EdgeSettings) -> None:
    assert '"!FORBIDDEN!(127|0)[.].*!g"' in configuration(replace(settings, outside_ip="192.0.2.1"))
    assert '"!FORBIDDEN!127[.]0[.]0[.]1!g"' in configuration(settings)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"outside_ip": "0.0.0.0"}, texts.NOT_REACHABLE.format(address="0.0.0.0")),
        ({"outside_ip": "sip.example.net"}, texts.BAD_ADDRESS.format(side="outside", address="sip.example.net")),
        ({"outside_ip": '1.2.3.4!g"\nx'}, texts.BAD_ADDRESS.format(side="outside", address='1.2.3.4!g"\nx')),
        ({"outside_ip": "127.0.0.1"}, texts.SAME_ADDRESS.format(address="127.0.0.1")),
        ({"inside_ip": "192.0.2.1"}, texts.NOT_LOOPBACK.format(address="192.0.2.1")),
        ({"inside_port": 0}, texts.BAD_PORT.format(side="inside", port=0)),
        ({"outside_port": 65536}, texts.BAD_PORT.format(side="outside", port=65536)),
        ({"ring_seconds": 0}, texts.BAD_SECONDS.format(name="ring_seconds", seconds=0)),
        ({"silence_seconds": 4000}, texts.BAD_SECONDS.format(name="silence_seconds", seconds=4000)),
        ({"secret": "short"}, texts.SHORT_SECRET),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: EdgeSettings, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        replace(settings, **change)


@pytest.mark.parametrize(
    ("transport", "host", "port", "hop"),
    [
        ("udp", "sip.example.net", 5062, "udp~sip.example.net~5062"),
        ("tcp", "192.0.2.1", None, "tcp~192.0.2.1~"),
        (None, None, None, "udp~~"),
    ],
)
def test_an_account_is_led_through_the_edge(
    settings: EdgeSettings, transport: str | None, host: str | None, port: int | None, hop: str
) -> None:
    params = route_params(transport, host, port, settings)
    assert params["proxy-host"] == f"{hop}@127.0.0.1"
    assert (params["port"], params["transport"], params["loose-routing"]) == (settings.inside_port, "udp", True)


@pytest.mark.parametrize(
    ("transport", "host", "sentence"),
    [
        ("sctp", "a", texts.BAD_TRANSPORT.format(transport="sctp")),
        *(("udp", host, texts.BAD_HOST.format(host=host)) for host in ("a@b", "a~b", "a b", "::1", "ä")),
    ],
)
def test_a_host_cannot_break_out_of_the_route(settings: EdgeSettings, transport: str, host: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        route_params(transport, host, None, settings)
