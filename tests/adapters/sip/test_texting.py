"""Texts as MESSAGE requests (RFC 3428): what is written, which bodies are read, and what is refused."""

from contextlib import suppress

import pytest
from edge.agents import Message
from hypothesis import given
from hypothesis import strategies as st

from fargo.adapters.sip import texts, typing_notices
from fargo.adapters.sip.message_bodies import ACCEPT, MOST_BYTES, RefusedTextError, composing_in, text_in
from fargo.adapters.sip.typing_notices import IS_COMPOSING
from fargo.adapters.sip.wire.message import MalformedSipError, SipRequest
from fargo.adapters.xmpp.texting import PIECE_BYTES
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    TextReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Challenge, DigestCredentials, Endpoint, Hop, Party

from .rig import USER, Rig

PLAIN = [("Content-Type", "text/plain")]
HTML = "<b>hi</b>"
LONG = "provider-with-a-long-name.example.org"
OF_EDGE = 150
"""The bytes of the Via that the edge adds."""
ALTERNATIVE = (
    "--x\r\nContent-Type: text/html\r\n\r\n<b>hi</b>\r\n"
    "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhi ü\r\n--x--\r\n"
)
CPIM = "From: <sip:bob@sip.test>\r\nTo: <sip:a@b>\r\n\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhi ü"


def request(body: bytes, kind: str | None = "text/plain", **headers: str) -> SipRequest:
    lines = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return SipRequest("MESSAGE", "sip:x@y", {**lines, **({"Content-Type": [kind]} if kind else {})}, body)


def message(kept: KeptText, domain: str = LONG, **more: object) -> SendRequest:
    return SendRequest(
        **{  # type: ignore[arg-type]
            "dialog": None,
            "method": "MESSAGE",
            "uri": f"sip:bob.with.a.long.name@{domain}",
            "call_id": "0123456789abcdef0123456789abcdef",
            "cseq": 1,
            "sender": Party(f"sip:+441632960000@{domain}", "40.0-0123456789abcdef"),
            "recipient": Party(f"sip:bob.with.a.long.name@{domain}"),
            "hop": Hop("192.0.2.1"),
            "destination": Endpoint("udp", "192.0.2.1", 5060),
            "body": kept,
            **more,
        }
    )


# --- read


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("grüße".encode(), "text/plain", "grüße"),
        ("grüße".encode(), "Text/Plain; charset=UTF-8", "grüße"),
        ("grüße".encode(), None, "grüße"),
        ("grüße".encode("latin-1"), 'text/plain;charset="ISO-8859-1"', "grüße"),
        ("привет".encode("koi8-r"), "text/plain; charset=koi8-r", "привет"),
        ("hi".encode("utf-16"), "text/plain; charset=utf-16", "hi"),
        (b"one\r\ntwo", "text/plain", "one\ntwo"),
        (ALTERNATIVE.encode(), "multipart/alternative; boundary=x", "hi ü"),
        (CPIM.encode(), "message/cpim", "hi ü"),
        (b"<isComposing/>", "application/im-iscomposing+xml", None),
        (b"<imdn/>", "message/imdn+xml", None),
        (b"", "text/plain", None),
        (b" \r\n", "text/plain", None),
    ],
)
def test_a_text_is_read(body: bytes, kind: str | None, text: str | None) -> None:
    assert text_in(request(body, kind)) == text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (HTML.encode(), "text/html", 415),
        (b"x", "image/png", 415),
        (b"\xff", "text/plain", 415),
        (b"x", "text/plain; charset=nonsense", 415),
        (b"x", "text/plain; charset=zlib", 415),
        (b"--x\r\nContent-Type: text/html\r\n\r\nx\r\n--x--", "multipart/alternative; boundary=x", 415),
        (b"x", "multipart/alternative", 415),
        (b"x", "nonsense", None),
        (b"x" * (MOST_BYTES + 1), "text/plain", 413),
    ],
)
def test_what_is_no_text_is_refused(body: bytes, kind: str, status: int | None) -> None:
    if status is None:
        assert text_in(request(body, kind)) == "x"  # RFC 2045 §5.2
        return
    with pytest.raises(MalformedSipError) as refused:
        text_in(request(body, kind))
    assert refused.value.status == status


