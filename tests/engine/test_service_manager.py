"""A service manager is told when the gateway serves, that it lives, and that it stops (sd_notify(3))."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from fargo import texts
from fargo.service_manager import PATIENCE_SECONDS, WAITING_SECONDS, ServiceManager


class Manager:
    """The socket of a service manager, and the gateway's side of it."""

    def __init__(self, address: str, **more: str) -> None:
        self.clock = Clock()
        self.address = address
        self.environment = {"NOTIFY_SOCKET": address, **more}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.gateway = ServiceManager(self.environment, self.clock)

    def told(self) -> list[str]:
        """Return what it was told since it was last asked."""
        told: list[str] = []
        while True:
            try:
                told += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify") if request.param == "path" else f"@fargo-{os.getpid()}")
    yield made
    made.close()


def test_the_gateway_is_ready_when_it_serves(manager: Manager) -> None:
    manager.gateway.started()
    assert manager.told() == [f"STATUS={texts.STATUS_WAITING}"]
    manager.gateway.serves()
    assert manager.told() == ["READY=1", f"STATUS={texts.STATUS_SERVES}"]
    manager.gateway.stops()
    manager.clock.advance(PATIENCE_SECONDS)
    assert manager.told() == ["STOPPING=1", f"STATUS={texts.STATUS_STOPS}"]


def test_a_process_that_waits_is_ready_and_has_more_time(manager: Manager) -> None:
    manager.gateway.stands_by("Worker a waits.")
    assert manager.told() == ["READY=1", "WATCHDOG=1", "STATUS=Worker a waits."]
    long, short = f"WATCHDOG_USEC={round(WAITING_SECONDS * 1e6)}", "WATCHDOG_USEC=8000000"
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "8000000"}
    wanted = ServiceManager(environment, Clock())
    wanted.stands_by("Worker a waits.")
    assert manager.told() == ["READY=1", long, "WATCHDOG=1", "STATUS=Worker a waits."]
    wanted.started()
    assert manager.told() == [f"STATUS={texts.STATUS_WAITING}", short, "WATCHDOG=1"]


def test_an_xmpp_server_that_is_down_does_not_make_the_start_fail(manager: Manager) -> None:
    manager.gateway.started()
    manager.told()
    manager.clock.advance(PATIENCE_SECONDS)
    assert manager.told() == ["READY=1"]


def test_a_gateway_that_stops_before_it_serves_is_never_ready(manager: Manager) -> None:
    manager.gateway.started()
    manager.gateway.stops()
    manager.clock.advance(PATIENCE_SECONDS)
    assert "READY=1" not in manager.told()


@pytest.mark.parametrize(
    ("given", "every"),
    [
        ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid())}, 4),
        ({"WATCHDOG_USEC": "8000000"}, 4),
        ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_signs_of_life(tmp_path: Path, given: dict[str, str], every: int | None) -> None:
    manager = Manager(str(tmp_path / "notify"), **given)
    manager.gateway.started()
    manager.gateway.serves()
    manager.told()
    manager.clock.pump([1] * 16)
    assert manager.told() == ["WATCHDOG=1"] * (16 // every if every else 0)
    assert manager.environment == {}, "children do not take themselves for the service"
    manager.close()


def test_without_a_manager_nothing_happens() -> None:
    clock = Clock()
    gateway = ServiceManager({}, clock)
    gateway.started()
    gateway.serves()
    assert not clock.getDelayedCalls()


def test_a_manager_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    gateway = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1000000"}, Clock())
    gateway.started()
    gateway.serves()
    gateway.stops()


def test_the_status_says_what_the_gateway_waits_for_and_when_it_serves_again(manager: Manager) -> None:
    manager.gateway.started()
    manager.gateway.waits("The secret is wrong.\nREADY=1")
    assert manager.told()[1:] == ["STATUS=The secret is wrong.?READY=1"]
    manager.gateway.serves()
    assert manager.told() == ["READY=1", f"STATUS={texts.STATUS_SERVES}"]
