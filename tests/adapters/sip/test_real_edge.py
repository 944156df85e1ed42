"""The adapter with a real edge: what kamailio makes of its messages, and it of kamailio's."""

import asyncio
import re
from collections.abc import AsyncIterator
from hashlib import md5
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from edge.agents import Agent, Listener, Message, request, response
from edge.sip.certificates import Certificate, authority, certified
from edge.sip.conftest import INSIDE, OUTSIDE, OUTSIDE_6, PHONE, PROVIDER, RunningEdge, started
from msgspec.structs import replace
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from world.ports import free_port
from world.process import until

from fargo.adapters.sip import texts
from fargo.adapters.sip.settings import SipSettings
from fargo.edge.sip.settings import SipEdgeSettings
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    FlowClosed,
    InviteReceived,
    KeepFlow,
    SendRequest,
    Undelivered,
)
from fargo.statemachine.model.sip_values import DigestCredentials, Endpoint, Hop, Party

from .commands import CALLEE, INVITE, REGISTER, SDP, in_dialog, responding
from .name_server import NameServer, a, srv
from .rig import EVERYBODY, SECRET, Driven

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = "provider.test"
SEVERAL = "several.test"
"""A name that has servers but no address of its own, which the resolver remembers."""
SILENCE_SECONDS = 6
"""Longer than the adapter waits before it tries another address."""


class Rig(Driven):
    """An adapter beside a real edge, with a name server."""

    edge: RunningEdge
    names: NameServer

    async def call(self, provider: Agent, **more: Any) -> tuple[str, Message]:
        """Place a call, and return the id of its command and the INVITE that the provider gets."""
        call = f"call-{next(self._ids)}"
        id = self.do(replace(INVITE, hop=of(provider), call_id=call, **more))
        return id, await provider.request("INVITE", call)


def of(agent: Agent | Listener, transport: Any = "udp") -> Hop:
    return Hop(*agent.address, transport)


