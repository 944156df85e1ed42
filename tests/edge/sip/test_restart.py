"""The edge is killed and started again while transactions are open: what goes on without them, and what is told.

All transactions are begun before one restart. Each test then continues some of them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from ..agents import Agent, Connection, Listener, Message, host_port, request
from .conftest import ALSO_OUTSIDE, OUTSIDE, OUTSIDE_6, PROVIDER, Gateway, RunningEdge, of_fargo, source

pytestmark = pytest.mark.asyncio(loop_scope="module")

UDP = [(PROVIDER, OUTSIDE), (PROVIDER, ALSO_OUTSIDE), (OUTSIDE_6, OUTSIDE_6)]


@dataclass
class Open:
    """The requests that were open when the edge was killed."""

    boot: str = ""
    started: Message = field(default_factory=lambda: Message(""))
    incoming: dict[str, tuple[Agent, Message, Message]] = field(default_factory=dict)
    """By our address: the caller, its INVITE, and that INVITE as the gateway got it."""
    outgoing: dict[str, tuple[Agent, Message, Message]] = field(default_factory=dict)
    """By the other address: the phone, our INVITE, and that INVITE as the phone got it."""
    over_tcp: list[tuple[Listener, Message, Message]] = field(default_factory=list)
    """A server that has called us and one that we have called: where it listens, and the INVITE at both ends."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(edge: RunningEdge, gateway: Gateway) -> AsyncIterator[Open]:
    opened = Open()
    for ip, ours in UDP:
        caller = await Agent.open(ip)
        sent = caller.send(request("INVITE", f"sip:{gateway.token()}@{host_port(edge.at(ip=ours))}"), edge.at(ip=ours))
        opened.incoming[ours] = caller, sent, await gateway.request("INVITE", sent["Call-ID"])
    for ip in (PROVIDER, OUTSIDE_6):
        phone = await Agent.open(ip)
        sent = gateway.outgoing("INVITE", phone.address)
        opened.outgoing[ip] = phone, sent, await phone.request("INVITE", sent["Call-ID"])
    server = await Listener.open(PROVIDER)
    connection = await Connection.open(PROVIDER, edge.at("tcp"))
    call = connection.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}"), via=server.address)
    opened.over_tcp.append((server, call, await gateway.request("INVITE", call["Call-ID"])))
    server = await Listener.open(PROVIDER)
    call = gateway.outgoing("INVITE", server.address, "tcp")
    opened.over_tcp.append((server, call, await (await server.connection()).request("INVITE")))
    opened.boot = source(opened.incoming[OUTSIDE][2])["boot"]
    await edge.restart()
    opened.started = await gateway.request("OPTIONS")
    yield opened
    for listener, _, _ in opened.over_tcp:
        await listener.close()
    for agent, _, _ in (*opened.incoming.values(), *opened.outgoing.values()):
        agent.close()


async def test_the_gateway_is_told(opened: Open, gateway: Gateway) -> None:
    assert opened.started["X-Fargo-Started"] == "1"
    assert source(opened.started)["boot"] != opened.boot
    await gateway.answer(opened.started, 200, "OK")


@pytest.mark.parametrize("ip", [PROVIDER, OUTSIDE_6])
async def test_responses_to_our_requests_still_come_in(opened: Open, gateway: Gateway, ip: str) -> None:
    phone, sent, got = opened.outgoing[ip]
    for status in (180, 200, 200):
        await phone.answer(got, status, "Yes")
        arrived = await gateway.response(sent, status)
        told = source(arrived)
        assert (arrived.status, told["from"], "stray" in told) == (status, f"udp:{host_port(phone.address)}", True)
        assert told["boot"] == source(opened.started)["boot"]


@pytest.mark.parametrize("ours", [ours for _, ours in UDP])
async def test_our_responses_still_go_out_from_the_right_address(
    opened: Open, edge: RunningEdge, gateway: Gateway, ours: str
) -> None:
    caller, sent, got = opened.incoming[ours]
    for status in (180, 200, 200):
        await gateway.answer(got, status, "Yes")
        arrived = await caller.response(sent, status)
        assert (arrived.status, of_fargo(arrived), len(arrived.all("Via"))) == (status, [], 1)
        assert caller.senders[-1] == edge.at(ip=ours)


async def test_over_tcp_responses_find_new_connections(opened: Open, edge: RunningEdge, gateway: Gateway) -> None:
    """Of RFC 3261 §18.2.2: they go to the port in the Via."""
    (server, call, got), (_, sent, to_answer) = opened.over_tcp
    await gateway.answer(got, 200, "OK")
    connection = await server.connection()
    assert (await connection.final(call)).status == 200
    connection = await Connection.open(PROVIDER, edge.at("tcp"))
    await connection.answer(to_answer, 200, "OK")
    assert source(await gateway.final(sent))["from"] == f"tcp:{host_port(connection.address)}"
    await connection.close()


async def test_a_caller_can_still_cancel(opened: Open, edge: RunningEdge, gateway: Gateway) -> None:
    caller, sent, got = opened.incoming[OUTSIDE]
    same = [(name, sent[name]) for name in ("Via", "Call-ID", "From", "To")]
    cancel = caller.send(request("CANCEL", sent.uri, headers=[*same, ("CSeq", "1 CANCEL")]), edge.at())
    arrived = await gateway.request("CANCEL", sent["Call-ID"])
    assert (arrived.uri, arrived.all("Via"), of_fargo(arrived)) == (got.uri, got.all("Via"), of_fargo(got))
    await gateway.answer(arrived, 200, "OK")
    assert (await caller.final(cancel)).status == 200
    refused = await gateway.answer(got, 487, "Request Terminated")
    assert (await caller.response(sent, 487)).status == 487
    ack = request("ACK", sent.uri, headers=[*same[:3], ("To", refused["To"]), ("CSeq", "1 ACK")])
    caller.send(ack, edge.at())
    assert (await gateway.request("ACK", sent["Call-ID"]))["To"] == refused["To"]


async def test_we_can_still_cancel_after_the_same_invite_again(opened: Open, gateway: Gateway) -> None:
    phone, sent, got = opened.outgoing[PROVIDER]
    same = [(name, sent[name]) for name in ("Via", "Call-ID", "From", "To")]
    cancel = request("CANCEL", sent.uri, headers=[*same, ("CSeq", "1 CANCEL")])
    unknown = await gateway.final(gateway.send(cancel))
    assert (unknown.status, unknown["X-Fargo-Local"]) == (481, "1")
    gateway.send(sent)
    again = await phone.request("INVITE", sent["Call-ID"])
    assert again["Via"] == got["Via"]  # for the phone a repetition
    await phone.answer(again, 180, "Ringing")
    await gateway.response(sent, 180)
    gateway.send(cancel)
    assert (await gateway.final(cancel)).status == 200
    assert (await phone.request("CANCEL", sent["Call-ID"]))["Via"] == got["Via"]
