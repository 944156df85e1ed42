"""The senders of whom requests outside a dialog are taken, and whose challenges count."""

from ipaddress import ip_network
from typing import Any

import pytest
from edge.agents import Message
from msgspec.structs import replace
from twisted.logger import capturedLogs

from fargo.adapters.sip import texts
from fargo.statemachine.address import SipUri
from fargo.statemachine.model.registrations import Registration
from fargo.statemachine.model.sip_messages import InviteReceived, SipRequestReceived
from fargo.statemachine.model.sip_values import Endpoint, Hop

from .commands import INVITE, REGISTER
from .name_server import NameServer, a, srv
from .rig import USER, Rig

HOST, DOMAIN = "server.test", "provider.example"
PROVIDER, FURTHER, OF_DOMAIN, STRANGER = (f"udp:192.0.2.{number}:5060" for number in (1, 2, 3, 66))
DIALOG = "12.0-0123456789abcdef"


def rig_of(names: NameServer, **settings: Any) -> Rig:
    """Return a rig that takes requests from providers only. Two servers have the name of the account's."""
    names.records = [
        srv(f"_sip._udp.{HOST}", "first.test"),
        srv(f"_sip._udp.{HOST}", "second.test", priority=1),
        a("first.test", "192.0.2.1"),
        a("second.test", "192.0.2.2"),
        a(DOMAIN, "192.0.2.3"),
    ]
    return Rig(name_servers=(names.address,), **{"accept_from": (), **settings})


async def registered(rig: Rig) -> str:
    """Register, and return the name of the registration."""
    id = rig.do(replace(REGISTER, hop=Hop(HOST)))
    rig.edge.answer_from(PROVIDER, await rig.edge.request("REGISTER"), 200)
    await rig.event()
    return id


def sent_to(rig: Rig, name: str, peer: str, method: str = "INVITE", **more: Any) -> Message:
    headers = [("Contact", "<sip:bob@192.0.2.1:5062>"), *more.pop("headers", ())]
    return rig.edge.deliver(method, f"sip:{rig.token(name)}@192.0.2.10", peer, headers=headers, **more)


@pytest.mark.parametrize("peer", [PROVIDER, FURTHER, OF_DOMAIN, "tcp:192.0.2.1:40000"])
async def test_a_call_is_taken_from_every_address_of_the_provider(peer: str) -> None:
    async with NameServer() as names, rig_of(names) as rig:
        sent_to(rig, await registered(rig), peer)
        event = await rig.event()
        assert isinstance(event, InviteReceived)
        assert event.of_provider


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "CANCEL", "BYE"])
async def test_a_stranger_finds_nobody(method: str) -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name = await registered(rig)
        with capturedLogs() as logged:
            for _ in range(2):
                sent = sent_to(rig, name, STRANGER, method)
                assert (await rig.edge.final(sent)).status == 404
        assert not rig.has_event()
        warnings = [each for each in logged if each.get("log_format") == texts.NOT_OF_PROVIDER]
        assert [(each["method"], each["ip"], each["user"]) for each in warnings] == [(method, "192.0.2.66", USER)]


async def test_a_silent_name_server_opens_nothing() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name = await registered(rig)
        names.silent = None
        rig.pass_time(3600)
        sent = sent_to(rig, name, STRANGER)
        await rig.until(lambda: rig.edge.has(lambda got: got.is_response and got.status > 100))
        assert (await rig.edge.final(sent)).status == 404
        sent_to(rig, name, PROVIDER)
        assert isinstance(await rig.event(), InviteReceived)


async def test_the_operator_can_name_further_networks() -> None:
    """A message from there is not the provider's word."""
    async with NameServer() as names, rig_of(names, accept_from=(ip_network("192.0.2.64/30"),)) as rig:
        sent_to(rig, await registered(rig), STRANGER)
        event = await rig.event()
        assert isinstance(event, InviteReceived)
        assert not event.of_provider


async def test_the_contact_of_a_dialog_begins_no_other() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        await registered(rig)
        sent = sent_to(rig, DIALOG, PROVIDER)
        assert (await rig.edge.final(sent)).status == 404
        assert not rig.has_event()


async def test_a_request_in_a_dialog_comes_from_anywhere_to_its_contact_only() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name, to = await registered(rig), ("To", f"<sip:alice@{DOMAIN}>;tag={DIALOG}-0011223344556677")
        sent_to(rig, DIALOG, STRANGER, "BYE", headers=[to])
        assert isinstance(await rig.event(), SipRequestReceived)
        other = sent_to(rig, name, STRANGER, "BYE", headers=[to])
        assert (await rig.edge.final(other)).status == 404
        sent_to(rig, name, PROVIDER, "BYE", headers=[to])
        assert isinstance(await rig.event(), SipRequestReceived)


async def test_the_contact_of_a_registration_that_has_ended_is_of_no_use() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        name = await registered(rig)
        rig.do(replace(REGISTER, hop=Hop(HOST), connection=name, expires=0))
        sent = sent_to(rig, name, PROVIDER)
        assert (await rig.edge.final(sent)).status == 404


async def test_a_gateway_that_was_restarted_knows_the_servers() -> None:
    async with NameServer() as names, rig_of(names) as rig:
        registrar = Endpoint("udp", "192.0.2.9", 5060)
        own = SipUri("alice", DOMAIN)
        rig.adapter.know(USER, {"7.0": Registration(own, Hop(HOST), "alice", "s", "c", "t", registrar=registrar)})
        for peer in ("udp:192.0.2.9:5060", FURTHER):
            sent_to(rig, "7.0", peer)
            assert isinstance(await rig.event(), InviteReceived)


@pytest.mark.parametrize(("peer", "count"), [(PROVIDER, 1), ("udp:192.0.2.1:5999", 1), (STRANGER, 0)])
@pytest.mark.parametrize("command", [INVITE, REGISTER])
async def test_a_challenge_counts_from_the_address_that_was_asked_only(command: Any, peer: str, count: int) -> None:
    async with Rig() as rig:
        rig.do(command)
        asked = [("WWW-Authenticate", 'Digest realm="provider.example", nonce="n"')]
        sent = await rig.edge.expect(lambda message: message.method in ("INVITE", "REGISTER"), "the request")
        rig.edge.answer_from(peer, sent, 401, headers=asked)
        event = await rig.event()
        assert (event.status, len(event.challenges)) == (401, count)
