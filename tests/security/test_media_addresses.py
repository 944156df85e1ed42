"""Point 1: by naming addresses for audio, the ends of a call reach nothing but clients and phones."""

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar, cast
from xml.etree import ElementTree

import pytest
import pytest_asyncio
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS, only
from end_to_end.scripted_calls import out
from world import PHONE_ADDRESS, XMPP_ADDRESS
from world.gateway import Gateway, toml
from world.jingle_call import JingleCall
from world.process import Process, until
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.sip_agent import Call, ScriptedProvider, audio
from world.world import World

from fargo.checking.relay import exposed
from fargo.checking.texts import RELAY_EXPOSED
from fargo.config import load
from fargo.statemachine.media.description import Unreachable
from fargo.statemachine.media.texts import CALLER_UNREACHABLE, CLIENT_UNREACHABLE, PHONE_UNREACHABLE
from fargo.store.opening import open_reader
from replay.verifying.verify import verify

from .firewall import Firewall
from .offers import INSIDE, RAW, Place, naming

PORT = 17000
OWN = "198.41.0.4"
"""An address that this machine gets for the test."""
REFUSED = {
    Unreachable.LOOPBACK: ["127.0.0.9", "::1", "::ffff:127.0.0.1", "2002:7f00:1::1", "64:ff9b::7f00:1"],
    Unreachable.UNSPECIFIED: ["0.1.2.3"],
    Unreachable.LINK_LOCAL: ["169.254.169.254", "fe80::1"],
    Unreachable.MULTICAST: ["224.0.0.251", "ff02::fb"],
    Unreachable.BROADCAST: ["255.255.255.255"],
    Unreachable.RESERVED: ["192.0.2.7", "240.0.0.1", "2001:db8::1", "100::1"],
    Unreachable.OWN: [OWN],
    Unreachable.DENIED: ["198.41.0.9"],
}
ADDRESSES = [each for kind in REFUSED.values() for each in kind]
COMMAND = b"d7:command4:liste"
LOOPBACK = "127.0.0.9"


@pytest.fixture(params=ENGINES, ids=IDS.get)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def media() -> dict[str, object]:
    """The options of [media]: nothing but the clients and phones of this world is allowed."""
    return {"allow": [XMPP_ADDRESS, PHONE_ADDRESS], "deny": ["198.41.0.8/29"], "learn": []}


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    return await world.relay()


T = TypeVar("T")


@pytest_asyncio.fixture
async def own_address(servers: None) -> AsyncIterator[None]:
    for action in ("add", "delete"):
        tool = await Process.start("ip", "ip", "address", action, f"{OWN}/32", "dev", "lo")
        assert await tool.ended() == 0
        if action == "add":
            yield


@pytest_asyncio.fixture
async def gateway(
    world: World, relay: Rtpengine, engine: str, media: dict[str, object], own_address: None
) -> AsyncIterator[Gateway]:
    made = await world.gateway(engine=engine, media=media)
    yield made
    await made.stop()
    with closing(open_reader(made.log)) as log:
        assert not verify(log.read()).differences


@pytest_asyncio.fixture
async def scripted(world: World) -> ScriptedProvider:
    return await world.add(ScriptedProvider())


@pytest_asyncio.fixture
async def alice(world: World, gateway: Gateway, scripted: ScriptedProvider) -> Customer:
    customer = Customer(world, gateway, await world.client("alice"), scripted)
    await customer.register()
    return customer


async def either(one: Coroutine[Any, Any, T], other: Coroutine[Any, Any, object]) -> T | None:
    """Return what the first of two waits for, None if the other is over before."""
    tasks = (asyncio.create_task(one), asyncio.create_task(other))
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    return tasks[0].result() if tasks[0].done() and not tasks[0].cancelled() else None


async def invited(scripted: ScriptedProvider, call: JingleCall) -> Call | None:
    """Return the phone's end of a call, None if the call has ended without one."""
    return await either(scripted.called(), call.ended())


def raw_answer(phone: Call, host: str, port: int) -> str:
    """Return a phone's description whose only codec nobody decodes."""
    lines = phone.sdp(RtpEndpoint(PHONE_ADDRESS), [], host=host).splitlines()
    kept = [line for line in lines if not line.startswith("m=")]
    return "".join(f"{each}\r\n" for each in [*kept, f"m=audio {port} RTP/AVP 96", "a=rtpmap:96 X-RAW/8000"])


