"""The places where a process that waits to be a worker can be asked: a socket in its directory, and pages of metrics.

Rules:

1. The process has no reactor yet, and waits for the database. So these are answered in a thread of their own.
2. Only its own user and root are answered at the socket. The pages are at a port of loopback, and name nobody.
3. Another process on this machine can have the port, as it is the worker. Then this one waits without its pages, says
   so once, and tries again when it is asked to `open`.
4. Who does not ask within SECONDS is cut off. No more than MOST are heard at once at each of the two: anybody on this
   machine can connect to the pages, and keeps nobody from the socket.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any, Final, NamedTuple

import msgspec
from twisted.logger import Logger

from fargo.control import texts as control_texts
from fargo.control.peer import may_ask
from fargo.control.place import WAITING, SocketPlace
from fargo.control.questions import AskStatus, ControlReply, Question
from fargo.metrics.health import LIVE, METRICS, READY, TYPE, readiness
from fargo.metrics.waiting import waiting_page
from fargo.operations.values import WaitingStatus
from fargo.workers import texts

SECONDS: Final = 10.0
MOST: Final = 16
_QUESTION: Final = msgspec.json.Decoder(Question)

_Hears = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


class Whereabouts(NamedTuple):
    """The places where a process can be asked: its directory, and the address of its metrics, if there are any."""

    directory: Path
    pages: tuple[str, int] | None


class WaitingRoom:
    """Answers with the `status`, which is asked for in another thread, and why other things are `refused`. Nothing is
    heard before it is told to `open`.
    """

    _logger = Logger()

    def __init__(self, status: Callable[[], WaitingStatus], refused: Callable[[], str]) -> None:
        self._status = status
        self._refused = refused
        self._place: Whereabouts | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._socket: SocketPlace | None = None
        self._servers: dict[str, asyncio.Server] = {}
        self._told: set[str] = set()

    def open(self, place: Whereabouts) -> None:
        """Be there at a place, and no longer at another."""
        if place != self._place:
            self.close()
            self._place = place
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = Thread(target=loop.run_forever, name="waiting", daemon=True)
            thread.start()
            self._loop, self._thread = loop, thread  # a signal may end all in between, which waits for the thread
        if len(self._servers) < 1 + (place.pages is not None):
            asyncio.run_coroutine_threadsafe(self._listen(place), self._loop).result()

    def close(self) -> None:
        """Be nowhere any more: socket and port are free on return."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._socket:
            self._socket.close()
        self._loop = self._thread = self._place = self._socket = None

    # --- in the thread

    async def _listen(self, place: Whereabouts) -> None:
        if "socket" not in self._servers:
            try:
                self._servers["socket"] = await self._at_socket(place.directory)
            except OSError as error:
                self._say_once(texts.NO_WAITING_SOCKET, why=error.strerror or error)
        if place.pages and "pages" not in self._servers:
            host, port = place.pages
            try:
                self._servers["pages"] = await asyncio.start_server(self._heard_by(self._page), host, port)
            except OSError as error:
                self._say_once(texts.NO_WAITING_PAGES, host=host, port=port, why=os.strerror(error.errno or 0))

    async def _at_socket(self, directory: Path) -> asyncio.Server:
        place = SocketPlace(directory, WAITING)
        try:
            Path(place.address).unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX)
            try:
                listening.bind(place.address)
                Path(place.address).chmod(0o600)
                server = await asyncio.start_unix_server(self._heard_by(self._question), sock=listening)
            except BaseException:
                listening.close()
                raise
        except BaseException:
            place.close()
            raise
        self._socket = place
        return server

    def _say_once(self, text: str, **values: object) -> None:
        told = text.format(**values)
        if told not in self._told:
            self._told.add(told)
            self._logger.info(text, **values)

    async def _end(self) -> None:
        servers, self._servers = self._servers, {}
        for each in servers.values():
            each.close()
        if self._socket:
            with suppress(OSError):
                Path(self._socket.address).unlink(missing_ok=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _heard_by(self, answer: _Hears) -> _Hears:
        heard = 0

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal heard
            heard += 1
            try:
                if heard <= MOST:
                    async with asyncio.timeout(SECONDS):
                        writer.write(await answer(reader, writer))
                        await writer.drain()
            except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass  # who asks is gone, slow, or says too much
            finally:
                heard -= 1
                writer.close()

        return hear

    async def _question(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        if not may_ask(writer.get_extra_info("socket")):
            return _reply(ControlReply(problem=control_texts.NOT_THE_USER))
        line = await reader.readline()
        try:
            question = _QUESTION.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _reply(ControlReply(problem=control_texts.UNREADABLE.format(why=error)))
        if isinstance(question, AskStatus):
            return _reply(ControlReply(msgspec.Raw(msgspec.json.encode(self._status()))))
        return _reply(ControlReply(problem=self._refused()))

    async def _page(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        method, target, *_ = (*head[0].split(" "), "", "")
        if method not in ("GET", "HEAD"):
            return _http(HTTPStatus.METHOD_NOT_ALLOWED, "", b"")
        code, kind, body = self._made(target.partition("?")[0], _header(head, "accept"))
        return _http(code, kind, body, with_body=method == "GET")

    def _made(self, path: str, accept: str) -> tuple[int, str, bytes]:
        if path == METRICS:
            page, kind = waiting_page(self._status(), accept)
            return HTTPStatus.OK, kind, page
        if path == READY:
            code, text = readiness(self._status())
            return code, TYPE, f"{text}\n".encode()
        return (HTTPStatus.OK if path == LIVE else HTTPStatus.NOT_FOUND), TYPE, b""


def _header(head: list[str], name: str) -> str:
    for line in head[1:]:
        given, _, value = line.partition(":")
        if given.strip().lower() == name:
            return value.strip()
    return ""


def _reply(reply: ControlReply) -> bytes:
    return msgspec.json.encode(reply) + b"\n"


def _http(code: int, kind: str, body: bytes, with_body: bool = True) -> bytes:
    head = [
        f"HTTP/1.1 {code:d} {HTTPStatus(code).phrase}",
        *([f"Content-Type: {kind}"] if kind else []),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + (body if with_body else b"")
