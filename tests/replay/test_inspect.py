"""`fargo inspect`: the pages of a log, served to a browser on this machine and to nobody else, while the log grows."""

import json
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from http.client import HTTPConnection, HTTPResponse
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
import pytest
import pytest_asyncio
from click.testing import CliRunner
from msgspec.structs import replace
from statemachine.user_agent.sessions import session
from world.browser import Chromium
from world.gateway import FARGO
from world.process import Process
from world.tab import Tab

from fargo.calls import CallName, cause_in_words, records
from fargo.cli import main
from fargo.statemachine.model.call_records import (
    Direction,
    LogRecord,
    RecordAnswered,
    RecordBegun,
    RecordCarried,
    RecordDialog,
    RecordEnded,
    Side,
)
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, RegistrationAsked
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.reason import Cause
from fargo.store.entries import Entry
from fargo.store.opening import open_reader, open_store
from replay import server
from replay import texts as sentences
from replay.drawing import texts
from replay.inspecting import link
from replay.inspecting.search import CallSearch
from replay.reading.golden import GoldenLog
from replay.reading.steps import replayed_call
from replay.server import Inspector

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("screen")]

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
SEVERAL = SESSIONS / "calls-several-calls-at-once.jsonl"
CALL_OUT = SESSIONS / "calls-a-call-out-has-sound-both-ways.jsonl"
RINGS = 12
"""The event with which it rings."""
ALICE = "alice@localhost"


