"""Servers over TLS: trusted by their certificate before anything is told them (RFC 5922)."""

from typing import Any

import pytest
from edge.agents import Message
from msgspec.structs import replace

from fargo.adapters.sip import sending, texts
from fargo.adapters.sip.client_transactions import PATIENCE
from fargo.statemachine.address import SipUri
from fargo.statemachine.model.registrations import Registration
from fargo.statemachine.model.sip_messages import Undelivered
from fargo.statemachine.model.sip_values import Endpoint, Hop

from .commands import CREDENTIALS, INVITE, REGISTER, in_dialog
from .name_server import NameServer, a, srv
from .rig import OTHER, USER, Rig
from .tls import Lines, shown

HOST = "provider.test"
PEER = "tls:192.0.2.1:5061"
SERVER = Endpoint("tls", "192.0.2.1", 5061)
TO_HOST = replace(REGISTER, hop=Hop(HOST, None, "tls"), destination=SERVER)
VALID = shown(HOST)


async def trusted(rig: Rig, lines: Lines = VALID) -> Message:
    """Answer the OPTIONS to a server, and return it."""
    probe = await rig.edge.request("OPTIONS")
    rig.edge.answer_from(PEER, probe, 405, headers=lines)
    return probe


async def registered(rig: Rig) -> None:
    rig.do(TO_HOST)
    await trusted(rig)
    rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 200, headers=VALID)
    await rig.event()


async def test_a_server_is_asked_before_anything_is_told_it() -> None:
    async with Rig() as rig:
        rig.do(replace(TO_HOST, credentials=(CREDENTIALS,)))
        await rig.settled()
        [probe] = rig.edge.taken(lambda message: not message.is_response)
        assert probe.start == "OPTIONS sip:192.0.2.1:5061;transport=tls SIP/2.0"
        assert (probe["X-Fargo-Hop"], probe["X-Fargo-Name"]) == ("sip:192.0.2.1:5061;transport=tls", HOST)
        text = probe.encode().decode()
        assert not [each for each in ("alice", "xyzzy", "Authorization", "Contact", rig.token("40.0")) if each in text]
        rig.edge.answer_from(PEER, probe, 200, headers=VALID)
        sent = await rig.edge.request("REGISTER")
        assert (sent["X-Fargo-Hop"], sent["X-Fargo-Name"]) == ("sip:192.0.2.1:5061;transport=tls", HOST)
        assert sent["Authorization"]


async def test_a_server_is_asked_once_for_all_users() -> None:
    async with Rig() as rig:
        rig.do(TO_HOST)
        rig.do(replace(TO_HOST, call_id="of another"), user=OTHER)
        await trusted(rig)
        for _ in range(2):
            await rig.edge.request("REGISTER")
        rig.do(replace(TO_HOST, call_id="later"), user=OTHER)
        await rig.edge.request("REGISTER")
        assert rig.edge.taken(lambda message: not message.is_response) == []


async def test_a_server_is_asked_again_under_another_name() -> None:
    async with Rig() as rig:
        await registered(rig)
        rig.do(replace(TO_HOST, hop=Hop("other.test", None, "tls")))
        await trusted(rig)
        event = await rig.event()
        assert (event.why, event.text) == (
            Undelivered.CERTIFICATE,
            texts.OTHER_NAME.format(names=HOST),
        )


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (shown("other.test"), texts.OTHER_NAME.format(names="other.test")),
        (shown(HOST, verified=False), texts.UNKNOWN_AUTHORITY),
        ([], texts.UNKNOWN_AUTHORITY),
    ],
)
@pytest.mark.parametrize("command", [TO_HOST, replace(INVITE, hop=TO_HOST.hop, destination=SERVER)])
async def test_a_server_that_must_not_be_trusted_is_told_nothing(command: Any, lines: Lines, text: str) -> None:
    async with Rig() as rig:
        id = rig.do(command)
        await trusted(rig, lines)
        event = await rig.event()
        assert (event.command, event.why, event.text) == (id, Undelivered.CERTIFICATE, text)
        await rig.settled()
        assert rig.edge.taken(lambda message: not message.is_response) == []


@pytest.mark.parametrize(("status", "why"), [(408, Undelivered.SILENT), (477, Undelivered.REFUSED)])
async def test_a_server_that_cannot_be_asked_is_told(status: int, why: Undelivered) -> None:
    async with Rig() as rig:
        id = rig.do(replace(TO_HOST, hop=Hop("192.0.2.1", None, "tls")))
        rig.edge.answer_itself(await rig.edge.request("OPTIONS"), status)
        event = await rig.event()
        assert (event.command, event.why) == (id, why)


async def test_an_edge_that_does_not_run_is_told() -> None:
    async with Rig() as rig:
        rig.do(replace(TO_HOST, hop=Hop("192.0.2.1", None, "tls")))
        rig.pass_time(PATIENCE + 1)
        assert (await rig.event()).why is Undelivered.EDGE


async def test_the_next_address_is_tried_if_one_must_not_be_trusted() -> None:
    async with NameServer() as names, Rig(name_servers=(names.address,)) as rig:
        names.records = [
            *(srv(f"_sips._tcp.{HOST}", f"s{number}.test", 5061, priority=number) for number in (1, 2)),
            *(a(f"s{number}.test", f"192.0.2.{number}") for number in (1, 2)),
        ]
        rig.do(replace(TO_HOST, destination=None))
        await trusted(rig, shown("other.test"))
        probe = await rig.edge.request("OPTIONS")
        assert probe["X-Fargo-Hop"] == "sip:192.0.2.2:5061;transport=tls"
        rig.edge.answer_from("tls:192.0.2.2:5061", probe, 200, headers=VALID)
        assert (await rig.edge.request("REGISTER"))["X-Fargo-Hop"] == "sip:192.0.2.2:5061;transport=tls"


