"""Messages that do not pass: those without a key, requests without a token, loopback addresses, junk."""

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from fargo.edge.sip.keys import EdgeKeys, message_key, token

from ..agents import Agent, host_port, request, response, unique
from .conftest import INSIDE, OUTSIDE, Gateway, RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def still_serves(edge: RunningEdge, gateway: Gateway, agent: Agent) -> None:
    """Check that requests still pass in both directions. What was sent before has then passed, too, or never will."""
    sent = gateway.outgoing("OPTIONS", agent.address)
    got = await agent.request("OPTIONS", sent["Call-ID"])
    await agent.answer(got, 200, "OK")
    await gateway.final(sent)
    sent = agent.send(request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    await gateway.answer(await gateway.request("OPTIONS", sent["Call-ID"]), 200, "OK")
    await agent.final(sent)
    assert edge.process.running


# --- the key


WRONG_KEYS: dict[str, Callable[[EdgeKeys, str], str]] = {
    "empty": lambda keys, call: "",
    "any": lambda keys, call: "0" * 32,
    "of the other direction": lambda keys, call: message_key(keys.to_gateway, call, "1", "OPTIONS"),
    "of another method": lambda keys, call: message_key(keys.to_edge, call, "1", "INVITE"),
    "of another call": lambda keys, call: message_key(keys.to_edge, "another", "1", "OPTIONS"),
    "of another CSeq": lambda keys, call: message_key(keys.to_edge, call, "2", "OPTIONS"),
}


@pytest.mark.parametrize("wrong", WRONG_KEYS)
async def test_a_request_without_the_key_does_not_go_out(
    edge: RunningEdge, gateway: Gateway, provider: Agent, wrong: str
) -> None:
    call = unique("call")
    key = ("X-Fargo-Key", WRONG_KEYS[wrong](gateway.keys, call))
    gateway.outgoing("OPTIONS", provider.address, headers=[("Call-ID", call), key])
    await still_serves(edge, gateway, provider)
    assert not provider.has(lambda got: got["Call-ID"] == call)
    assert not gateway.has(lambda got: got["Call-ID"] == call)


@pytest.mark.parametrize("wrong", WRONG_KEYS)
async def test_a_response_without_the_key_does_not_go_out(
    edge: RunningEdge, gateway: Gateway, provider: Agent, wrong: str
) -> None:
    sent = provider.send(request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    got = await gateway.request("OPTIONS", sent["Call-ID"])
    key = ("X-Fargo-Key", WRONG_KEYS[wrong](gateway.keys, sent["Call-ID"]))
    await gateway.answer(got, 486, "Forged", headers=[key])
    await gateway.answer(got, 200, "OK")
    assert (await provider.final(sent)).phrase == "OK"


async def test_a_message_without_any_key_is_dropped(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    hop = ("X-Fargo-Hop", f"sip:{host_port(provider.address)};transport=udp")
    keyless = request("OPTIONS", "sip:bob@example.net", headers=[hop])
    Agent.send(gateway, keyless, gateway.edge)
    sent = provider.send(request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    got = await gateway.request("OPTIONS", sent["Call-ID"])
    Agent.send(gateway, response(got, 486, "Forged"), gateway.edge)
    await gateway.answer(got, 200, "OK")
    assert (await provider.final(sent)).phrase == "OK"
    assert not provider.has(lambda got: got["Call-ID"] == keyless["Call-ID"])


async def test_another_user_of_the_machine_cannot_send_through_the_edge(
    edge: RunningEdge, gateway: Gateway, provider: Agent
) -> None:
    """Not even with the key of a message, which whoever holds the gateway's port while it is down could learn."""
    other = await Agent.open(INSIDE)
    call = unique("call")
    hop = ("X-Fargo-Hop", f"sip:{host_port(provider.address)};transport=udp")
    stolen = request("OPTIONS", "sip:bob@example.net", headers=[hop, ("Call-ID", call)])
    stolen.headers.append(("X-Fargo-Key", gateway.key(stolen)))
    other.send(stolen, gateway.edge)
    sent = provider.send(request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}"), edge.at())
    got = await gateway.request("OPTIONS", sent["Call-ID"])
    forged = response(got, 486, "Forged")
    forged.headers.append(("X-Fargo-Key", gateway.key(forged)))
    other.send(forged, gateway.edge)
    await gateway.answer(got, 200, "OK")
    assert (await provider.final(sent)).phrase == "OK"
    await still_serves(edge, gateway, provider)
    assert not provider.has(lambda got: got["Call-ID"] == call)
    other.close()


async def test_a_response_that_nobody_asked_for_does_not_come_in(
    edge: RunningEdge, gateway: Gateway, provider: Agent, stranger: Agent
) -> None:
    """Its Via leads to the gateway, as if the edge had lost the transaction."""
    sent = gateway.outgoing("OPTIONS", provider.address)
    got = await provider.request("OPTIONS", sent["Call-ID"])
    for via in (got["Via"].replace(";fg=", ";fg=0"), got["Via"].split(";fg=")[0]):
        forged = response(got, 200, "Forged")
        forged.headers[0] = ("Via", via.replace("z9hG4bK", "z9hG4bK0"))
        stranger.send(forged, edge.at())
    await still_serves(edge, gateway, stranger)
    await provider.answer(got, 200, "OK")
    assert (await gateway.final(sent)).phrase == "OK"


# --- the token


WRONG_TOKENS: dict[str, Callable[[str, EdgeKeys], str]] = {
    "none": lambda right, keys: "",
    "a user": lambda right, keys: "alice@",
    "without its MAC": lambda right, keys: right.split("_")[0] + "@",
    "with an empty MAC": lambda right, keys: right.split("_")[0] + "_@",
    "with another MAC": lambda right, keys: right.split("_")[0] + "_0123456789abcdef@",
    "of another name": lambda right, keys: f"1{right}@",
    "of a stranger": lambda right, keys: token("another key", right.split("_")[0]) + "@",
    "longer": lambda right, keys: f"{right}_0@",
}


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "BYE", "MESSAGE", "REGISTER"])
@pytest.mark.parametrize("wrong", WRONG_TOKENS)
async def test_without_a_token_there_is_nobody(
    edge: RunningEdge, gateway: Gateway, provider: Agent, wrong: str, method: str
) -> None:
    user = WRONG_TOKENS[wrong](gateway.token(), gateway.keys)
    gateway_route = ("Route", f"<sip:{INSIDE}:{edge.settings.gateway[1]};lr>")
    sent = provider.send(request(method, f"sip:{user}{OUTSIDE}", headers=[gateway_route]), edge.at())
    refused = await provider.final(sent)
    assert (refused.status, [name for name, _ in refused.headers if name.startswith("X-")]) == (404, [])
    assert not gateway.has(lambda got: got["Call-ID"] == sent["Call-ID"])


async def test_an_ack_without_a_token_has_no_answer(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    sent = provider.send(request("ACK", f"sip:alice@{OUTSIDE}"), edge.at())
    await still_serves(edge, gateway, provider)
    for agent in (provider, gateway):
        assert not agent.has(lambda got: got["Call-ID"] == sent["Call-ID"])


@pytest.mark.parametrize("uri", ["sip:{0}@{1}", "sip:+49301234@{1};line={0}", "sip:{1};transport=udp;LINE={0};x=y"])
async def test_the_token_may_be_a_parameter(edge: RunningEdge, gateway: Gateway, provider: Agent, uri: str) -> None:
    sent = provider.send(request("OPTIONS", uri.format(gateway.token(), OUTSIDE)), edge.at())
    got = await gateway.request("OPTIONS", sent["Call-ID"])
    assert got.uri == sent.uri
    await gateway.answer(got, 200, "OK")
    await provider.final(sent)


# --- where the edge does not send to


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_gateway_cannot_reach_the_inside_address(
    edge: RunningEdge, gateway: Gateway, provider: Agent, transport: str
) -> None:
    victim = await Agent.open(INSIDE)
    with closing(socket.create_server((INSIDE, victim.address[1]))) as server:
        server.setblocking(False)
        sent = gateway.outgoing("OPTIONS", victim.address, transport)
        refused = await gateway.final(sent)
        assert refused["X-Fargo-Local"] == "1"
        assert not victim.has(lambda got: True)
        with pytest.raises(BlockingIOError):
            server.accept()
    victim.close()


async def test_a_via_leads_nobody_to_a_loopback_port(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    """Neither that of a request, nor that below ours in a response."""
    victim = await Agent.open(INSIDE)
    for params in ("", f";maddr={INSIDE}", f";received={INSIDE}", f";rport={victim.address[1]}"):
        via = ("Via", f"SIP/2.0/UDP {host_port(victim.address)};branch={unique('z9hG4bK-')}{params}")
        sent = provider.send(request("OPTIONS", f"sip:alice@{OUTSIDE}", headers=[via]), edge.at())
        assert (await provider.final(sent)).status == 404
    sent = gateway.outgoing("OPTIONS", provider.address)
    got = await provider.request("OPTIONS", sent["Call-ID"])
    await provider.answer(got, 200, "OK")
    await gateway.final(sent)
    stray = response(got, 200, "OK")
    stray.headers[0] = ("Via", got["Via"].replace("z9hG4bK", "z9hG4bK0"))
    stray.headers[1] = ("Via", f"SIP/2.0/UDP {host_port(victim.address)};branch=z9hG4bK-1")
    provider.send(stray, edge.at())
    await still_serves(edge, gateway, provider)
    assert not victim.has(lambda got: True)
    victim.close()


# --- what is not SIP, or hardly


async def test_junk_harms_nothing(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    """Over UDP, TCP and TLS: random bytes, and a request in which random bytes are changed."""
    draw = random.Random(1)
    before = len(edge.process.lines)
    await gateway.accepted_by(provider)
    message = request("INVITE", f"sip:{gateway.token()}@{OUTSIDE}", headers=[("Via", "SIP/2.0/UDP 1.2.3.4;rport")])
    for _ in range(300):
        data = bytearray(message.encode())
        for _ in range(draw.randrange(1, 8)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        provider.send_bytes(bytes(data), edge.at())
        provider.send_bytes(draw.randbytes(draw.randrange(1, 200)), edge.at())
    for transport in ("tcp", "tls") * 50:
        reader, writer = await asyncio.open_connection(*edge.at(transport), local_addr=(provider.address[0], 0))
        writer.write(draw.randbytes(500) + b"\r\n\r\n")
        writer.write_eof()
        with suppress(ConnectionError):
            await reader.read()  # until the edge closes it
        writer.close()
    await still_serves(edge, gateway, provider)
    assert len(edge.process.lines) == before


async def test_a_warning_is_not_repeated(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    """All tests of this module have sent messages without a key from the same address."""
    other = await Agent.open(INSIDE)
    for _ in range(10):
        other.send(request("OPTIONS", "sip:bob@example.net"), gateway.edge)
    await still_serves(edge, gateway, provider)
    await edge.process.line("not from the gateway")
    assert sum("not from the gateway" in line for line in edge.process.lines) == 1
    other.close()


async def test_numbers_are_compared_as_they_are_written(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    """The key of a message with a strange CSeq is still right: the gateway's fixture checks it."""
    for cseq in ("0007 OPTIONS", "7\t OPTIONS", "4294967295 OPTIONS"):
        sent = provider.send(
            request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}", headers=[("CSeq", cseq)]), edge.at()
        )
        got = await gateway.request("OPTIONS", sent["Call-ID"])
        await gateway.answer(got, 200, "OK")
        assert (await provider.final(sent)).status == 200


async def test_max_forwards_ends_a_loop(edge: RunningEdge, gateway: Gateway, provider: Agent) -> None:
    none_left = [("Max-Forwards", "0")]
    sent = provider.send(request("OPTIONS", f"sip:{gateway.token()}@{OUTSIDE}", headers=none_left), edge.at())
    assert (await provider.final(sent)).status == 483
    sent = gateway.outgoing("OPTIONS", provider.address, headers=none_left)
    assert (await gateway.final(sent)).status == 483