class Inspected:
    """A log that is being served. `address` is that of the page of all calls."""

    def __init__(self, path: Path, process: Process, address: str) -> None:
        self.path = path
        self.process = process
        self.address = address

    def append(self, entries: Iterable[Entry]) -> None:
        """Write to the log, as a gateway does."""
        log = open_store(self.path)
        log.append(entries)
        log.close()

    def asked(
        self, path: str = "", host: str | None = None, method: str = "GET", tag: str = ""
    ) -> tuple[HTTPResponse, bytes]:
        """Return the answer to a request. `host`: its Host header."""
        parts = urlsplit(self.address)
        connection = HTTPConnection(parts.hostname or "", parts.port)
        headers = {"Host": host or parts.netloc} | ({"If-None-Match": tag} if tag else {})
        connection.request(method, path if path.startswith("/") else parts.path + path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def calls(self, query: str = "") -> list[str]:
        """The names of the calls that are listed."""
        answer, body = self.asked(f"calls?{query}")
        assert answer.status == 200
        return [call["call"] for call in json.loads(body)["calls"]]


def rest() -> list[Entry]:
    """Return the entries that follow the ringing."""
    return [entry for entry in GoldenLog(CALL_OUT).read() if entry[0].version > RINGS]


@pytest_asyncio.fixture(loop_scope="module")
async def inspected(servers: None, tmp_path: Path) -> AsyncIterator[Inspected]:
    """A log in which a call out rings."""
    path = tmp_path / "fargo.db"
    log = open_store(path)
    log.append(entry for entry in GoldenLog(CALL_OUT).read() if entry[0].version <= RINGS)
    log.close()
    process = await Process.start("fargo inspect", FARGO, "inspect", "--log", path)
    address = (await process.line(r"The calls in .*: (http://127\.0\.0\.1:\d+/\S+/)$"))[1]
    yield Inspected(path, process, address)
    await process.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(servers: None) -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


async def test_new_steps_appear_while_the_log_grows(inspected: Inspected, browser: Chromium) -> None:
    tab = await Tab.open(browser, f"{inspected.address}call/{quote(ALICE)}/7")
    assert "It has not ended." in await tab.text("#summary")
    await tab.press("End")
    inspected.append(rest()[:4])
    await tab.shows("#place", "step 10 of 10")  # whoever looks at the last step goes on with it
    await tab.press("Home")
    inspected.append(rest()[4:])
    await tab.shows("#place", "step 1 of 17")
    await tab.shows("#summary", "Ended by the client: hung up.")
    assert tab.complaints == []
    assert {urlsplit(each).netloc for each in tab.requests} == {urlsplit(inspected.address).netloc}
    *_, last = replayed_call(open_reader(inspected.path), CallName(ALICE, "7"))
    await tab.press("End")
    await tab.until(f"location.hash === '#{last.recorded.version}'")


async def test_calls_are_listed_narrowed_down_and_opened(inspected: Inspected, browser: Chromium) -> None:
    tab = await Tab.open(browser, inspected.address, "dark")
    assert await tab.text("#summary") == "1 call in the log"
    assert texts.IN_PROGRESS in await tab.text("#found")
    inspected.append(rest())
    await tab.shows("#found", "client: hung up")
    refused = GoldenLog(SESSIONS / "endings-a-refused-call-says-why-404-not-found-gone.jsonl")
    inspected.append([(of(recorded, "dave@localhost"), issued) for recorded, issued in refused.read()])
    await tab.shows("#summary", "2 calls in the log")
    assert await tab.text("#found tr .of") == "dave@localhost"
    await tab.press("ArrowDown", "ArrowDown")
    assert ALICE in unquote(await tab.run("document.activeElement.href"))
    await tab.press("Home")
    assert "dave" in await tab.run("document.activeElement.href"), "the arrow keys reach every row"
    await tab.press("/", *"carol")
    await tab.shows("#summary", "1 call like that")
    assert await tab.run("location.search") == "?text=carol"
    await tab.zone("Europe/Berlin")
    await tab.go(await tab.run("location.href"))
    assert await tab.text("#summary") == "1 call like that", "the address keeps what was looked for"
    assert "Began (Europe/Berlin)" in await tab.text("thead"), "not the distance from UTC, which changes in summer"
    await tab.click("#found a")
    await tab.shows("#title", "dave@localhost calls carol@sip.test")
    assert await tab.run("fetch($('export').href).then((answer) => answer.status)") == 200
    await tab.click("#user")
    await tab.shows("#title", "dave@localhost")
    await tab.shows("#grouped", "phone: not found")
    await tab.shows("#account", "The SIP account")
    await tab.click("#grouped a")
    await tab.shows("#summary", "1 call like that")
    await tab.run("$('wanted').elements.view.value = 'groups'; renew()")
    await tab.shows("#grouped", "once")
    assert await tab.text("#summary") == "1 call failed, in 1 way"
    await tab.run("$('wanted').reset()")
    await tab.shows("#summary", "2 calls in the log")
    await tab.click("#users")
    await tab.shows("#summary", "2 accounts, 0 signed in")
    await tab.press("/", *"dave")
    await tab.shows("#found", "dave@localhost")
    assert ALICE not in await tab.text("#found")
    assert tab.complaints == []


def of(recorded: Recorded, user: str) -> Recorded:
    return replace(recorded, user=user)


async def test_what_can_be_looked_for(inspected: Inspected) -> None:
    assert inspected.calls() == inspected.calls("ending=open") == inspected.calls("direction=out") == [f"{ALICE}/7"]
    assert inspected.calls("ending=answered") == inspected.calls("direction=in") == inspected.calls("text=carol") == []
    assert inspected.calls("text=ALICE&since=2026-11-23T08:20&until=2026-11-23T08:21") == [f"{ALICE}/7"]
    assert inspected.calls("since=2026-11-23T08:21") == inspected.calls("until=2026-11-23T08:20") == []
    inspected.append(rest())
    assert inspected.calls("ending=answered") == [f"{ALICE}/7"]
    assert [inspected.calls(f"ending={ending}") for ending in ("unanswered", "failed", "open")] == [[], [], []]
    for wrong in ("since=yesterday", "since=2026-02-31T00:00", "direction=up", "ending=badly"):
        answer, body = inspected.asked(f"calls?{wrong}")
        assert answer.status == 400
        assert body.decode().startswith(sentences.BAD_SEARCH.format(why="")[:-1])


async def test_nobody_else_gets_anything(inspected: Inspected) -> None:
    port = urlsplit(inspected.address).port
    assert inspected.asked()[0].status == inspected.asked(host=f"localhost:{port}")[0].status == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}.evil.example", ""):
        answer, body = inspected.asked(host=host or f"[::1]:{port}")
        assert (answer.status, body) == (403, sentences.OTHER_HOST.encode())
    for path in ("/", "/x/", "/x/calls", "/favicon.ico", f"/x/call/{quote(ALICE)}/7"):
        assert inspected.asked(path)[0].status == 404
    for method in ("POST", "PUT", "DELETE"):
        assert inspected.asked(method=method)[0].status in (405, 501)
    assert inspected.asked(method="HEAD")[1] == b""
    bound = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if f":{port:04X} " in line]
    assert {each.partition(":")[0] for each in bound if each.endswith(f"{port:04X}")} == {"0100007F"}


