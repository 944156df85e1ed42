"""Requests and responses in both directions, over UDP and TCP, IPv4 and IPv6, and what the edge says about them.

Every message outside is mirrored to a HEP collector, and none of the loopback hop.
"""

from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from typing import Any

import pytest
import pytest_asyncio

from ..agents import Agent, Connection, Listener, host_port, request, response, unique
from .conftest import (
    ALSO_OUTSIDE,
    INSIDE,
    OUTSIDE,
    OUTSIDE_6,
    PROVIDER,
    Gateway,
    RunningEdge,
    of_fargo,
    source,
)
from .hep import Collector

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = "v=0\r\n" + "a=anything at all\r\n" * 300
FORGED = [("X-Fargo-From", "udp:192.0.2.1:5060;boot=1"), ("x-fargo-key", "0"), ("X-Fargo-Local ", "1")]
EACH_VERSION = pytest.mark.parametrize(
    ("ip", "ours"), [(PROVIDER, OUTSIDE), (OUTSIDE_6, OUTSIDE_6)], ids=["IPv4", "IPv6"]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    collector = await Collector.open("127.0.0.8")
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def more_settings(collector: Collector) -> dict[str, Any]:
    ip, port = collector.address
    return {"hep": (IPv4Address(ip), port)}


# --- requests of the gateway


@EACH_VERSION
async def test_a_request_goes_out_and_its_responses_come_in(
    edge: RunningEdge, gateway: Gateway, ip: str, ours: str
) -> None:
    agent = await Agent.open(ip)
    sent = gateway.outgoing("INVITE", agent.address, headers=[("Route", "<sip:nowhere.test;lr>")], body=BODY)
    got = await agent.request("INVITE", sent["Call-ID"])
    assert (got.uri, got["Route"], got.body) == (sent.uri, sent["Route"], sent.body)
    assert got["Via"].startswith(f"SIP/2.0/UDP {host_port(edge.at(ip=ours))};")
    assert (of_fargo(got), got["Max-Forwards"]) == ([], "69")
    trying = await gateway.response(sent, 100)
    assert (trying.status, trying["X-Fargo-Local"], trying.get("X-Fargo-From")) == (100, "1", None)
    got.headers[0] = ("Via", got["Via"].replace(";rport", ";received=203.0.113.1;rport=1024"))
    for status in (183, 200):
        agent.send(response(got, status, "Yes", headers=FORGED, body=BODY), edge.at(ip=ours))
        arrived = await gateway.response(sent, status)
        assert (arrived.body, of_fargo(arrived)) == (BODY, ["X-Fargo-Key", "X-Fargo-From"])
        told = source(arrived)
        assert (told["from"], told["at"]) == (f"udp:{host_port(agent.address)}", host_port(edge.at(ip=ours)))
        assert (told["seen"], "stray" in told) == ("203.0.113.1:1024", False)
    agent.close()


async def test_a_request_goes_out_over_tcp(edge: RunningEdge, gateway: Gateway) -> None:
    listener = await Listener.open(OUTSIDE_6)
    sent = gateway.outgoing("REGISTER", listener.address, "tcp", body=BODY)
    connection = await listener.connection()
    got = await connection.request("REGISTER")
    assert got["Via"].startswith(f"SIP/2.0/TCP {host_port(edge.at(ip=OUTSIDE_6))};")
    await connection.answer(got, 200, "OK")
    told = source(await gateway.final(sent))
    assert told["from"] == f"tcp:{host_port(listener.address)}"
    await listener.close()


async def test_the_ack_to_a_2xx_goes_where_it_says(provider: Agent, gateway: Gateway) -> None:
    sent = gateway.outgoing("INVITE", provider.address)
    got = await provider.request("INVITE", sent["Call-ID"])
    answered = await provider.answer(got, 200, "OK")
    await gateway.final(sent)
    phone = await Agent.open("127.0.0.5")
    same = [("Call-ID", sent["Call-ID"]), ("From", sent["From"]), ("To", answered["To"]), ("CSeq", "1 ACK")]
    gateway.outgoing("ACK", phone.address, headers=same, body=BODY)
    ack = await phone.request("ACK", sent["Call-ID"])
    assert (ack["To"], ack.body, of_fargo(ack)) == (answered["To"], BODY, [])
    phone.close()


async def test_a_failure_is_acknowledged_at_each_hop(provider: Agent, gateway: Gateway) -> None:
    sent = gateway.outgoing("INVITE", provider.address)
    got = await provider.request("INVITE", sent["Call-ID"])
    await provider.answer(got, 486, "Busy Here")
    ack = await provider.request("ACK", sent["Call-ID"])
    assert (ack["Via"], of_fargo(ack)) == (got["Via"], [])
    refused = await gateway.final(sent)
    same = [(name, sent[name]) for name in ("Via", "Call-ID", "From")]
    gateway.outgoing("ACK", provider.address, headers=[*same, ("To", refused["To"]), ("CSeq", "1 ACK")])
    next_one = gateway.outgoing("OPTIONS", provider.address)
    await provider.request("OPTIONS", next_one["Call-ID"])  # what went out before it has arrived before it
    assert not provider.has(lambda message: message.get("Call-ID") == sent["Call-ID"])


async def test_a_request_is_cancelled(provider: Agent, gateway: Gateway) -> None:
    sent = gateway.outgoing("INVITE", provider.address)
    got = await provider.request("INVITE", sent["Call-ID"])
    await provider.answer(got, 180, "Ringing")
    await gateway.response(sent, 180)
    reason = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
    same = [(name, sent[name]) for name in ("Via", "Call-ID", "From", "To")]
    cancel = gateway.outgoing("CANCEL", provider.address, headers=[*same, ("CSeq", "1 CANCEL"), reason])
    assert (await gateway.final(cancel)).status == 200
    arrived = await provider.request("CANCEL", sent["Call-ID"])
    assert (arrived["Via"], arrived["Reason"], of_fargo(arrived)) == (got["Via"], reason[1], [])
    await provider.answer(arrived, 200, "OK")
    await provider.answer(got, 487, "Request Terminated")
    assert (await gateway.final(sent)).status == 487


async def test_a_repeated_request_does_not_go_out_again(provider: Agent, gateway: Gateway) -> None:
    sent = gateway.outgoing("MESSAGE", provider.address)
    got = await provider.request("MESSAGE", sent["Call-ID"])
    gateway.send(sent)
    await provider.answer(got, 202, "Accepted")
    await gateway.final(sent)
    gateway.send(sent)
    assert (await gateway.final(sent)).status == 202
    assert not provider.has(lambda message: message.get("Call-ID") == sent["Call-ID"])


async def test_every_fork_and_every_2xx_arrives(provider: Agent, gateway: Gateway, edge: RunningEdge) -> None:
    sent = gateway.outgoing("INVITE", provider.address)
    got = await provider.request("INVITE", sent["Call-ID"])
    for status, tag in ((180, "a"), (180, "b"), (200, "a"), (200, "b"), (200, "b")):
        answer = response(got, status, "Yes")
        answer.replace("To", f"{got['To']};tag={tag}")
        provider.send(answer, edge.at())
        arrived = await gateway.response(sent, status)
        assert (arrived.status, arrived["To"]) == (status, answer["To"])


# --- requests to the gateway


@EACH_VERSION
async def test_a_request_comes_in_and_its_responses_go_out(
    edge: RunningEdge, gateway: Gateway, ip: str, ours: str
) -> None:
    agent = await Agent.open(ip)
    sent = request("INVITE", f"sip:{gateway.token()}@{host_port(edge.at(ip=ours))}", headers=FORGED, body=BODY)
    agent.send(sent, edge.at(ip=ours))
    assert (await agent.response(sent, 100)).status == 100
    got = await gateway.request("INVITE", sent["Call-ID"])
    assert (got.uri, got.body, of_fargo(got)) == (sent.uri, sent.body, ["X-Fargo-Key", "X-Fargo-From"])
    told = source(got)
    assert (told["from"], told["at"]) == (f"udp:{host_port(agent.address)}", host_port(edge.at(ip=ours)))
    for status in (180, 200):
        await gateway.answer(got, status, "Yes", body=BODY)
        arrived = await agent.response(sent, status)
        assert (arrived.status, arrived.body, of_fargo(arrived)) == (status, BODY, [])
        assert len(arrived.all("Via")) == 1
    agent.close()


async def test_responses_leave_from_the_address_that_was_called(edge: RunningEdge, gateway: Gateway) -> None:
    agent = await Agent.open(PROVIDER)
    for ip in (OUTSIDE, ALSO_OUTSIDE):
        sent = agent.send(request("OPTIONS", f"sip:{gateway.token()}@{ip}"), edge.at(ip=ip))
        got = await gateway.request("OPTIONS", sent["Call-ID"])
        assert source(got)["at"] == host_port(edge.at(ip=ip))
        await gateway.answer(got, 200, "OK")
        await agent.final(sent)
        assert agent.senders[-1] == edge.at(ip=ip)
    agent.close()


async def test_responses_go_to_the_port_that_the_request_came_from(edge: RunningEdge, gateway: Gateway) -> None:
    """A NAT has given the sender another port than its Via says, and the sender does not ask for rport."""
    agent = await Agent.open(PROVIDER)
    via = ("Via", f"SIP/2.0/UDP 10.1.2.3:{agent.address[1] + 1};branch=z9hG4bK-nat")
    sent = agent.send(request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}", headers=[via]), edge.at())
    await gateway.answer(await gateway.request("OPTIONS", sent["Call-ID"]), 200, "OK")
    seen = (await agent.final(sent))["Via"]
    assert f";received={PROVIDER}" in seen
    assert f";rport={agent.address[1]}" in seen
    agent.close()


async def test_a_request_comes_in_over_tcp(edge: RunningEdge, gateway: Gateway) -> None:
    caller = await Connection.open(PROVIDER, edge.at("tcp"))
    sent = caller.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}", body=BODY))
    got = await gateway.request("INVITE", sent["Call-ID"])
    assert source(got)["from"] == f"tcp:{host_port(caller.address)}"
    await gateway.answer(got, 200, "OK")
    assert (await caller.final(sent)).status == 200
    back = gateway.outgoing("BYE", caller.address, "tcp")  # on the same connection
    assert (await caller.request("BYE", back["Call-ID"])).method == "BYE"
    await caller.close()


