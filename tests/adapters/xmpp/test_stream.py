"""The stream to the XMPP server: how soon it is opened again."""

import random
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component
from twisted.words.protocols.jabber.xmlstream import Authenticator, XmlStream
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stream import Stream


class Unreachable:
    """A connector to a server that is not there. It notes when it tried."""

    def __init__(self, factory: Any) -> None:
        self.attempts: list[float] = []
        self._factory = factory

    def connect(self) -> None:
        self.attempts.append(self._factory.clock.seconds())
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


def test_the_pause_before_an_attempt_is_half_as_long_as_the_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a server that restarts in time finds the gateway again in time. The pauses vary by some percent."""
    monkeypatch.setattr(random, "normalvariate", lambda mean, deviation: mean)
    factory = Stream("sip.example.org", "secret", lambda _: None, lambda: None, lambda _: None)._factory
    factory.clock = clock = Clock()
    server = Unreachable(factory)
    factory.retry(server)
    while clock.seconds() < 600:
        clock.advance(0.05)
    pauses = [later - earlier for earlier, later in zip(server.attempts, server.attempts[1:], strict=False)]
    for before, pause in zip(server.attempts, pauses, strict=False):
        assert pause <= before / 2 + 0.4
    assert max(pauses) == pytest.approx(30, abs=0.1), "a server that is away for long is not asked all the time"
