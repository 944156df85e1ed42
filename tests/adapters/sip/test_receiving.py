"""Requests that arrive: as events, and those that are answered without the core."""

from typing import Any

import pytest
from edge.agents import Message
from twisted.logger import capturedLogs

from fargo.adapters.sip import texts
from fargo.adapters.sip.client_transactions import PATIENCE
from fargo.adapters.sip.message_bodies import ACCEPT
from fargo.adapters.sip.message_summary import SUMMARY
from fargo.adapters.sip.names import incoming
from fargo.statemachine.model.abilities import ALLOW
from fargo.statemachine.model.sip_messages import InviteReceived, SipRequestReceived
from fargo.statemachine.model.sip_values import (
    Endpoint,
    OtherBody,
    Party,
    RAck,
    RequestHead,
    Sdp,
    SipHeaders,
)

from .commands import SDP, responding
from .rig import OTHER, USER, Rig

PEER = "udp:192.0.2.1:5060"
SOURCE = Endpoint("udp", "192.0.2.1", 5060)
DIALOG = "12.0-0123456789abcdef"
TAG = f"{DIALOG}-0011223344556677"
OFFER = "\r\n".join(
    ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 5004 RTP/AVP 8", ""]
)
NO_DIALOG = "Call/Transaction Does Not Exist"


def uri(rig: Rig, name: str = "12.0", user: str = USER) -> str:
    return f"sip:{rig.token(name, user)}@192.0.2.10:5060"


def within(method: str, rig: Rig, *headers: tuple[str, str], tag: str = TAG, **more: Any) -> Message:
    """Deliver a request in a dialog."""
    to = ("To", f"<sip:alice@provider.example>;tag={tag}")
    return rig.edge.deliver(method, uri(rig, DIALOG), headers=[to, *headers], **more)


# --- an INVITE outside a dialog


async def test_an_invite_becomes_an_event() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver(
            "INVITE",
            uri(rig),
            body=OFFER,
            headers=[
                ("Contact", "<sip:bob@192.0.2.1:5062>"),
                ("From", '"Bob" <sip:bob@provider.example>;tag=their-tag'),
                ("Record-Route", "<sip:192.0.2.1;lr>"),
                ("Record-Route", "<sip:192.0.2.2;lr>"),
                ("Supported", "timer"),
                ("X-Other", "x"),
            ],
        )
        event = await rig.event()
        assert isinstance(event, InviteReceived)
        assert event.name == incoming("12.0", sent["Call-ID"], "their-tag")
        assert (event.connection, event.source) == ("12.0", SOURCE)
        assert event.head == RequestHead(
            "INVITE",
            sent.uri,
            tuple(sent.all("Via")),
            sent["From"],
            sent["To"],
            sent["Call-ID"],
            1,
            ("<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>"),
        )
        assert event.caller == Party("sip:bob@provider.example", "their-tag", "Bob")
        assert event.contact == "sip:bob@192.0.2.1:5062"
        assert event.headers == SipHeaders(supported=("timer",), unknown=("X-Other",))
        assert isinstance(event.body, Sdp)
        assert event.body.media == ("audio 5004 RTP/AVP 8",)


async def test_the_parameter_line_stands_for_a_user_part_that_was_replaced() -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", f"sip:alice@192.0.2.10;line={rig.token('12.0')}")
        assert (await rig.event()).connection == "12.0"


async def test_the_token_says_whose_call_it_is() -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", uri(rig, user=OTHER))
        assert isinstance(await rig.event(OTHER), InviteReceived)


async def test_a_repeated_invite_is_absorbed() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        event = await rig.event()
        rig.edge.send(sent)
        assert (await rig.edge.response(sent, 100)).status == 100
        rig.do(responding(event.head, 180, "Ringing"))
        first = await rig.edge.response(sent)
        rig.edge.send(sent)
        assert await rig.edge.response(sent) == first
        await rig.settled()
        assert not rig.has_event()


async def test_a_user_that_is_not_known_may_be_another_workers() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", f"sip:{rig.token('12.0', 'nobody@example.org')}@192.0.2.10")
        assert (await rig.edge.final(sent)).status == 480
        assert not rig.has_event()


async def test_a_user_who_has_moved_is_not_there_any_more() -> None:
    async with Rig() as rig:
        rig.adapter.forget(USER, {})
        sent = rig.edge.deliver("INVITE", f"sip:{rig.token('12.0')}@192.0.2.10")
        assert (await rig.edge.final(sent)).status == 480
        assert not rig.has_event()


