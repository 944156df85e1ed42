"""Start Python scripts without the time that importing takes: as forks of an interpreter that has imported the gateway.

Importing takes longer than all else that a gateway does until it is ready, and the tests start hundreds. A fork is as
if the script had been started by itself, but for the arguments and the environment in /proc, which are the template's.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

TEMPLATE = Path(__file__).with_name("template.py")
ON_ITS_OWN = ("setpriv", "--pdeathsig", "TERM", "--")
"""Runs a program that the kernel ends if the tests die."""


def with_names(resolv_conf: Path) -> tuple[str | Path, ...]:
    """Return what runs a program with another resolv.conf, in a mount namespace of its own."""
    return ("unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolv_conf)


class Forked:
    """A forked process, with what `asyncio.subprocess.Process` has of other ones."""

    stdin: asyncio.StreamWriter | None = None
    stderr: asyncio.StreamReader | None = None

    def __init__(self, pid: int, stdout: asyncio.StreamReader, told: asyncio.StreamReader) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = stdout
        self._end = asyncio.create_task(self._ended(told))

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError if it has ended."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def _ended(self, told: asyncio.StreamReader) -> int:
        self.returncode = int(await told.readline())
        return self.returncode


Child = Forked | asyncio.subprocess.Process


class Template:
    """The interpreter (template.py). It starts with the first script."""

    current: ClassVar["Template | None"] = None

    def __init__(self) -> None:
        self._orders: socket.socket | None = None

    async def fork(self, arguments: tuple[str, ...], pipes: bool, resolv_conf: Path | None) -> Forked:
        order = {
            "arguments": arguments,
            "folder": str(Path.cwd()),
            "environment": dict(os.environ),
            "resolv_conf": resolv_conf and str(resolv_conf),
        }
        (told, tells), (stdout, writes_out) = os.pipe(), os.pipe()
        if pipes:
            (reads, stdin), (stderr, writes_err) = os.pipe(), os.pipe()
        else:
            reads, writes_err = os.open(os.devnull, os.O_RDONLY), os.dup(writes_out)
        theirs = (tells, reads, writes_out, writes_err)
        socket.send_fds(self._begun(), [json.dumps(order).encode()], theirs)
        for each in theirs:
            os.close(each)
        telling = await _reader(told)
        made = Forked(int(await telling.readline()), await _reader(stdout), telling)
        if pipes:
            made.stdin, made.stderr = await _writer(stdin), await _reader(stderr)
        return made

    def end(self) -> None:
        """End it, and what it runs."""
        if self._orders:
            self._orders.close()
            self._process.wait()

    def _begun(self) -> socket.socket:
        if self._orders is None:
            self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = (*ON_ITS_OWN, sys.executable, str(TEMPLATE))
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
            theirs.close()
        return self._orders


@contextmanager
def template() -> Iterator[None]:
    """Let `start` fork."""
    made = Template.current = Template()
    try:
        yield
    finally:
        Template.current = None
        made.end()


async def start(script: Path, *arguments: str | Path, pipes: bool = False, resolv_conf: Path | None = None) -> Child:
    """Run a script, in a process group of its own, as a fork if there is a template. With `pipes` each of its streams
    is a pipe; otherwise it has no input, and both outputs are one. It may have another /etc/resolv.conf.
    """
    argv = (str(script), *map(str, arguments))
    if Template.current:
        return await Template.current.fork(argv, pipes, resolv_conf)
    pipe = asyncio.subprocess.PIPE
    # A program of its own keeps its name, by which processes are found.
    by = () if os.access(script, os.X_OK) else (sys.executable,)
    return await asyncio.create_subprocess_exec(
        *(*ON_ITS_OWN, *(with_names(resolv_conf) if resolv_conf else ()), *by, *argv),
        stdin=pipe if pipes else asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe if pipes else asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0))
    return reader


async def _writer(descriptor: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "wb", 0)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    return asyncio.StreamWriter(transport, protocol, None, loop)
