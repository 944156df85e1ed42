"""Child processes of the daemon: real ones, under a reactor in a Python process of its own."""

import os
import signal
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest
from world.process import Process, until

from fargo import texts
from fargo.outputs import LINES_A_SECOND

PROBE = {"program": "probe", "advice": "Look at it."}
PRELUDE = """
import os, resource, signal, sys
from twisted.internet import task
from twisted.internet.defer import Deferred
from fargo import processes
from fargo.processes import Child, ProcessError
from twisted.logger import globalLogPublisher, eventAsText

def log(event):
    if event.get("log_namespace") == "fargo.processes.probe":
        print("LOG", eventAsText(event, False, False, False))

globalLogPublisher.addObserver(log)

# A shell that runs the tests in its background has them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

def shell(reactor, script, **more):
    return Child("probe", ["/bin/sh", "-c", script], reactor, advice="Look at it.", **more)

async def main(reactor):
BODY

task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
"""


async def start(body: str) -> Process:
    """Start a Python process that runs this as the body of a coroutine with `reactor`."""
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
    """Return whether this process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_line_says_that_it_is_ready_and_stop_ends_it() -> None:
    output = await said("""
        child = shell(reactor, "echo one >&2; echo two >&2; exec sleep 60",
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
    assert output.splitlines() == ["LOG probe: one", "LOG probe: two", "ready: two", "pid: None", "gone"]


async def test_chatter_takes_no_warnings_place() -> None:
    """Each has a number of lines in a second of its own."""
    output = await said("""
        said = "echo ready; for i in $(seq 50); do echo noise; done; echo ' 3(7) ERROR: tm [t.c:1]: f(): heed this'"
        ended = Deferred()
        child = shell(reactor, said, ready_line=lambda line: line == "ready", ended=ended.callback)
        await child.start()
        await ended
    """)
    lines = output.splitlines()
    assert lines.count("LOG probe: tm: f(): heed this") == 1
    assert lines.count("LOG probe: noise") < LINES_A_SECOND


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
    assert output == texts.NO_PROGRAM.format(program="rakia", path="/no/such/rakia", advice="Install telepathy-rakia.")


async def test_an_early_end_shows_the_last_lines() -> None:
    output = await said("""
        try: await shell(reactor, "for i in $(seq 20); do echo line $i; done; printf broken; exit 3").start()
        except ProcessError as problem: print(problem)
    """)
    first, *last = output.splitlines()  # and nothing in the log, where the failure will be
    assert first == texts.ENDED_EARLY.format(**PROBE, how="exit code 3", output=texts.OUTPUT)
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
        texts.TOO_SLOW.format(**PROBE, seconds=0.2, output=texts.NO_OUTPUT),
        "pid: None",
    ]


@pytest.mark.parametrize(("end", "how"), [("exit 4", "exit code 4"), ("kill -9 $$", "signal SIGKILL")])
async def test_its_owner_is_told_of_an_unexpected_end(end: str, how: str) -> None:
    output = await said(f"""
        told = Deferred()
        child = shell(reactor, "echo up; {end}", ready_line=lambda line: line == "up", ended=told.callback)
        await child.start()
        print(await told)
        await child.stop()
    """)
    assert output.splitlines() == ["LOG probe: up", texts.ENDED_UNEXPECTEDLY.format(**PROBE, how=how)]


async def test_a_program_that_cannot_be_run_is_a_failure_to_start() -> None:
    output = await said("""
        child = shell(reactor, "exec sleep 60")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try: await child.start()
        except ProcessError as problem: print(problem)
        await child.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    """)
    assert output == texts.NOT_SPAWNED.format(**PROBE, why="[Errno 24] Too many open files")


async def test_how_it_ended_is_logged_if_it_was_ending_when_it_was_stopped() -> None:
    output = await said("""
        child = shell(reactor, "exec sleep 60", ended=lambda why: print("ENDED"))
        child.start()
        child.is_ready()
        os.kill(child.pid, signal.SIGSEGV)
        while " Z " not in open(f"/proc/{child.pid}/stat").read():
            os.sched_yield()
        await child.stop()
    """)
    assert output == f"LOG {texts.ENDED.format(**PROBE, how='signal SIGSEGV')}"


async def test_one_that_ignores_term_is_killed() -> None:
    output = await said("""
        processes.STOP_SECONDS = 0.2
        child = shell(reactor, "trap '' TERM; echo up; while :; do sleep 0.05; done",
                      ready_line=lambda line: line == "up", ended=lambda why: print("ENDED"))
        await child.start()
        await child.stop()
        print("pid:", child.pid)
    """)
    assert output.splitlines() == [
        "LOG probe: up",
        f"LOG {texts.ENDED.format(**PROBE, how='signal SIGKILL')}",
        "pid: None",
    ]


async def test_what_it_forked_goes_with_it() -> None:
    output = await said("""
        told = Deferred()
        child = shell(reactor, "sleep 60 & echo $!; kill -9 $$", ready_line=str.isdigit, ended=told.callback)
        print(await child.start())
        await told
    """)
    forked = int(output.splitlines()[-1])
    await until(lambda: not runs(forked), "the forked process is gone")


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
    """)
    assert max(map(len, output.splitlines())) == len("LOG probe: ") + 4096