@pytest.mark.parametrize("target", ["tel:+4930123", "sip:bob@192.0.2.10", "sip:192.0.2.10"])
async def test_what_is_not_one_of_our_contacts_is_not_found(target: str) -> None:
    async with Rig() as rig:
        assert (await rig.edge.final(rig.edge.deliver("OPTIONS", target))).status == 404


@pytest.mark.parametrize(
    "header",
    [
        ("Require", "a b"),
        ("Contact", "<nonsense"),
        ("Record-Route", "<sip:x"),
        ("CSeq", "1 BYE"),
        ("CSeq", "99999999999 INVITE"),
        ("From", "nonsense"),
        ("To", "<sip:bob@example.net"),
    ],
)
async def test_an_invite_that_cannot_be_processed_is_refused_each_time_it_comes(header: tuple[str, str]) -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig), headers=[header])
        first = await rig.edge.final(sent)
        assert first.status == 400
        assert first["To"].startswith(sent["To"])
        rig.edge.send(sent)
        assert await rig.edge.final(sent) == first
        rig.edge.acknowledge(sent, first)
        await rig.settled()
        assert not rig.has_event()


async def test_a_uri_of_another_scheme_is_refused_as_such() -> None:
    async with Rig() as rig:
        assert (await rig.edge.final(rig.edge.deliver("INVITE", "http://192.0.2.10/"))).status == 416


# --- requests in a dialog


async def test_a_request_in_a_dialog_becomes_an_event() -> None:
    async with Rig() as rig:
        from_ = ("From", "<sip:bob@provider.example>;tag=their-tag")
        sent = within("INVITE", rig, from_, ("Contact", "<sip:bob@192.0.2.1>"), ("CSeq", "7 INVITE"), body=OFFER)
        event = await rig.event()
        assert isinstance(event, SipRequestReceived)
        assert (event.leg, event.remote_tag, event.contact) == (DIALOG, "their-tag", "sip:bob@192.0.2.1")
        assert (event.head.method, event.head.cseq, event.head.to_text) == ("INVITE", 7, sent["To"])
        assert isinstance(event.body, Sdp)
        assert (event.digit, event.duration) == (None, None)


async def test_a_dialog_that_we_began_is_named_by_its_first_command() -> None:
    async with Rig() as rig:
        within("BYE", rig, tag="40.0-0123456789abcdef")
        assert (await rig.event()).leg == "40.0"


async def test_a_request_in_a_dialog_that_never_was_is_left_to_the_core() -> None:
    async with Rig() as rig:
        within("BYE", rig, tag="99.9-0123456789abcdef")
        assert (await rig.event()).leg == "99.9"


async def test_a_tag_that_cannot_be_ours_is_of_no_dialog() -> None:
    async with Rig() as rig:
        got = await rig.edge.final(within("BYE", rig, tag="nonsense"))
        assert (got.status, got.phrase) == (481, NO_DIALOG)
        within("ACK", rig, tag="nonsense")
        await rig.settled()
        assert not rig.has_event()


async def test_a_cancel_is_of_the_dialog_of_its_invite() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        invite = await rig.event()
        headers = [(name, value) for name, value in sent.headers if name not in ("CSeq", "X-Fargo-Key")]
        cancel = Message(sent.start.replace("INVITE", "CANCEL"), [*headers, ("CSeq", "1 CANCEL")])
        cancel.headers.append(("Reason", 'SIP;cause=200;text="Call completed elsewhere"'))
        rig.edge.send(cancel)
        event = await rig.event()
        assert (event.leg, event.head.method) == (invite.name, "CANCEL")
        assert event.headers.reason[0].cause == 200
        rig.do(responding(event.head, 200))
        assert (await rig.edge.final(cancel)).status == 200
        rig.do(responding(invite.head, 487))
        final = await rig.edge.final(sent)
        rig.edge.acknowledge(sent, final)
        event = await rig.event()
        assert (event.leg, event.head.method) == (DIALOG, "ACK")


async def test_a_cancel_is_understood_after_a_restart_of_the_gateway() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        invite = await rig.event()
        await rig.stop()
        await rig.start()
        headers = [(name, value) for name, value in sent.headers if name not in ("CSeq", "X-Fargo-Key")]
        rig.edge.send(Message(sent.start.replace("INVITE", "CANCEL"), [*headers, ("CSeq", "1 CANCEL")]))
        assert (await rig.event()).leg == invite.name