async def test_what_is_not_there_is_said(inspected: Inspected) -> None:
    for path in (
        f"call/{quote(ALICE)}/8",
        "call/nobody@localhost/7",
        f"call/{quote(ALICE)}/8/data",
        f"call/{quote(ALICE)}/8/export",
        "user/nobody@localhost",
        "call/x",
        "nothing",
    ):
        assert inspected.asked(path)[0].status == 404


async def test_nothing_new_is_not_sent_again(inspected: Inspected) -> None:
    for path in ("calls", "groups", "users/data", f"user/{quote(ALICE)}/data", f"call/{quote(ALICE)}/7/data"):
        first, body = inspected.asked(path)
        tag = first.headers["ETag"]
        assert body
        again, nothing = inspected.asked(path, tag=tag)
        assert (again.status, nothing) == (304, b"")
    inspected.append(rest())
    assert inspected.asked(path, tag=tag)[0].status == 200


async def test_what_has_left_the_log_leaves_the_list(inspected: Inspected) -> None:
    assert inspected.calls() == [f"{ALICE}/7"]
    answer, _ = inspected.asked("calls")
    log = open_store(inspected.path)
    log.erase(ALICE)
    log.close()
    assert inspected.asked("calls", tag=answer.headers["ETag"])[0].status == 200
    assert inspected.calls() == []
    assert inspected.asked(f"call/{quote(ALICE)}/7")[0].status == 404


