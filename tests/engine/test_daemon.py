"""The gateway as a process: it starts, restarts the programs that end, stops in order, and says why it cannot go on."""

import asyncio
import json
import os
import re
import resource
import signal
import sys
from contextlib import closing
from pathlib import Path

import pytest
from world.gateway import FARGO, Gateway
from world.process import Process, ProcessError, until
from world.stanza import NS, element
from world.world import World
from world.xmpp_client import XmppClient

from fargo import texts
from fargo.adapters.telepathy.texts import HOST, RAKIA_ADVICE
from fargo.adapters.xmpp.texts import NO_STREAM_YET, SECRET_REJECTED
from fargo.edge.texts import ADVICE
from fargo.statemachine.model.events import (
    Event,
    RegistrationSubmitted,
    Restarted,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Stopping,
    StreamOpened,
)
from fargo.store.opening import open_reader
from fargo.store.texts import IN_USE, NOT_IN_SPARE
from fargo.texts import CANNOT_START, EDGE, RESTARTING, RUNNING_AGAIN
from replay.verifying.verify import verify

STOP_SECONDS = 15
ALAS = "Alas, it is broken."
FIRST_HOST = HOST.format(number=1)


def events(gateway: Gateway) -> list[Event]:
    with closing(open_reader(gateway.log)) as log:
        return [recorded.event for recorded, _ in log.read()]


def children(process: Process) -> dict[str, int]:
    """Return the child processes of a process, by the name of their program."""
    pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in pids}


def errors(gateway: Gateway) -> list[str]:
    """The errors that the gateway has logged, without their times."""
    found = (re.match(r"[\d-]+ [\d:]+ error +(.*)", line) for line in gateway.process.lines)
    return [match[1] for match in found if match]


def breakable(directory: Path, program: str) -> tuple[Path, Path]:
    """A program that ends at once while a file exists; the paths of both."""
    path, broken = directory / Path(program).name, directory / "broken"
    path.write_text(f'#!/bin/sh\n[ -e {broken} ] && echo "{ALAS}" >&2 && exit 3\nexec {program} "$@"\n')
    path.chmod(0o755)
    return path, broken


def signings(gateway: Gateway) -> list[object]:
    """Return what has become of the connections: SipSignedIn for each that came up, its trouble for each that went."""
    found = (event for event in events(gateway) if isinstance(event, SipSignedIn | SipSignedOut))
    return [event.trouble if isinstance(event, SipSignedOut) else SipSignedIn for event in found]


async def stop(gateway: Gateway, number: signal.Signals = signal.SIGTERM) -> int:
    os.kill(gateway.process.pid, number)
    return await gateway.process.ended(STOP_SECONDS)


async def signed_in_again(client: XmppClient, gateway: Gateway, after: int) -> None:
    await client.wait(
        lambda stanza: (
            stanza.get("from") == gateway.jid and any("Signed in" in (each.text or "") for each in stanza.iter())
        ),
        "the news that it is signed in again",
        after=after,
    )


async def test_it_goes_down_in_order(world: World) -> None:
    gateway = await world.gateway(engine="telepathy")
    alice = await world.client("alice")
    await world.register(alice)
    below = children(gateway.process)
    assert {"kamailio", "dbus-daemon", "telepathy-rakia"} <= below.keys()
    mark = len(alice.stanzas)
    assert await stop(gateway) == 0
    await alice.presence(gateway.jid, "unavailable", after=mark)
    await world.provider.unregistered("alice")
    assert not [name for name, pid in below.items() if Path(f"/proc/{pid}").exists()]
    assert [file.name for file in gateway.state.glob("fargo.db*")] == ["fargo.db"], "the log was closed"
    told = events(gateway)
    assert SipSignedOut("2.0", SipTrouble.ASKED) in told[told.index(Stopping()) :]
    assert errors(gateway) == []


