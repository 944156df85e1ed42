"""Responses: ours as they are written, and those to requests of ours as events."""

from hashlib import sha256

import pytest
from edge.agents import Message, response
from twisted.logger import capturedLogs

from fargo.adapters.sip import texts
from fargo.statemachine.model.sip_messages import (
    Binding,
    RegisterAnswered,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import (
    Challenge,
    Endpoint,
    Party,
    RequestHead,
    Sdp,
    SipHeaders,
)

from .commands import INVITE, REGISTER, SDP, in_dialog, responding
from .rig import OTHER, SECRET, USER, Rig
from .test_receiving import DIALOG, OFFER, PEER, SOURCE, TAG, uri

# --- our responses


async def test_a_response_is_written() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig), headers=[("Record-Route", "<sip:192.0.2.1;lr>")])
        event = await rig.event()
        rig.do(responding(event.head, 200, "OK", contact=True, body=SDP, headers=SipHeaders(supported=("timer",))))
        got = await rig.edge.final(sent)
        assert got.start == "SIP/2.0 200 OK"
        assert (got.all("Via"), got["From"], got["CSeq"]) == (sent.all("Via"), sent["From"], sent["CSeq"])
        assert got["To"] == f"{sent['To']};tag={TAG}"
        assert got["Contact"] == f"<sip:{rig.token(DIALOG)}@192.0.2.10:5060>"
        assert (got["Record-Route"], got["Supported"]) == ("<sip:192.0.2.1;lr>", "timer")
        assert got.m_lines == ["m=audio 4000 RTP/AVP 8"]


@pytest.mark.parametrize(
    ("peer", "contact"),
    [
        ("tcp:192.0.2.1:40000", "192.0.2.10:5060;transport=tcp"),
        ("tls:192.0.2.1:40000", "192.0.2.10:5061;transport=tls"),
        ("udp:[2001:db8::1]:5060", "[2001:db8::10]:5060"),
    ],
)
async def test_a_contact_in_a_response_has_our_address_for_the_peer(peer: str, contact: str) -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig), peer)
        rig.do(responding((await rig.event()).head, 180, contact=True))
        assert (await rig.edge.response(sent))["Contact"] == f"<sip:{rig.token(DIALOG)}@{contact}>"


@pytest.mark.parametrize(
    "below", [(), ("SIP/2.0/UDP host.test",), ("SIP/2.0/SCTP 192.0.2.1",), ("nonsense",), ("SIP/2.0/TCP 192.0.2.1:x",)]
)
async def test_a_contact_is_written_whatever_the_sender_tells_of_itself(below: tuple[str, ...]) -> None:
    async with Rig() as rig:
        head = RequestHead(
            "INVITE", uri(rig), ("SIP/2.0/UDP 127.0.0.1;branch=z1", *below), "<sip:a@b>;tag=1", "<sip:c@d>", "call", 1
        )
        rig.do(responding(head, 180, contact=True))
        got = await rig.edge.expect(lambda message: message.is_response, "a response")
        assert got["Contact"].startswith(f"<sip:{rig.token(DIALOG)}@192.0.2.10:5060")


async def test_a_response_is_given_after_a_restart_of_the_gateway() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("INVITE", uri(rig))
        event = await rig.event()
        await rig.stop()
        await rig.start()
        rig.do(responding(event.head, 486))
        final = await rig.edge.final(sent)
        rig.edge.send(sent)
        assert await rig.edge.final(sent) == final
        rig.edge.acknowledge(sent, final)
        assert (await rig.event()).head.method == "ACK"
        assert not rig.has_event()


async def test_a_response_that_cannot_be_written_is_logged() -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", uri(rig))
        head = (await rig.event()).head
        with capturedLogs() as logged:
            id = rig.do(responding(head, 200, "a\r\nb"))
        assert [(each["log_format"], each["id"], each["user"]) for each in logged] == [(texts.UNWRITABLE, id, USER)]


# --- responses to requests of ours