def endpoint(agent: Agent | Listener, transport: Any = "udp") -> Endpoint:
    return Endpoint(transport, *agent.address)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trusted(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The authority that the edge trusts."""
    return await authority(tmp_path_factory.mktemp("certificates"), "trusted")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(trusted: Certificate, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    port, tls_port, inside, gateway = (free_port(each) for each in (OUTSIDE, OUTSIDE, INSIDE, INSIDE))
    edge = SipEdgeSettings(
        addresses=(IPv4Address(OUTSIDE), IPv6Address(OUTSIDE_6)),
        port=port,
        tls_port=tls_port,
        inside=(IPv4Address(INSIDE), inside),
        gateway=(IPv4Address(INSIDE), gateway),
        secret=SECRET,
        ca=trusted.certificate,
        silence_seconds=SILENCE_SECONDS,
        run_dir=Path(tmp_path_factory.mktemp("edge")),
    )
    async with NameServer() as names:
        settings = SipSettings(
            edge=(INSIDE, inside),
            gateway=(INSIDE, gateway),
            secret=SECRET,
            addresses=(OUTSIDE, OUTSIDE_6),
            port=port,
            tls_port=tls_port,
            name_servers=(names.address,),
            accept_from=EVERYBODY,
        )
        rig = Rig()
        rig.names = names
        rig.start_adapter(settings, AsyncioSelectorReactor(asyncio.get_running_loop()))
        rig.edge = RunningEdge(edge, await started(edge))
        yield rig
        await rig.edge.process.stop()
        await rig.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def provider(rig: Rig) -> AsyncIterator[Agent]:
    agent = await Agent.open(PROVIDER)
    yield agent
    agent.close()


@pytest_asyncio.fixture(loop_scope="module")
async def phone(rig: Rig) -> AsyncIterator[Agent]:
    agent = await Agent.open(PHONE)
    yield agent
    agent.close()


@pytest.fixture(autouse=True)
def _nothing_is_left(rig: Rig) -> Any:
    yield
    assert not rig.has_event()


# --- registrations


async def test_an_account_is_registered_with_its_password(rig: Rig, provider: Agent) -> None:
    id = rig.do(replace(REGISTER, hop=of(provider)))
    first = await provider.request("REGISTER")
    asked = [("WWW-Authenticate", 'Digest realm="provider.example", nonce="n", qop="auth"')]
    # The provider writes into the Via of the edge where it sees it (RFC 3581 §4).
    top, *below = first.all("Via")
    seen = top.replace(";rport", f";rport={rig.edge.settings.port};received={OUTSIDE}")
    first.headers = [
        ("Via", seen),
        *(("Via", each) for each in below),
        *(each for each in first.headers if each[0] != "Via"),
    ]
    provider.send(response(first, 401, "Unauthorized", headers=asked), rig.edge.at())
    event = await rig.event()
    assert (event.command, event.status, event.source) == (id, 401, endpoint(provider))
    assert event.seen == Endpoint("udp", OUTSIDE, rig.edge.settings.port)
    credentials = (DigestCredentials(event.challenges[0], "alice", "vault-1"),)
    rig.do(
        replace(REGISTER, hop=of(provider), connection=id, cseq=2, credentials=credentials, destination=event.source)
    )
    second = await provider.request("REGISTER")
    told = dict(re.findall(r'(\w+)="?([^",]+)"?', second["Authorization"]))
    first_hash, second_hash = (
        md5(text.encode()).hexdigest() for text in ("alice:provider.example:xyzzy", f"REGISTER:{second.uri}")
    )
    expected = md5(f"{first_hash}:n:{told['nc']}:{told['cnonce']}:auth:{second_hash}".encode()).hexdigest()
    assert told["response"] == expected
    await provider.answer(second, 200, "OK", headers=[("Contact", second["Contact"])])
    event = await rig.event()
    assert [(each.ours, each.name, each.expires) for each in event.bindings] == [(True, id, 3600)]


async def test_an_account_is_registered_over_ipv6(rig: Rig) -> None:
    provider = await Agent.open(OUTSIDE_6)
    id = rig.do(replace(REGISTER, hop=of(provider)))
    register = await provider.request("REGISTER")
    assert f"@[{OUTSIDE_6}]:{rig.edge.settings.port};line=" in register["Contact"]
    await provider.answer(register, 200, "OK", headers=[("Contact", register["Contact"])])
    event = await rig.event()
    assert (event.command, event.source) == (id, endpoint(provider))
    assert [each.ours for each in event.bindings] == [True]
    uri = re.findall("<(.*)>", register["Contact"])[0]
    options = provider.send(request("OPTIONS", uri), (OUTSIDE_6, rig.edge.settings.port))
    assert (await provider.final(options)).status == 200
    provider.close()


# --- calls


async def test_a_call_out(rig: Rig, provider: Agent, phone: Agent) -> None:
    id, invite = await rig.call(provider)
    await provider.answer(invite, 100, "Trying")
    await provider.answer(invite, 180, "Ringing")
    assert (await rig.event()).status == 180
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.5\r\ns=-\r\nc=IN IP4 127.0.0.5\r\nt=0 0\r\nm=audio 5004 RTP/AVP 8\r\n"
    ok = response(invite, 200, "OK", headers=[("Contact", phone.contact)], body=sdp)
    provider.send(ok, rig.edge.at())
    event = await rig.event()
    assert (event.status, event.command, event.leg) == (200, id, "40.0")
    provider.send(ok, rig.edge.at())  # repeated before the ACK, and after it
    target = Party(CALLEE, event.remote_tag)
    ack: SendRequest = in_dialog(
        "ACK", dialog=id, cseq=1, uri=event.contact, recipient=target, call_id=invite["Call-ID"]
    )
    rig.do(ack)
    assert (await phone.request("ACK"))["Call-ID"] == invite["Call-ID"]
    provider.send(ok, rig.edge.at())
    await phone.request("ACK")
    contact = invite["Contact"].strip("<>")
    headers = [
        ("From", ok["To"]),
        ("To", ok["From"]),
        ("Call-ID", ok["Call-ID"]),
        ("CSeq", "1 BYE"),
    ]
    bye = phone.send(request("BYE", contact, headers=headers), rig.edge.at())
    event = await rig.event()
    assert (event.head.method, event.leg, event.source) == ("BYE", "40.0", endpoint(phone))
    rig.do(responding(event.head, 200, dialog="40.0", tag=None))
    assert (await phone.final(bye)).status == 200


async def test_a_refused_call_is_acknowledged_on_both_sides(
    rig: Rig, provider: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, invite = await rig.call(provider)
    await provider.answer(invite, 486, "Busy Here")
    assert (await rig.event()).status == 486
    await provider.request("ACK", invite["Call-ID"])
    loopback, heard = rig.adapter._loopback, []
    monkeypatch.setattr(loopback, "datagramReceived", lambda *datagram: heard.append(datagram))
    await asyncio.sleep(1.5)  # the edge would repeat a failure after half a second
    assert heard == []


async def test_a_call_out_is_cancelled(rig: Rig, provider: Agent) -> None:
    id, invite = await rig.call(provider)
    await provider.answer(invite, 180, "Ringing")
    await rig.event()
    cancel = replace(
        INVITE, hop=of(provider), call_id=invite["Call-ID"], dialog=id, method="CANCEL", contact=False, body=None
    )
    rig.do(replace(cancel, cancels=id))
    got = await provider.request("CANCEL", invite["Call-ID"])
    await provider.answer(got, 200, "OK")
    await provider.answer(invite, 487, "Request Terminated")
    events = {(each.method, each.status): each.command for each in (await rig.event(), await rig.event())}
    assert events == {("CANCEL", 200): id, ("INVITE", 487): id}


async def test_a_call_in_is_answered(rig: Rig, provider: Agent) -> None:
    invite = provider.send(
        request("INVITE", await contact_of(rig, provider), headers=[("Contact", provider.contact)]), rig.edge.at()
    )
    event = await rig.event()
    assert isinstance(event, InviteReceived)
    assert (event.source, event.contact) == (endpoint(provider), provider.contact.strip("<>"))
    rig.do(responding(event.head, 180, "Ringing"))
    assert (await provider.response(invite)).status == 180
    rig.do(responding(event.head, 200, "OK", contact=True, body=SDP))
    ok = await provider.final(invite)
    again = await provider.final(invite)  # until there is an ACK
    assert again["Via"] == ok["Via"]
    headers = [("From", ok["From"]), ("To", ok["To"]), ("Call-ID", ok["Call-ID"]), ("CSeq", "1 ACK")]
    provider.send(request("ACK", ok["Contact"].strip("<>"), headers=headers), rig.edge.at())
    event = await rig.event()
    assert (event.head.method, event.leg) == ("ACK", "12.0-0123456789abcdef")


async def contact_of(rig: Rig, provider: Agent) -> str:
    """Register, and return the URI of our Contact."""
    rig.do(replace(REGISTER, hop=of(provider)))
    register = await provider.request("REGISTER")
    await provider.answer(register, 200, "OK", headers=[("Contact", register["Contact"])])
    await rig.event()
    [uri] = re.findall("<(.*)>", register["Contact"])
    return str(uri)


async def test_a_call_in_is_refused(rig: Rig, provider: Agent) -> None:
    invite = provider.send(request("INVITE", await contact_of(rig, provider)), rig.edge.at())
    event = await rig.event()
    rig.do(responding(event.head, 486))
    final = await provider.final(invite)
    headers = [("From", invite["From"]), ("To", final["To"]), ("Call-ID", invite["Call-ID"]), ("CSeq", "1 ACK")]
    provider.send(Message(invite.start.replace("INVITE", "ACK"), [("Via", invite["Via"]), *headers]), rig.edge.at())
    ack = await rig.event()
    assert (ack.head.method, ack.leg) == ("ACK", "12.0-0123456789abcdef")


async def test_a_call_in_is_cancelled(rig: Rig, provider: Agent) -> None:
    invite = provider.send(request("INVITE", await contact_of(rig, provider)), rig.edge.at())
    event = await rig.event()
    assert (await provider.response(invite, 100)).status == 100
    kept = [(name, value) for name, value in invite.headers if name != "CSeq"]
    cancel = provider.send(
        Message(invite.start.replace("INVITE", "CANCEL"), [*kept, ("CSeq", "1 CANCEL")]), rig.edge.at()
    )
    assert (await provider.final(cancel)).status == 200
    cancelled = await rig.event()
    assert (cancelled.head.method, cancelled.leg) == ("CANCEL", event.name)
    rig.do(responding(cancelled.head, 200))
    rig.do(responding(event.head, 487))
    assert (await provider.final(invite)).status == 487
    assert (await rig.event()).head.method == "ACK"


# --- ways to servers


async def test_a_call_goes_to_the_second_server_within_three_seconds(rig: Rig, phone: Agent) -> None:
    silent = free_port(PROVIDER)
    rig.names.records = [
        srv(f"_sip._udp.{SEVERAL}", "s1.test", silent, priority=1),
        srv(f"_sip._udp.{SEVERAL}", "s2.test", phone.address[1], priority=2),
        a("s1.test", PROVIDER),
        a("s2.test", PHONE),
    ]
    begun = asyncio.get_running_loop().time()
    id = rig.do(replace(INVITE, hop=Hop(SEVERAL), call_id="failover"))
    invite = await phone.request("INVITE", "failover")
    await phone.answer(invite, 486, "Busy Here")
    event = await rig.event()
    assert (event.command, event.status, event.source) == (id, 486, endpoint(phone))
    assert asyncio.get_running_loop().time() - begun < 3 + SILENCE_SECONDS / 2  # a slow machine may take longer
    await phone.request("ACK")


async def test_a_server_that_refuses_connections_is_told(rig: Rig) -> None:
    id = rig.do(replace(REGISTER, hop=Hop(PROVIDER, free_port(PROVIDER), "tcp")))
    event = await rig.event()
    assert (event.command, event.why) == (id, Undelivered.REFUSED)


async def test_a_silent_server_is_told(rig: Rig, provider: Agent) -> None:
    id = rig.do(replace(REGISTER, hop=of(provider)))
    await provider.request("REGISTER")
    event = await rig.event()
    assert (event.command, event.why) == (id, Undelivered.SILENT)


async def test_a_connection_that_the_registrar_closes_is_told(rig: Rig) -> None:
    listener = await Listener.open(PROVIDER)
    id = rig.do(replace(REGISTER, hop=of(listener, "tcp")))
    connection = await listener.connection()
    register = await connection.request("REGISTER")
    assert register["Contact"].partition(">")[0].count(";transport=tcp") == 1
    await connection.answer(register, 200, "OK", headers=[("Contact", register["Contact"])])
    event = await rig.event()
    assert event.source == endpoint(listener, "tcp")
    rig.do(KeepFlow(id, event.source))
    await connection.close()
    assert await rig.event() == FlowClosed(id)
    await listener.close()


@pytest.mark.parametrize("names", [(HOST,), ("other.test",)])
async def test_a_server_over_tls_is_registered_with_if_it_has_the_name(
    rig: Rig, trusted: Certificate, tmp_path: Path, names: tuple[str, ...]
) -> None:
    server = await certified(tmp_path, trusted, *names)
    listener = await Listener.open(PROVIDER, server.server())
    rig.names.records = [a(HOST, PROVIDER)]
    id = rig.do(replace(REGISTER, hop=Hop(HOST, listener.address[1], "tls")))
    connection = await listener.connection()
    await connection.answer(await connection.request("OPTIONS"), 200, "OK")
    if names == (HOST,):
        await connection.answer(await connection.request("REGISTER"), 200, "OK")
        assert (await rig.event()).status == 200
    else:
        event = await rig.event()
        text = texts.OTHER_NAME.format(names="other.test")
        assert (event.command, event.why, event.text) == (id, Undelivered.CERTIFICATE, text)
        assert not connection.has(lambda message: message.method == "REGISTER")
    await listener.close()


async def test_an_authority_that_is_not_trusted_is_told(rig: Rig, tmp_path: Path) -> None:
    other = await authority(tmp_path, "another")
    server = await certified(tmp_path, other, HOST)
    listener = await Listener.open(PROVIDER, server.server())
    rig.names.records = [a(HOST, PROVIDER)]
    rig.do(replace(REGISTER, hop=Hop(HOST, listener.address[1], "tls")))
    connection = await listener.connection()
    await connection.answer(await connection.request("OPTIONS"), 200, "OK")
    event = await rig.event()
    assert (event.why, event.text) == (Undelivered.CERTIFICATE, texts.UNKNOWN_AUTHORITY)
    await listener.close()


# --- restarts of the edge


async def test_a_call_that_rings_goes_on_after_a_restart_of_the_edge(rig: Rig, provider: Agent) -> None:
    id, invite = await rig.call(provider)
    await provider.answer(invite, 180, "Ringing")
    assert (await rig.event()).status == 180
    rig.broadcast.clear()
    await rig.edge.restart()
    await until(lambda: rig.broadcast == [EdgeRestarted()], "the adapter notices it")
    provider.send(response(invite, 200, "OK", headers=[("Contact", provider.contact)]), rig.edge.at())
    event = await rig.event()
    assert (event.command, event.status) == (id, 200)


async def test_an_invite_that_is_repeated_after_a_restart_of_the_edge_is_the_same_one(
    rig: Rig, provider: Agent
) -> None:
    id, invite = await rig.call(provider)
    await provider.answer(invite, 180, "Ringing")
    await rig.event()
    rig.broadcast.clear()
    await rig.edge.restart()
    await until(lambda: rig.broadcast == [EdgeRestarted()], "the adapter notices it")
    rig.do(replace(INVITE, hop=of(provider), call_id=invite["Call-ID"], repeats=id))
    again = await provider.request("INVITE", invite["Call-ID"])
    branch = re.compile("branch=([^;]+)")
    assert branch.findall(again["Via"]) == branch.findall(invite["Via"])
    cancel = replace(INVITE, call_id=invite["Call-ID"], dialog=id, method="CANCEL", contact=False, body=None)
    rig.do(replace(cancel, cancels=id))
    await provider.answer(again, 180, "Ringing")
    got = await provider.request("CANCEL", invite["Call-ID"])
    await provider.answer(got, 200, "OK")
    assert (await rig.event()).status in (180, 200)
    await provider.answer(again, 487, "Request Terminated")
    while (event := await rig.event()).status != 487:
        assert (event.method, event.status) in (("CANCEL", 200), ("INVITE", 180))
    assert (event.method, event.command) == ("INVITE", id)


async def test_a_final_response_is_acknowledged_though_the_edge_was_restarted(rig: Rig, provider: Agent) -> None:
    invite = provider.send(request("INVITE", await contact_of(rig, provider)), rig.edge.at())
    event = await rig.event()
    rig.broadcast.clear()
    await rig.edge.restart()
    await until(lambda: rig.broadcast == [EdgeRestarted()], "the adapter notices it")
    rig.do(responding(event.head, 486))
    final = await provider.final(invite)
    headers = [("From", invite["From"]), ("To", final["To"]), ("Call-ID", invite["Call-ID"]), ("CSeq", "1 ACK")]
    provider.send(Message(invite.start.replace("INVITE", "ACK"), [("Via", invite["Via"]), *headers]), rig.edge.at())
    ack = await rig.event()
    assert (ack.head.method, ack.leg) == ("ACK", "12.0-0123456789abcdef")
