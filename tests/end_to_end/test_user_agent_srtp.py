"""Encrypted audio (SRTP) between relay and phone, for an account whose provider is reached over TLS."""

import json
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
from world.process import Process
from world.provider import DOMAIN, Provider
from world.world import SIP_ACCOUNTS, World

from .customer import Customer
from .engines import sip_only

pytestmark = sip_only

PHONE_HERTZ, CLIENT_HERTZ = 600, 1000
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
        assert b"inline:" not in b"".join(each.read_bytes() for each in gateway.state.glob("fargo.db*"))
        assert "inline:" not in gateway.process.report()


async def phone_of(alice: Customer, **more: Any) -> Pjsip:
    assert isinstance(alice.provider, Provider)
    return await alice.world.add(Pjsip(alice.provider.account("carol"), hertz=PHONE_HERTZ, **more))


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


async def hear_each_other(call: JingleCall, phone: Pjsip) -> None:
    if not call.media.sent:
        call.talk()
    await call.media.hears(PHONE_HERTZ)
    await phone.hears(CLIENT_HERTZ)


async def is_encrypted(gateway: Gateway) -> bool:
    """Return what the list of calls says of the only one."""
    told = await Process.start("fargo calls", FARGO, "calls", "--json", "-c", gateway.configuration)
    assert await told.ended() == 0, told.report()
    [call] = json.loads("".join(told.output))
    return bool(call["encrypted"])


@each_way
async def test_a_phone_that_demands_encryption(given: Given, begin: Any) -> None:
    alice = await given("required")
    call, phone = await begin(alice, srtp="required")
    await hear_each_other(call, phone)
    await call.terminate()
    await phone.closed()