async def test_a_response_becomes_an_event() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        sent = await rig.edge.request("INVITE")
        headers = [
            ("Contact", "<sip:bob@192.0.2.1:5062>"),
            ("Record-Route", "<sip:192.0.2.2;lr>, <sip:192.0.2.1;lr>"),
            ("Require", "timer"),
            ("Session-Expires", "1800;refresher=uac"),
        ]
        rig.edge.answer_from(PEER, sent, 200, "All right", headers=headers, body=OFFER)
        event = await rig.event()
        assert isinstance(event, SipResponseReceived)
        assert (event.leg, event.command, event.method) == (id, id, "INVITE")
        assert (event.status, event.phrase, event.source, event.by_edge) == (200, "All right", SOURCE, False)
        assert (event.remote_tag, event.contact) == (f"tag-{sent['Call-ID']}", "sip:bob@192.0.2.1:5062")
        assert event.record_route == ("<sip:192.0.2.2;lr>", "<sip:192.0.2.1;lr>")
        assert event.headers.require == ("timer",)
        assert isinstance(event.body, Sdp)


async def test_a_response_in_a_dialog_has_its_name() -> None:
    async with Rig() as rig:
        id = rig.do(in_dialog("BYE"))
        rig.edge.answer_from(PEER, await rig.edge.request("BYE"), 200)
        event = await rig.event()
        assert (event.leg, event.command, event.method) == ("40.0", id, "BYE")


async def test_a_challenge_is_told() -> None:
    async with Rig() as rig:
        rig.do(INVITE)
        asked = ("Proxy-Authenticate", 'Digest realm="provider.example", nonce="n", qop="auth,auth-int"')
        rig.edge.answer_from(PEER, await rig.edge.request("INVITE"), 407, headers=[asked])
        event = await rig.event()
        assert event.challenges == (Challenge("provider.example", "n", True, qop=("auth", "auth-int")),)
        assert (await rig.edge.request("ACK"))["CSeq"] == "1 ACK"


async def test_a_failure_is_acknowledged_where_the_edge_finds_its_invite() -> None:
    async with Rig() as rig:
        rig.do(INVITE)
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_from(PEER, sent, 486)
        ack = await rig.edge.request("ACK")
        assert (ack["Via"], ack["From"], ack["Call-ID"]) == (sent["Via"], sent["From"], sent["Call-ID"])
        assert ack["To"] == f"{sent['To']};tag=tag-{sent['Call-ID']}"
        assert ack.get("X-Fargo-Hop") is None


async def test_a_response_finds_its_command_after_a_restart_of_the_gateway() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        sent = await rig.edge.request("INVITE")
        await rig.stop()
        await rig.start()
        rig.edge.answer_from(PEER, sent, 180, stray="1")
        assert (await rig.event()).command == id
        rig.edge.answer_from(PEER, sent, 486)
        event = await rig.event()
        assert (event.command, event.status) == (id, 486)
        await rig.edge.request("ACK")
        assert not rig.has_event()


async def test_what_is_malformed_in_a_response_counts_as_absent() -> None:
    async with Rig() as rig:
        rig.do(INVITE)
        broken = [("Contact", "<nonsense"), ("Record-Route", "<sip:x"), ("Require", "a b")]
        rig.edge.answer_from(PEER, await rig.edge.request("INVITE"), 200, headers=broken)
        event = await rig.event()
        assert (event.contact, event.record_route, event.headers) == (None, (), SipHeaders())


async def test_a_repeated_2xx_gets_the_ack_of_the_core_again() -> None:
    async with Rig() as rig:
        rig.do(INVITE)
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_from(PEER, sent, 200)
        event = await rig.event()
        rig.edge.answer_from(PEER, sent, 200)
        await rig.settled()
        assert not rig.has_event()
        rig.do(in_dialog("ACK", cseq=1, recipient=Party(INVITE.recipient.uri, event.remote_tag)))
        ack = await rig.edge.request("ACK")
        rig.edge.answer_from(PEER, sent, 200)
        assert await rig.edge.request("ACK") == ack
        assert not rig.has_event()