async def test_an_ack_to_a_2xx_is_reported_once_and_ends_its_repetition() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        rig.do(responding((await rig.event()).head, 200, body=SDP, contact=True))
        first = await rig.edge.final(sent)
        rig.pass_time(0.5)
        assert await rig.edge.final(sent) == first
        ack = within("ACK", rig, ("Call-ID", sent["Call-ID"]), ("From", sent["From"]), ("CSeq", "1 ACK"))
        event = await rig.event()
        assert (event.leg, event.head.method, event.head.cseq) == (DIALOG, "ACK", 1)
        rig.edge.send(ack)
        await rig.settled()
        rig.pass_time(PATIENCE)
        await rig.settled()
        assert not rig.has_event()
        assert rig.edge.taken(lambda message: message.is_response and message["CSeq"] == "1 INVITE") == []


async def test_a_reliable_ringing_is_repeated_until_its_prack() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        event = await rig.event()
        rig.do(responding(event.head, 180, headers=SipHeaders(require=("100rel",), rseq=7)))
        first = await rig.edge.response(sent)
        assert (first["RSeq"], first["Require"]) == ("7", "100rel")
        rig.pass_time(0.5)
        assert await rig.edge.response(sent) == first
        within("PRACK", rig, ("RAck", "7 1 INVITE"), ("Call-ID", sent["Call-ID"]), ("CSeq", "2 PRACK"))
        event = await rig.event()
        assert (event.head.method, event.headers.rack) == ("PRACK", RAck(7, 1, "INVITE"))
        rig.pass_time(PATIENCE)
        await rig.settled()
        assert rig.edge.taken(lambda message: message.is_response and message["CSeq"] == "1 INVITE") == []


# --- digits


@pytest.mark.parametrize(
    ("kind", "body", "digit", "duration"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5", 160),
        ("application/dtmf-relay", "Signal= #\nDuration = 250", "#", 250),
        ("Application/DTMF-Relay; charset=utf-8", "signal=d", "D", None),
        ("application/dtmf-relay", "Signal=10\r\nDuration=99999\r\n", "*", 60_000),
        ("application/dtmf-relay", "Signal=11\r\n", "#", None),
        ("application/dtmf", "7", "7", None),
        ("application/dtmf", " * \r\n", "*", None),
    ],
)
async def test_a_key_is_kept_among_the_secrets(kind: str, body: str, digit: str, duration: int | None) -> None:
    async with Rig() as rig:
        with capturedLogs() as logged:
            within("INFO", rig, ("Content-Type", kind), body=body)
            event = await rig.event()
        assert event.digit is not None
        assert (rig.digits[event.digit], event.duration, event.body) == (digit, duration, None)
        assert logged == []


@pytest.mark.parametrize("body", ["Signal=!", "Signal=55", "12", "Signal=5x", "é", "Duration=5", "Signal=5 6"])
async def test_what_is_no_key_is_a_body_like_any_other(body: str) -> None:
    async with Rig() as rig:
        within("INFO", rig, ("Content-Type", "application/dtmf-relay"), body=body)
        event = await rig.event()
        assert (event.digit, rig.digits) == (None, {})
        assert event.body == OtherBody("application/dtmf-relay", len(body.encode()))


async def test_only_an_info_carries_keys() -> None:
    async with Rig() as rig:
        within("UPDATE", rig, ("Content-Type", "application/dtmf"), body="5")
        assert (await rig.event()).digit is None


# --- bodies


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/plain", "secret", OtherBody("text/plain", 6)),
        ("multipart/mixed;boundary=x", "--x--", OtherBody("multipart/mixed", 5)),
        (
            "application/sdp",
            "nonsense",
            OtherBody("application/sdp", 8, "The SDP has no media line with a payload type."),
        ),
    ],
)
async def test_of_other_bodies_only_type_and_length_are_told(kind: str, body: str, expected: OtherBody) -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", uri(rig), headers=[("Content-Type", kind)], body=body)
        assert (await rig.event()).body == expected


async def test_an_encoded_description_is_not_read() -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", uri(rig), headers=[("Content-Encoding", "gzip")], body=OFFER)
        assert (await rig.event()).body == OtherBody("application/sdp", len(OFFER))


