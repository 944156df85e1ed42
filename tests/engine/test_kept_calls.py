"""The edge and the calls of a gateway that is killed, stopped with --keep-calls, or stopped by `fargo stop`."""

import asyncio
import os
import signal
import socket
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from world.gateway import Gateway
from world.world import World

from fargo import texts
from fargo.cli import main
from fargo.cli import texts as cli_texts
from fargo.config_sections import INSIDE
from fargo.edge import texts as edge_texts
from fargo.edge.leftover import Leftover, find, run_dir_in
from fargo.statemachine.model.events import Stopping
from fargo.store.directory_lock import DirectoryLock
from fargo.store.opening import open_reader
from fargo.store.texts import IN_USE

KEEP = ["--keep-calls"]
STOP_SECONDS = 15
ENGINES = pytest.mark.parametrize("engine", ["sip", "telepathy"])


async def stop(gateway: Gateway, number: signal.Signals = signal.SIGTERM) -> int:
    os.kill(gateway.process.pid, number)
    return await gateway.process.ended(STOP_SECONDS)


async def crash(gateway: Gateway) -> None:
    gateway.process.kill()
    await gateway.process.ended()


def said_goodbye(gateway: Gateway) -> bool:
    with closing(open_reader(gateway.log)) as log:
        return any(isinstance(recorded.event, Stopping) for recorded, _ in log.read())


def edge_of(gateway: Gateway) -> Leftover:
    found = find(run_dir_in(gateway.state))
    assert found, "its edge runs"
    return found


def kamailios(gateway: Gateway) -> set[int]:
    """Return the ids of the first processes of all kamailios of this gateway."""
    wanted = os.fsencode(gateway.state / "edge/kamailio.cfg")
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words, stat = (entry / "cmdline").read_bytes().split(b"\0"), (entry / "stat").read_text()
            except OSError:
                continue
            if wanted in words:
                found.add(int(stat.rpartition(")")[2].split()[3]))  # the id of its session
    return found


async def fargo(*arguments: str | Path) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, [*map(str, arguments)])


@ENGINES
async def test_the_edge_of_a_gateway_that_is_killed_is_adopted(world: World, engine: str) -> None:
    gateway = await world.gateway(engine=engine)
    await world.register(await world.client("alice"))
    before = edge_of(gateway)
    for _ in range(2):
        await crash(gateway)
        await gateway.start()
        assert edge_of(gateway) == before
        assert kamailios(gateway) == {before.pid}
        assert edge_texts.ADOPTED.format(pid=before.pid) in gateway.process.output
    await world.register(await world.client("dave"))
    assert await stop(gateway) == 0
    assert not kamailios(gateway)


async def test_an_adopted_edge_that_dies_is_started_again(world: World, gateway: Gateway) -> None:
    await crash(gateway)
    await gateway.start()
    before = edge_of(gateway)
    os.kill(before.pid, signal.SIGKILL)
    await gateway.process.line(texts.RUNNING_AGAIN.format(name=texts.EDGE))
    assert texts.RESTARTING.format(name=texts.EDGE, why=edge_texts.ADOPTED_ENDED) in gateway.process.output
    assert kamailios(gateway) == {edge_of(gateway).pid} != {before.pid}
    await world.register(await world.client("alice"))