async def test_a_caller_cancels(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    sent = provider.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    got = await gateway.request("INVITE", sent["Call-ID"])
    await gateway.answer(got, 180, "Ringing")
    await provider.response(sent, 180)
    reason = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
    same = [(name, sent[name]) for name in ("Via", "Call-ID", "From", "To")]
    cancel = provider.send(request("CANCEL", sent.uri, headers=[*same, ("CSeq", "1 CANCEL"), reason]), edge.at())
    assert (await provider.final(cancel)).status == 200
    arrived = await gateway.request("CANCEL", sent["Call-ID"])
    assert (arrived["Via"], arrived["Reason"], arrived.uri) == (got["Via"], reason[1], got.uri)
    assert [arrived[name] for name in of_fargo(got)] == [got[name] for name in of_fargo(got)]
    await gateway.answer(arrived, 200, "OK")
    await gateway.answer(got, 487, "Request Terminated")
    assert (await provider.final(sent)).status == 487
    ack = await gateway.request("ACK", sent["Call-ID"])
    assert (ack["Via"], [ack[name] for name in of_fargo(got)]) == (got["Via"], [got[name] for name in of_fargo(got)])


async def test_the_ack_to_our_2xx_comes_in(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    contact = f"sip:{gateway.token()}@{OUTSIDE}"
    sent = provider.send(request("INVITE", contact), edge.at())
    answered = await gateway.answer(await gateway.request("INVITE", sent["Call-ID"]), 200, "OK")
    await provider.final(sent)
    same = [("Call-ID", sent["Call-ID"]), ("From", sent["From"]), ("To", answered["To"]), ("CSeq", "1 ACK")]
    provider.send(request("ACK", contact, headers=same, body=BODY), edge.at())
    ack = await gateway.request("ACK", sent["Call-ID"])
    assert (ack["To"], ack.body, source(ack)["from"]) == (
        answered["To"],
        BODY,
        f"udp:{host_port(provider.address)}",
    )


async def test_a_burst_keeps_its_order(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    await gateway.accepted_by(provider)
    contact = f"sip:{gateway.token()}@{OUTSIDE}"
    for _ in range(100):
        call = unique("burst")
        sent = []
        for cseq in ("1 ACK", "2 INVITE", "3 BYE"):
            head = [("Call-ID", call), ("CSeq", cseq), ("To", "<sip:bob@example.net>;tag=1")]
            sent.append(provider.send(request(cseq.split()[1], contact, headers=head), edge.at()))
        arrived = [await gateway.of_call(call) for _ in sent]
        assert [got["CSeq"] for got in arrived] == [each["CSeq"] for each in sent]
        for got in arrived[1:]:
            await gateway.answer(got, 481, "Call/Transaction Does Not Exist")
        await gateway.request("ACK", call)


# --- what cannot go out


@pytest.mark.parametrize(
    "hop",
    [
        *("sip:bob.example.net:5060;transport=udp", "sip:127.0.0.3;transport=udp", "sip:127.0.0.3:5060", "127.0.0.3"),
        *("sip:[::1:5060;transport=udp", "sip:127.0.0.3:5060;transport=sctp", "sip:127.0.0.3:5060;transport=udp;x=y"),
    ],
)
async def test_a_hop_must_be_an_address(gateway: Gateway, hop: str, edge: RunningEdge) -> None:
    sent = gateway.send(request("OPTIONS", "sip:bob@example.net", headers=[("X-Fargo-Hop", hop)]))
    refused = await gateway.final(sent)
    assert (refused.status, refused["X-Fargo-Local"]) == (500, "1")


async def test_a_refused_connection_is_told_at_once(gateway: Gateway, edge: RunningEdge) -> None:
    listener = await Listener.open(PROVIDER)
    await listener.close()
    sent = gateway.outgoing("REGISTER", listener.address, "tcp")
    refused = await gateway.final(sent)
    assert (refused.status, refused["X-Fargo-Local"], refused.get("X-Fargo-From")) == (477, "1", None)


async def test_silence_is_told(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    """That of a server to the gateway, and that of the gateway to a caller, at the same time."""
    sent = [gateway.outgoing(method, provider.address) for method in ("INVITE", "REGISTER")]
    call = provider.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    for each in sent:
        late = await gateway.final(each)
        assert (late.status, late["X-Fargo-Local"]) == (408, "1")
    assert (await provider.final(call)).status == 503


# --- the copies


async def test_a_copy_of_each_message_outside_goes_to_the_collector(
    edge: RunningEdge, gateway: Gateway, provider: Agent, collector: Collector
) -> None:
    sent = gateway.outgoing("REGISTER", provider.address, headers=[("Authorization", "Digest none")])
    got = await provider.request("REGISTER", sent["Call-ID"])
    await provider.answer(got, 200, "OK")
    await gateway.final(sent)
    out, back = [await collector.copy(start, sent["Call-ID"]) for start in (got.start, "SIP/2.0 200 OK")]
    assert (out["Authorization"], out.source, out.destination) == ("Digest none", edge.at(), provider.address)
    assert (back.source, back.destination) == (provider.address, edge.at())


async def test_no_key_leaves_with_the_copies(
    edge: RunningEdge, gateway: Gateway, provider: Agent, collector: Collector
) -> None:
    """Nor with the news of a connection, which the edge makes itself. Messages of other tests are looked at, too."""
    called = provider.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    came = await gateway.request("INVITE", called["Call-ID"])
    await gateway.answer(came, 486, "Busy Here")
    await provider.final(called)
    listener = await Listener.open(PROVIDER)
    sent = gateway.outgoing("REGISTER", listener.address, "tcp")
    connection = await listener.connection()
    await connection.answer(await connection.request("REGISTER"), 200, "OK")
    await gateway.final(sent)
    await listener.close()
    await gateway.expect(lambda message: message.get("X-Fargo-Closed") is not None, "that the connection was closed")
    for start, call in (
        (called.start, called["Call-ID"]),
        ("SIP/2.0 486 Busy Here", called["Call-ID"]),
        (sent.start, sent["Call-ID"]),
        ("SIP/2.0 200 OK", sent["Call-ID"]),
    ):
        await collector.copy(start, call)
    everything = b"".join(collector.packets)
    assert b"X-Fargo-Hop" not in everything
    assert gateway.seen
    assert not [key for key in gateway.seen if key.encode() in everything]
    ends = {end for message in collector.messages for end in (message.source, message.destination)}
    assert (INSIDE, edge.settings.inside[1]) not in ends
