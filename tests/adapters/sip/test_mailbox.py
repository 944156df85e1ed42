"""Notices of a mailbox (NOTIFY, RFC 3842): which bodies are read, from whom they are taken, and what is refused."""

from contextlib import suppress
from typing import Any

import pytest
from edge.agents import Message
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.adapters.sip import texts
from fargo.adapters.sip.message_summary import PACKAGE, SUMMARY, told
from fargo.adapters.sip.wire.message import MalformedSipError, SipRequest
from fargo.limits import texts as limit_texts
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestReceived
from fargo.statemachine.model.sip_values import Endpoint, OtherBody, Party, SipHeaders, SubscriptionState

from .name_server import NameServer
from .rig import USER, Rig
from .test_providers import FURTHER, PROVIDER, STRANGER, registered, rig_of, sent_to

TWO = "Messages-Waiting: yes\r\nMessage-Account: sip:*97@sip.test\r\nVoice-Message: 2/8 (0/2)\r\n"
EVENT, TYPE = ("Event", PACKAGE), ("Content-Type", SUMMARY)


def notify(body: str, kind: str = SUMMARY, event: str | None = PACKAGE) -> SipRequest:
    headers = {"Content-Type": [kind]} | ({"Event": [event]} if event else {})
    return SipRequest("NOTIFY", "sip:x@y", headers, body.encode())


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        (TWO, MessageSummary(True, 2, 8, 0, "sip:*97@sip.test")),
        ("Messages-Waiting: no", MessageSummary(False)),
        ("messages-waiting:YES\nvoice-message:3/0(1/0)\n", MessageSummary(True, 3, 0, 1)),
        ("Messages-Waiting: yes\r\nFax-Message: 1/0\r\n", MessageSummary(True, 0)),
        ("Messages-Waiting: yes\r\nVoice-Message: 0/0\r\nFax-Message: 1/0\r\n", MessageSummary(True, 0, 0)),
        ("Messages-Waiting: yes\r\nMessage-Account: <sip:v@x>\r\n\r\nTo: a@b\r\nSubject: hi\r\n", None),
        ("Messages-Waiting: yes\r\nMessage-Account: nonsense\r\n", MessageSummary(True)),
        (f"Messages-Waiting: yes\r\nMessage-Account: sip:{'x' * 300}@y\r\n", MessageSummary(True)),
    ],
)
def test_a_summary_is_read(body: str, summary: MessageSummary | None) -> None:
    assert told(notify(body)) == (summary or MessageSummary(True, account="sip:v@x"))


def test_a_notice_without_a_body_says_nothing() -> None:
    assert told(notify("")) is None


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (notify(TWO, event=None), 400),
        (notify(TWO, event="presence"), 489),
        (notify(TWO, kind="text/plain"), 415),
        (notify("Voice-Message: 2/8"), 400),
        (notify("Messages-Waiting: perhaps"), 400),
        (notify("Messages-Waiting: yes\r\nVoice-Message: two"), 400),
        (notify("Messages-Waiting: yes\r\n" + "X: y\r\n" * 2000), 413),
    ],
)
def test_what_is_no_summary_is_refused(request_: SipRequest, status: int) -> None:
    with pytest.raises(MalformedSipError) as refused:
        told(request_)
    assert refused.value.status == status


@given(st.binary(max_size=300))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(MalformedSipError):
        assert isinstance(told(replace(notify(""), body=body)), MessageSummary | None)


# --- from whom


async def subscribed(rig: Rig) -> tuple[str, Message]:
    """Register and subscribe. Return the name of the subscription, and the SUBSCRIBE."""
    name = f"{await registered(rig)}-7.1"
    request = SendRequest(
        name,
        "SUBSCRIBE",
        "sip:alice@provider.example",
        "call-1",
        1,
        Party("sip:alice@provider.example", f"{name}-0123456789abcdef"),
        Party("sip:alice@provider.example"),
        destination=Endpoint("udp", "192.0.2.1", 5060),
        contact=True,
        headers=SipHeaders(expires=3600, event=PACKAGE),
    )
    rig.do(request)
    return name, await rig.edge.request("SUBSCRIBE")