def test_a_compressed_text_is_refused() -> None:
    with pytest.raises(MalformedSipError):
        text_in(request(b"x", Content_Encoding="gzip"))


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    found = text_in(request(text.encode(), "text/plain;charset=UTF-8"))
    assert (found or "").replace("\r\n", "\n") == (text.replace("\r\n", "\n") if text.encode().strip() else "")


@given(st.binary(), st.sampled_from((*ACCEPT, "text/plain; charset=utf-7", "multipart/mixed; boundary=x", "x", None)))
def test_any_body_is_read_or_refused(body: bytes, kind: str | None) -> None:
    with suppress(RefusedTextError):
        text_in(request(body, kind))


# --- through the adapter


@pytest.mark.parametrize(("domain", "most"), [("sip.example.org", 1300), (LONG, 1472)])
async def test_a_text_is_written_and_fits_into_a_datagram(domain: str, most: int) -> None:
    async with Rig() as rig:
        kept = KeptText(rig.texts.keep("é" * (PIECE_BYTES // 2)), PIECE_BYTES)
        challenge = Challenge(domain, "n" * 48, qop=("auth",), opaque="o" * 32)
        credentials = (DigestCredentials(challenge, "+441632960000", "vault-1"),)
        rig.do(message(kept, domain, credentials=credentials, routes=(f"<sip:edge.{domain};lr>",)))
        got = await rig.edge.request("MESSAGE")
        assert got["Content-Type"] == "text/plain;charset=UTF-8"
        assert got.body == "é" * (PIECE_BYTES // 2)
        assert got.get("Contact") is None
        inside = sum(len(f"{name}: {value}\r\n") for name, value in got.headers if name.startswith("X-Fargo"))
        size = len(got.encode()) - inside
        assert size < most - OF_EDGE


async def test_a_text_that_is_gone_is_told() -> None:
    async with Rig() as rig:
        id = rig.do(message(KeptText("gone", 5)))
        event = await rig.event()
        assert event == SipRequestUndelivered(
            id, id, Undelivered.UNSENDABLE, texts.TEXT_GONE[:1].lower() + texts.TEXT_GONE[1:-1]
        )


def to(rig: Rig) -> str:
    return f"sip:{rig.token('7.0')}@192.0.2.10"


async def test_a_text_is_an_event_without_it() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("MESSAGE", to(rig), headers=PLAIN, body="grüße")
        event = await rig.event()
        assert isinstance(event, TextReceived)
        assert isinstance(event.text, KeptText)
        assert (event.connection, rig.texts.read(event.text.name), event.text.length) == ("7.0", "grüße", 7)
        assert "grüße" not in repr(event)
        rig.do(SendResponse(event.name, event.head, 200, "OK", "tag"))
        assert (await rig.edge.final(sent)).status == 200


NOTICE = (
    '<?xml version="1.0"?>\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
    "<state>active</state><contenttype>text/plain</contenttype><refresh>{refresh}</refresh></isComposing>"
)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (NOTICE.format(refresh=90), Composing(True, 90)),
        (NOTICE.format(refresh=1), Composing(True, 60)),
        (NOTICE.format(refresh=999_999), Composing(True, 600)),
        ("<c:isComposing xmlns:c='x'><c:state> idle </c:state></c:isComposing>", Composing(False)),
        ("<isComposing/>", None),
        ("<state>active" * 900, None),
    ],
)
def test_who_types_is_read(body: str, read: Composing | None) -> None:
    assert composing_in(request(body.encode(), IS_COMPOSING)) == read
    if read:
        assert composing_in(request(typing_notices.written(read), IS_COMPOSING)) == read
        assert composing_in(request(body.encode())) is None


async def test_who_types_is_an_event() -> None:
    async with Rig() as rig:
        headers = [("Content-Type", IS_COMPOSING), ("Accept", f"text/plain, {IS_COMPOSING}")]
        rig.refusals[USER] = "No texts now."
        rig.edge.deliver("MESSAGE", to(rig), headers=headers, body=NOTICE.format(refresh=90))
        event = await rig.event()
        assert isinstance(event, TextReceived)
        assert (event.connection, event.text, event.headers.composing) == ("7.0", Composing(True, 90), True)


async def test_who_types_is_an_event_once_a_second() -> None:
    async with Rig() as rig:
        headers = [("Content-Type", IS_COMPOSING)]

        def deliver(state: str) -> Message:
            return rig.edge.deliver("MESSAGE", to(rig), headers=headers, body=f"<state>{state}</state>")

        deliver("active")
        assert await rig.event()
        for state in ("active", "idle", "active"):
            assert (await rig.edge.final(deliver(state))).status == 200
        assert not rig.has_event()
        rig.pass_time(1.5)
        deliver("idle")
        event = await rig.event()
        assert isinstance(event, TextReceived)
        assert event.text == Composing(False)


async def test_a_text_in_a_call_is_an_event_of_the_call() -> None:
    async with Rig() as rig:
        name = "7.0-0123456789abcdef"
        tagged = [("To", f"<sip:alice@example.net>;tag={name}-0123456789abcdef"), *PLAIN]
        uri = f"sip:{rig.token(name)}@192.0.2.10"
        sent = rig.edge.deliver("MESSAGE", uri, headers=tagged, body="grüße")
        event = await rig.event()
        assert isinstance(event, SipRequestReceived)
        assert isinstance(event.body, KeptText)
        assert (event.leg, rig.texts.read(event.body.name), event.body.length) == (name, "grüße", 7)
        rig.do(SendResponse(event.leg, event.head, 200, "OK", "tag"))
        assert (await rig.edge.final(sent)).status == 200
        html = [*tagged[:1], ("Content-Type", "text/html"), ("CSeq", "2 MESSAGE")]
        assert (await rig.edge.final(rig.edge.deliver("MESSAGE", uri, headers=html, body=HTML))).status == 415
        assert not rig.has_event()


async def test_what_is_not_taken_is_answered_at_once() -> None:
    async with Rig() as rig:
        got = await rig.edge.final(
            rig.edge.deliver("MESSAGE", to(rig), headers=[("Content-Type", "text/html")], body=HTML)
        )
        assert (got.status, got["Accept"].split(", ")[1]) == (415, "text/plain")
        composing = [("Content-Type", "application/im-iscomposing+xml")]
        got = await rig.edge.final(rig.edge.deliver("MESSAGE", to(rig), headers=composing, body="<isComposing/>"))
        assert got.status == 200
        rig.refusals[USER] = "No texts now."
        got = await rig.edge.final(rig.edge.deliver("MESSAGE", to(rig), headers=PLAIN, body="hi"))
        assert (got.status, got.phrase) == (480, "No texts now")
        assert not rig.has_event()


async def test_a_text_that_comes_twice_is_put_once() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("MESSAGE", to(rig), headers=PLAIN, body="hi")
        event = await rig.event()
        other = rig.edge.request_from("udp:192.0.2.1:5060", "MESSAGE", to(rig), headers=PLAIN, body="hi")
        repeated = [(name, sent[name]) for name in ("From", "To", "Call-ID", "CSeq")]
        other.headers = [each for each in other.headers if each[0] not in dict(repeated)] + repeated
        assert (await rig.edge.final(rig.edge.send(other))).status == 482
        rig.do(SendResponse(event.name, event.head, 200, "OK", "tag"))
        again = rig.edge.request_from("udp:192.0.2.1:5060", "MESSAGE", to(rig), headers=PLAIN, body="hi")
        again.headers = [each for each in again.headers if each[0] not in dict(repeated)] + repeated
        assert (await rig.edge.final(rig.edge.send(again))).status == 200
        assert not rig.has_event()
