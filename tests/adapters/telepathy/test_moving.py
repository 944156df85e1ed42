"""Connections are moved away from a host that has grown. The hosts are fakes on a clock of the test."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from fargo.adapters.telepathy.accounts import Accounts
from fargo.adapters.telepathy.bus import Signal
from fargo.adapters.telepathy.moving import Mover
from fargo.adapters.telepathy.pool import Limits, Pool
from fargo.adapters.telepathy.translate import CONNECTED, CONNECTION, DISCONNECTED
from fargo.statemachine.model.commands import SignIn
from fargo.statemachine.model.events import Event, SipAccount, SipSignedIn, SipTrouble

USER = "romeo@example.org"
PATH = "/the/only/one"
LIMITS = Limits(memory_mib=100)
NO_REASON, NETWORK_ERROR, AUTHENTICATION_FAILED = 0, 2, 3  # Connection_Status_Reason
TEN_MINUTES, A_DAY = 600, 86400


class FakeHost:
    """A host with one connection. `told` are the methods that were called."""

    name = "rakia"

    def __init__(self) -> None:
        self.memory = 0
        self.told: list[str] = []

    def start(self) -> Deferred[None]:
        return succeed(None)

    def stop(self) -> Deferred[None]:
        return succeed(None)

    def memory_kib(self) -> int:
        return self.memory

    def call(self, path: str, interface: str, method: str, *_: Any) -> Deferred[list[Any]]:
        self.told.append(method)
        return succeed(["its bus name", PATH])

    def tell(self, path: str, interface: str, method: str) -> None:
        self.told.append(method)


class Scene:
    """An account that is signed in on a host that has grown, and whose second registration has begun."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.hosts: list[FakeHost] = []
        self.events: list[Event] = []
        pool = Pool(self._make, lambda place: None, LIMITS, self.clock)
        self.accounts: Any = Accounts(
            lambda user, event: self.events.append(event),
            lambda secret: "its password",
            lambda account, rakia: {},
            pool,  # type: ignore[arg-type]
            lambda registration, connection_lives: None,
            self.clock,
        )
        self.pool = pool
        self.mover = Mover(self.accounts, pool, LIMITS.settled_seconds, self.clock)  # type: ignore[arg-type]
        pool.start()
        self.accounts.sign_in(USER, "1.0", SignIn(SipAccount("sip:romeo@example.net"), "its-secret"))
        self.status(self.hosts[0], CONNECTED, NO_REASON)
        self.hosts[0].memory = 101 * 1024
        self.pass_time(1)

    def _make(self, number: int, died: Callable[[str], None]) -> FakeHost:
        self.hosts.append(FakeHost())
        return self.hosts[-1]

    def status(self, host: FakeHost, status: int, reason: int) -> None:
        self.accounts.status_changed(host, Signal(PATH, CONNECTION, "StatusChanged", [status, reason]))

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.pool.look_after()
        self.mover.move()


@pytest.fixture
def scene() -> Scene:
    return Scene()


BEGUN = ["RequestConnection", "Connect"]


def test_an_account_is_registered_on_the_new_host_before_it_leaves_the_old(scene: Scene) -> None:
    old, new = scene.hosts
    assert (old.told, new.told) == (BEGUN, BEGUN)
    scene.pass_time(LIMITS.settled_seconds)
    assert old.told == BEGUN
    scene.status(new, CONNECTED, NO_REASON)
    scene.pass_time(1)
    assert old.told == [*BEGUN, "Disconnect"]
    scene.status(old, DISCONNECTED, NO_REASON)
    scene.pass_time(LIMITS.settled_seconds)
    assert scene.events == [SipSignedIn("1.0")]
    assert not scene.pool.drained


def test_a_registrar_that_does_not_answer_is_tried_again_after_a_while(scene: Scene) -> None:
    _, new = scene.hosts
    scene.status(new, DISCONNECTED, NETWORK_ERROR)
    scene.pass_time(TEN_MINUTES - 1)
    assert new.told == BEGUN
    scene.pass_time(1)
    assert new.told == BEGUN * 2


def test_a_registrar_that_refuses_is_not_tried_again(scene: Scene) -> None:
    _, new = scene.hosts
    scene.status(new, DISCONNECTED, AUTHENTICATION_FAILED)
    scene.pass_time(A_DAY)
    assert new.told == BEGUN
    assert scene.events == [SipSignedIn("1.0")]


def test_one_that_loses_its_first_registration_meanwhile_depends_on_the_second(scene: Scene) -> None:
    old, new = scene.hosts
    scene.status(old, DISCONNECTED, NETWORK_ERROR)
    assert scene.events == [SipSignedIn("1.0")]
    assert scene.accounts.named(USER, "1.0").registration is None
    scene.status(new, DISCONNECTED, AUTHENTICATION_FAILED)
    assert [getattr(each, "trouble", None) for each in scene.events] == [None, SipTrouble.CREDENTIALS]
    assert scene.accounts.count == 0


def test_one_that_signs_out_meanwhile_is_not_closed_while_it_registers(scene: Scene) -> None:
    """rakia may abort."""
    old, new = scene.hosts
    scene.accounts.sign_out(USER, "1.0")
    assert (old.told, new.told) == ([*BEGUN, "Disconnect"], BEGUN)
    scene.status(old, DISCONNECTED, NO_REASON)
    scene.status(new, CONNECTED, NO_REASON)
    assert new.told == [*BEGUN, "Disconnect"]
    assert scene.accounts.count == 1
    scene.status(new, DISCONNECTED, NO_REASON)
    assert scene.accounts.count == 0
