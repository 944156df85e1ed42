"""A process that waits until it is its turn to be a worker tells so: at its socket, and at the pages of metrics."""

import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from twisted.logger import capturedLogs
from world.ports import free_port

from fargo.checking import connections
from fargo.checking.finding import Kind
from fargo.cli import main
from fargo.cli import texts as cli
from fargo.config import load
from fargo.control import peer
from fargo.control import texts as control
from fargo.control.client import GatewayProblemError, NoGatewayError, ask
from fargo.control.place import WAITING
from fargo.control.questions import AskStatus
from fargo.metrics import texts as metrics_texts
from fargo.operations.values import WaitingStatus
from fargo.store.interface import StoreAwayError, StoreInUseError
from fargo.workers import texts
from fargo.workers.following import Follower
from fargo.workers.waiting import StandingBy

from .test_key import FILE

HOLDER = "process 7 on elsewhere, 192.0.2.1"
IN_USE = StoreInUseError("Fargo runs already.", HOLDER, 1_783_166_403.0)


class At:
    """A process that waits, with a state directory and a port for its pages."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port("127.0.0.1")
        self.file = directory / "fargo.toml"
        self.file.touch(mode=0o600)
        self.file.write_text(
            FILE.format(store="postgresql:///fargo") + f'[metrics]\naddress = "127.0.0.1:{self.port}"\n'
        )
        self.config = load(self.file, "a")
        self.state = self.config.state.directory
        self.state.parent.mkdir(mode=0o700)
        self.state.mkdir(mode=0o700)
        self.follower = Follower(lambda: cast(Any, None), cast(Any, None))
        self.waiting = StandingBy(self.config, self.file, self.follower)

    def fargo(self, *args: str) -> Result:
        return CliRunner().invoke(main, [*args, "-c", str(self.file), "--worker", "a"])

    def page(self, path: str, method: str = "GET") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    before = {each: signal.getsignal(each) for each in numbers}
    made = At(tmp_path)
    with made.waiting:
        yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_status_says_for_what_it_waits_and_how_far_it_follows(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    result = at.fargo("status")
    assert result.exit_code == 4
    first, lease, log = result.stdout.splitlines()
    assert first.partition(" waits ")[2].startswith(
        f"until it is its turn to be worker a of sip.example.org (process {os.getpid()}, for 0:00:0"
    )
    assert lease == f"lease     {cli.HOLDER_SINCE.format(holder=HOLDER, since='2026-07-04T12:00:03Z')}"
    assert log == f"log       {cli.FOLLOWED_FIRST.format(users=0)}"
    at.follower.users = cast(Any, dict.fromkeys(map(str, range(5000))))
    at.follower.position, at.follower.read_at = 1234567, monotonic()
    assert at.fargo("status").stdout.splitlines()[2] == (
        "log       followed: 5,000 users, up to position 1,234,567, read to its end 0.0 s ago"
    )
    found = ask(at.state, AskStatus(), WaitingStatus, name=WAITING)
    assert (found.phase, found.worker, found.holder) == ("waiting", "a", HOLDER)
    assert at.fargo("status", "--json").exit_code == 4


def test_a_database_that_is_away_is_told(at: At) -> None:
    at.waiting.goes_on(StoreAwayError("It is away."))
    assert "lease     It is away." in at.fargo("status").stdout.splitlines()
    assert texts.NOBODY_KNOWN.format(worker="a", why="It is away.") in at.fargo("drain").stderr


def test_a_log_that_cannot_be_followed_is_told(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    at.follower.problem = "It is an older one."
    assert at.fargo("status").stdout.splitlines()[2] == "log       cannot be followed: It is an older one."


def test_commands_name_the_one_that_can_be_asked(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    for command in (["drain"], ["announce", "Hello"], ["users", "remove", "--yes", "alice@example.org"]):
        result = at.fargo(*command)
        assert (result.exit_code, HOLDER in result.stderr) == (2, True), command


def test_a_check_leaves_it_alone(at: At) -> None:
    """Its port is not said to be in use, and the worker for whose end it waits is not put out of the XMPP server."""
    at.waiting.goes_on(IN_USE)
    assert not [each for each in connections.here(at.config) if each.kind is Kind.PROBLEM]
    told = list(connections.elsewhere(at.config))
    assert not [each for each in told if each.place == "xmpp"]


def test_only_its_user_can_open_the_socket_and_it_is_gone_afterwards(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    assert (at.state / WAITING).stat().st_mode & 0o777 == 0o600
    with at.waiting:
        pass
    assert not (at.state / WAITING).exists()
    with pytest.raises(NoGatewayError):
        ask(at.state, AskStatus(), WaitingStatus, name=WAITING)
    assert at.fargo("status").exit_code == 3
    with socket.create_server(("127.0.0.1", at.port)):
        pass  # as the gateway does that it becomes


def test_another_user_gets_no_answer(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    at.waiting.goes_on(IN_USE)
    monkeypatch.setattr(peer, "_user", lambda _: os.geteuid() + 1)
    with pytest.raises(GatewayProblemError, match=control.NOT_THE_USER):
        ask(at.state, AskStatus(), WaitingStatus, name=WAITING)


def test_a_socket_that_was_left_behind_is_replaced(at: At) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(at.state / WAITING))
    at.waiting.goes_on(IN_USE)
    assert at.fargo("status").exit_code == 4


def test_it_is_not_ready_but_lives(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    assert at.page("/ready") == (503, f"{metrics_texts.WAITS.format(worker='a')}\n")
    assert at.page("/live") == (200, "")
    assert at.page("/else")[0] == 404
    assert at.page("/live", "POST")[0] == 405
    assert at.page("/metrics", "HEAD") == (200, "")
    assert at.page("/live?at=once")[0] == 200, "as of a gateway"


def test_its_metrics_name_nobody(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    code, page = at.page("/metrics")
    assert code == 200
    for line in ("fargo_serving 0.0", "fargo_waiting 1.0", "fargo_followed_users 0.0", "fargo_followed_position 0.0"):
        assert line in page.splitlines()
    assert "fargo_followed_age_seconds" not in page, "it has not read the log yet"
    at.follower.read_at = monotonic()
    assert "\nfargo_followed_age_seconds " in at.page("/metrics")[1]
    assert "elsewhere" not in page


def test_a_port_that_the_worker_has_is_taken_when_it_is_free(at: At) -> None:
    with socket.create_server(("127.0.0.1", at.port)), capturedLogs() as said:
        at.waiting.goes_on(IN_USE)
        at.waiting.goes_on(IN_USE)
        assert at.fargo("status").exit_code == 4
    assert [each["log_format"] for each in said] == [texts.NO_WAITING_PAGES]
    at.waiting.goes_on(IN_USE)
    assert at.page("/live")[0] == 200


def test_it_can_be_asked_elsewhere_when_the_configuration_was_read_again(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    port = free_port("127.0.0.1")
    at.file.write_text(at.file.read_text().replace(str(at.port), str(port)))
    signal.raise_signal(signal.SIGHUP)
    at.waiting.goes_on(IN_USE)
    with socket.create_server(("127.0.0.1", at.port)):
        at.port = port
        assert at.page("/live")[0] == 200


def test_who_says_nothing_or_too_much_keeps_nobody_out(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    with closing(socket.create_connection(("127.0.0.1", at.port))), closing(socket.socket(socket.AF_UNIX)) as much:
        much.connect(str(at.state / WAITING))
        much.sendall(b"x" * 200_000)
        assert at.page("/live")[0] == 200
        assert at.fargo("status").exit_code == 4


def test_stop_ends_it(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    at.waiting.goes_on(IN_USE)
    asked = []
    monkeypatch.setattr(sys.modules["fargo.cli.stop"], "_stop_gateway", lambda _, pid, seconds: asked.append(pid))
    assert at.fargo("stop").exit_code == 0
    assert asked == [os.getpid()]


def test_more_connections_than_are_heard_are_closed_but_not_those_at_the_other_place(at: At) -> None:
    at.waiting.goes_on(IN_USE)
    silent = [socket.create_connection(("127.0.0.1", at.port)) for _ in range(17)]
    silent[-1].settimeout(10)
    assert silent[-1].recv(1) == b""
    assert at.fargo("status").exit_code == 4, "anybody on this machine can connect to the pages"
    for each in silent:
        each.close()
    end = monotonic() + 10
    while True:
        try:
            assert at.page("/live")[0] == 200
            break
        except OSError:
            assert monotonic() < end
            sleep(0.01)
