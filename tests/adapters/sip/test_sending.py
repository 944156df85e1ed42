"""Requests of ours as they are written: headers, bodies and credentials, CANCEL, and their ends (RFC 3261 §8.1.2)."""

import re
from hashlib import md5
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from fargo.adapters.sip.client_transactions import PATIENCE
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.sip_messages import KeepFlow, RegisterUndelivered, SipRequestUndelivered, Undelivered
from fargo.statemachine.model.sip_values import (
    Endpoint,
    Hop,
    OtherBody,
    Party,
    PressedKey,
    Sdp,
    SipFragment,
    SipHeaders,
    SubscriptionState,
    WholePicture,
)

from .commands import CREDENTIALS, DESCRIPTION, INVITE, REGISTER, SDP, in_dialog
from .name_server import NameServer
from .provider_servers import FIRST, HOST, NAMED, SECOND, hop, servers_of
from .rig import Digits, Rig

# --- as they are written


async def test_an_invite_is_written() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        sent = await rig.edge.request("INVITE")
        token = rig.token(id)
        host, port = rig.edge.gateway
        assert sent.start == "INVITE sip:bob@provider.example SIP/2.0"
        assert sent["Via"].startswith(f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-")
        assert sent["From"] == '"Alice" <sip:alice@provider.example>;tag=40.0-0123456789abcdef'
        assert sent["To"] == "<sip:bob@provider.example>"
        assert sent["Contact"] == f"<sip:{token}@192.0.2.10:5060>"
        assert (sent["Call-ID"], sent["CSeq"], sent["Max-Forwards"]) == ("call-of-ours", "1 INVITE", "70")
        assert sent["Content-Type"] == "application/sdp"
        assert sent.m_lines == ["m=audio 4000 RTP/AVP 8"]
        assert hop(sent) == "sip:192.0.2.1:5060;transport=udp"
        assert sent.get("X-Fargo-Name") is None
        assert sent.get("Route") is None


async def test_the_session_of_a_call_has_the_same_id_in_each_description() -> None:
    async with Rig() as rig:
        rig.do(INVITE)
        rig.do(in_dialog("INVITE", body=SDP))
        rig.do(replace(INVITE, call_id="another call"))
        origins = [(await rig.edge.request("INVITE")).body.splitlines()[1] for _ in range(3)]
    assert origins[0] == origins[1] != origins[2]


@pytest.mark.parametrize(("duration", "told"), [(None, "160"), (250, "250")])
async def test_a_key_that_is_pressed_is_written_once(duration: int | None, told: str) -> None:
    async with Rig() as rig:
        name = Digits(rig.digits).keep("#")
        info = in_dialog("INFO", body=PressedKey(name, duration))
        rig.do(info)
        message = await rig.edge.request("INFO")
        assert message["Content-Type"] == "application/dtmf-relay"
        assert message.body == f"Signal=#\r\nDuration={told}\r\n"
        assert rig.digits == {}
        rig.do(info)
        assert (await rig.event()).why is Undelivered.UNSENDABLE


async def test_a_request_for_a_picture_is_written() -> None:
    async with Rig() as rig:
        rig.do(in_dialog("INFO", body=WholePicture()))
        message = await rig.edge.request("INFO")
        assert message["Content-Type"] == "application/media_control+xml"
        [primitive] = ET.fromstring(message.body)
        assert [each.tag for each in primitive.iter()] == ["vc_primitive", "to_encoder", "picture_fast_update"]


async def test_a_notice_of_a_transfer_is_written() -> None:
    async with Rig() as rig:
        state = SubscriptionState("terminated", "noresource")
        headers = SipHeaders(event="refer;id=7", subscription_state=state)
        rig.do(in_dialog("NOTIFY", headers=headers, body=SipFragment(486, "Busy Here")))
        message = await rig.edge.request("NOTIFY")
        assert message["Content-Type"] == "message/sipfrag;version=2.0"
        assert message.body == "SIP/2.0 486 Busy Here\r\n"
        assert (message["Event"], message["Subscription-State"]) == ("refer;id=7", "terminated;reason=noresource")


async def test_a_request_in_a_dialog_is_written() -> None:
    async with Rig() as rig:
        rig.do(
            in_dialog(
                "UPDATE",
                routes=("<sip:192.0.2.1:5070;lr>", "<sip:proxy.test;lr>"),
                contact=True,
                headers=SipHeaders(supported=("timer",), require=("100rel",)),
            )
        )
        sent = await rig.edge.request("UPDATE")
        assert sent.all("Route") == ["<sip:192.0.2.1:5070;lr>", "<sip:proxy.test;lr>"]
        assert sent["To"] == "<sip:bob@provider.example>;tag=their-tag"
        assert sent["Contact"] == f"<sip:{rig.token('40.0')}@192.0.2.10:5060>"
        assert (sent["Supported"], sent["Require"]) == ("timer", "100rel")
        assert hop(sent) == "sip:192.0.2.1:5070;transport=udp"


@pytest.mark.parametrize(
    ("destination", "contact"),
    [
        (Endpoint("tcp", "192.0.2.1", 5060), "192.0.2.10:5060;transport=tcp"),
        (Endpoint("tls", "192.0.2.1", 5061), "192.0.2.10:5061;transport=tls"),
        (Endpoint("udp", "2001:db8::1", 5060), "[2001:db8::10]:5060"),
        (Endpoint("tcp", "2001:db8::1", 5060), "[2001:db8::10]:5060;transport=tcp"),
    ],
)
async def test_a_contact_has_our_address_for_the_destination(destination: Endpoint, contact: str) -> None:
    async with Rig() as rig:
        rig.do(replace(REGISTER, destination=destination))
        if destination.transport == "tls":
            probe = await rig.edge.request("OPTIONS")
            rig.edge.answer_itself(probe, 408)
            return
        sent = await rig.edge.request("REGISTER")
        assert sent["Contact"].startswith(f"<sip:{rig.token('40.0')}@{contact};line=")


async def test_a_configured_public_address_is_in_the_contact() -> None:
    async with Rig(public_address="203.0.113.7") as rig:
        rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        assert f"@203.0.113.7:5060;line={rig.token('40.0')}>;expires=3600" in sent["Contact"]
        rig.do(replace(REGISTER, destination=Endpoint("udp", "2001:db8::1", 5060)))
        assert "@[2001:db8::10]:5060" in (await rig.edge.request("REGISTER"))["Contact"]


async def test_a_register_is_written() -> None:
    async with Rig() as rig:
        rig.do(replace(REGISTER, remove=("sip:old@192.0.2.10:5070",)))
        sent = await rig.edge.request("REGISTER")
        token = rig.token("40.0")
        assert sent.start == "REGISTER sip:provider.example SIP/2.0"
        assert sent["From"] == "<sip:alice@provider.example>;tag=40.0-fedcba9876543210"
        assert sent["To"] == "<sip:alice@provider.example>"
        assert sent.all("Contact") == [
            f"<sip:{token}@192.0.2.10:5060;line={token}>;expires=3600",
            "<sip:old@192.0.2.10:5070>;expires=0",
        ]
        assert (sent["Expires"], sent["Supported"]) == ("3600", "path")


async def test_later_registers_have_the_name_of_the_first() -> None:
    async with Rig() as rig:
        rig.do(replace(REGISTER, connection="12.0", expires=0))
        sent = await rig.edge.request("REGISTER")
        assert f"sip:{rig.token('12.0')}@" in sent["Contact"]
        assert sent["Contact"].endswith(";expires=0")


async def test_a_register_that_only_asks_has_no_contact() -> None:
    async with Rig() as rig:
        rig.do(replace(REGISTER, expires=None))
        sent = await rig.edge.request("REGISTER")
        assert (sent.get("Contact"), sent.get("Expires")) == (None, None)


@pytest.mark.parametrize(
    ("uri", "registrar"),
    [
        ("sip:alice@provider.example:5070", "sip:provider.example:5070"),
        ("sip:alice@[2001:db8::1]", "sip:[2001:db8::1]"),
    ],
)
async def test_the_registrar_is_the_domain_of_the_account(uri: str, registrar: str) -> None:
    async with Rig() as rig:
        rig.do(replace(REGISTER, address=replace(REGISTER.address, uri=uri)))
        assert (await rig.edge.request("REGISTER")).uri == registrar


@pytest.mark.parametrize(
    "command",
    [
        replace(INVITE, uri="sip:bob\r\nX: y@provider.example"),
        replace(INVITE, sender=Party("sip:alice@provider.example\n", "40.0-1")),
        replace(INVITE, routes=("<sip:proxy.test>\r\nX: y",)),
        replace(INVITE, body=OtherBody("text/plain", 5)),
        replace(INVITE, body=Sdp(Content("", description=replace(DESCRIPTION, codecs=())))),
        in_dialog("BYE", uri="tel:+4930123"),
        in_dialog("BYE", uri="sip:bob@192.0.2.1;transport=sctp"),
        in_dialog("BYE", uri="nonsense"),
        in_dialog("BYE", routes=("<nonsense",)),
        replace(INVITE, destination=None, hop=Hop("192.0.2.1"), call_id="a\nb"),
    ],
)
async def test_what_cannot_be_written_is_told(command: Any) -> None:
    async with Rig() as rig:
        id = rig.do(command)
        event = await rig.event()
        assert isinstance(event, SipRequestUndelivered)
        assert (event.command, event.leg, event.why) == (id, command.dialog or id, Undelivered.UNSENDABLE)
        assert event.text is not None
        assert event.text[0].islower()
        assert event.text[-1] != "."
        await rig.settled()
        assert rig.edge.taken(lambda message: not message.is_response) == []


@pytest.mark.parametrize("uri", ["tel:+4930123", "nonsense"])
async def test_an_account_without_a_domain_cannot_register(uri: str) -> None:
    async with Rig() as rig:
        id = rig.do(replace(REGISTER, address=replace(REGISTER.address, uri=uri)))
        event = await rig.event()
        assert isinstance(event, RegisterUndelivered)
        assert (event.connection, event.command, event.why) == (id, id, Undelivered.UNSENDABLE)


# --- credentials


async def test_a_challenge_is_answered() -> None:
    async with Rig() as rig:
        rig.do(replace(INVITE, credentials=(CREDENTIALS,)))
        sent = await rig.edge.request("INVITE")
        told = dict(re.findall(r'(\w+)="?([^",]+)"?', sent["Authorization"]))
        first, second = (
            md5(text.encode()).hexdigest() for text in ("alice:provider.example:xyzzy", f"INVITE:{INVITE.uri}")
        )
        between = f"a nonce:{told['nc']}:{told['cnonce']}:auth"
        assert told["response"] == md5(f"{first}:{between}:{second}".encode()).hexdigest()
        assert told["username"] == "alice"


async def test_each_realm_gets_its_answer_in_a_line_of_its_own() -> None:
    """RFC 3261 §7.3.1, §22.3."""
    proxies = [
        replace(CREDENTIALS, challenge=replace(CREDENTIALS.challenge, realm=realm, proxy=True), count=2)
        for realm in ("first.test", "second.test")
    ]
    async with Rig() as rig:
        rig.do(replace(INVITE, credentials=(*proxies, CREDENTIALS)))
        sent = await rig.edge.request("INVITE")
        assert [len(sent.all(name)) for name in ("Proxy-Authorization", "Authorization")] == [2, 1]
        for text, realm, count in zip(
            (*sent.all("Proxy-Authorization"), sent["Authorization"]),
            ("first.test", "second.test", "provider.example"),
            (2, 2, 1),
            strict=True,
        ):
            assert f'realm="{realm}"' in text
            assert f"nc={count:08}" in text
        rig.do(in_dialog("ACK", cseq=1, credentials=(*proxies, CREDENTIALS)))
        ack = await rig.edge.request("ACK")
        for name in ("Proxy-Authorization", "Authorization"):
            assert ack.all(name) == sent.all(name)


async def test_a_request_that_is_sent_again_has_the_same_bytes() -> None:
    async with Rig() as rig:
        command = replace(INVITE, credentials=(CREDENTIALS,))
        id = rig.do(command)
        first = await rig.edge.request("INVITE")
        rig.edge.answer_itself(first, 100)
        await rig.settled()
        rig.do(replace(command, repeats=id))
        again = await rig.edge.request("INVITE")
        assert again == first
        rig.do(replace(command, cseq=2))
        other = await rig.edge.request("INVITE")
        assert other["Authorization"] != first["Authorization"]


async def test_it_has_them_also_after_a_restart_of_the_gateway() -> None:
    async with Rig() as rig:
        command = replace(INVITE, credentials=(CREDENTIALS,))
        id = rig.do(command)
        first = await rig.edge.request("INVITE")
        await rig.stop()
        await rig.start()
        rig.do(replace(command, repeats=id))
        again = await rig.edge.request("INVITE")
        branch = re.compile("branch=([^;]+)")
        assert branch.findall(again["Via"]) == branch.findall(first["Via"])
        assert [each for each in again.headers if each[0] != "Via"] == [
            each for each in first.headers if each[0] != "Via"
        ]
        rig.edge.answer_from(FIRST, again, 180)
        assert (await rig.event()).command == id


async def test_the_ack_repeats_the_credentials_of_its_invite() -> None:
    async with Rig() as rig:
        rig.do(replace(INVITE, credentials=(CREDENTIALS,)))
        sent = await rig.edge.request("INVITE")
        rig.do(in_dialog("ACK", cseq=1, credentials=(CREDENTIALS,)))
        ack = await rig.edge.request("ACK")
        assert ack["Authorization"] == sent["Authorization"]
        rig.do(in_dialog("ACK", cseq=7, credentials=(CREDENTIALS,)))  # its INVITE was sent before a restart
        assert (await rig.edge.request("ACK"))["Authorization"]


@pytest.mark.parametrize("command", [INVITE, REGISTER])
async def test_a_password_that_the_vault_does_not_have_is_told(command: Any) -> None:
    async with Rig() as rig:
        id = rig.do(replace(command, credentials=(replace(CREDENTIALS, secret="vault-2"),)))
        event = await rig.event()
        assert (event.command, event.why, event.text) == (id, Undelivered.SECRET, None)
        await rig.settled()
        assert rig.edge.taken(lambda message: not message.is_response) == []


async def test_a_challenge_that_cannot_be_answered_is_told() -> None:
    async with Rig() as rig:
        unknown = replace(CREDENTIALS, challenge=replace(CREDENTIALS.challenge, algorithm="X"))
        rig.do(replace(INVITE, credentials=(unknown,)))
        assert (await rig.event()).why is Undelivered.UNSENDABLE


# --- CANCEL


def cancel(id: str) -> Any:
    return replace(INVITE, dialog=id, method="CANCEL", contact=False, body=None, cancels=id)


async def test_a_cancel_has_the_branch_of_its_invite_and_goes_once_the_edge_has_that() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        invite = await rig.edge.request("INVITE")
        rig.do(cancel(id))
        await rig.settled()
        assert rig.edge.taken(lambda message: message.start.startswith("CANCEL")) == []
        rig.edge.answer_itself(invite, 100)
        sent = await rig.edge.request("CANCEL")
        assert sent["Via"] == invite["Via"]
        assert (sent.uri, sent["CSeq"], sent["To"]) == (invite.uri, "1 CANCEL", invite["To"])
        rig.edge.answer_itself(sent, 200)
        event = await rig.event()
        assert (event.command, event.method, event.status, event.by_edge) == (id, "CANCEL", 200, True)
        rig.edge.answer_from(FIRST, invite, 487)
        event = await rig.event()
        assert (event.command, event.method, event.status) == (id, "INVITE", 487)


async def test_a_cancel_goes_where_the_invite_went_last() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        id = rig.do(NAMED)
        rig.edge.answer_itself(await rig.edge.request("INVITE"), 477)
        second = await rig.edge.request("INVITE")
        rig.edge.answer_from(SECOND, second, 180)
        await rig.event()
        rig.do(cancel(id))
        assert (await rig.edge.request("CANCEL"))["Via"] == second["Via"]


async def test_an_invite_that_was_cancelled_goes_to_no_other_address() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        id = rig.do(NAMED)
        first = await rig.edge.request("INVITE")
        rig.edge.answer_itself(first, 100)
        rig.do(cancel(id))
        rig.edge.answer_itself(await rig.edge.request("CANCEL"), 200)
        assert (await rig.event()).method == "CANCEL"
        rig.pass_time(5)
        rig.edge.answer_itself(first, 408)
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.SILENT)
        assert rig.edge.taken(lambda message: message.start.startswith("INVITE")) == []


