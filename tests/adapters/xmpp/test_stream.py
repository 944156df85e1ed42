"""The stream to the XMPP server: how soon it is opened again."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.error import TimeoutError as NoAnswer
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import component
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.protocols.jabber.xmlstream import Authenticator, XmlStream
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.connecting import ComponentFactory
from fargo.adapters.xmpp.refusals import Place
from fargo.adapters.xmpp.stream import Stream

PLACE = Place("sip.example.org", "xmpp.example.org", 5347)


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


def connected() -> Any:
    """Return a connection that can read XML."""
    connection = XmlStream(Authenticator())
    connection._initializeStream()
    return connection


def test_an_iq_of_another_namespace_is_no_stanza() -> None:
    received: list[Element] = []
    stream = Stream("sip.example.org", "secret", received.append, lambda: None, lambda _: None)
    stream.xmlstream = connection = connected()
    stream.connectionInitialized()
    for namespace in ("urn:x", "jabber:client", component.NS_COMPONENT_ACCEPT):
        connection.stream.ElementEvent(Element((namespace, "iq"), attribs={"from": "alice@example.org", "type": "get"}))
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


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def stream(told: list[str]) -> Stream:
    """One that is not connected, and what it tells the operator."""
    made = Stream("sip.example.org", "secret", lambda _: None, lambda: None, told.append)
    made._place = PLACE
    return made


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DNSLookupError("no results"), texts.NAME_NOT_FOUND),
        (NoAnswer(), texts.SERVER_TIMED_OUT),
        (ConnectionRefusedError(osError=111), texts.NOTHING_LISTENS),
    ],
)
def test_why_there_is_no_connection_is_told_once(stream: Stream, told: list[str], error: Exception, text: str) -> None:
    for _ in range(3):
        stream._not_connected(Failure(error))
    assert told == [text.format(**PLACE._asdict())]
    assert stream.trouble == told[0]


@pytest.mark.parametrize(
    ("received", "timed_out", "text", "factor"),
    [
        (b"", True, texts.SERVER_MUTE, 1.5),
        (b"", False, texts.CLOSED_AT_ONCE, 1.5),
        (b"HTTP/1.1 400 Bad Request", False, texts.HTTP_PORT, 2),
        (b"SSH-2.0", True, texts.NO_XMPP_PORT, 2),
    ],
)
def test_why_a_connection_did_not_become_a_stream(
    stream: Stream, told: list[str], received: bytes, timed_out: bool, text: str, factor: float
) -> None:
    stream._note_first(received)
    stream._timed_out = timed_out
    stream.connectionLost(Failure(ConnectionError()))
    assert told == [text.format(**PLACE._asdict())]
    assert stream._factory.factor == factor


def test_a_component_that_is_driven_out_of_an_open_stream_says_so_and_waits(stream: Stream, told: list[str]) -> None:
    stream.xmlstream = connected()
    stream.connectionInitialized()
    assert stream.trouble == ""
    stream._stream_error(Failure(StreamError("conflict")))
    stream.connectionLost(Failure(ConnectionError()))
    assert told == [texts.COMPONENT_TWICE.format(domain="sip.example.org")]
    assert stream._factory.delay == 60