async def test_a_subscription_says_what_it_is_for() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name, sent = await subscribed(rig)
        assert (sent["Event"], sent["Accept"], sent["Expires"]) == (PACKAGE, SUMMARY, "3600")
        assert rig.token(name) in (sent["Contact"] or "")
        assert rig.adapter.connections == 0, "the gateway does not wait for it when it stops"


@pytest.mark.parametrize("peer", [PROVIDER, FURTHER])
@pytest.mark.parametrize("within", [True, False], ids=["subscribed", "unsolicited"])
async def test_a_notice_of_the_provider_is_taken(peer: str, within: bool) -> None:
    async with NameServer() as names, rig_of(names) as rig:
        subscription, _ = await subscribed(rig)
        name = subscription if within else subscription.partition("-")[0]
        more: dict[str, Any] = {"to_tag": f"{name}-0123456789abcdef"} if within else {}
        sent_to_tag(rig, name, peer, **more)
        event = await rig.event()
        assert isinstance(event, SipRequestReceived)
        assert (event.leg, event.head.method) == (name, "NOTIFY")
        assert event.body == MessageSummary(True, 2, 8, 0, "sip:*97@sip.test")
        assert event.headers.subscription_state == SubscriptionState("active")


def sent_to_tag(
    rig: Rig, name: str, peer: str, to_tag: str | None = None, body: str = TWO, state: str = "Active;expires=60"
) -> Message:
    headers = [EVENT, TYPE, ("Subscription-State", state)]
    uri = f"sip:{rig.token(name)}@192.0.2.10"
    message = rig.edge.request_from(peer, "NOTIFY", uri, headers=headers, body=body)
    if to_tag:
        message.headers = [(key, f"{value};tag={to_tag}" if key == "To" else value) for key, value in message.headers]
    return rig.edge.send(message)


@pytest.mark.parametrize("within", [True, False], ids=["subscribed", "unsolicited"])
async def test_a_notice_of_a_stranger_is_refused(within: bool) -> None:
    async with NameServer() as names, rig_of(names) as rig:
        subscription, _ = await subscribed(rig)
        name = subscription if within else subscription.partition("-")[0]
        sent = sent_to_tag(rig, name, STRANGER, f"{name}-0123456789abcdef" if within else None)
        assert (await rig.edge.final(sent)).status == 404
        assert not rig.has_event()


async def test_a_refusal_says_what_is_taken() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name = await registered(rig)
        sent = sent_to(rig, name, PROVIDER, "NOTIFY", headers=[("Event", "dialog")])
        got = await rig.edge.final(sent)
        assert (got.status, got.phrase, got["Allow-Events"]) == (489, texts.NO_PACKAGE, PACKAGE)
        sent = sent_to(rig, name, PROVIDER, "NOTIFY", headers=[EVENT, ("Content-Type", "text/plain")], body="x")
        got = await rig.edge.final(sent)
        assert got.status == 415
        assert SUMMARY in (got["Accept"] or "")
        sent = sent_to_tag(rig, name, PROVIDER, "x")
        assert (await rig.edge.final(sent)).status == 481
        assert not rig.has_event()


async def test_who_has_had_enough_gets_no_news_but_hears_again_what_is_known() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name = await registered(rig)
        sent_to_tag(rig, name, PROVIDER)
        await rig.event()
        rig.refusals[USER] = limit_texts.TEXTS_IN
        sent_to_tag(rig, name, PROVIDER)
        await rig.event()
        sent = sent_to_tag(rig, name, PROVIDER, body=TWO.replace("2/8", "3/8"))
        assert (await rig.edge.final(sent)).status == 480
        assert not rig.has_event()


async def test_a_notice_within_a_call_is_left_to_the_call() -> None:
    """Whoever the phone is: 404 would end the call (RFC 5057 §5.1)."""
    async with NameServer() as names, rig_of(names) as rig:
        name = f"{await registered(rig)}-0123456789abcdef"
        sent_to_tag(rig, name, STRANGER, f"{name}-0123456789abcdef")
        event = await rig.event()
        assert isinstance(event, SipRequestReceived)
        assert event.body == OtherBody(SUMMARY, len(TWO))
