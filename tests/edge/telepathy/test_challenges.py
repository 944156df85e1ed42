"""Challenges that reach rakia: only those of the account's own server, because rakia answers every one that it gets."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ..agents import Agent, Message, request, response, unique
from .conftest import INSIDE, Line, Rakia
from .sdp import sdp

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHALLENGE = ("Proxy-Authenticate", 'Digest realm="example.net", nonce="abc"')


@pytest.fixture(scope="module")
def more() -> dict[str, Any]:
    """Let calls to other domains go there."""
    return {"direct": True}


@pytest_asyncio.fixture(loop_scope="module")
async def foreign() -> AsyncIterator[Agent]:
    """The server of somebody whom the account calls."""
    agent = await Agent.open("127.0.0.6")
    yield agent
    agent.close()


def invite(line: Line, domain: str, *, server: str = "", account: str = "example.net", **headers: str) -> Message:
    """Send an INVITE to somebody at this domain, through this server or the one of the domain."""
    route = f"<sip:udp~{server}~@{INSIDE}:{line.edge.inside[1]};lr>"
    if server:
        route = line.route()
    given = [("Route", route), ("Contact", line.rakia_contact), ("From", f"<sip:alice@{account}>;tag={unique('t')}")]
    given += [(name.replace("_", "-"), value) for name, value in headers.items()]
    message = request("INVITE", f"sip:bob@{domain}", headers=given, body=sdp())
    return line.rakia.send(message, line.edge.inside)


def at(agent: Agent) -> str:
    return "{}:{}".format(*agent.address)


async def challenged(line: Line, sent: Message, by: Agent) -> Message:
    """Let this server challenge an INVITE, and return the response that rakia gets."""
    await by.answer(await by.request("INVITE", sent["Call-ID"]), 407, "Login", headers=[CHALLENGE])
    return await line.rakia.final(sent)


async def test_the_accounts_proxy_may_ask_whoever_is_called(line: Line) -> None:
    answer = await challenged(line, invite(line, "elsewhere.example", server="own"), line.provider)
    assert (answer.status, answer["Proxy-Authenticate"]) == (407, CHALLENGE[1])


async def test_the_server_of_the_accounts_domain_may_ask(line: Line) -> None:
    domain = at(line.provider)
    answer = await challenged(line, invite(line, domain, account=domain), line.provider)
    assert (answer.status, answer["Proxy-Authenticate"]) == (407, CHALLENGE[1])


async def test_a_foreign_server_may_not_ask(line: Line, foreign: Agent) -> None:
    answer = await challenged(line, invite(line, at(foreign)), foreign)
    assert (answer.status, answer.phrase[:13]) == (403, "407 gateway: ")
    assert answer.get("Proxy-Authenticate") is None


async def test_a_server_at_another_port_is_foreign(line: Line, foreign: Agent) -> None:
    answer = await challenged(line, invite(line, at(foreign), account="127.0.0.6:1"), foreign)
    assert answer.status == 403


async def test_a_foreign_server_gets_no_credentials(line: Line, foreign: Agent) -> None:
    sent = invite(line, at(foreign), Proxy_Authorization="Digest x", Authorization="Digest y")
    got = await foreign.request("INVITE", sent["Call-ID"])
    assert got.all("Proxy-Authorization") == got.all("Authorization") == []
    own = invite(line, "elsewhere.example", server="own", Proxy_Authorization="Digest x")
    assert (await line.provider.request("INVITE", own["Call-ID"]))["Proxy-Authorization"] == "Digest x"


@pytest.mark.parametrize("own", [True, False])
async def test_within_a_call_only_the_accounts_server_may_ask(line: Line, foreign: Agent, own: bool) -> None:
    """A server that another account has is foreign as well."""
    server = line.provider if own else foreign
    if not own:
        other = await Rakia.open(INSIDE)
        other.edge = line.edge.settings
        ip, port = foreign.address
        route = f"<sip:udp~{ip}~{port}~rakia@{INSIDE}:{line.edge.inside[1]};lr>"
        contact = f"<sip:eve@{INSIDE}:{other.address[1]}>"
        headers = [("Route", route), ("Contact", contact), ("To", "<sip:eve@other.example>")]
        other.send(request("REGISTER", "sip:other.example", headers=headers), line.edge.inside)
        await foreign.answer(await foreign.request("REGISTER"), 200, "OK", headers=[("Contact", contact)])
        other.close()
    sent = invite(line, at(server))
    got = await server.request("INVITE", sent["Call-ID"])
    await server.answer(got, 200, "OK", headers=[("Contact", server.contact)], body=sdp())
    answer = await line.rakia.final(sent)
    same = [("From", answer["From"]), ("To", answer["To"]), ("Call-ID", answer["Call-ID"]), ("CSeq", "2 BYE")]
    routes = [("Route", each) for each in reversed(answer.all("Record-Route"))]
    bye = line.rakia.send(request("BYE", f"sip:{at(server)}", headers=[*same, *routes]), line.edge.inside)
    await server.answer(await server.request("BYE", bye["Call-ID"]), 407, "Login", headers=[CHALLENGE])
    assert (await line.rakia.final(bye)).status == (407 if own else 403)


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="evil.example", nonce="abc"',
        'Digest realm="evil.example", nonce="abc", opaque=" realm=example.net"',
        'Digest realm="example.net", nonce="abc", realm="evil.example"',
        'Digest realm="|", nonce="abc"',
    ],
)
async def test_only_the_realms_of_the_registration_may_be_named(line: Line, challenge: str) -> None:
    """A phone behind the account's own server can answer 407, too, and the server passes that on."""
    sent = invite(line, "elsewhere.example", server="own")
    got = await line.provider.request("INVITE", sent["Call-ID"])
    await line.provider.answer(got, 407, "Login", headers=[("Proxy-Authenticate", challenge)])
    answer = await line.rakia.final(sent)
    assert (answer.status, answer.all("Proxy-Authenticate")) == (403, [])