async def test_a_description_that_is_not_utf8_is_told() -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", uri(rig), body=OFFER + "i=\udcff\r\n")
        event = await rig.event()
        assert event.body == OtherBody("application/sdp", len(OFFER) + 5, texts.NOT_UTF8)


# --- what is answered without the core


async def test_options_outside_a_dialog_are_answered() -> None:
    async with Rig() as rig:
        got = await rig.edge.final(rig.edge.deliver("OPTIONS", uri(rig)))
        assert (got.status, got["Allow"].split(", ")) == (200, [*ALLOW, "MESSAGE", "NOTIFY"])
        assert (got["Accept"], got["Supported"]) == (
            ", ".join(("application/sdp", *ACCEPT, SUMMARY)),
            "100rel, timer, replaces, norefersub",
        )
        assert not rig.has_event()


async def test_options_in_a_dialog_are_left_to_the_core() -> None:
    async with Rig() as rig:
        within("OPTIONS", rig)
        assert (await rig.event()).head.method == "OPTIONS"


async def test_a_transfer_is_let_in_if_the_user_may_call_there() -> None:
    async with Rig() as rig:
        rig.transfer_refusals["<sip:0900@sip.test>"] = 403
        sent = within("REFER", rig, ("Refer-To", "<sip:0900@sip.test>"))
        assert (await rig.edge.final(sent)).status == 403
        within("REFER", rig, ("Refer-To", "<sip:bob@sip.test>"), ("Refer-Sub", "false"), ("Referred-By", "<sip:b@c>"))
        headers = (await rig.event()).headers
        assert (headers.refer_to, headers.refer_sub, headers.referred_by) == ("<sip:bob@sip.test>", False, "<sip:b@c>")


@pytest.mark.parametrize(
    ("method", "status", "phrase"),
    [
        ("SUBSCRIBE", 405, texts.ONLY_CALLS),
        ("NOTIFY", 400, texts.NO_PACKAGE),
        ("X", 405, texts.ONLY_CALLS),
        ("REFER", 603, texts.NO_TRANSFERS),
        ("BYE", 481, NO_DIALOG),
        ("INFO", 481, NO_DIALOG),
        ("UPDATE", 481, NO_DIALOG),
        ("PRACK", 481, NO_DIALOG),
    ],
)
async def test_requests_outside_a_dialog_are_refused(method: str, status: int, phrase: str) -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver(method, uri(rig))
        got = await rig.edge.final(sent)
        assert (got.status, got.phrase, got["Allow"]) == (status, phrase, ", ".join((*ALLOW, "MESSAGE", "NOTIFY")))
        assert len(got["To"].partition(";tag=")[2]) == 16
        rig.edge.send(sent)
        assert await rig.edge.final(sent) == got
        await rig.settled()
        assert not rig.has_event()


async def test_an_ack_outside_a_dialog_is_dropped() -> None:
    async with Rig() as rig:
        rig.edge.deliver("ACK", uri(rig))
        await rig.settled()
        assert not rig.has_event()


async def test_an_invite_that_was_refused_without_the_core_has_its_ack_absorbed() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", f"sip:{rig.token('12.0', 'nobody@example.org')}@192.0.2.10")
        got = await rig.edge.final(sent)
        rig.pass_time(0.5)
        assert await rig.edge.final(sent) == got
        rig.edge.acknowledge(sent, got)
        await rig.settled()
        rig.pass_time(PATIENCE)
        await rig.settled()
        assert rig.edge.taken(lambda message: message.is_response) == []
        assert not rig.has_event()


# --- messages that are not the edge's


async def test_a_message_without_the_right_key_is_dropped() -> None:
    async with Rig() as rig:
        for key in ("", "0" * 32, "é"):
            message = rig.edge.deliver("INVITE", uri(rig), headers=[("X-Fargo-Key", key)])
            assert message["X-Fargo-Key"] == key
        await rig.settled()
        assert not rig.has_event()
        assert rig.edge.taken(lambda message: message.is_response) == []


async def test_a_message_from_elsewhere_is_dropped() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        await rig.event()
        other = await type(rig.edge).beside()
        other.gateway = rig.edge.gateway
        other.send(Message(sent.start, [(name, value.replace("z9", "z8")) for name, value in sent.headers]))
        await rig.settled()
        assert not rig.has_event()
        other.close()
