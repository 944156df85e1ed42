"""The refusals of servers that do not take the component, in words for the operator."""

import socket

import pytest
from twisted.internet.error import ConnectError, ConnectionRefusedError, NoRouteError, TCPTimedOutError

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.refusals import MOST, Place, refusal, stream_error, unknown_name, unreachable

PLACE = Place("sip.example.org", "xmpp.example.org", 5222)
HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' "
    "id='x' from='sip.example.org'>"
)
ERROR = (
    "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
    "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{text}</text></stream:error></stream:stream>"
)


def said(template: str, **more: str) -> str:
    return template.format(domain=PLACE.domain, server=PLACE.server, port=PLACE.port, **more)


def words(condition: str, text: str = "Given key does not match", namespace: str = "jabber:component:accept") -> bytes:
    return (HEADER.format(namespace=namespace) + ERROR.format(condition=condition, text=text)).encode()


@pytest.mark.parametrize(
    ("received", "sentence", "hopeless"),
    [
        (words("not-authorized"), said(texts.SECRET_REJECTED), True),
        (words("host-unknown"), said(texts.COMPONENT_UNKNOWN), True),
        (words("conflict"), said(texts.COMPONENT_TWICE), True),
        (words("host-unknown", namespace="jabber:client"), said(texts.NO_COMPONENT_PORT), True),
        (words("invalid-namespace", namespace="jabber:server"), said(texts.NO_COMPONENT_PORT), True),
        (words("invalid-namespace"), said(texts.NO_COMPONENT_PORT), True),
        (
            words("policy-violation", "go\x7f away"),
            said(texts.STREAM_ERROR, why="policy-violation: go? away"),
            True,
        ),
        (words("system-shutdown", ""), said(texts.STREAM_ERROR, why="system-shutdown"), False),
        (b"\x15\x03\x01\x00\x02\x02\x46", said(texts.TLS_PORT), True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", said(texts.HTTP_PORT), True),
        (b"SSH-2.0-OpenSSH_9.2\r\n", said(texts.NO_XMPP_PORT), True),
        (b"<html/>", said(texts.NO_XMPP_PORT), True),
        (b"", said(texts.CLOSED_AT_ONCE), False),
        (HEADER.format(namespace="jabber:component:accept").encode(), said(texts.CLOSED_AT_ONCE), False),
    ],
)
def test_what_a_server_says(received: bytes, sentence: str, hopeless: bool) -> None:
    assert refusal(PLACE, received) == (sentence, hopeless)


def test_words_that_end_in_the_middle_are_read_as_far_as_they_go() -> None:
    whole = words("not-authorized", "x" * MOST)
    assert refusal(PLACE, whole[:MOST]).sentence == said(texts.SECRET_REJECTED)


def test_the_words_of_the_server_are_no_longer_than_a_line() -> None:
    assert len(stream_error(PLACE, "policy-violation", "x" * 4000).sentence) < 350


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(111, "Connection refused"), said(texts.NOTHING_LISTENS)),
        (ConnectionRefusedError(osError=111), said(texts.NOTHING_LISTENS)),
        (TimeoutError("timed out"), said(texts.SERVER_TIMED_OUT)),
        (TCPTimedOutError(osError=110), said(texts.SERVER_TIMED_OUT)),
        (OSError(113, "No route to host"), said(texts.SERVER_UNREACHABLE, why="No route to host")),
        (NoRouteError(osError=113), said(texts.SERVER_UNREACHABLE, why="No route to host")),
        (
            ConnectError(string="It is odd"),
            said(texts.SERVER_UNREACHABLE, why="An error occurred while connecting: It is odd"),
        ),
    ],
)
def test_why_there_is_no_connection(error: Exception, sentence: str) -> None:
    assert unreachable(PLACE, error) == sentence


def test_why_a_name_leads_nowhere() -> None:
    for error, text in (
        (socket.gaierror(socket.EAI_NONAME, ""), texts.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_AGAIN, ""), texts.NAME_SERVER_SILENT),
        (None, texts.NAME_NOT_FOUND),
    ):
        assert unknown_name(PLACE, error) == text.format(server=PLACE.server)