class Watched(GoldenLog):
    """A log that tells what its calls were read `after`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.after: list[int] = []

    def call_entries(self, user: str | None = None, after: int = 0) -> Iterator[Entry]:
        self.after.append(after)
        return super().call_entries(user, after)


async def test_the_latest_calls_are_found_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST", 1)
    log = Watched(SEVERAL)
    _, latest = [record.name for record in records(GoldenLog(SEVERAL).call_entries())]
    inspector = Inspector(log, "secret")

    def found(**search: Any) -> tuple[list[str], int]:
        told = json.loads(inspector._found(CallSearch(**search)))
        return [call["call"] for call in told["calls"]], told["all"]

    for _ in range(2):
        assert found() == ([str(latest)], 2)
    assert log.after == [log.position_before_calls(1)]
    assert log.position_before_calls(1) > 0
    assert found(direction="out") == ([str(latest)], 2)


async def test_a_log_that_breaks_is_said(inspected: Inspected) -> None:
    with sqlite3.connect(inspected.path) as connection:
        connection.execute("update events set body = '{' where version = 7")
    connection.close()
    answer, body = inspected.asked(f"call/{quote(ALICE)}/7")
    assert answer.status == 500
    assert re.search(rb"event 7: its SessionInitiated cannot be decoded", body)


@pytest.mark.usefixtures("servers")
async def test_a_golden_log_is_served_too() -> None:
    process = await Process.start("fargo inspect", FARGO, "inspect", "--log", CALL_OUT)
    address = (await process.line(r": (http://\S+)$"))[1]
    assert Inspected(CALL_OUT, process, address).calls() == [f"{ALICE}/7"]
    await process.stop()


async def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["inspect", "--log", str(CALL_OUT), "--port", str(port)])
    assert (result.exit_code, result.output) == (
        2,
        f"Error: Port {port} of this machine cannot be used: Address already in use.\n",
    )
    result = CliRunner().invoke(main, ["inspect", "--log", str(tmp_path / "no.db")])
    assert (result.exit_code, result.output) == (2, f"Error: There is no log at {tmp_path}/no.db.\n")


async def test_what_is_exported_has_pseudonyms(inspected: Inspected) -> None:
    inspected.append(rest())
    answer, body = inspected.asked(f"call/{quote(ALICE)}/7/export")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="call-7.jsonl"'
    assert b"alice" not in body
    assert b"bob" not in body
    path = inspected.path.with_name("call-7.jsonl")
    path.write_bytes(body)
    (call,) = records(GoldenLog(path).call_entries())
    assert call.cause == "hung-up"


@pytest.mark.usefixtures("servers")
async def test_the_address_is_the_same_at_each_start(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame")
    (tmp_path / "secret").chmod(0o600)
    xmpp = '[xmpp]\ndomain = "sip.example.org"\nsecret_file = "secret"\nallowed_domains = ["example.org"]\n'
    config = tmp_path / "fargo.toml"
    config.write_text(f'{xmpp}[sip]\naddress = "192.0.2.10"\n[state]\ndirectory = "state"\n')
    (tmp_path / "state").mkdir()
    open_store(tmp_path / "state/fargo.db").close()
    addresses = []
    for _ in range(2):
        process = await Process.start("fargo inspect", FARGO, "inspect", "-c", config)
        addresses.append((await process.line(r": (http://\S+)$"))[1])
        await process.stop()
    assert addresses[0] == addresses[1]
    assert addresses[0].startswith("http://127.0.0.1:8068/")
    key = tmp_path / "state" / link.NAME
    assert (key.stat().st_mode & 0o777, link.known(key.parent)) == (0o600, urlsplit(addresses[0]).path.strip("/"))


async def test_a_secret_that_is_none_is_drawn_anew(tmp_path: Path) -> None:
    assert link.known(tmp_path) is None
    for nonsense in ("", "short\n", "é" * 22 + "\n", "../../../../etc/passwd\n"):
        (tmp_path / link.NAME).write_text(nonsense)
        assert link.known(tmp_path) is None
    assert link.lasting(tmp_path) == link.lasting(tmp_path) == link.known(tmp_path)
    assert link.drawn() != link.drawn()


def found(inspector: Inspector, **search: Any) -> list[str]:
    wanted = msgspec.convert(search, CallSearch)
    return [each["call"] for each in json.loads(inspector._found(wanted))["calls"]]


def with_calls(path: Path, *calls: tuple[LogRecord, ...]) -> Inspector:
    """The pages of a log with these calls of Alice's, a second apart."""
    log = open_store(path)
    asked = RegistrationAsked(Iq(f"{ALICE}/desk", "sip.localhost", "x"))
    log.append(
        (Recorded(ALICE, number, float(number), asked, str(number)), tuple(issued(number, told)))
        for number, told in enumerate(calls, 1)
    )
    log.close()
    return Inspector(open_reader(path), "")


def issued(number: int, told: tuple[LogRecord, ...]) -> Iterator[Issued]:
    return (Issued(ALICE, f"{number}.{place}", each, str(number)) for place, each in enumerate(told, 1))


def failed(id: str, peer: str, cause: Cause = Cause.NOT_FOUND, text: str = "Not Found (404)") -> tuple[LogRecord, ...]:
    return RecordBegun(id, Direction.OUT, peer), RecordEnded(id, Side.PHONE, cause, text)