async def test_a_server_cannot_answer_the_request_of_another_user() -> None:
    """It may write any branch and any Call-ID into its response, but it would have to have seen both."""
    async with Rig() as rig:
        rig.do(in_dialog("BYE"))
        victim = await rig.edge.request("BYE")
        rig.do(in_dialog("BYE", call_id="of another call"), user=OTHER)
        own = await rig.edge.request("BYE", "of another call")
        forged = response(own, 200, "OK", headers=[rig.edge.outside(PEER)])
        forged.replace("Via", victim["Via"])
        rig.edge.send(forged)
        guessed = response(victim, 200, "OK", headers=[rig.edge.outside(PEER)])
        guessed.replace("Via", victim["Via"].replace("-0-", "-1-"))
        rig.edge.send(guessed)
        await rig.settled()
        assert not rig.has_event()


async def test_a_response_to_nothing_is_dropped() -> None:
    async with Rig() as rig:
        rig.do(in_dialog("BYE"))
        sent = await rig.edge.request("BYE")
        answer = response(sent, 200, "OK", headers=[rig.edge.outside(PEER)])
        for name, value in (("Via", "SIP/2.0/UDP 127.0.0.1"), ("Via", "nonsense"), ("From", "nonsense")):
            changed = Message(answer.start, [*answer.headers])
            changed.replace(name, value)
            rig.edge.send(changed)
        rig.edge.send(Message(answer.start, [each for each in answer.headers if each[0] != "Via"]))
        await rig.settled()
        assert not rig.has_event()


# --- registrations


async def test_the_answer_to_a_register_becomes_an_event() -> None:
    async with Rig() as rig:
        id = rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        own = sent["Contact"].removesuffix(";expires=3600")
        other = f"sip:{rig.token('12.0')}@192.0.2.10"
        headers = [
            ("Contact", f"{own};expires=60, <{other}>;expires=7, <sip:alice@192.0.2.77>;expires=8"),
            ("Contact", f"<sip:{rig.token('13.0', OTHER)}@192.0.2.10>"),
            ("Contact", "<sip:alice@192.0.2.10:5060;line=41234-4c71304ea1b2c3-r0-" + rakia("41234") + ">"),
            ("Service-Route", "<sip:192.0.2.2;lr>"),
            ("Expires", "60"),
        ]
        rig.edge.answer_from(PEER, sent, 200, headers=headers, seen="192.0.2.10:5060")
        event = await rig.event()
        assert isinstance(event, RegisterAnswered)
        assert (event.connection, event.command, event.status, event.source) == (id, id, 200, SOURCE)
        assert [(each.expires, each.ours, each.name) for each in event.bindings] == [
            (60, True, id),
            (7, True, "12.0"),
            (8, False, None),
            (None, False, None),
            (None, True, None),
        ]
        assert event.bindings[1].contact == other
        assert (event.service_route, event.headers.expires) == (("<sip:192.0.2.2;lr>",), 60)
        assert event.seen == Endpoint("udp", "192.0.2.10", 5060)


def rakia(port: str) -> str:
    """Return the MAC that the edge of rakia writes into a Contact of alice@provider.example."""
    key = sha256(SECRET.encode()).hexdigest()
    return sha256(f"{key}|{port}|4c71304ea1b2c3|r0|{key}".encode()).hexdigest()[:20]


async def test_a_contact_that_was_rewritten_is_known_by_its_line() -> None:
    async with Rig() as rig:
        id = rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        contact = f"<sip:alice@203.0.113.9;line={rig.token(id)}>;expires=60"
        rig.edge.answer_from(PEER, sent, 200, headers=[("Contact", contact)])
        [binding] = (await rig.event()).bindings
        assert binding == Binding(contact[1:].removesuffix(">;expires=60"), 60, True, id)


@pytest.mark.parametrize("contact", ["*", "<nonsense", "<tel:+4930>;expires=x", "<sip:[x]>"])
async def test_contacts_that_cannot_be_used_do_no_harm(contact: str) -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 200, headers=[("Contact", contact)])
        assert [each for each in (await rig.event()).bindings if each.ours] == []


async def test_a_provisional_response_to_a_register_is_no_event() -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        rig.edge.answer_from(PEER, sent, 182)
        rig.edge.answer_from(PEER, sent, 200)
        assert (await rig.event()).status == 200


async def test_the_refusal_of_a_register_by_the_edge_after_a_restart_of_the_gateway() -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        await rig.stop()
        await rig.start()
        rig.edge.answer_itself(sent, 408)
        event = await rig.event()
        assert (event.status, event.by_edge, event.source) == (408, True, None)