async def test_a_phone_may_not_ask_past_the_server(line: Line, foreign: Agent) -> None:
    """It knows our address from the request."""
    sent = invite(line, "elsewhere.example", server="own")
    got = await line.provider.request("INVITE", sent["Call-ID"])
    foreign.send(response(got, 407, "Login", headers=[CHALLENGE]), line.edge.outside)
    answer = await line.rakia.final(sent)
    assert (answer.status, answer.all("Proxy-Authenticate")) == (403, [])


@pytest.mark.parametrize("far", ["phone", "behind a route"])
async def test_no_credentials_go_to_a_phone_behind_the_server(line: Line, foreign: Agent, far: str) -> None:
    sent = invite(line, "elsewhere.example", server="own")
    got = await line.provider.request("INVITE", sent["Call-ID"])
    contact = foreign.contact if far == "phone" else line.provider.contact
    ip, port = line.provider.address
    headers = [("Contact", contact), ("Record-Route", f"<sip:{ip}:{port};lr>")]
    await line.provider.answer(got, 200, "OK", headers=headers, body=sdp())
    answer = await line.rakia.final(sent)
    same = [("From", answer["From"]), ("To", answer["To"]), ("Call-ID", answer["Call-ID"]), ("CSeq", "2 BYE")]
    routes = [("Route", each) for each in reversed(answer.all("Record-Route"))]
    login = [("Proxy-Authorization", 'Digest username="alice", realm="example.net", nonce="n", response="r"')]
    target = contact.strip("<>")
    bye = line.rakia.send(request("BYE", target, headers=[*same, *routes, *login]), line.edge.inside)
    arrived = await line.provider.request("BYE", bye["Call-ID"])
    assert arrived.all("Proxy-Authorization") == []
    await line.provider.answer(arrived, 407, "Login", headers=[CHALLENGE])
    assert (await line.rakia.final(bye)).status == 403