async def test_the_filters_of_the_command_line_are_there(tmp_path: Path) -> None:
    inspector = with_calls(
        tmp_path / "fargo.db",
        (*failed("1", "+441632960000@sip.test"), RecordDialog("1", "abc@host", "sip:alice@sip.test", "sip:b@sip.test")),
        failed("2", "bob@example.net", Cause.BUSY, ""),
        (RecordBegun("3", Direction.IN, None), RecordEnded("3", Side.GATEWAY, Cause.FAULT)),
        (
            RecordBegun("4", Direction.OUT, "eve@sip.test"),
            RecordAnswered("4", "x"),
            RecordCarried("4", 0, 9),
        ),
    )
    first, second, third, fourth = (f"{ALICE}/{number}" for number in (1, 2, 3, 4))
    for search, calls in (
        ({"with": "01632 96"}, []),
        ({"with": "44 1632 96"}, [first]),
        ({"with": "@example.net"}, [second]),
        ({"call_id": "abc@host"}, [first]),
        ({"call_id": "abc"}, []),
        ({"by": "gateway"}, [third]),
        ({"ended": "busy"}, [second]),
        ({"reason": "not found"}, [first]),
        ({"user": "Alice@LOCALHOST"}, [fourth, third, second, first]),
        ({"user": "lic"}, [fourth, third, second, first]),
        ({"ending": "poor"}, [fourth]),
        ({"user": "alice@local"}, []),
        ({"before": third}, [second, first]),
        ({"before": first}, []),
        ({"before": "nobody@localhost/9"}, []),
    ):
        assert found(inspector, **search) == calls, search


async def test_older_calls_follow_from_page_to_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST", 2)
    inspector = with_calls(tmp_path / "fargo.db", *(failed(str(number), "bob@sip.test") for number in range(1, 6)))
    pages, older = [], ""
    while older is not None:
        told = json.loads(inspector._found(CallSearch(before=older)))
        pages.append([call["call"].rpartition("/")[2] for call in told["calls"]])
        older = told["older"]
        assert told["all"] == 5
    assert pages == [["5", "4"], ["3", "2"], ["1"]]


async def test_failures_are_grouped(tmp_path: Path) -> None:
    inspector = with_calls(
        tmp_path / "fargo.db",
        failed("1", "bob@sip.test"),
        failed("2", "bob@example.net"),
        failed("3", "carol@sip.test"),
        failed("4", "bob@sip.test", Cause.BUSY),
        failed("5", "bob@sip.test", text="Gone (410)"),
    )
    told = json.loads(inspector._grouped(CallSearch()))
    assert [(each["number"], each["domain"], each["reason"]) for each in told["groups"]] == [
        (2, "sip.test", "Not Found (404)"),
        (1, "sip.test", "Gone (410)"),
        (1, "example.net", "Not Found (404)"),
    ]
    assert (told["all"], told["groups"][0]["call"]) == (4, f"{ALICE}/3")
    assert json.loads(inspector._grouped(CallSearch(peer="@example.net")))["all"] == 1


async def test_the_page_offers_every_cause_and_side() -> None:
    page = (files("replay.page") / "calls.html").read_text()
    assert {each.value for each in (*Cause, *Side)} <= set(re.findall(r'<option value="([\w-]+)"', page))
    for cause in Cause:
        assert f'<option value="{cause}">{cause_in_words(cause)}</option>' in page


async def test_a_call_is_found_by_a_part_of_any_of_its_call_ids(tmp_path: Path) -> None:
    log = open_store(tmp_path / "fargo.db")
    log.append(session("relayed"))
    log.close()
    inspector = Inspector(open_reader(tmp_path / "fargo.db"), "")
    (call,) = records(session("relayed"))

    def found(text: str) -> list[str]:
        return [each["call"] for each in json.loads(inspector._found(CallSearch(text=text)))["calls"]]

    for text in (*call.call_ids, call.call_ids[0][4:20].upper()):
        assert found(text) == [str(call.name)]
    assert found("no-such-call-id") == []