async def test_an_invite_that_was_not_sent_yet_is_not_sent_any_more() -> None:
    async with NameServer() as names, Rig(name_servers=(names.address,)) as rig:
        names.silent = None
        id = rig.do(NAMED)
        rig.do(cancel(id))
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.SILENT)
        for _ in range(40):
            await rig.settled()
            rig.pass_time(0.25)
        assert not rig.has_event()
        assert rig.edge.taken(lambda message: not message.is_response) == []


async def test_a_call_that_has_its_final_response_is_not_cancelled() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        rig.edge.answer_from(FIRST, await rig.edge.request("INVITE"), 486)
        await rig.edge.request("ACK")
        rig.do(cancel(id))
        assert (await rig.event()).status == 486
        await rig.settled()
        assert rig.edge.taken(lambda message: not message.is_response) == []
        assert not rig.has_event()


async def test_a_cancel_works_after_a_restart_of_the_gateway() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        invite = await rig.edge.request("INVITE")
        await rig.stop()
        await rig.start()
        rig.do(cancel(id))
        sent = await rig.edge.request("CANCEL")
        branch = re.compile("branch=([^;]+)")
        assert branch.findall(sent["Via"]) == branch.findall(invite["Via"])
        rig.edge.answer_itself(sent, 481)
        event = await rig.event()
        assert (event.command, event.method, event.status, event.by_edge) == (id, "CANCEL", 481, True)