# --- the relay's control port


class Commander(asyncio.DatagramProtocol):
    """A socket that sends commands to the relay in RTP packets, and keeps what comes back."""

    def __init__(self) -> None:
        self.replies: list[bytes] = []
        self.replied = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    @property
    def place(self) -> Place:
        host, port = self.transport.get_extra_info("sockname")
        return host, port

    def datagram_received(self, data: bytes, _: object) -> None:
        self.replies.append(data)
        self.replied.set()

    async def commands(self, to: Place) -> None:
        """Send commands until there is a reply, or five have none. The cookie of each is an RTP header."""
        for number in range(5):
            header = bytes((0x80, 96)) + f"{number:02}cookie99".encode()
            self.transport.sendto(header + b" " + COMMAND, to)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.replied.wait(), 0.2)


@pytest_asyncio.fixture
async def commander() -> AsyncIterator[Commander]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Commander, local_addr=(PHONE_ADDRESS, 0))
    yield made
    transport.close()


@pytest.mark.parametrize("media", [{}], ids=["allowed"])
async def test_nobody_commands_the_relay(
    alice: Customer, scripted: ScriptedProvider, relay: Rtpengine, commander: Commander
) -> None:
    """One end names the relay's control port, and the other sends commands, which the relay passes on to itself. The
    operator has even allowed the network that this port is in.
    """
    control = (relay.address, relay.port)
    media = await alice.world.media()
    for place in (control, (relay.address, relay.port - 1)):
        call = await naming(place, codec=RAW).outgoing(alice.client, alice.contact("bob"), media)
        phone = await invited(scripted, call)
        if phone is not None:
            await phone.answered(raw_answer(phone, *commander.place))
            await call.answered()
            await commander.commands(audio(phone.invite)[:2])
        assert commander.replies == []
        assert (await call.ended()).text == CLIENT_UNREACHABLE
    call = await naming(commander.place, codec=RAW).outgoing(alice.client, alice.contact("bob"), media)
    phone = await scripted.called()
    phone.respond(phone.invite, 200, sdp=raw_answer(phone, *control))
    if (remote := await either(call.answered(), call.ended())) is not None:
        await commander.commands((remote.host, remote.port))
    assert commander.replies == []
    assert (await call.ended()).text == PHONE_UNREACHABLE
    await phone.ended()


# --- each kind of address, from each end


def logged(gateway: Gateway) -> set[str]:
    """Return the reasons for which addresses were refused, as the log has them."""
    with closing(open_reader(gateway.log)) as log:
        return set(re.findall(r"why=<Unreachable[.](\w+):", repr(list(log.read()))))


async def test_calls_out(alice: Customer, gateway: Gateway, scripted: ScriptedProvider) -> None:
    media = await alice.world.media()
    for place in (*((each, PORT) for each in ADDRESSES), (XMPP_ADDRESS, 53)):
        call = await naming(place).outgoing(alice.client, alice.contact("bob"), media)
        assert await invited(scripted, call) is None, place
        assert (await call.ended()).text == CLIENT_UNREACHABLE
    assert logged(gateway) == {each.name for each in (*REFUSED, Unreachable.PORT)}
    for address in ADDRESSES:
        call = await alice.call("bob", media)
        phone = await scripted.called()
        phone.respond(phone.invite, 200, sdp=phone.sdp(media, host=address))
        assert (await call.ended()).text == PHONE_UNREACHABLE, address
        await phone.ended()


async def test_calls_in(alice: Customer, engine: str, scripted: ScriptedProvider) -> None:
    media, mark = await alice.world.add(RtpEndpoint(PHONE_ADDRESS)), len(alice.client.stanzas)
    for address in ADDRESSES:
        warning = await is_refused(scripted.call(media, host=address))
        assert engine != "sip" or CALLER_UNREACHABLE in warning
    assert "session-initiate" not in said_to(alice, mark)
    for place in ((LOOPBACK, PORT), (OWN, PORT), (XMPP_ADDRESS, 161)):
        mark = len(alice.client.stanzas)
        phone = scripted.call(media)
        call = await naming(place).incoming(alice.client, media, after=mark)
        await call.accept()
        assert (await call.ended()).text == CLIENT_UNREACHABLE
        await is_refused(phone)


