"""Ways to the provider: TLS, IPv6, what DNS says, a NAT that forgets, and a network that loses packets."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from edge.agents import Agent
from edge.sip.certificates import Certificate, authority, certified
from twisted.names import dns
from world import GATEWAY_ADDRESS, PROVIDER_ADDRESS, RELAY_ADDRESS, XMPP_ADDRESS
from world.gateway import Gateway
from world.name_server import NameServer, Zone
from world.process import until
from world.sip_agent import DOMAIN, ScriptedProvider
from world.udp_proxy import Network, UdpProxy
from world.world import World

from fargo.adapters.sip import texts as adapter_texts
from fargo.statemachine.account import texts

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Talk, inward, out

pytestmark = sip_only

NAT_ADDRESS, DOWN_ADDRESS = "127.0.0.9", "127.0.0.10"
SERVER = f"sip.{DOMAIN}"
BY_NAME = {"x-proxy": "", "x-port": ""}
"""The fields of the form for an account whose server only DNS knows."""
FORGETS = 20
"""Seconds after which the NAT forgets a client that is silent."""

Given = Callable[..., Awaitable[Customer]]


@pytest.fixture
def given(world: World, engine: str) -> Given:
    """Return a function that starts a gateway, and Alice with an account at a scripted provider, not yet registered."""

    async def make(provider: ScriptedProvider, zone: Zone | None = None, **of_sip: Any) -> Customer:
        names = await world.add(NameServer(zone)) if zone is not None else None
        made = Gateway(world.server, settings={"sip": of_sip}, engine=engine, name_server=names)
        gateway = await world.add(made)
        return Customer(world, gateway, await world.client("alice"), provider)

    return make


async def calls_both_ways(alice: Customer, provider: ScriptedProvider) -> None:
    for begin in (out, inward):
        talk = await begin(alice, provider)
        await talk.heard()
        await talk.hang_up()


# --- TLS


@pytest.fixture
async def of_the_tests(tmp_path: Path) -> Certificate:
    """An authority that only the tests know."""
    return await authority(tmp_path, "authority of the tests")


async def secure(world: World, certificate: Certificate) -> ScriptedProvider:
    return await world.add(ScriptedProvider(tls=certificate.server()))


def a(address: str) -> Zone:
    return {SERVER: [dns.Record_A(address)]}


async def test_calls_over_tls(world: World, given: Given, of_the_tests: Certificate, tmp_path: Path) -> None:
    provider = await secure(world, await certified(tmp_path, of_the_tests, SERVER))
    alice = await given(provider, a(provider.address), tls_ca=str(of_the_tests.certificate))
    await alice.register(**{"x-proxy": SERVER, "x-port": str(provider.tls_port), "x-transport": "tls"})
    assert "transport=tls" in provider.contact
    await calls_both_ways(alice, provider)


async def refused_over_tls(alice: Customer, provider: ScriptedProvider) -> str:
    """Return the text with which the registration over TLS is refused. The provider must not see one."""
    wrong = await alice.refused(**{"x-proxy": SERVER, "x-port": str(provider.tls_port), "x-transport": "tls"})
    assert provider.registers == []
    return wrong.text


def not_trusted(why: str) -> str:
    return texts.CERTIFICATE_INVALID.format(server=SERVER, uri=f"sip:alice@{DOMAIN}", why=why)


async def test_a_certificate_for_another_name_is_refused(
    world: World, given: Given, of_the_tests: Certificate, tmp_path: Path
) -> None:
    provider = await secure(world, await certified(tmp_path, of_the_tests, "other.test"))
    alice = await given(provider, a(provider.address), tls_ca=str(of_the_tests.certificate))
    why = adapter_texts.OTHER_NAME.format(names="other.test")
    assert await refused_over_tls(alice, provider) == not_trusted(why)


async def test_a_certificate_of_another_authority_is_refused(
    world: World, given: Given, of_the_tests: Certificate, tmp_path: Path
) -> None:
    provider = await secure(world, await certified(tmp_path, of_the_tests, SERVER))
    trusted = await authority(tmp_path, "another authority")
    alice = await given(provider, a(provider.address), tls_ca=str(trusted.certificate))
    assert await refused_over_tls(alice, provider) == not_trusted(adapter_texts.UNKNOWN_AUTHORITY)


# --- IPv6


IPV4, IPV6 = XMPP_ADDRESS, "::1"


@pytest.mark.parametrize(("transport", "audio"), [("udp", IPV4), ("tcp", IPV4), ("udp", IPV6)])
async def test_a_provider_with_ipv6(world: World, given: Given, transport: str, audio: str) -> None:
    provider = await world.add(ScriptedProvider(IPV6))
    alice = await given(provider, address=[GATEWAY_ADDRESS, IPV6])
    await alice.register(**{"x-proxy": IPV6, "x-transport": transport})
    assert "@[::1]:" in provider.contact
    for begin in (out, inward):
        talk = await begin(alice, provider, audio)
        await talk.heard()
        await talk.hang_up()


@pytest.mark.parametrize("begin", [out, inward])
async def test_the_relay_translates_between_ipv4_and_ipv6(
    world: World, engine: str, begin: Callable[..., Awaitable[Talk]]
) -> None:
    provider = await world.add(ScriptedProvider(IPV6))
    relay = await world.relay(RELAY_ADDRESS, IPV6)
    settings: dict[str, dict[str, object]] = {
        "sip": {"address": [GATEWAY_ADDRESS, IPV6]},
        "media": {"relay": f"{relay.address}:{relay.port}"},
    }
    gateway = await world.add(Gateway(world.server, settings=settings, engine=engine))
    alice = Customer(world, gateway, await world.client("alice"), provider)
    await alice.register(**{"x-proxy": IPV6})
    talk = await begin(alice, provider, IPV4, IPV6)
    await talk.heard()
    assert len(await relay.sessions()) == 1
    await talk.hang_up()
    await relay.forgets()


# --- DNS


def srv(name: str, *servers: tuple[int, str, int]) -> dict[str, list[Any]]:
    """Return SRV records (priority, address and port), with the addresses of their targets."""
    zone: dict[str, list[Any]] = {name: []}
    for priority, address, port in servers:
        target = f"server-{priority}.{DOMAIN}"
        zone[name].append(dns.Record_SRV(priority, 0, port, target))
        zone[target] = [dns.Record_A(address)]
    return zone


async def test_the_second_server_is_called_while_the_first_is_down(
    world: World, given: Given, scripted: ScriptedProvider
) -> None:
    """RFC 3263 §4.3. Both the registration and, after a change of servers, a call are up within three seconds."""
    down = await Agent.open(DOWN_ADDRESS)
    zone = srv(f"_sip._udp.{DOMAIN}", (1, *down.address), (2, scripted.address, scripted.port))
    alice = await given(scripted, zone)
    await alice.register(**BY_NAME)
    assert down.has(lambda message: message.method == "REGISTER")
    await calls_both_ways(alice, scripted)
    down.close()


async def test_a_call_goes_to_the_second_server_when_the_first_has_gone(
    world: World, given: Given, scripted: ScriptedProvider
) -> None:
    first = await world.add(ScriptedProvider(DOWN_ADDRESS))
    zone = srv(f"_sip._udp.{DOMAIN}", (1, first.address, first.port), (2, scripted.address, scripted.port))
    alice = await given(first, zone)
    await alice.register(**BY_NAME)
    assert first.registers
    first.ignored = []
    media = await world.media()
    call = await alice.call("bob", await world.media())
    phone = await scripted.called()
    # 2.5 seconds: the INVITE and its repetitions after 0.5 and 1.5 seconds (RFC 3261 §17.1.1.2).
    assert 1 <= len([message for message in first.ignored if message.method == "INVITE"]) <= 3
    await phone.answered(phone.sdp(media))
    await call.answered()
    talk = Talk(alice, call, phone, media)
    await talk.heard()
    await talk.hang_up()


async def test_dns_chooses_tcp(given: Given, scripted: ScriptedProvider) -> None:
    """NAPTR (RFC 3263 §4.1)."""
    service = f"_sip._tcp.{DOMAIN}"
    naptr = dns.Record_NAPTR(10, 10, b"s", b"SIP+D2T", b"", service)
    alice = await given(scripted, {DOMAIN: [naptr], **srv(service, (1, scripted.address, scripted.port))})
    await alice.register(**BY_NAME)
    assert "transport=tcp" in scripted.contact
    await calls_both_ways(alice, scripted)


async def test_a_domain_that_does_not_exist_is_told(given: Given, scripted: ScriptedProvider) -> None:
    alice = await given(scripted, {})
    wrong = await alice.refused(**BY_NAME)
    assert wrong.text == texts.NO_SUCH_SERVER.format(server=DOMAIN, uri=f"sip:alice@{DOMAIN}")


async def test_name_servers_that_are_silent_are_told(given: Given, scripted: ScriptedProvider) -> None:
    names = [DOMAIN, *(f"{service}.{DOMAIN}" for service in ("_sip._udp", "_sip._tcp", "_sips._tcp"))]
    alice = await given(scripted, dict.fromkeys(names))
    wrong = await alice.refused(**BY_NAME)
    assert wrong.text == texts.NAMES_SILENT.format(server=DOMAIN)


# --- networks


async def test_a_nat_that_forgets_is_kept_open(world: World, given: Given, scripted: ScriptedProvider) -> None:
    """It gives the gateway another port each time. Calls in arrive all the same, once the gateway has spoken again."""
    nat = await world.add(UdpProxy((scripted.address, scripted.port), NAT_ADDRESS, forgets=FORGETS))
    alice = await given(scripted)
    await alice.register(**{"x-proxy": nat.address, "x-port": str(nat.port)})
    await inward_once(alice, scripted)
    registered = len(scripted.registers)
    await until(lambda: nat.forgotten > 0 and len(scripted.registers) > registered, "a new REGISTER", 60)
    await inward_once(alice, scripted)


async def inward_once(alice: Customer, provider: ScriptedProvider) -> None:
    talk = await inward(alice, provider)
    await talk.heard()
    await talk.hang_up()


@pytest.mark.parametrize("seed", [1, 2])
async def test_calls_over_a_network_that_loses_packets(world: World, given: Given, seed: int) -> None:
    bad = Network(delay=0.02, jitter=0.03, loss=0.2, duplication=0.2, reordering=0.2, seed=seed)
    provider = world.provider
    proxy = await world.add(UdpProxy((PROVIDER_ADDRESS, provider.port), NAT_ADDRESS, network=bad))
    gateway = await world.add(Gateway(world.server, engine="sip"))
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register(**{"x-proxy": proxy.address, "x-port": str(proxy.port)})
    phone = await world.pjsip("carol")
    for _ in range(3):
        call = await alice.call("carol", await world.media())
        await call.answered()
        call.talk()
        await phone.hears(1000)
        mark = len(phone.events)
        await call.terminate()
        await phone.event("state", state="DISCONNECTED", after=mark)
    assert proxy.lost > 0
