"""Local users (point 7): what is on loopback is of no use to another user of the machine.

The inside of the SIP edge and the gateway's own port protect themselves. The port of each rakia, and that of the media
relay's commands, need the rules in packaging/fargo.iptables, which are applied here.
"""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing

import pytest
from edge.agents import Agent
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world.gateway import Gateway
from world.ports import udp_ports
from world.world import World

from fargo.config_sections import INSIDE
from fargo.store.opening import open_reader
from replay.reading import golden

from .firewall import Firewall
from .other_users import AS_NOBODY, require_other_users
from .test_privileges import programs

DATAGRAMS = 1000
SEND = """
import json, socket, sys

source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
source.bind(("127.0.0.1", 0))
source.settimeout(0.5)
kept_back = 0
for to, data in json.load(sys.stdin):
    try:
        source.sendto(data.replace("OWN", str(source.getsockname()[1])).encode(), tuple(to))
    except PermissionError:
        kept_back += 1
replies = 0
try:
    while source.recv(65536):
        replies += 1
except (TimeoutError, ConnectionRefusedError):
    pass
print(json.dumps([kept_back, replies]))
"""
Datagrams = Iterable[tuple[tuple[str, int], str]]

INVITE = (
    "INVITE sip:+19005551234@{victim} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:OWN;branch=z9hG4bK{number};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:ceo@victim.example>;tag=1\r\nTo: <sip:+19005551234@{victim}>\r\n"
    "Call-ID: {number}\r\nCSeq: 1 INVITE\r\nContact: <sip:ceo@127.0.0.1:OWN>\r\n{more}Content-Length: 0\r\n\r\n"
)
BUSY = (
    "SIP/2.0 486 Busy\r\nVia: SIP/2.0/UDP {inside};branch=z9hG4bK{number}.0;fg=0123\r\n"
    "Via: SIP/2.0/UDP {victim};branch=z9hG4bKv\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
    "Call-ID: {number}\r\nCSeq: 1 INVITE\r\n{more}Content-Length: 0\r\n\r\n"
)
SESSION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
DEADLY = f"{SESSION}m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"
"""rakia aborts if an offer has two streams."""
KEY = "0123456789abcdef" * 2
ROUTES = ("", "udp~{host}~{port}@", f"{KEY}~udp~{{host}}~{{port}}~rakia@")
"""The user parts of a Route that leads out of the edge."""