async def is_refused(phone: Call) -> str:
    """Check that a phone's call is not taken. Return the warning."""
    said = await phone.final(phone.invite)
    assert said.status == 488, said.start
    phone.refused(phone.invite, said)
    return said.get("Warning") or ""


def said_to(alice: Customer, mark: int) -> str:
    """Return what the client has been sent since a mark."""
    return "".join(ElementTree.tostring(each, "unicode") for each in alice.client.stanzas[mark:])


class Ear(asyncio.DatagramProtocol):
    """A socket that counts what arrives."""

    place: Place

    def __init__(self) -> None:
        self.heard = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.place = transport.get_extra_info("sockname")

    def datagram_received(self, _: bytes, __: object) -> None:
        self.heard += 1


@only("sip")
async def test_candidates_of_ice(
    alice: Customer, gateway: Gateway, scripted: ScriptedProvider, relay: Rtpengine
) -> None:
    """The relay would send checks, with text of the attacker's choice, to each of them."""
    loop = asyncio.get_running_loop()
    opened = [await loop.create_datagram_endpoint(Ear, local_addr=(each, 0)) for each in (XMPP_ADDRESS, LOOPBACK, OWN)]
    client, *others = [ear for _, ear in opened]
    hostile = naming(
        client.place, *(each.place for each in others), (XMPP_ADDRESS, 161), (relay.address, relay.port), ice=True
    )
    call = await hostile.outgoing(alice.client, alice.contact("bob"), await alice.world.media())
    phone = await scripted.called()
    await phone.answered(phone.sdp(await alice.world.add(RtpEndpoint(PHONE_ADDRESS))))
    await until(lambda: client.heard >= 3, "checks of the relay")
    assert [each.heard for each in others] == [0, 0]
    [session] = await relay.sessions()
    known = repr(await relay.session(session))
    assert LOOPBACK not in known
    assert INSIDE not in known
    await call.terminate()
    await phone.ended()
    for transport, _ in opened:
        transport.close()


# --- changes


async def test_changes_in_a_call(alice: Customer, engine: str, scripted: ScriptedProvider) -> None:
    talk = await out(alice, scripted, XMPP_ADDRESS, PHONE_ADDRESS)
    await talk.heard()
    mark = len(alice.client.stanzas)
    for address in (LOOPBACK, OWN, "224.0.0.251"):
        said = await talk.phone.change(talk.phone.sdp(talk.media, host=address))
        if engine == "sip":
            assert said.status == 488
            assert PHONE_UNREACHABLE in said["Warning"]
    assert "transport-info" not in said_to(alice, mark)
    hostile = naming()(talk.call.client, talk.call.peer, talk.call.sid, talk.call.media, talk.call.content)
    for place in ((LOOPBACK, PORT), (OWN, PORT), (XMPP_ADDRESS, 53)):
        assert await hostile.moves(place) == "not-acceptable"
    await talk.heard()
    await talk.hang_up()
    assert "INVITE" not in talk.phone.inbox.methods


async def test_rtcp_goes_no_other_way(alice: Customer, scripted: ScriptedProvider, relay: Rtpengine) -> None:
    media = await alice.world.add(RtpEndpoint(PHONE_ADDRESS))
    call = await alice.call("bob", await alice.world.media())
    phone = await scripted.called()
    await phone.answered(phone.sdp(media) + f"a=rtcp:{relay.port} IN IP4 {relay.address}\r\n")
    await call.answered()
    named = {(each.get("ip"), each.get("port")) for stanza in alice.client.stanzas for each in stanza.iter()}
    assert (PHONE_ADDRESS, str(media.port)) in named
    assert (relay.address, str(relay.port)) not in named
    await call.terminate()
    await phone.ended()


# --- other users of the machine


async def test_it_is_told_if_others_can_command_the_relay(
    world: World, relay: Rtpengine, tmp_path: Path, firewall: Firewall
) -> None:
    gateway = Gateway(world.server, settings={"media": {"relay": f"{relay.address}:{relay.port}"}}, directory=tmp_path)
    gateway.write(gateway.configuration.name, toml(gateway.tables))
    [told] = exposed(load(gateway.configuration))
    assert told.sentence == RELAY_EXPOSED.format(port=relay.port)
    firewall((relay.address, relay.port))
    assert list(exposed(load(gateway.configuration))) == []
    assert await relay.sessions() == []  # it answers this user all the same
