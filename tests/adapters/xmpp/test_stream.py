"""The stream to the XMPP server: how soon it is opened again."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component
from twisted.words.protocols.jabber.xmlstream import Authenticator, XmlStream
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.connecting import ComponentFactory
from fargo.adapters.xmpp.stream import Stream


class Unreachable:
    """A connector to a server that cannot be had. It notes when it tried; `after` is called each time."""

    def __init__(self, factory: Any, after: Callable[[], None]) -> None:
        self.attempts: list[float] = []
        self._factory = factory
        self._after = after

    def connect(self) -> None:
        self.attempts.append(self._factory.clock.seconds())
        self.fail()

    def fail(self) -> None:
        self._after()
        self._factory.retry(self)


def test_an_iq_of_another_namespace_is_no_stanza() -> None:
    received: list[Element] = []
    stream = Stream("sip.example.org", "secret", received.append, lambda: None, lambda _: None)
    stream.xmlstream = connection = XmlStream(Authenticator())
    stream.connectionInitialized()
    for namespace in ("urn:x", "jabber:client", component.NS_COMPONENT_ACCEPT):
        connection.dispatch(Element((namespace, "iq"), attribs={"from": "alice@example.org", "type": "get"}))
    stream.connectionLost(Failure(ConnectionError()))
    assert [each.uri for each in received] == [component.NS_COMPONENT_ACCEPT]


def pauses(factory: Any, clock: Clock, after: Callable[[], None], seconds: float) -> list[float]:
    """Return the pauses between the attempts to connect, each of which ends in this way."""
    server = Unreachable(factory, after)
    factory.clock = clock
    server.fail()
    while clock.seconds() < seconds:
        clock.advance(0.05)
    attempts = [0.0, *server.attempts]
    return [later - earlier for earlier, later in pairwise(attempts)]


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its pauses vary by some percent otherwise."""
    monkeypatch.setattr(random, "normalvariate", lambda mean, deviation: mean)
    return ComponentFactory("sip.example.org", "secret", lambda _: None)


def test_the_pause_before_an_attempt_is_half_as_long_as_the_outage(factory: Any) -> None:
    """So a server that restarts in time finds the gateway again in time."""
    found = pauses(factory, Clock(), factory.hurry, 600)
    away = 0.0
    for pause in found:
        assert pause <= away / 2 + 0.4
        away += pause
    assert max(found) == pytest.approx(30, abs=0.1), "a server that is away for long is not asked all the time"


def test_a_server_that_has_to_be_mended_is_asked_ever_less_often(factory: Any) -> None:
    found = pauses(factory, Clock(), factory.hesitate, 1000)
    assert found[:8] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6], abs=0.1)
    assert max(found) == pytest.approx(120, abs=0.1)


def test_a_server_that_is_being_restarted_after_that_is_asked_more_often_again(factory: Any) -> None:
    clock = Clock()
    pauses(factory, clock, factory.hesitate, 1000)
    assert max(pauses(factory, clock, factory.hurry, 2000)[1:]) == pytest.approx(30, abs=0.1)


def test_a_component_that_was_driven_out_waits(factory: Any) -> None:
    factory.hesitate(driven_out=True)
    factory.clock = clock = Clock()
    server = Unreachable(factory, factory.hesitate)
    factory.retry(server)
    clock.advance(59)
    assert server.attempts == []
    clock.advance(1.1)
    assert len(server.attempts) == 1