async def sent_by_nobody(datagrams: Datagrams) -> tuple[int, int]:
    """Send datagrams as another user. Return how many the kernel kept back, and how many replies there were."""
    child = await asyncio.create_subprocess_exec(
        *(*AS_NOBODY, sys.executable, "-c", SEND), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    told, _ = await child.communicate(json.dumps(list(datagrams)).encode())
    kept_back, replies = json.loads(told)
    return kept_back, replies


def logged(gateway: Gateway) -> str:
    """Return the log as text."""
    with closing(open_reader(gateway.log)) as log:
        return golden.written(log.read()).decode()


async def talking(world: World, engine: str) -> tuple[Gateway, Callable[[], Awaitable[None]]]:
    """Let alice call bob. Return the gateway, and what ends the call."""
    gateway = await world.gateway(engine=engine)
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    bob, media = await world.phone("bob"), await world.media()
    call = await alice.call("bob", media)
    await call.answered()

    async def end() -> None:
        await call.terminate()
        await bob.event("CALL_CLOSED")

    return gateway, end


def to_telepathy(inside: tuple[str, int], victim: tuple[str, int]) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield requests and responses that the edge of rakia would pass on, to somebody else or to rakia."""
    for number in range(DATAGRAMS // 6):
        values = {"victim": "{}:{}".format(*victim), "inside": "{}:{}".format(*inside), "number": number}
        for user in ROUTES:
            hop = user.format(host=victim[0], port=victim[1])
            more = f"Route: <sip:{hop}{values['inside']};lr>\r\n" if user else ""
            yield inside, INVITE.format(more=more, **values)
        yield inside, BUSY.format(more="", **values)
        for asked in ("HOLD", "HOSTS"):  # the second ends all calls
            yield inside, INVITE.format(more="", **values).replace("INVITE", asked)


def to_sip(
    inside: tuple[str, int], gateway: tuple[str, int], victim: tuple[str, int]
) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield requests and responses that our own edge, or the gateway, would act on."""
    for number in range(DATAGRAMS // 5):
        values = {"victim": "{}:{}".format(*victim), "inside": "{}:{}".format(*inside), "number": number}
        hop = f"X-Fargo-Hop: sip:{values['victim']};transport=udp\r\n"
        key = f"X-Fargo-Key: {KEY}\r\n"
        of_edge = f"{key}X-Fargo-From: udp:{values['inside']};at={values['inside']};boot=1\r\n"
        yield inside, INVITE.format(more=hop, **values)
        yield inside, INVITE.format(more=hop + key, **values)
        yield inside, BUSY.format(more=key, **values)
        yield gateway, INVITE.format(more=of_edge, **values)
        yield gateway, INVITE.format(more=f"{of_edge}X-Fargo-Started: 1\r\n", **values).replace("INVITE", "OPTIONS")


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_the_inside_of_the_edge_is_no_relay(world: World, engine: str) -> None:
    require_other_users()
    gateway, end = await talking(world, engine)
    victim = await Agent.open("127.0.0.9")
    running = set(programs(gateway))
    sip = gateway.tables["sip"]
    inside = INSIDE, int(str(sip["inside_port"]))
    if engine == "sip":
        datagrams = to_sip(inside, (INSIDE, int(str(sip["gateway_port"]))), victim.address)
    else:
        datagrams = to_telepathy(inside, victim.address)
    assert await sent_by_nobody(datagrams) == (0, 0)
    assert set(programs(gateway)) == running
    await end()
    assert victim.senders == []
    assert not any(trace in logged(gateway) for trace in ("victim.example", "EdgeRestarted"))
    victim.close()


# --- with the rules


async def test_rakia_is_out_of_reach(world: World, firewall: Firewall) -> None:
    firewall(("127.0.0.1", 2223))
    gateway, end = await talking(world, "telepathy")
    running = set(programs(gateway))
    inside = int(str(gateway.tables["sip"]["inside_port"]))
    ports = {port for pid in running for port in udp_ports(pid)} - {inside, gateway.port}
    assert ports
    offer = INVITE.replace("Content-Length: 0\r\n\r\n", "")
    offer += f"Content-Type: application/sdp\r\nContent-Length: {len(DEADLY)}\r\n\r\n{DEADLY}"
    datagrams = [
        ((INSIDE, port), offer.format(victim=f"{INSIDE}:{port}", number=number, more=""))
        for number in range(DATAGRAMS // len(ports))
        for port in ports
    ]
    assert await sent_by_nobody(datagrams) == (len(datagrams), 0)
    assert set(programs(gateway)) == running
    await end()


async def test_the_commands_of_the_relay_are_out_of_reach(world: World, firewall: Firewall) -> None:
    relay = await world.relay()
    at = relay.address, relay.port
    commands = [(at, f"{number} d7:command4:liste") for number in range(DATAGRAMS)]
    assert await sent_by_nobody(commands[:10]) == (0, 10), "without the rules, anybody can command it"
    firewall(at)
    assert await sent_by_nobody(commands) == (DATAGRAMS, 0)
    gateway = await world.gateway("relay")
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    bob, media = await world.phone("bob"), await world.media()
    call = await alice.call("bob", media)
    await call.answered()
    assert len(await relay.sessions()) == 1
    await call.terminate()
    await bob.event("CALL_CLOSED")


# --- the bus


async def test_the_private_bus_is_out_of_reach(world: World) -> None:
    require_other_users()
    gateway = await world.gateway(engine="telepathy")
    [bus] = gateway.state.glob("sip/*/bus")
    with socket.socket(socket.AF_UNIX) as own:
        own.connect(str(bus))
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    tried = await asyncio.create_subprocess_exec(
        *(*AS_NOBODY, sys.executable, "-c", connect, str(bus)), stderr=subprocess.PIPE
    )
    _, told = await tried.communicate()
    assert b"PermissionError" in told
