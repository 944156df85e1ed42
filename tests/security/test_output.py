"""Output (point 9): nothing that comes from outside is obeyed by a terminal, a spreadsheet, a page or a client, and
strangers cannot fill the journal.
"""

import asyncio
import csv
import io
import itertools
import json
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from end_to_end.engines import ENGINES, IDS
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from world.world import World

from fargo.adapters.xmpp import messages, reasons
from fargo.adapters.xmpp.stanza import serialized
from fargo.calls import records
from fargo.cli import main
from fargo.outputs import LINES_A_SECOND, Paced
from fargo.statemachine.model.commands import SendText
from fargo.store.opening import open_store
from replay.reading import golden

from .hostile import HOSTILE, TITLE, obeyed

PACKETS = 10_000
SOURCES = 250
"""The edge takes only so many packets a second from one address."""
BATCH = 40
SHAPES = (
    b"INVITE sip:alice@127.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"
    b'From: "Bob" <sip:bob@example.net>;tag=1\r\nTo: <sip:alice@example.net>\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\n'
    b"Contact: <sip:bob@127.0.0.9>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
    b"REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK%d\r\nFrom: <sip:a@b>;tag=2\r\n"
    b"To: <sip:a@b>\r\nCall-ID: %d\r\nCSeq: 2 REGISTER\r\nExpires: 3\r\nContent-Length: 0\r\n\r\n",
    b"SIP/2.0 404 Not Here\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK%d\r\nFrom: <sip:a@b>;tag=3\r\n"
    b"To: <sip:a@b>;tag=4\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
)
QUESTION = (
    b"OPTIONS sip:127.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKo%d;rport\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@b>;tag=5\r\nTo: <sip:a@b>\r\nCall-ID: o%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
CHUNKS = (
    TITLE.encode(),
    b"\x1b[2J",
    b"\x9b31m",
    "\x9b31m\u202e\u2066".encode(),
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b'"',
    b";",
)


def packets() -> Iterator[bytes]:
    """Yield messages with hostile bytes in random places, the same each time."""
    chance = random.Random(13)
    for number in range(PACKETS):
        packet = bytearray(chance.choice(SHAPES) % (number, number))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(packet) // 2 if chance.random() < 0.7 else len(packet))
            packet[place : place + chance.randint(0, 4)] = chance.choice(CHUNKS)
        yield bytes(packet)


def batches() -> Iterator[tuple[bytes, ...]]:
    left = packets()
    while batch := tuple(itertools.islice(left, BATCH)):
        yield batch


def question(number: int) -> bytes:
    return QUESTION % (number, number)


async def flood(edge: tuple[str, int]) -> None:
    """Send the packets from many addresses, as fast as the edge reads them: it answers a question after each few."""
    each = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    for number, source in enumerate(each):
        source.setblocking(False)
        source.bind((f"127.9.0.{number + 1}", 0))
    senders = itertools.cycle(each)
    for number, batch in enumerate(batches()):
        for packet in batch:
            next(senders).sendto(packet, edge)
        asking = next(senders)
        asking.sendto(question(number), edge)
        await answer(asking, f"Call-ID: o{number}\r\n".encode())
    for source in each:
        source.close()


async def answer(source: socket.socket, to: bytes) -> None:
    async with asyncio.timeout(20):
        while to not in await asyncio.get_running_loop().sock_recv(source, 65536):
            pass


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_ten_thousand_packets_of_a_stranger(world: World, engine: str) -> None:
    gateway = await world.gateway(engine=engine)
    began, before = time.monotonic(), len(gateway.process.lines)
    await flood((gateway.address, gateway.port))
    alice = await world.client()
    await world.register(alice)  # the gateway and its edge go on
    await gateway.stop()  # all that it has said is here now
    said = gateway.process.lines[before:]
    assert obeyed(said) == []
    of_edge = [line for line in said if "kamailio: " in line]
    assert len(of_edge) <= LINES_A_SECOND * (time.monotonic() - began + 1)


# --- what the log has of the other end, in each command

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
BUSY = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy-sip.jsonl"
IN = SESSIONS / "calls-a-call-in-has-sound-both-ways-sip.jsonl"
OF_THE_OTHER_END = {"phrase", "text", "peer_name", "display", "from_text", "status"}


def made_hostile(value: Any, name: str = "") -> Any:
    """Return a part of a log in which every text of the phone, and of its servers, is hostile."""
    match value:
        case {"type": "NoteBegun"}:
            return {**value, "name": f"Bob{HOSTILE}"}
        case dict():
            return {key: made_hostile(part, key) for key, part in value.items()}
        case list():
            return [made_hostile(part, name) for part in value]
        case str() if name in OF_THE_OTHER_END:
            return f"Bob{HOSTILE}{value}"
        case _:
            return value


@pytest.fixture(params=[BUSY, IN], ids=["a call out", "a call in"])
def session(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def call(session: Path) -> str:
    """The name of the call."""
    [found] = records(golden.read(session))
    return str(found.name)


@pytest.fixture
def hostile(session: Path, tmp_path: Path) -> Path:
    """A log in which the other end is hostile."""
    lines = [json.dumps(made_hostile(json.loads(line))) for line in session.read_text().splitlines()]
    (tmp_path / "hostile.jsonl").write_text("\n".join(lines))
    log = open_store(tmp_path / "fargo.db")
    log.append(golden.read(tmp_path / "hostile.jsonl"))
    log.close()
    return tmp_path / "fargo.db"


def fargo(*args: str | Path, input: str | None = None) -> Result:
    result = CliRunner().invoke(main, list(map(str, args)), input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def is_clean(text: str) -> bool:
    return "Bob" in text and obeyed(text.split("\n")) == []


COMMANDS = (
    ["calls"],
    ["calls", "--json"],
    ["calls", "--csv"],
    ["replay", "ladder", "CALL"],
    ["replay", "step", "CALL"],
)


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_a_command_on_a_hostile_log(args: list[str], hostile: Path, call: str) -> None:
    args = [each.replace("CALL", call) for each in args]
    moves = "list\n" + "state\ncommands\nnext\n" * 40
    assert is_clean(fargo(*args, "--log", hostile, input=moves).output)


OTHERS: tuple[list[str | Path], ...] = (
    ["replay", "verify"],
    ["log", "stats", "--log"],
    ["log", "stats", "--json", "--log"],
)


def test_other_commands_on_a_hostile_log(hostile: Path) -> None:
    assert is_clean(fargo("replay", "show", hostile).output)
    for args in OTHERS:
        assert obeyed(fargo(*args, hostile).output.split("\n")) == []


def test_a_hostile_name_in_an_error() -> None:
    result = fargo("replay", "ladder", f"x{HOSTILE.replace(chr(0), '')}", "--log", BUSY)
    assert result.exit_code == 2
    assert obeyed(result.output.split("\n")) == []


def test_data_for_programs(hostile: Path) -> None:
    """JSON has what was received, in escapes; CSV goes to spreadsheets, which have none."""
    [told] = json.loads(fargo("calls", "--json", "--log", hostile).output)
    assert f"Bob{HOSTILE}" == told["peer_name"]
    [row] = csv.DictReader(io.StringIO(fargo("calls", "--csv", "--log", hostile).output))
    assert row["peer_name"] == "Bob?]0;pwned??[2J?31m?txt.exe????"


def test_pages_of_a_hostile_log(hostile: Path, call: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert fargo("replay", "ladder", call, "--html", page, "--log", hostile).exit_code == 0
    assert is_clean(page.read_text())


# --- what clients are sent


@given(st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from(HOSTILE))))
def test_a_chat_message_and_a_reason(text: str) -> None:
    for made in (messages.stanza(SendText("sip.test", "alice@localhost", text), "1.0"), reasons.write("busy", text)):
        assert obeyed([serialized(made)]) == []


# --- how much a child may say


@given(st.lists(st.sampled_from((0, 0.0625, 0.25, 0.5, 1, 2)), max_size=100))
def test_no_second_has_more_than_so_many_lines(pauses: list[float]) -> None:
    clock, told = Clock(), list[float]()
    counts: list[int] = []

    def left_out(count: int) -> None:
        told.append(clock.seconds())
        counts.append(count)

    paced: Paced[str] = Paced(lambda line: told.append(clock.seconds()), left_out, clock)
    for pause in pauses:
        clock.advance(pause)
        for _ in range(4):
            paced.take("a line")
    clock.advance(2)
    paced.end()
    assert all(sum(at <= each < at + 1 for each in told) <= LINES_A_SECOND for at in told)
    assert len(told) - len(counts) + sum(counts) == 4 * len(pauses)
