"""The gateway has moved from another machine with the edge's secret: responses to what the edge there has taken go out
from here.
"""

import pytest

from ..agents import Address, Agent, Listener, host_port, request, unique
from .conftest import OUTSIDE, OUTSIDE_6, PROVIDER, STRANGER, Gateway, RunningEdge, of_fargo

pytestmark = pytest.mark.asyncio(loop_scope="module")


def taken_elsewhere(gateway: Gateway, caller: Address, socket: str) -> "tuple[str, ...]":
    """Return the Via headers of a request of a caller as the edge at another address has passed it on."""
    transport = socket.partition(":")[0].upper()
    own = f"SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{unique('edge')};at={socket.encode().hex()}"
    return own, f"SIP/2.0/{transport} {host_port(caller)};branch=z9hG4bK{unique('caller')}"


def answer(gateway: Gateway, vias: "tuple[str, ...]") -> str:
    """Send a 2xx to such a request, and return its Call-ID."""
    ok = request("INVITE", "sip:token@192.0.2.9")
    ok.start = "SIP/2.0 200 OK"
    ok.headers = [("Via", each) for each in vias] + [pair for pair in ok.headers if pair[0] != "Via"]
    gateway.send(ok)
    return ok["Call-ID"]


@pytest.mark.parametrize(
    ("ip", "socket", "ours"),
    [(PROVIDER, "udp:192.0.2.9:5060", OUTSIDE), (OUTSIDE_6, "udp:[2001:DB8:0:0:0:0:0:9]:5060", OUTSIDE_6)],
)
async def test_a_response_goes_out_from_our_own_address(
    edge: RunningEdge, gateway: Gateway, ip: str, socket: str, ours: str
) -> None:
    caller = await Agent.open(ip)
    call = answer(gateway, taken_elsewhere(gateway, caller.address, socket))
    arrived = await caller.expect(lambda message: message["Call-ID"] == call, "the response")
    assert (arrived.status, of_fargo(arrived), len(arrived.all("Via"))) == (200, [], 1)
    assert caller.senders[-1] == edge.at(ip=ours)
    caller.close()


async def test_over_tcp_it_goes_to_where_the_caller_listens(edge: RunningEdge, gateway: Gateway) -> None:
    server = await Listener.open(PROVIDER)
    call = answer(gateway, taken_elsewhere(gateway, server.address, "tcp:192.0.2.9:5060"))
    connection = await server.connection()
    arrived = await connection.expect(lambda message: message["Call-ID"] == call, "the response")
    assert (arrived.status, len(arrived.all("Via"))) == (200, 1)
    await server.close()


async def test_a_response_with_no_edge_of_the_gateway_in_it_goes_nowhere(edge: RunningEdge, gateway: Gateway) -> None:
    caller, other = await Agent.open(STRANGER), await Agent.open(PROVIDER)
    for socket in ("sctp:192.0.2.9:5060", "udp:example.net:5060", "udp:192.0.2.9"):
        answer(gateway, taken_elsewhere(gateway, caller.address, socket))
    last = answer(gateway, taken_elsewhere(gateway, other.address, "udp:192.0.2.9:5060"))
    await other.expect(lambda message: message["Call-ID"] == last, "the response")
    assert not caller.senders
    for each in (caller, other):
        each.close()
