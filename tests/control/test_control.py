"""The control socket takes questions of the right users, survives all others, and is found by its directory."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from fargo.control import client, peer, server, texts
from fargo.control.client import GatewayProblemError, NoGatewayError, SilentGatewayError, ask
from fargo.control.place import NAME, address_in
from fargo.control.questions import AskStatus, Question
from fargo.control.server import LONGEST_QUESTION, MOST, ControlSocket, ProblemError

ANSWER = {"all": "well"}
QUESTION = msgspec.json.encode(AskStatus()) + b"\n"


class Desk:
    """The server: it answers with `answer` if that is not changed."""

    def __init__(self) -> None:
        self.answer: Callable[[Question], Any] = lambda _: ANSWER

    def __call__(self, question: Question) -> Any:
        return self.answer(question)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest_asyncio.fixture
async def directory(tmp_path: Path, desk: Desk) -> AsyncIterator[Path]:
    """A state directory with a socket at which `desk` answers."""
    loop = asyncio.get_running_loop()
    control = ControlSocket(tmp_path, desk, AsyncioSelectorReactor(loop))
    control.start()
    yield tmp_path
    await control.stop().asFuture(loop)
    assert not (tmp_path / NAME).exists()


async def asked(directory: Path, seconds: float = 10) -> Any:
    return await asyncio.to_thread(ask, directory, AskStatus(), dict, seconds)


async def told(directory: Path, data: bytes) -> dict[str, Any]:
    """Send something, and return the reply."""
    until = monotonic() + 10
    return msgspec.json.decode(
        await asyncio.to_thread(client._asked, directory, NAME, data, until), type=dict[str, Any]
    )


async def test_a_question_is_answered(directory: Path) -> None:
    assert await asked(directory) == ANSWER


async def test_nobody_else_can_open_it(directory: Path) -> None:
    assert (directory / NAME).stat().st_mode & 0o777 == 0o600


async def test_an_answer_may_take_its_time_and_others_are_answered_meanwhile(directory: Path, desk: Desk) -> None:
    later: Deferred[object] = Deferred()
    came = asyncio.Event()

    def answer(_: Question) -> Deferred[object]:
        came.set()
        return later

    desk.answer = answer
    first = asyncio.create_task(asked(directory))
    await came.wait()
    desk.answer = lambda _: ANSWER
    assert await asked(directory) == ANSWER
    later.callback({"at": "last"})
    assert await first == {"at": "last"}


async def test_a_problem_is_a_sentence(directory: Path, desk: Desk) -> None:
    def answer(_: Question) -> None:
        raise ProblemError("Alas.")

    desk.answer = answer
    with pytest.raises(GatewayProblemError, match=r"Alas\."):
        await asked(directory)


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b'{"ask":"riddle"}\n',
        b'{"ask":"status","more":1}\n',
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
    ],
    ids=["empty", "text", "nothing", "unknown", "more", "not UTF-8", "deep"],
)
async def test_what_is_no_question_is_said_to_be_none(directory: Path, data: bytes) -> None:
    reply = await told(directory, data)
    assert reply["problem"].startswith(texts.UNREADABLE.partition("{")[0])
    assert await asked(directory) == ANSWER


async def test_what_is_too_long_is_refused_before_it_ends(directory: Path) -> None:
    reply = await told(directory, b"x" * (LONGEST_QUESTION + 1))
    assert reply == {"problem": texts.TOO_LONG.format(most=LONGEST_QUESTION)}


async def test_one_connection_has_one_answer(directory: Path) -> None:
    assert await told(directory, QUESTION * 3) == {"answer": ANSWER}


async def test_what_comes_after_the_question_is_not_asked(directory: Path, desk: Desk) -> None:
    asked: list[Question] = []
    later: Deferred[object] = Deferred()

    def answer(question: Question) -> Deferred[object]:
        asked.append(question)
        if len(asked) == 1:
            asyncio.get_running_loop().call_soon(later.callback, ANSWER)
        return later

    desk.answer = answer
    assert await told(directory, QUESTION * 3) == {"answer": ANSWER}
    assert len(asked) == 1


async def test_a_bug_is_logged_and_the_gateway_goes_on(directory: Path, desk: Desk) -> None:
    desk.answer = lambda _: 1 / 0
    with capturedLogs() as said, pytest.raises(GatewayProblemError, match=texts.BUG):
        await asked(directory)
    assert [each["log_format"] for each in said if "log_failure" in each] == [texts.BUG_LOG]
    desk.answer = lambda _: ANSWER
    assert await asked(directory) == ANSWER


async def test_another_user_gets_no_answer(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_user", lambda _: os.geteuid() + 1)
    with pytest.raises(GatewayProblemError, match=texts.NOT_THE_USER):
        await asked(directory)


async def test_there_are_not_too_many_at_once(directory: Path) -> None:
    with address_in(directory) as address:
        idle = [await asyncio.open_unix_connection(address) for _ in range(MOST)]
    assert await told(directory, QUESTION) == {"problem": texts.TOO_MANY}
    for _, writer in idle:
        writer.close()
    while (reply := await told(directory, QUESTION)) != {"answer": ANSWER}:
        assert reply == {"problem": texts.TOO_MANY}, "the ends of the idle ones have not arrived yet"


async def test_who_says_nothing_is_cut_off(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "QUESTION_SECONDS", 0.01)
    with address_in(directory) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_a_gateway_that_does_not_answer_in_time_is_silent(directory: Path, desk: Desk) -> None:
    desk.answer = lambda _: Deferred()
    with pytest.raises(SilentGatewayError, match=texts.SILENT.partition("{")[0]):
        await asked(directory, 0.05)


async def test_an_answer_of_another_version_is_not_taken_for_one(directory: Path, desk: Desk) -> None:
    desk.answer = lambda _: [1, 2]
    with pytest.raises(SilentGatewayError, match="same version"):
        await asked(directory)


async def test_what_a_killed_gateway_has_left_is_replaced(tmp_path: Path, desk: Desk) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    with pytest.raises(NoGatewayError):
        await asked(tmp_path)
    loop = asyncio.get_running_loop()
    control = ControlSocket(tmp_path, desk, AsyncioSelectorReactor(loop))
    control.start()
    assert await asked(tmp_path) == ANSWER
    await control.stop().asFuture(loop)


async def test_a_directory_with_a_long_path_will_do(tmp_path: Path, desk: Desk) -> None:
    directory = tmp_path.joinpath(*["d" * 50] * 4)
    directory.mkdir(parents=True)
    loop = asyncio.get_running_loop()
    control = ControlSocket(directory, desk, AsyncioSelectorReactor(loop))
    control.start()
    assert await asked(directory) == ANSWER
    await control.stop().asFuture(loop)


async def test_no_socket_is_no_end_of_the_gateway(tmp_path: Path, desk: Desk) -> None:
    loop = asyncio.get_running_loop()
    control = ControlSocket(tmp_path / "gone", desk, AsyncioSelectorReactor(loop))
    with capturedLogs() as said:
        control.start()
    assert texts.NOT_OPENED in [each["log_format"] for each in said]
    await control.stop().asFuture(loop)
    with pytest.raises(NoGatewayError):
        await asked(tmp_path)
