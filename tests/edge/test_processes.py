"""Child processes of the daemon: real processes, under a reactor in a separate Python."""

import os
import signal
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest
from world.process import Process, until

PRELUDE = """
import os, signal, sys
from twisted.internet import task
from twisted.internet.defer import Deferred
from fargo import processes
from fargo.processes import Child, ProcessError

def shell(reactor, script, **more):
    return Child("probe", ["/bin/sh", "-c", script], reactor, advice="Look at it.", **more)

async def main(reactor):
BODY

task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
"""


async def start(body: str) -> Process:
    """Start a Python that runs this code as the body of a coroutine with `reactor`."""
    code = PRELUDE.replace("BODY", indent(dedent(body), "    "))
    return await Process.start("a daemon", sys.executable, "-uc", code, cwd=Path(__file__).parents[2])


async def said(body: str) -> str:
    process = await start(body)
    try:
        assert await process.ended() == 0, process.output
        return process.output
    finally:
        await process.stop()


def runs(pid: int) -> bool:
    """Return whether this process runs. A zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_line_says_that_it_is_ready_and_stop_ends_it() -> None:
    output = await said("""
        child = shell(reactor, "echo one; echo two >&2; exec sleep 60",
                      ready_line=lambda line: line == "two", ended=lambda why: print("ENDED"))
        print("ready:", await child.start())
        pid = child.pid
        os.kill(pid, 0)
        await child.stop()
        await child.stop()
        print("pid:", child.pid)
        try: os.kill(pid, 0)
        except ProcessLookupError: print("gone")
    """)
    assert output.splitlines() == ["ready: two", "pid: None", "gone"]


async def test_its_owner_may_say_that_it_is_ready() -> None:
    output = await said("""
        child = shell(reactor, "exec sleep 60")
        child.start()
        child.is_ready()
        print("ready:", repr(await child.ready))
        await child.stop()
    """)
    assert output == "ready: ''"


async def test_a_missing_program_is_named() -> None:
    output = await said("""
        try: await Child("rakia", ["/no/such/rakia"], reactor, advice="Install telepathy-rakia.").start()
        except ProcessError as problem: print(problem)
    """)
    assert output == "rakia: there is no program /no/such/rakia. Install telepathy-rakia."


async def test_an_early_end_shows_the_last_lines() -> None:
    output = await said("""
        try: await shell(reactor, "for i in $(seq 20); do echo line $i; done; printf broken; exit 3").start()
        except ProcessError as problem: print(problem)
    """)
    first, *last = output.splitlines()
    assert first == "probe ended before it was ready (exit code 3). Look at it. It said:"
    assert last == [*(f"  line {number}" for number in range(2, 21)), "  broken"]


async def test_one_that_does_not_get_ready_is_ended() -> None:
    output = await said("""
        processes.START_SECONDS = 0.2
        child = shell(reactor, "exec sleep 60", ended=lambda why: print("ENDED"))
        try: await child.start()
        except ProcessError as problem: print(problem)
        await child.stop()
        print("pid:", child.pid)
    """)
    assert output.splitlines() == [
        "probe was not ready after 0.2 seconds. Look at it. It said nothing.",
        "pid: None",
    ]


@pytest.mark.parametrize(("end", "how"), [("exit 4", "exit code 4"), ("kill -9 $$", "signal SIGKILL")])
async def test_its_owner_is_told_of_an_end_unasked(end: str, how: str) -> None:
    output = await said(f"""
        told = Deferred()
        child = shell(reactor, "echo up; {end}", ready_line=lambda line: line == "up", ended=told.callback)
        await child.start()
        print(await told)
        await child.stop()
    """)
    assert output.splitlines() == [f"probe ended unasked ({how}). Look at it. It said:", "  up"]


async def test_one_that_ignores_term_is_killed() -> None:
    output = await said("""
        processes.STOP_SECONDS = 0.2
        child = shell(reactor, "trap '' TERM; echo up; while :; do sleep 0.05; done",
                      ready_line=lambda line: line == "up", ended=lambda why: print("ENDED"))
        await child.start()
        await child.stop()
        print("pid:", child.pid)
    """)
    assert output == "pid: None"


async def test_what_it_forked_goes_with_it() -> None:
    output = await said("""
        told = Deferred()
        child = shell(reactor, "sleep 60 & echo $!; kill -9 $$", ready_line=str.isdigit, ended=told.callback)
        print(await child.start())
        await told
    """)
    await until(lambda: not runs(int(output)), "the forked process is gone")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_it_does_not_outlive_the_daemon(number: signal.Signals) -> None:
    daemon = await start("""
        child = shell(reactor, "exec sleep 60")
        child.start()
        print("child", child.pid)
        await Deferred()
    """)
    try:
        pid = int((await daemon.line(r"child (\d+)"))[1])
        await until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "it runs")
        os.kill(daemon.pid, number)
        await daemon.ended()
        await until(lambda: not runs(pid), "the child is gone")
    finally:
        await daemon.stop()


async def test_an_endless_line_is_cut() -> None:
    output = await said("""
        child = shell(reactor, "head -c 100000 /dev/zero | tr '\\\\0' x; echo; echo up",
                      ready_line=lambda line: line == "up")
        await child.start()
        await child.stop()
        print(max(map(len, child._last)))
    """)
    assert output == "4096"
