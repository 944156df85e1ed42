"""`script/up`: a first run, a second one at the same time, a run after a crash, and runs with a broken program."""

import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from world.browser import Chromium
from world.process import Process

UP = Path(__file__).parents[2] / "script/up"
FARGO = Path(sys.executable).with_name("fargo")
STAYS = r"^Press Ctrl-C to stop"

Up = Callable[..., Coroutine[Any, Any, Process]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
async def up(run: Path) -> AsyncIterator[Up]:
    """Return a function that starts `script/up` in a directory of its own."""
    async with AsyncExitStack() as started:

        async def start(*options: str, env: dict[str, str] | None = None) -> Process:
            process = await Process.start("script/up", UP, "--run", run, *options, cwd=Path("/"), env=env)
            started.push_async_callback(process.stop)
            return process

        yield start


def alive(run: Path) -> list[str]:
    """Return the command lines of the processes that use this directory."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if f"{run}/" in line:
            lines.append(line)
    return lines


async def verified(run: Path) -> str:
    """Check that the log verifies, and return the summary."""
    verify = await Process.start("fargo", FARGO, "replay", "verify", run / "fargo.db")
    assert await verify.ended() == 0, verify.report()
    return verify.lines[-1]


async def test_once_makes_both_calls_and_leaves_nothing_running(up: Up, run: Path) -> None:
    process = await up("--once")
    assert await process.ended(90) == 0, process.report()
    assert process.lines.count("Audio both ways.") == 2
    out, back = re.sub("─+", "─", process.output).split("Incoming call: ")
    for message in ("─ session-initiate ─>", "─ INVITE ─>", "<─ 200 OK ─", "<─ session-accept ─", "─ BYE ─>"):
        assert message in out
    for message in ("<─ INVITE ─", "<─ session-initiate ─", "─ session-accept ─>", "─ 200 OK ─>", "<─ BYE ─"):
        assert message in back
    assert max(len(line) for line in process.lines) <= 80
    assert (run / "fargo.toml").stat().st_mode & 0o777 == 0o600
    assert "every command is as recorded" in await verified(run)
    assert alive(run) == []


async def test_it_stays_alone_until_ctrl_c(up: Up, run: Path) -> None:
    first = await up()
    await first.line(STAYS, 90)
    second = await up("--once")
    assert await second.ended() == 2
    assert f"process {first.pid}" in second.output
    os.kill(first.pid, signal.SIGINT)
    assert await first.ended() == 0
    assert alive(run) == []


@pytest.mark.xdist_group("screen")
async def test_chromium_is_a_phone_for_the_guest(up: Up, run: Path) -> None:
    process = await up()
    await process.line(STAYS, 90)
    page = await process.line(r"http://\S+")
    async with Chromium() as browser:
        phone = await browser.phone(page[0])
        await phone.run("document.querySelector('#log-in button').click()")
        await phone.event("contacts", jid="bob%sip.test@sip.localhost/fargo", available=True)
        await phone.run("document.querySelector('#people button').click()")
        await phone.event("answered")
        await phone.hears(440)
        await phone.hang_up()
        assert await phone.ended() == ("success", "")
    os.kill(process.pid, signal.SIGINT)
    assert await process.ended() == 0
    assert alive(run) == []


async def test_killed_it_ends_its_programs_and_starts_again(up: Up, run: Path) -> None:
    killed = await up()
    await killed.line(STAYS, 90)
    killed.kill()
    leftover = await Process.start("leftover", "sh", "-c", "sleep 20; exit", f"{run}/prosody")
    with (run / "up.pids").open("a") as pids:
        pids.write(f"{leftover.pid}\n")
    again = await up("--once")
    await again.line("^XMPP server", 30)
    assert not leftover.running
    await leftover.stop()
    assert await again.ended(90) == 0, again.report()
    assert "every command is as recorded" in await verified(run)
    assert alive(run) == []


async def test_a_call_without_audio_one_way_fails(up: Up, run: Path, tmp_path: Path) -> None:
    real = shutil.which("baresip")
    # Its audio source is a bridge without input.
    path = replaced(tmp_path, "baresip", f'sed -i s/ausine,440/aubridge,mute/ "$2/config"; exec {real} "$@"')
    process = await up(env={"PATH": path})
    assert await process.ended(90) == 1, process.report()
    assert "NO AUDIO to the client." in process.lines
    assert alive(run) == []


async def test_a_program_that_fails_is_named_with_its_last_words(up: Up, run: Path, tmp_path: Path) -> None:
    process = await up("--once", env={"PATH": replaced(tmp_path, "prosody", "echo out of lemons; exit 3")})
    assert await process.ended(90) == 1
    assert "script/up failed: prosody" in process.output
    assert "out of lemons" in process.output
    assert alive(run) == []


def replaced(tmp_path: Path, program: str, by: str) -> str:
    """Return a PATH on which the program is this shell script."""
    script = tmp_path / "bin" / program
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{by}\n")
    script.chmod(0o755)
    return f"{script.parent}:{os.environ['PATH']}"