async def test_an_edge_with_another_configuration_is_replaced(world: World, gateway: Gateway) -> None:
    before = edge_of(gateway)
    await crash(gateway)
    gateway.tables["sip"]["ring_seconds"] = 61
    await gateway.start()
    assert kamailios(gateway) == {edge_of(gateway).pid} != {before.pid}
    assert edge_texts.REPLACED.format(pid=before.pid) in gateway.process.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_kept_calls_are_not_ended(world: World, number: signal.Signals) -> None:
    gateway = await world.gateway(options=KEEP)
    alice = await world.client("alice")
    await world.register(alice)
    before = edge_of(gateway)
    assert await stop(gateway, number) == 0
    assert texts.SIGNALLED_TO_KEEP.format(name=number.name) in gateway.process.output
    assert not said_goodbye(gateway)
    assert [file.name for file in gateway.state.glob("fargo.db*")] == ["fargo.db"], "the log was closed"
    assert kamailios(gateway) == {before.pid}
    assert world.provider.contacts("alice"), "the registration stays"
    port = int(str(gateway.tables["sip"]["gateway_port"]))
    for option in (socket.SO_REUSEADDR, socket.SO_BROADCAST):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, option, 1)
            with pytest.raises(OSError, match="Address already in use"):
                other.bind((INSIDE, port))
    checked = await fargo("check", "-c", gateway.configuration)
    assert checked.exit_code == 0
    assert cli_texts.EDGE_LEFT.format(pid=before.pid) in checked.stdout
    await gateway.start()
    assert edge_of(gateway) == before


@pytest.mark.parametrize("options", [[], KEEP])
async def test_fargo_stop_says_goodbye_and_ends_the_edge(world: World, options: list[str]) -> None:
    gateway = await world.gateway(options=options)
    await world.register(await world.client("alice"))
    pid = gateway.process.pid
    stopped = await fargo("stop", "-c", gateway.configuration)
    assert (stopped.exit_code, stopped.stdout.splitlines()) == (
        0,
        [cli_texts.SAYING_GOODBYE.format(pid=pid), cli_texts.STOPPED],
    )
    assert await gateway.process.ended() == 0
    assert said_goodbye(gateway)
    await world.provider.unregistered("alice")
    assert not kamailios(gateway)
    again = await fargo("stop", "-c", gateway.configuration)
    assert (again.exit_code, again.stdout) == (0, f"{cli_texts.NOT_RUNNING.format(path=gateway.state)}\n")


async def test_fargo_stop_ends_an_edge_that_was_left_and_no_other(world: World, gateway: Gateway) -> None:
    left = edge_of(gateway)
    await crash(gateway)
    other = await world.gateway()
    await crash(other)
    stopped = await fargo("stop", "-c", gateway.configuration)
    assert (stopped.exit_code, stopped.stdout) == (0, f"{cli_texts.EDGE_ENDED.format(pid=left.pid)}\n")
    assert not kamailios(gateway)
    assert kamailios(other) == {edge_of(other).pid}


async def test_fargo_stop_has_a_time_limit(gateway: Gateway) -> None:
    os.kill(gateway.process.pid, signal.SIGSTOP)
    try:
        stopped = await fargo("stop", "-c", gateway.configuration, "--seconds", "1")
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)
    told = cli_texts.STILL_RUNS.format(pid=gateway.process.pid, seconds=1)
    assert (stopped.exit_code, stopped.stderr) == (1, f"{told}\n")
    assert await gateway.process.ended(STOP_SECONDS) == 0, "it was asked all the same"


async def test_fargo_stop_signals_no_other_holder_of_the_lock(world: World, gateway: Gateway) -> None:
    """This process, which SIGQUIT would end."""
    assert await stop(gateway) == 0
    lock = DirectoryLock(gateway.state)
    try:
        stopped = await fargo("stop", "-c", gateway.configuration)
    finally:
        lock.release()
    assert (stopped.exit_code, stopped.stderr) == (
        2,
        f"Error: {IN_USE.format(holder=os.getpid(), path=gateway.state)}\n",
    )


async def test_a_second_gateway_leaves_the_edge_alone(world: World, gateway: Gateway) -> None:
    before = edge_of(gateway)
    refused = await fargo("run", "--as-root", "-c", gateway.configuration)
    assert refused.exit_code == 2
    assert IN_USE.format(holder=gateway.process.pid, path=gateway.state) in refused.stderr
    assert edge_of(gateway) == before
    assert kamailios(gateway) == {before.pid}