async def test_a_server_that_does_not_say_anything_is_passed_over_in_time() -> None:
    async with NameServer() as names, Rig(name_servers=(names.address,)) as rig:
        names.records = [srv(f"_sips._tcp.{HOST}", "s2.test", 5061), a("s2.test", "192.0.2.2")]
        rig.do(TO_HOST)
        late = await rig.edge.request("OPTIONS")
        rig.pass_time(sending.NEXT_SECONDS)
        probe = await rig.edge.expect(lambda each: "192.0.2.2" in each.start, "the other OPTIONS")
        rig.edge.answer_from("tls:192.0.2.2:5061", probe, 200, headers=VALID)
        assert (await rig.edge.request("REGISTER"))["X-Fargo-Hop"] == "sip:192.0.2.2:5061;transport=tls"
        rig.edge.answer_from(PEER, late, 200, headers=VALID)  # does not lead to a second one
        await rig.settled()
        assert rig.edge.taken(lambda message: message.start.startswith("REGISTER")) == []


async def test_a_response_with_another_certificate_is_not_reported() -> None:
    """Somebody may have come in between, with a new connection."""
    async with Rig() as rig:
        await registered(rig)
        id = rig.do(TO_HOST)
        challenge = ("WWW-Authenticate", 'Digest realm="provider.example", nonce="chosen"')
        rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 401, headers=[challenge, *shown("other.test")])
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.CERTIFICATE)
        rig.do(TO_HOST)
        await trusted(rig)  # asked anew
        await rig.edge.request("REGISTER")


async def test_a_call_whose_provisional_response_has_another_certificate_is_given_up() -> None:
    async with Rig() as rig:
        await registered(rig)
        rig.do(replace(INVITE, hop=TO_HOST.hop, destination=SERVER))
        rig.edge.answer_from(PEER, await rig.edge.request("INVITE"), 180, headers=shown("other.test"))
        await rig.edge.request("CANCEL")
        assert (await rig.event()).why is Undelivered.CERTIFICATE


async def test_trust_ends_with_the_connection() -> None:
    async with Rig() as rig:
        await registered(rig)
        await rig.edge.tell("X-Fargo-Closed", PEER)
        rig.do(TO_HOST)
        await trusted(rig)
        await rig.edge.request("REGISTER")


async def test_trust_ends_with_the_edge() -> None:
    async with Rig() as rig:
        await registered(rig)
        rig.edge.boot = "1700000001.5"
        await rig.settled()
        rig.do(TO_HOST)
        await trusted(rig)
        await rig.edge.request("REGISTER")


async def test_an_address_in_a_dialog_is_trusted_if_it_is_trusted_by_name() -> None:
    async with Rig() as rig:
        await registered(rig)
        id = rig.do(in_dialog("BYE", uri="sip:bob@192.0.2.1:5061;transport=tls"))
        rig.edge.answer_from(PEER, await rig.edge.request("BYE"), 200, headers=VALID)
        event = await rig.event()
        assert (event.command, event.status) == (id, 200)
        rig.do(in_dialog("BYE", uri="sip:bob@192.0.2.1:5061;transport=tls"))
        rig.edge.answer_from(PEER, await rig.edge.request("BYE"), 200, headers=shown("other.test"))
        assert (await rig.event()).why is Undelivered.CERTIFICATE


@pytest.mark.parametrize("lines", [VALID, shown("other.test")], ids=["valid", "other"])
async def test_after_a_restart_an_address_in_a_dialog_is_asked_by_the_name_of_the_accounts_server(lines: Lines) -> None:
    """A request in a dialog may be the first of all."""
    async with Rig() as rig:
        own = SipUri("alice", HOST)
        known = Registration(own, Hop(HOST, None, "tls"), "alice", "s", "c", "t", registrar=SERVER)
        rig.adapter.know(USER, {"7.0": known})
        rig.do(in_dialog("BYE", uri="sip:bob@192.0.2.1:5061;transport=tls"))
        probe = await trusted(rig, lines)
        assert probe["X-Fargo-Name"] == HOST
        if lines is VALID:
            await rig.edge.request("BYE")
        else:
            assert (await rig.event()).why is Undelivered.CERTIFICATE


async def test_an_address_in_a_dialog_that_nobody_knows_needs_a_certificate_for_it() -> None:
    async with Rig() as rig:
        await registered(rig)
        rig.do(in_dialog("BYE", uri="sips:bob@192.0.2.9"))
        probe = await rig.edge.request("OPTIONS")
        assert probe["X-Fargo-Hop"] == "sip:192.0.2.9:5061;transport=tls"
        assert probe.get("X-Fargo-Name") is None
        rig.edge.answer_from("tls:192.0.2.9:5061", probe, 200, headers=VALID)
        assert (await rig.event()).why is Undelivered.CERTIFICATE
        rig.do(in_dialog("BYE", uri="sips:bob@192.0.2.9"))
        probe = await rig.edge.request("OPTIONS")
        rig.edge.answer_from("tls:192.0.2.9:5061", probe, 200, headers=shown("192.0.2.9"))
        await rig.edge.request("BYE")


async def test_what_the_edge_says_itself_needs_no_certificate() -> None:
    async with Rig() as rig:
        await registered(rig)
        id = rig.do(replace(TO_HOST, hop=Hop("192.0.2.1", None, "tls")))
        rig.edge.answer_itself(await rig.edge.request("REGISTER"), 477)
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.REFUSED)