async def test_a_cancel_that_the_edge_does_not_get_is_told() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        rig.edge.answer_itself(await rig.edge.request("INVITE"), 100)
        await rig.settled()
        second = rig.do(cancel(id))
        rig.pass_time(PATIENCE + 1)
        event = await rig.event()
        assert (event.command, event.leg, event.why) == (second, id, Undelivered.EDGE)


# --- ends


async def test_an_ack_that_was_sent_leads_to_no_event() -> None:
    async with Rig() as rig:
        rig.do(in_dialog("ACK", cseq=1))
        await rig.edge.request("ACK")
        rig.pass_time(PATIENCE + 1)
        await rig.settled()
        assert rig.edge.taken(lambda message: not message.is_response) == []
        assert not rig.has_event()
        assert rig.adapter.connections == 0


async def test_an_ack_that_cannot_be_sent_is_told() -> None:
    async with NameServer() as names, Rig(name_servers=(names.address,)) as rig:
        id = rig.do(in_dialog("ACK", cseq=1, uri=f"sip:bob@{HOST}"))
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.NO_SUCH_NAME)


async def test_all_are_signed_out_when_every_request_has_its_answer() -> None:
    async with Rig() as rig:
        idle = rig.adapter.all_signed_out()
        rig.pass_time(0.125)
        assert idle.called
        rig.do(replace(REGISTER, expires=0))
        idle = rig.adapter.all_signed_out()
        rig.pass_time(1)
        assert not idle.called
        assert rig.adapter.connections == 1
        rig.edge.answer_from(FIRST, await rig.edge.request("REGISTER"), 200)
        await rig.event()
        rig.pass_time(0.125)
        assert idle.called


async def test_nothing_happens_after_the_end() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        await rig.edge.request("INVITE")
        rig.do(KeepFlow("12.0", Endpoint("udp", "192.0.2.1", 5060)))
        await rig.stop()
        assert rig.reactor.clock.getDelayedCalls() == []
        rig.do(NAMED)
        await rig.start()