async def test_an_account_that_is_still_being_signed_in_is_signed_out_as_well(world: World) -> None:
    gateway = await world.gateway(engine="telepathy")
    alice = await world.client("alice")
    os.killpg(world.provider.process.pid, signal.SIGSTOP)
    try:
        registering = asyncio.create_task(world.register(alice))
        await until(lambda: any(isinstance(each, RegistrationSubmitted) for each in events(gateway)), "it is tried")
        os.kill(gateway.process.pid, signal.SIGTERM)
        await until(lambda: Stopping() in events(gateway), "the gateway stops")
    finally:
        os.killpg(world.provider.process.pid, signal.SIGCONT)
    with pytest.raises(ConnectionRefusedError):
        await registering
    assert await gateway.process.ended(STOP_SECONDS) == 0
    told = events(gateway)
    assert told[told.index(Stopping()) + 1 :] == [SipSignedIn("2.0"), SipSignedOut("2.0", SipTrouble.ASKED)]
    await world.provider.unregistered("alice")


async def test_a_second_signal_changes_nothing(world: World, gateway: Gateway) -> None:
    os.kill(gateway.process.pid, signal.SIGINT)
    await gateway.process.line(re.escape(texts.SIGNALLED.format(name="SIGINT")))
    assert await stop(gateway, signal.SIGINT) == 0
    assert "Traceback" not in gateway.process.output


async def test_what_it_writes_holds_no_password_and_is_for_nobody_else(world: World) -> None:
    gateway = await world.gateway(program=(FARGO,))
    await world.register(await world.client("alice"))
    below = [gateway.process.pid, *children(gateway.process).values()]
    asked = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below)
    assert await stop(gateway) == 0
    files = [file for file in gateway.state.rglob("*") if file.is_file()]
    password, secret = world.provider.account("alice").password, world.server.secret
    assert [file.name for file in files if password.encode() in file.read_bytes()] == ["vault.db"]
    for text in (gateway.process.output.encode(), asked, gateway.log.read_bytes()):
        assert password.encode() not in text
        assert secret.encode() not in text
    assert gateway.state.stat().st_mode & 0o777 == 0o700
    for name in ("fargo.db", "vault.db", "edge.key", "edge/kamailio.cfg"):
        assert (gateway.state / name).stat().st_mode & 0o777 == 0o600


async def test_after_a_crash_everyone_is_as_they_were(world: World, gateway: Gateway) -> None:
    alice = await world.client("alice")
    await world.register(alice)
    below = children(gateway.process)
    del below["kamailio"]  # which outlives it
    gateway.process.kill()
    await gateway.process.ended()
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below.values()), "its programs end with it")
    mark = len(alice.stanzas)
    await gateway.start()
    await signed_in_again(alice, gateway, mark)
    after = events(gateway)
    after = after[after.index(Restarted()) :]
    assert after[1] == StreamOpened()
    assert not [event for event in after if isinstance(event, RegistrationSubmitted)], "nobody had to register again"
    assert await stop(gateway) == 0
    with closing(open_reader(gateway.log)) as log:
        assert verify(log.read()).differences == 0


async def test_a_rakia_that_dies_is_replaced_and_its_users_signed_in_again(world: World) -> None:
    gateway = await world.gateway(engine="telepathy")
    alice = await world.client("alice")
    await world.register(alice)
    mark = len(alice.stanzas)
    os.kill(children(gateway.process)["telepathy-rakia"], signal.SIGABRT)
    await until(lambda: signings(gateway) == [SipSignedIn, SipTrouble.HOST, SipSignedIn], "it is signed in again")
    await signed_in_again(alice, gateway, mark)


def edge_ended(how: str) -> str:
    return RESTARTING.format(name=EDGE, why=texts.ENDED_UNEXPECTEDLY.format(program="kamailio", how=how))


def cannot_start(name: str, advice: str) -> str:
    """Return the first line of the error about a program that `breakable` has broken."""
    child = {EDGE: "kamailio", FIRST_HOST: "telepathy-rakia"}[name]
    why = texts.ENDED_EARLY.format(program=child, how="exit code 3", advice=advice, output=texts.OUTPUT)
    return CANNOT_START.format(name=name, plan=texts.ENDLESS_ATTEMPTS.format(minutes=5), why=why)


