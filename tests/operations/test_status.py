"""`fargo status` tells how a running gateway is, or that none runs."""

import asyncio
import json
import os
import re
import signal
import sys
import urllib.request
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from world.gateway import FARGO
from world.jingle_call import JingleCall
from world.ports import free_port
from world.process import Process
from world.world import World

from fargo.cli import main
from fargo.cli import texts as cli
from fargo.control.client import SilentGatewayError
from fargo.operations import texts
from fargo.operations.values import CallFigures, GatewayStatus, HandedOnFigures, LogFigures, PartStatus, WaitingThings

CONFIGURATION = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
[state]
directory = "state"
"""


def fargo(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, args)])


def test_no_gateway_runs(tmp_path: Path) -> None:
    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    for _ in range(2):
        result = fargo("status", "-c", tmp_path / "fargo.toml")
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr == f"{cli.NOT_RUNNING.format(path=tmp_path / 'state')}\n"
        (tmp_path / "state").mkdir(exist_ok=True)


def test_a_wrong_configuration_is_another_matter(tmp_path: Path) -> None:
    assert fargo("status", "-c", tmp_path / "nowhere").exit_code == 2


def test_a_directory_that_cannot_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fargo.toml").write_text(CONFIGURATION.replace('"state"', '"fargo.toml"'))
    result = fargo("status", "-c", tmp_path / "fargo.toml")
    assert result.exit_code == 2
    assert "Not a directory" in result.stderr


AILING = GatewayStatus(
    version="1.2.3",
    domain="sip.example.org",
    process=4711,
    phase="serving",
    started="2026-07-04T12:00:03Z",
    uptime=90061.5,
    parts={
        "xmpp": PartStatus(),
        "edge": PartStatus(texts.NO_EDGE, None, 3),
        "engine": PartStatus(None, 12_345_678, 0),
        "log": PartStatus(),
    },
    accounts={"signed-in": 12, "refused": 1, "waiting": 0},
    calls=CallFigures(3, 1, 20, 2),
    memory=None,
    log=LogFigures(123_456, "2026-07-01T12:00:03Z", "2026-07-04T12:00:03Z", "90d"),
    relay_sessions=None,
    faults=2,
)
WORKER = replace(AILING, parts={"log": PartStatus()}, worker="a")


@pytest.mark.parametrize(
    ("found", "code", "lines"),
    [
        (
            AILING,
            1,
            [
                "Fargo 1.2.3 runs, but cannot serve sip.example.org as it should (process 4711, for 1 day, 1:01:01).",
                "accounts  12 signed-in, 1 refused",
                "calls     3 now, 1 begun in the last minute and 20 in the last hour, 2 failed in the last hour",
                "xmpp      ok",
                "edge      The SIP edge (kamailio) does not run, restarts: 3",
                "engine    ok, 12.3 MB",
                "log       123 kB, since 2026-07-01T12:00:03Z, kept 90d",
                "bugs      2 since the start; the operational log has them",
            ],
        ),
        (
            replace(AILING, parts={"log": PartStatus(texts.NO_ROOM)}, faults=0, memory=80_000_000, accounts={}),
            1,
            ["accounts  none", "log       The disk is almost full, so no call can begin, 123 kB", "memory    80.0 MB"],
        ),
        (
            replace(AILING, phase="starting", parts={"log": PartStatus()}, log=LogFigures(0, None, None, "90d")),
            1,
            ["Fargo 1.2.3 starts, and does not serve sip.example.org yet (process 4711, ", "log       0 kB, no events"],
        ),
        (replace(AILING, parts={"log": PartStatus()}), 0, ["Fargo 1.2.3 serves sip.example.org (process 4711, "]),
        (
            replace(AILING, parts={"log": PartStatus()}, draining=True),
            0,
            ["Fargo 1.2.3 serves sip.example.org (process 4711, ", "drain     no new calls begin, 3 go on"],
        ),
        (
            replace(WORKER, handed_on=HandedOnFigures(9, 7, {"b": WaitingThings(3, 12.4)})),
            0,
            ["handed on 9 to other workers, 7 from them; waiting: 3 for worker b, the first for 12 s"],
        ),
        (
            replace(WORKER, handed_on=HandedOnFigures(0, 0, {})),
            0,
            ["handed on 0 to other workers, 0 from them; waiting: nothing"],
        ),
        (
            replace(WORKER, handed_on=HandedOnFigures(0, 0, None)),
            0,
            ["handed on 0 to other workers, 0 from them; waiting: unknown, as the database does not say it now"],
        ),
        (replace(AILING, phase="stopping"), 1, ["Fargo 1.2.3 stops serving sip.example.org (process 4711, "]),
    ],
    ids=["ailing", "almost full", "starting", "well", "drained", "things wait", "nothing waits", "unknown", "stopping"],
)
def test_what_people_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: GatewayStatus, code: int, lines: list[str]
) -> None:
    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    monkeypatch.setattr(sys.modules["fargo.cli.status"], "ask", lambda *_: found)
    result = fargo("status", "-c", tmp_path / "fargo.toml")
    assert result.exit_code == code
    assert [each for each in lines if each not in result.stdout] == []


def test_it_is_watched_until_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pause(_: float) -> None:
        if next(times) == 3:
            raise KeyboardInterrupt

    times = count(1)
    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    monkeypatch.setattr(sys.modules["fargo.cli.status"], "ask", lambda *_: AILING)
    monkeypatch.setattr(sys.modules["fargo.cli.status"], "sleep", pause)
    result = fargo("status", "-c", tmp_path / "fargo.toml", "--watch")
    assert (result.exit_code, result.stdout.count("Fargo 1.2.3 ")) == (0, 3)


def test_a_gateway_that_hangs_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object) -> None:
        raise SilentGatewayError("It hangs.")

    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    monkeypatch.setattr(sys.modules["fargo.cli.status"], "ask", hang)
    result = fargo("status", "-c", tmp_path / "fargo.toml")
    assert (result.exit_code, result.stderr) == (1, "It hangs.\n")


async def status(gateway: Path, *options: str) -> tuple[int, str]:
    process = await Process.start("status", FARGO, "status", "-c", gateway, *options)
    return await process.ended(), process.output


def told_at(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        told: bytes = answer.read()
    return told.decode()


async def test_a_gateway_that_serves_and_one_whose_edge_does_not_come_back(world: World, tmp_path: Path) -> None:
    kamailio = tmp_path / "kamailio"
    broken = tmp_path / "broken"
    metrics = free_port("127.0.0.1")
    kamailio.write_text(f'#!/bin/sh\n[ -e {broken} ] && exit 3\nexec /usr/sbin/kamailio "$@"\n')
    kamailio.chmod(0o755)
    gateway = await world.gateway()
    await gateway.stop()
    gateway.tables |= {"programs": {"kamailio": str(kamailio)}, "metrics": {"address": f"127.0.0.1:{metrics}"}}
    await gateway.start()
    alice = await world.client("alice")
    await world.register(alice)
    nobody = f"nobody%{world.provider.domain}@{world.server.component}/fargo"
    await (await JingleCall.outgoing(alice, nobody, await world.media())).ended()
    code, told = await status(gateway.configuration)
    assert code == 0, told
    assert re.search(
        rf"^Fargo \S+ serves {gateway.jid} \(process {gateway.process.pid}, for 0:00:\d\d\)\.$", told, re.M
    )
    assert re.search(r"^accounts +1 signed-in$", told, re.M)
    assert re.search(r"^edge +ok, [\d.]+ MB$", told, re.M)
    assert re.search(r"^calls +0 now, 1 begun in the last minute and 1 in the last hour, 1 failed", told, re.M)
    assert re.search(r"^memory +[\d.]+ MB$", told, re.M)
    await world.phone("bob")
    call = await JingleCall.outgoing(alice, await world.contact(alice, "bob"), await world.media())
    await call.answered()
    drain = await Process.start("drain", FARGO, "drain", "--wait", "-c", gateway.configuration)
    await drain.line(cli.DRAINING.format(calls=1))
    with pytest.raises(ConnectionRefusedError, match="about to be restarted"):
        await JingleCall.outgoing(alice, nobody, await world.media())
    code, told = await status(gateway.configuration)
    assert code == 0, told
    assert re.search(r"^drain +no new calls begin, 1 go on$", told, re.M)
    await call.terminate()
    assert await drain.ended() == 0
    assert cli.NO_CALL_LEFT in drain.output
    page = await asyncio.to_thread(told_at, f"http://127.0.0.1:{metrics}/metrics")
    assert 'fargo_accounts{state="signed-in"} 1.0' in page
    assert 'fargo_part_up{part="edge"} 1.0' in page
    assert "fargo_draining 1.0" in page
    assert re.search(r'^fargo_calls_total\{.*direction="out",ending="not-found".*side="phone"\} 1\.0$', page, re.M)
    assert re.search(r"^fargo_log_commit_seconds_count [1-9]", page, re.M)
    broken.touch()
    os.kill(int((gateway.state / "edge/process").read_text().split()[1]), signal.SIGKILL)
    await gateway.process.line("SIP edge has ended")
    code, told = await status(gateway.configuration, "--json")
    assert code == 1
    found = json.loads(told)
    assert (found["phase"], found["accounts"]["signed-in"]) == ("serving", 1)
    assert found["parts"]["edge"] == {"problem": texts.NO_EDGE, "memory": None, "restarts": 1}
    assert found["parts"]["xmpp"]["problem"] is None
    await gateway.stop()
    assert (await status(gateway.configuration))[0] == 3
