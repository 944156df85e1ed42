"""A real kamailio under its supervisor, with shorter delays: it cannot be started, and then it can."""

import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import pytest
from world.ports import free_port
from world.process import Process, until

from fargo import texts
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.edge.texts import ADVICE
from fargo.supervisor import START_ATTEMPTS

from .test_edge import processes_of

DAEMON = """
import json, sys
from pathlib import Path
from twisted.internet import reactor
from twisted.logger import eventAsText, globalLogPublisher
from fargo import supervisor, texts
from fargo.edge.run import Edge
from fargo.edge.telepathy.settings import TelepathyEdgeSettings

supervisor.DELAYS = (0, 0.1)
supervisor.START_ATTEMPTS = int(sys.argv[2])
globalLogPublisher.addObserver(lambda event: print(eventAsText(event, False, False, False)))
values = json.loads(sys.argv[1])
values["run_dir"] = Path(values["run_dir"])
make = lambda ended: Edge(TelepathyEdgeSettings(**values), reactor, ended)
edge = supervisor.Supervisor(texts.EDGE, make, reactor)

def give_up(failure):
    print("GIVEN UP", failure.value)
    reactor.stop()

edge.start().addCallbacks(lambda _: print("STARTED"), give_up)
reactor.addSystemEventTrigger("before", "shutdown", edge.stop)
reactor.run()
"""

ENDED = texts.RESTARTING.format(name=texts.EDGE, why="kamailio ended unexpectedly")
CANNOT_START = texts.CANNOT_START.format(name=texts.EDGE, plan="", why="").strip()
RUNNING = texts.RUNNING_AGAIN.format(name=texts.EDGE)
IN_USE = "Address already in use"


@pytest.fixture
def settings(tmp_path: Path) -> TelepathyEdgeSettings:
    return TelepathyEdgeSettings(
        inside_port=free_port("127.0.0.1"),
        outside_ip="127.0.0.2",
        outside_port=free_port("127.0.0.2"),
        secret="a secret of the tests",
        run_dir=tmp_path / "edge",
        kamailio=str(program(tmp_path)),
    )


def program(directory: Path) -> Path:
    """A kamailio that counts its starts in a file, and has a broken configuration while there is a file `broken`."""
    path = directory / "kamailio"
    path.write_text(
        f"""#!/bin/sh
        echo start >> {directory}/starts
        [ -e {directory}/broken ] && echo "request_route {{" >> "$2"
        exec kamailio "$@"
        """
    )
    (directory / "starts").touch()
    path.chmod(0o755)
    return path


def starts(settings: TelepathyEdgeSettings) -> int:
    return len((settings.run_dir.parent / "starts").read_text().splitlines())


@contextmanager
def port_taken(settings: TelepathyEdgeSettings) -> Iterator[None]:
    """For TCP, which no socket of the gateway's keeps."""
    with closing(socket.create_server((settings.outside_ip, settings.outside_port))):
        yield


@contextmanager
def configuration_broken(settings: TelepathyEdgeSettings) -> Iterator[None]:
    broken = settings.run_dir.parent / "broken"
    broken.touch()
    yield
    broken.unlink()


def kill_all(settings: TelepathyEdgeSettings) -> int:
    """Kill the processes of kamailio, and return how many there were."""
    pids = processes_of(settings)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)


@asynccontextmanager
async def supervised(settings: TelepathyEdgeSettings, attempts: int = START_ATTEMPTS) -> AsyncIterator[Process]:
    values = json.dumps({**asdict(settings), "run_dir": str(settings.run_dir)})
    arguments = (sys.executable, "-uc", DAEMON, values, str(attempts))
    process = await Process.start("a daemon", *arguments, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        await process.stop()
        await until(lambda: kill_all(settings) == 0, "no kamailio is left, whatever failed")


def count(process: Process, beginning: str) -> int:
    return sum(line.startswith(beginning) for line in process.lines)


def is_only_quoted(words: str, process: Process) -> bool:
    """Return whether the failure has the program's words, and no line of the log does."""
    return {line.startswith("  ") for line in process.lines if words in line} == {True}


async def crash(process: Process, settings: TelepathyEdgeSettings, begin_trouble: Callable[[], None]) -> None:
    """Kill all of kamailio, and let the trouble begin before the supervisor notices."""
    os.kill(process.pid, signal.SIGSTOP)
    await until(lambda: kill_all(settings) == 0, "all of kamailio is gone")  # it may be starting workers still
    begin_trouble()
    os.kill(process.pid, signal.SIGCONT)


Trouble = Callable[[TelepathyEdgeSettings], AbstractContextManager[None]]
TROUBLES = pytest.mark.parametrize(
    ("trouble", "words"), [(port_taken, IN_USE), (configuration_broken, "error in config file")]
)


@TROUBLES
async def test_at_start_up_it_is_given_up(settings: TelepathyEdgeSettings, trouble: Trouble, words: str) -> None:
    with trouble(settings):
        async with supervised(settings) as process:
            assert await process.ended() == 0
    assert starts(settings) == START_ATTEMPTS
    assert count(process, CANNOT_START) == 1
    given_up = process.output[process.output.index("GIVEN UP") :]
    why = texts.GIVEN_UP.format(name=texts.EDGE, attempts=START_ATTEMPTS, why="kamailio ended before it was ready")
    assert given_up.startswith(f"GIVEN UP {why}")
    assert ADVICE in given_up
    assert words in given_up


@TROUBLES
async def test_at_start_up_it_recovers(settings: TelepathyEdgeSettings, trouble: Trouble, words: str) -> None:
    with ExitStack() as stack:
        stack.enter_context(trouble(settings))
        async with supervised(settings, attempts=sys.maxsize) as process:
            await process.until(lambda: starts(settings) > 2, "it was started three times")
            stack.close()
            await process.line("^STARTED")
            assert (count(process, CANNOT_START), count(process, RUNNING)) == (1, 1)
            assert is_only_quoted(words, process)


@TROUBLES
async def test_once_it_has_run_it_is_never_given_up(
    settings: TelepathyEdgeSettings, trouble: Trouble, words: str
) -> None:
    with ExitStack() as stack:
        async with supervised(settings) as process:
            await process.line("^STARTED")
            await crash(process, settings, lambda: stack.enter_context(trouble(settings)))
            await process.until(lambda: starts(settings) > 1 + START_ATTEMPTS, "it was tried more than ten times", 60)
            stack.close()
            await process.line(RUNNING)
            assert [count(process, each) for each in (ENDED, CANNOT_START, RUNNING)] == [1, 1, 1]
            assert is_only_quoted(words, process)