async def test_an_edge_that_dies_is_started_again(world: World, gateway: Gateway) -> None:
    first = children(gateway.process)["kamailio"]
    os.kill(first, signal.SIGKILL)
    await gateway.process.line(RUNNING_AGAIN.format(name=EDGE))
    assert errors(gateway) == [edge_ended("signal SIGKILL")]
    assert children(gateway.process)["kamailio"] != first
    await world.register(await world.client("alice"))


async def test_an_edge_that_cannot_start_is_tried_until_it_can(world: World, tmp_path: Path) -> None:
    kamailio, broken = breakable(tmp_path, "/usr/sbin/kamailio")
    gateway = await world.add(Gateway(world.server, settings={"programs": {"kamailio": str(kamailio)}}))
    broken.touch()
    os.kill(children(gateway.process)["kamailio"], signal.SIGTERM)
    await gateway.process.line(f"{EDGE} cannot be started")
    broken.unlink()
    await gateway.process.line(RUNNING_AGAIN.format(name=EDGE))
    assert errors(gateway) == [edge_ended("exit code 0"), cannot_start(EDGE, ADVICE)]
    assert gateway.process.output.count(ALAS) == 1
    await world.register(await world.client("alice"))


async def test_a_rakia_that_dies_at_once_is_tried_until_it_lives(world: World, tmp_path: Path) -> None:
    rakia, broken = breakable(tmp_path, "/usr/lib/telepathy/telepathy-rakia")
    settings = {"programs": {"rakia": str(rakia)}}
    gateway = await world.add(Gateway(world.server, settings=settings, engine="telepathy"))
    alice = await world.client("alice")
    await world.register(alice)
    broken.touch()
    mark = len(alice.stanzas)
    os.kill(children(gateway.process)["telepathy-rakia"], signal.SIGSEGV)
    await gateway.process.line(f"{FIRST_HOST} cannot be started")
    broken.unlink()
    await until(lambda: signings(gateway) == [SipSignedIn, SipTrouble.HOST, SipSignedIn], "it is signed in again")
    await signed_in_again(alice, gateway, mark)
    await gateway.process.line(re.escape(RUNNING_AGAIN.format(name=FIRST_HOST)))
    ended, *told = [each for each in errors(gateway) if each.startswith(FIRST_HOST)]
    assert ended.startswith(RESTARTING.format(name=FIRST_HOST, why="telepathy-rakia "))
    assert told == [cannot_start(FIRST_HOST, RAKIA_ADVICE)]
    output = gateway.process.output
    assert re.findall(r"telepathy-rakia ended .*\(signal (\w+)\)", output) == ["SIGSEGV"], "whoever noticed it first"
    assert [output.count(each) for each in (ALAS, RUNNING_AGAIN.format(name=FIRST_HOST))] == [1, 1]


async def test_a_lost_xmpp_stream_comes_back(world: World, gateway: Gateway) -> None:
    await world.register(await world.client("alice"))
    await world.server.stop()
    await world.server.start()
    alice = await world.client("alice")
    await signed_in_again(alice, gateway, 0)
    assert events(gateway).count(StreamOpened()) == 1
    assert gateway.process.output.count("Fargo is ready") == 1


async def fails(gateway: Gateway) -> tuple[int, str]:
    """Run a gateway that does not get ready; return its exit code and what it said."""
    try:
        with pytest.raises(ProcessError, match="ended without printing"):
            await gateway.start()
        return await gateway.process.ended(), gateway.process.output
    finally:
        await gateway.__aexit__()


async def test_a_secret_that_the_xmpp_server_rejects_is_told_once_until_the_server_is_mended(world: World) -> None:
    gateway = Gateway(world.server, settings={"xmpp": {"secret": "some other secret"}})
    starting = asyncio.create_task(gateway.start())
    await until(lambda: hasattr(gateway, "process"), "the process is there")
    rejected = NO_STREAM_YET.format(why=SECRET_REJECTED.format(domain=world.server.component))
    await gateway.process.line(re.escape(rejected))
    await world.server.stop()
    world.server.secret = "some other secret"
    await world.server.start()
    await starting
    assert [each for each in errors(gateway) if each == rejected] == [rejected]
    assert "some other secret" not in gateway.process.output
    await gateway.__aexit__()


