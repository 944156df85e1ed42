"""Encrypted audio (SRTP) between relay and phone, for an account whose provider is reached over TLS."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from edge.sip.certificates import authority, certified
from twisted.names import dns
from world.gateway import FARGO, Gateway
from world.jingle_call import JingleCall
from world.name_server import NameServer
from world.pjsip import Pjsip
from world.process import Process, until
from world.provider import DOMAIN, Provider
from world.world import SIP_ACCOUNTS, World

from fargo.statemachine.media import texts

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import CLIENT_HERTZ, PJSIP_HERTZ, hear_each_other, hold_each_other

pytestmark = sip_only

NEW_HERTZ = 440
Given = Callable[..., Awaitable[Customer]]


@pytest_asyncio.fixture
async def given(world: World, engine: str, tmp_path: Path) -> AsyncIterator[Given]:
    """Return a function that starts a gateway and registers Alice over TLS, with this use of SRTP.

    The gateway must stop cleanly, its log must verify, and no key may be in the log or in what the gateway says.
    """
    made: list[Gateway] = []

    async def make(srtp: str, relayed: bool = True) -> Customer:
        trusted = await authority(tmp_path, "authority of the tests")
        server = await certified(tmp_path, trusted, DOMAIN)
        provider = await world.add(Provider(SIP_ACCOUNTS, certificate=(server.certificate, server.key)))
        names = await world.add(NameServer({DOMAIN: [dns.Record_A(provider.address)]}))
        relay = await world.relay() if relayed else None
        media: dict[str, object] = {"relay": f"{relay.address}:{relay.port}"} if relay else {}
        settings: dict[str, dict[str, object]] = {"sip": {"tls_ca": str(trusted.certificate)}, "media": media}
        gateway = Gateway(world.server, settings=settings, engine=engine, name_server=names)
        made.append(await world.add(gateway))
        alice = Customer(world, gateway, await world.client("alice"), provider)
        port = str(provider.tls_port)
        await alice.register(**{"x-proxy": "", "x-port": port, "x-transport": "tls", "x-srtp": srtp})
        return alice

    yield make
    for gateway in made:
        await gateway.stop()
        assert await gateway.process.ended() == 0, gateway.process.report()
        verifier = await Process.start("fargo replay verify", FARGO, "replay", "verify", gateway.log)
        assert await verifier.ended() == 0, verifier.report()
        assert b"inline:" not in logged(gateway)
        assert "inline:" not in gateway.process.output


def logged(gateway: Gateway) -> bytes:
    return b"".join(each.read_bytes() for each in gateway.state.glob("fargo.db*"))


async def phone_of(alice: Customer, **more: Any) -> Pjsip:
    assert isinstance(alice.provider, Provider)
    return await alice.world.add(Pjsip(alice.provider.account("carol"), hertz=PJSIP_HERTZ, **more))


async def called(alice: Customer, **of_phone: Any) -> tuple[JingleCall, Pjsip]:
    """Let Alice call a pjsip phone, which answers."""
    phone = await phone_of(alice, **of_phone)
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    return call, phone


async def calling(alice: Customer, **of_phone: Any) -> tuple[JingleCall, Pjsip]:
    """Let a pjsip phone call Alice, who accepts."""
    phone = await phone_of(alice, **of_phone)
    phone.dial(f"sip:alice@{DOMAIN}")
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    await call.accept()
    await phone.established()
    return call, phone


each_way = pytest.mark.parametrize("begin", [called, calling], ids=["out", "in"])


async def is_encrypted(gateway: Gateway) -> bool:
    """Return what the list of calls says of the only one."""
    told = await Process.start("fargo calls", FARGO, "calls", "--json", "-c", gateway.configuration)
    assert await told.ended() == 0, told.report()
    [call] = json.loads(told.output)
    return bool(call["encrypted"])


@each_way
async def test_a_phone_that_demands_encryption(given: Given, begin: Any) -> None:
    alice = await given("required")
    call, phone = await begin(alice, srtp="required")
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()


@each_way
async def test_a_phone_that_prefers_encryption(given: Given, begin: Any) -> None:
    """RFC 8643: the profile is that of plain RTP, whoever offers."""
    alice = await given("optional")
    call, phone = await begin(alice, srtp="optional")
    await hear_each_other(call, phone)
    assert "RTP/SAVP" not in phone.process.output
    await call.terminate()
    await phone.closed()
    assert await is_encrypted(alice.gateway)


@each_way
async def test_a_phone_without_encryption_is_heard_if_it_is_optional(given: Given, begin: Any) -> None:
    alice = await given("optional")
    call, phone = await begin(alice)
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
    assert not await is_encrypted(alice.gateway)


async def test_a_phone_that_demands_encryption_reaches_an_account_with_the_default(given: Given) -> None:
    alice = await given("")
    call, phone = await calling(alice, srtp="required")
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
    assert await is_encrypted(alice.gateway)


async def test_a_phone_without_encryption_is_not_called_if_it_is_required(given: Given) -> None:
    alice = await given("required")
    await phone_of(alice)
    call = await alice.call("carol", await alice.world.media())
    ended = await call.ended()
    assert (ended.reason, ended.text) == ("incompatible-parameters", f"{DOMAIN} says: “Not Acceptable Here” (488)")


@pytest.mark.parametrize(("srtp", "relayed"), [("required", True), ("off", True), ("optional", False)])
async def test_a_phone_with_another_demand_is_refused(given: Given, srtp: str, relayed: bool) -> None:
    alice = await given(srtp, relayed)
    phone = await phone_of(alice, srtp="off" if srtp == "required" else "required")
    phone.dial(f"sip:alice@{DOMAIN}")
    assert (await phone.closed())["status"] == 488


async def test_a_call_is_refused_without_a_relay_if_encryption_is_required(given: Given) -> None:
    alice = await given("required", False)
    with pytest.raises(ConnectionRefusedError) as refused:
        await alice.call("carol", await alice.world.media())
    assert refused.value.args[0].text == texts.SRTP_NEEDS_RELAY


@each_way
async def test_an_encrypted_call_is_held_and_refreshed_by_both_ends(given: Given, begin: Any) -> None:
    alice = await given("required")
    call, phone = await begin(alice, srtp="required")
    await hear_each_other(call, phone)
    await hold_each_other(call, phone)
    for refresh in (phone.refresh, phone.update):
        mark = len(phone.events)
        refresh()
        await phone.event("media", state="active", after=mark)
        await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
    assert await is_encrypted(alice.gateway)


async def test_no_key_is_in_the_log_in_the_export_or_in_what_the_gateway_says(given: Given, tmp_path: Path) -> None:
    alice = await given("required")
    for begin in (called, calling):
        call, phone = await begin(alice, srtp="required")
        await call.terminate()
        await phone.closed()
        keys = set(re.findall(r"a=crypto:\S+ \S+ inline:([^\s|]+)", phone.process.output))
        assert len(keys) > 2, "those that are offered, and that of the answer"
        await phone.stop()
        output = tmp_path / "call.json"
        listed = await Process.start("fargo calls", FARGO, "calls", "--json", "-c", alice.gateway.configuration)
        assert await listed.ended() == 0
        name = json.loads(listed.output)[-1]["call"]
        export = await Process.start("fargo", FARGO, "replay", "export", name, "--log", alice.gateway.log, "-o", output)
        assert await export.ended() == 0, export.report()
        shown = await Process.start("fargo", FARGO, "replay", "show", alice.gateway.log)
        assert await shown.ended() == 0
        said = (
            logged(alice.gateway),
            output.read_bytes(),
            shown.output.encode(),
            alice.gateway.process.output.encode(),
        )
        assert [key for key in keys for each in said if key.encode() in each] == []
        assert all(b"AES_CM_128_HMAC_SHA1_80" in each for each in said[:3])


@each_way
async def test_a_call_outlives_the_gateway_but_not_its_keys(given: Given, begin: Any) -> None:
    """Audio goes on, as the relay has the keys. A hold would need them, and has no effect; the end needs none."""
    alice = await given("required")
    call, phone = await begin(alice, srtp="required")
    await hear_each_other(call, phone)
    mark = len(alice.client.stanzas)
    alice.gateway.process.kill()
    await alice.gateway.process.ended()
    await alice.gateway.start()
    await alice.signed_in(mark)
    await hear_each_other(call, phone)
    phone.hold()
    await call.inform("hold")
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
    again = await alice.call("carol", await alice.world.media())
    await again.answered()
    await again.terminate()


@pytest.mark.xdist_group("screen")
async def test_a_browser_and_a_phone_both_encrypt(given: Given) -> None:
    """With DTLS on one side of the relay and SDES on the other. The browser also restarts ICE."""
    alice = await given("required")
    browser = await alice.world.browser("alice", hertz=CLIENT_HERTZ)
    await until(lambda: any("disco#info" in each.get("xml", "") for each in browser.events), "the client is asked")
    phone = await phone_of(alice, srtp="required")
    await browser.dial(f"carol%{DOMAIN}@{alice.gateway.jid}")
    await browser.event("answered")
    await browser.hears(PJSIP_HERTZ)
    await phone.hears(CLIENT_HERTZ)
    assert (await browser.statistics())["dtls"] == "connected"
    mark = len(browser.events)
    await browser.run("phone.call.session.restartIce()")
    await browser.event("signaling", after=mark, state="stable")
    await browser.hears(PJSIP_HERTZ)
    await phone.hears(CLIENT_HERTZ)
    await browser.hang_up()
    await phone.closed()

    await phone.stop()
    phone = await phone_of(alice, srtp="required")
    mark = len(browser.events)
    phone.dial(f"sip:alice@{DOMAIN}")
    await browser.answer()
    await phone.established()
    await browser.hears(PJSIP_HERTZ)
    await phone.hears(CLIENT_HERTZ)
    phone.hang_up()
    await browser.ended(after=mark)


@each_way
async def test_an_encrypted_call_is_transferred_and_stays_encrypted(given: Given, begin: Any) -> None:
    alice = await given("required")
    call, phone = await begin(alice, srtp="required")
    assert isinstance(alice.provider, Provider)
    new = await alice.world.add(Pjsip(alice.provider.account("bob"), hertz=NEW_HERTZ, srtp="required"))
    await hear_each_other(call, phone)
    phone.transfer(f"sip:bob@{DOMAIN}")
    assert (await phone.event("transfer", ends=True))["status"] == 200
    await call.media.hears(NEW_HERTZ)
    await new.hears(CLIENT_HERTZ)
    await phone.closed()
    assert await is_encrypted(alice.gateway)
    new.hang_up()
    assert (await call.ended()).reason == "success"