IMPATIENT = """
from fargo import supervisor
from fargo.cli import main
supervisor.DELAYS = (0,)
main()
"""
"""A gateway whose programs are started again without delay."""


@pytest.mark.parametrize(
    ("program", "name", "child"), [("kamailio", EDGE, "kamailio"), ("rakia", FIRST_HOST, "telepathy-rakia")]
)
async def test_a_program_that_cannot_be_started_ends_it(world: World, program: str, name: str, child: str) -> None:
    code, said = await fails(
        Gateway(
            world.server,
            settings={"programs": {program: "/bin/false"}},
            engine="telepathy",
            program=(sys.executable, "-c", IMPATIENT),
        )
    )
    assert code == 1
    failed = f"{child} ended before it was ready (exit code 1)."
    assert CANNOT_START.format(name=name, plan=texts.LIMITED_ATTEMPTS.format(attempts=10), why=failed) in said
    assert texts.STOPPING.format(why=texts.GIVEN_UP.format(name=name, attempts=10, why=failed)) in said
    assert said.count(failed) == 2


async def test_it_can_be_stopped_while_a_program_cannot_be_started(world: World) -> None:
    """All that it says is JSON, if that is wanted."""
    gateway = Gateway(world.server, settings={"programs": {"kamailio": "/bin/false"}}, options=["--json-log"])
    starting = asyncio.create_task(fails(gateway))
    await until(lambda: hasattr(gateway, "process"), "the process is there")
    await gateway.process.line(f"{EDGE} cannot be started")
    os.kill(gateway.process.pid, signal.SIGTERM)
    code, said = await starting
    assert code == 0
    assert "Traceback" not in said
    told = [json.loads(line) for line in said.splitlines()]
    assert {each["level"] for each in told} == {"error", "info"}
    assert told[-1]["text"] == texts.STOPPED.format(code=0)


async def test_a_broken_log_is_named_before_anything_starts(world: World) -> None:
    gateway = Gateway(world.server)
    gateway.state.mkdir(mode=0o700)
    gateway.log.write_bytes(b"no database at all" * 100)
    code, said = await fails(gateway)
    assert (code, said) == (
        2,
        f"Error: {gateway.configuration}: state.directory: {gateway.log} cannot be used as a log: "
        "file is not a database.",
    )


async def test_a_log_that_another_gateway_writes_to_is_left_to_it(world: World, gateway: Gateway) -> None:
    told = IN_USE.format(path=gateway.state, holder=gateway.process.pid)
    other, same = Gateway(world.server), Gateway(world.server)
    other.tables["state"], same.tables = gateway.tables["state"], gateway.tables
    assert [await fails(each) for each in (other, same)] == [(2, f"Error: {told}")] * 2
    assert await stop(gateway) == 0


async def test_without_log_and_spare_only_ends_are_said(world: World, gateway: Gateway) -> None:
    alice = await world.client("alice")
    await world.register(alice)
    mark = len(alice.stanzas)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, 0))
    alice.send(element("iq", None, element("query", NS["register"]), type="get", id="asked", to=gateway.jid))
    assert await gateway.process.ended(STOP_SECONDS) == 1
    assert texts.STOPPING.format(why=texts.COMMIT_FAILED.partition("{")[0]) in gateway.process.output
    assert gateway.process.output.count(NOT_IN_SPARE.partition("{")[0]) == 1
    # The server may say, in the gateway's name, that it is gone.
    answers = [(stanza.get("id"), stanza.get("type")) for stanza in alice.stanzas[mark:]]
    assert ("asked", "result") not in answers
    await alice.presence(gateway.jid, "unavailable", after=mark)
    await world.provider.unregistered("alice")
