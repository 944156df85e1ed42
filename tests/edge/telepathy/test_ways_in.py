"""Messages that the edge blocks: requests without a token, responses of strangers, loopback, floods, junk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from ..agents import Agent, Message, request, response, unique
from .conftest import INSIDE, Line, Rakia, RunningEdge
from .sdp import sdp

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def still_serves(line: Line) -> None:
    """Check that a call still reaches rakia. Nothing sent before it can then still be on its way to rakia."""
    sent = line.incoming("INVITE", body=sdp())
    await line.rakia.request("INVITE", sent["Call-ID"])
    assert line.edge.process.running


def forged(line: Line, kind: str) -> str:
    """Return the account's URI, changed so that its token is no longer valid."""
    head, _, token = line.contact.partition(";line=")
    port, tag, place, mac = token.split("-")
    other = {
        "port": f"{int(port) + 1}-{tag}-{place}-{mac}",
        "tag": f"{port}-00000000-{place}-{mac}",
        "place": f"{port}-{tag}-d0123456789abcdef-{mac}",
        "mac": f"{port}-{tag}-{place}-{'0' * len(mac)}",
        "empty": "",
        "port only": port,
    }
    return head if kind == "none" else f"{head};line={other[kind]}"


@pytest.mark.parametrize("kind", ["port", "tag", "place", "mac", "empty", "port only", "none"])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "BYE", "REGISTER"])
async def test_without_the_token_there_is_nobody(line: Line, kind: str, method: str) -> None:
    message = request(method, forged(line, kind), body=sdp())
    line.provider.send(message, line.edge.outside)
    assert (await line.provider.final(message)).status == 404
    await still_serves(line)
    assert not line.rakia.has(lambda got: got.get("Call-ID") == message["Call-ID"])


async def test_a_route_leads_nowhere(line: Line, edge: RunningEdge) -> None:
    routes = [("Route", f"<sip:{INSIDE}:{line.rakia.address[1]};lr>")]
    message = request("INVITE", f"sip:x@{INSIDE}:{line.rakia.address[1]}", headers=routes, body=sdp())
    line.provider.send(message, edge.outside)
    assert (await line.provider.final(message)).status == 404


async def test_a_port_that_another_account_got_is_no_longer_a_way_to_it(line: Line) -> None:
    before = line.contact
    sent = line.outgoing("REGISTER", headers=(("To", f"<sip:{unique('other')}@example.net>"),))
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    after = arrived["Contact"].strip("<>")
    assert before.split(";line=")[1].split("-")[0] == after.split(";line=")[1].split("-")[0]
    await line.provider.answer(arrived, 200, "OK")
    await line.rakia.final(sent)
    for contact, status in ((before, 404), (after, 200)):
        message = line.provider.send(request("OPTIONS", contact), line.edge.outside)
        assert (await line.provider.final(message)).status == status


async def test_options_are_answered_without_rakia(line: Line) -> None:
    host, port = line.edge.outside
    for uri in (f"sip:{host}:{port}", line.contact):
        message = line.provider.send(request("OPTIONS", uri), line.edge.outside)
        assert (await line.provider.final(message)).status == 200
    message = line.rakia.send(request("OPTIONS", "sip:x@example.net"), line.edge.inside)
    assert (await line.rakia.final(message)).status == 200


async def test_a_call_may_not_begin_with_an_update(line: Line) -> None:
    message = line.incoming("UPDATE")
    assert (await line.provider.final(message)).status == 405


async def test_a_strangers_answer_is_not_passed_on(line: Line, stranger: Agent) -> None:
    victim = await Agent.open(INSIDE)
    edge_via = f"SIP/2.0/UDP {line.edge.outside[0]}:{line.edge.outside[1]};branch=z9hG4bK-1"
    victim_via = f"SIP/2.0/UDP {INSIDE}:{victim.address[1]};branch=z9hG4bK-2"
    message = request("INVITE", "sip:x@example.net", headers=[("Via", edge_via), ("Via", victim_via)])
    stranger.send(response(message, 200, "OK"), line.edge.outside)
    await still_serves(line)
    assert not victim.has(lambda got: True)
    victim.close()


async def test_no_account_is_a_way_to_loopback(line: Line) -> None:
    victim = await Agent.open(INSIDE)
    message = line.outgoing("INVITE", headers=(("Route", line.route(host=INSIDE, port=victim.address[1])),), body=sdp())
    answer = await line.rakia.final(message)
    assert (answer.status, answer.phrase) == (503, "503 gateway: The SIP server cannot be reached")
    assert not victim.has(lambda got: True)
    victim.close()


async def test_no_account_is_a_way_to_loopback_over_tcp(line: Line) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    heard: list[bytes] = []
    async with await asyncio.start_server(connected, INSIDE) as victim:
        route = line.route("tcp", host=INSIDE, port=victim.sockets[0].getsockname()[1])
        message = line.outgoing("INVITE", headers=(("Route", route),), body=sdp())
        assert (await line.rakia.final(message)).phrase == "503 gateway: The SIP server cannot be reached"
        await still_serves(line)
    assert not heard


async def test_no_contact_of_the_far_side_is_a_way_to_loopback(line: Line) -> None:
    victim = await Agent.open(INSIDE)
    sent = line.outgoing("INVITE", body=sdp())
    got = await line.provider.request("INVITE", sent["Call-ID"])
    remote = f"sip:x@{INSIDE}:{victim.address[1]}"
    await line.provider.answer(got, 200, "OK", headers=[("Contact", f"<{remote}>")], body=sdp())
    answer = await line.rakia.final(sent)
    same = [("From", answer["From"]), ("To", answer["To"]), ("Call-ID", answer["Call-ID"])]
    routes = [("Route", each) for each in reversed(answer.all("Record-Route"))]
    for number, method in ((1, "ACK"), (2, "BYE")):
        message = request(method, remote, headers=[*same, *routes, ("CSeq", f"{number} {method}")])
        line.rakia.send(message, line.edge.inside)
    assert (await line.rakia.final(message)).status == 503
    assert not victim.has(lambda got: True)
    victim.close()


async def test_a_provider_is_reached_over_tcp_from_our_address(line: Line) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result((Message.parse(await reader.readuntil(b"\r\n\r\n")), writer.get_extra_info("peername")[0]))
        writer.close()

    got: asyncio.Future[tuple[Message, str]] = asyncio.get_running_loop().create_future()
    async with await asyncio.start_server(serve, line.provider.address[0]) as server:
        route = line.route("tcp", port=server.sockets[0].getsockname()[1])
        line.outgoing("REGISTER", headers=(("Route", route),))
        message, source = await asyncio.wait_for(got, 15)
    assert source == line.edge.outside[0]
    assert ";transport=tcp;line=" in message["Contact"]
    assert message["Via"].startswith(f"SIP/2.0/TCP {line.edge.outside[0]}:{line.edge.outside[1]};")


async def test_a_request_comes_in_over_tcp(line: Line) -> None:
    reader, writer = await asyncio.open_connection(*line.edge.outside, local_addr=(line.provider.address[0], 0))
    via = ("Via", "SIP/2.0/TCP 127.0.0.9;branch=z9hG4bK-tcp;rport")
    message = request("INVITE", line.contact, headers=[via, ("Contact", "<sip:x@127.0.0.9>")], body=sdp())
    writer.write(message.encode())
    await line.rakia.answer(await line.rakia.request("INVITE", message["Call-ID"]), 486, "Busy Here")
    answers = b""
    while b"SIP/2.0 486 Busy Here\r\n" not in answers:
        answers += await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
    writer.close()


async def test_loops_end(line: Line) -> None:
    for sent, agent in (
        (line.incoming("INVITE", headers=(("Max-Forwards", "0"),), body=sdp()), line.provider),
        (line.outgoing("INVITE", headers=(("Max-Forwards", "0"),), body=sdp()), line.rakia),
    ):
        assert (await agent.final(sent)).status == 483


async def test_an_answer_goes_where_the_request_came_from(line: Line) -> None:
    via = ("Via", "SIP/2.0/UDP 127.0.0.8:9;branch=z9hG4bK-elsewhere")
    message = line.provider.send(request("OPTIONS", line.contact, headers=[via]), line.edge.outside)
    assert (await line.provider.final(message)).status == 200


@pytest.mark.parametrize("header", [("CSeq", "1 OPTIONS"), ("CSeq", "x INVITE"), ("From", "<sip:>;tag=1")])
async def test_a_malformed_request_is_refused(line: Line, header: tuple[str, str]) -> None:
    sent = line.incoming("INVITE", headers=(header,), body=sdp())
    answer = await line.provider.expect(lambda got: got.get("Call-ID") == sent["Call-ID"], "an answer")
    assert answer.status == 400


async def test_a_flood_from_one_address_is_dropped_and_nobody_elses_calls(line: Line, stranger: Agent) -> None:
    for _ in range(2000):
        stranger.send(request("OPTIONS", f"sip:{line.edge.outside[0]}"), line.edge.outside)
        await asyncio.sleep(0)
    await line.edge.process.line(f"too many requests from {stranger.address[0]}")
    await has_read_all(line)
    await still_serves(line)


async def has_read_all(line: Line) -> None:
    """Wait until the edge answers. While a flood fills the buffer of its socket, the system drops what comes."""
    asked = line.provider.send(request("OPTIONS", line.contact), line.edge.outside)
    for _ in range(30):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await line.provider.final(asked)
                return
        line.provider.send(asked, line.edge.outside)
    raise AssertionError("the edge does not answer after the flood")


async def test_a_busy_provider_is_not_a_flood(line: Line) -> None:
    """It sends several times as much as a stranger may."""
    for _ in range(5):
        batch = [line.provider.send(request("OPTIONS", line.contact), line.edge.outside) for _ in range(50)]
        for message in batch:
            await line.provider.final(message)


# Torture messages like those of RFC 4475. LF stands for CRLF, and URI for the account's URI.
JUNK = {
    "nothing": "",
    "line feeds": "\n\n\n\n",
    "zeros": "\0" * 64,
    "no SIP": "GET / HTTP/1.0\n\n",
    "start line alone": "INVITE URI SIP/2.0\n\n",
    "cut short": "INVITE URI SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.9:9;branch=z9hG4bK1\nFrom: <sip:a@b",
    "version": "INVITE URI SIP/7.0\nHEAD\n",
    "folded": "INVITE URI SIP/2.0\nTO :\n sip:a@b ;   tag    = 1\nHEAD\n",
    "no scheme": "INVITE nobodyKnowsThisScheme:x SIP/2.0\nHEAD\n",
    "spaces in URI": "INVITE sip:a b@c SIP/2.0\nHEAD\n",
    "brackets round URI": "INVITE <URI> SIP/2.0\nHEAD\n",
    "quotes open": 'INVITE URI SIP/2.0\nHEAD\nFrom: "x <sip:a@b>;tag=1\n',
    "From empty": "INVITE URI SIP/2.0\nHEAD\nFrom:\n",
    "many of each": "INVITE URI SIP/2.0\nHEAD\nHEAD\nFrom: <sip:a@b>;tag=9\nTo: <sip:c@d>\nCSeq: 5 INVITE\n",
    "length negative": "INVITE URI SIP/2.0\nHEAD\nContent-Length: -999\n\nv=0\n",
    "length too long": "INVITE URI SIP/2.0\nHEAD\nContent-Length: 9999\n\nv=0\n",
    "length huge": "INVITE URI SIP/2.0\nHEAD\nContent-Length: 99999999999999999999\n\nv=0\n",
    "CSeq of another": "OPTIONS URI SIP/2.0\nHEAD\n",
    "CSeq huge": "INVITE URI SIP/2.0\nHEADLESS\nCSeq: 36893488147419103232 INVITE\n",
    "Max-Forwards huge": "INVITE URI SIP/2.0\nHEAD\nMax-Forwards: 99999999999\n",
    "Via of a thousand": "INVITE URI SIP/2.0\n" + "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK\n" * 500 + "HEAD\n",
    "Via unknown": "INVITE URI SIP/2.0\nHEAD\nVia: SIP/2.0/SPX 127.0.0.1\nVia: SIP/2.0 / UDP [::1]:x\n",
    "answer of none": "SIP/2.0 200\nHEAD\n",
    "answer of 100": "SIP/2.0 4294967301 better not break the receiver\nHEAD\n",
    "escaped": "INVITE sip:sips%3Auser%40example.com@example.net;line=%00 SIP/2.0\nHEAD\n",
    "percent open": "INVITE sip:a%@b;line=%2 SIP/2.0\nHEAD\n",
    "line endless": "INVITE URI SIP/2.0\nHEAD\nSubject: " + "x" * 50000 + "\n",
    "name endless": "INVITE URI SIP/2.0\nHEADLESS\nCSeq: 1 INVITE\nFrom: " + "y" * 20000 + " <sip:a@b>;tag=1\n",
    "SDP of one line": "INVITE URI SIP/2.0\nHEAD\nContent-Type: application/sdp\n\nm=audio 1 RTP/AVP 0",
    "SDP of zeros": "INVITE URI SIP/2.0\nHEAD\nContent-Type: application/sdp\n\nv=0\n" + "\0" * 500,
    "SDP of lines": "INVITE URI SIP/2.0\nHEAD\nContent-Type: application/sdp\n\nv=0\n" + "m=\n" * 3000,
    "multipart of nothing": "INVITE URI SIP/2.0\nHEAD\nContent-Type: multipart/mixed\n\n--x\n\n",
    "multipart open": "INVITE URI SIP/2.0\nHEAD\nContent-Type: multipart/mixed;boundary=x\n\n--x\nContent-Type: a/b\n",
    "ACK": "ACK URI SIP/2.0\nHEADLESS\nCSeq: 1 ACK\n",
    "CANCEL": "CANCEL URI SIP/2.0\nHEADLESS\nCSeq: 1 CANCEL\n",
    "challenge": "REGISTER URI SIP/2.0\nHEADLESS\nCSeq: 1 REGISTER\nAuthorization: NoOneKnowsThisScheme opaque\n",
}


@pytest.mark.parametrize("name", JUNK)
@pytest.mark.parametrize("side", ["outside", "inside"])
async def test_junk_leaves_it_alive(line: Line, name: str, side: str) -> None:
    agent = line.provider if side == "outside" else line.rakia
    ip, port = agent.address
    head = [f"Via: SIP/2.0/UDP {ip}:{port};branch={unique('z9hG4bK-junk')};rport", "Max-Forwards: 70"]
    head += [f"To: <sip:{line.user}@example.net>", "From: <sip:a@example.net>;tag=1", f"Call-ID: {unique('junk')}"]
    without = "\n".join(head)
    text = JUNK[name].replace("HEADLESS", without).replace("HEAD", f"{without}\nCSeq: 1 INVITE")
    data = text.replace("URI", line.contact).replace("\n", "\r\n")
    data += "" if "\r\n\r\n" in data else "\r\n"
    agent.send_bytes(data.encode(), line.edge.outside if side == "outside" else line.edge.inside)
    await still_serves(line)
    assert not [each for each in line.edge.process.lines if "exited" in each or "core dumped" in each]


@pytest_asyncio.fixture(loop_scope="module")
async def caller() -> AsyncIterator[Agent]:
    """Somebody who was called once. The stranger of the tests above is kept out for some seconds."""
    agent = await Agent.open("127.0.0.10")
    yield agent
    agent.close()


async def test_a_stranger_with_the_contact_of_a_registration_is_refused(line: Line, caller: Agent) -> None:
    """Everybody who was called has got a Contact, and a provider that is a proxy may show that of the registration."""
    for method in ("INVITE", "OPTIONS", "BYE"):
        message = caller.send(request(method, line.contact, body=sdp()), line.edge.outside)
        assert (await caller.final(message)).status == 404
    await still_serves(line)


async def test_the_contact_of_a_call_is_for_that_call_only(line: Line, caller: Agent) -> None:
    sent = line.outgoing("INVITE", body=sdp())
    contact = (await line.provider.request("INVITE", sent["Call-ID"]))["Contact"].strip("<>")
    told = [("From", "<sip:bob@example.net>;tag=b"), ("To", "<sip:alice@example.net>;tag=a"), ("CSeq", "1 BYE")]
    for sender in (caller, line.provider):
        begins = sender.send(request("INVITE", contact, body=sdp()), line.edge.outside)
        assert (await sender.final(begins)).status == 404
        other = sender.send(request("BYE", contact, headers=told), line.edge.outside)
        assert (await sender.final(other)).status == 404
    own = caller.send(request("BYE", contact, headers=[*told, ("Call-ID", sent["Call-ID"])]), line.edge.outside)
    await line.rakia.answer(await line.rakia.request("BYE", own["Call-ID"]), 200, "OK")
    assert (await caller.final(own)).status == 200


async def test_the_contact_of_an_earlier_registration_leads_nowhere(line: Line) -> None:
    before = line.contact
    sent = line.outgoing("REGISTER", headers=(("To", f"<sip:{line.user}@example.net>"),))
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    await line.provider.answer(arrived, 200, "OK", headers=[("Contact", arrived["Contact"])])
    await line.rakia.final(sent)
    for contact, status in ((before, 404), (arrived["Contact"].strip("<>"), 200)):
        message = line.provider.send(request("OPTIONS", contact), line.edge.outside)
        assert (await line.provider.final(message)).status == status


async def test_the_contact_of_a_call_begins_no_other_if_the_edge_knows_no_registration(line: Line) -> None:
    """As after a restart of the edge."""
    rakia = await Rakia.open(INSIDE)
    rakia.edge = line.edge.settings
    contact = f"<sip:{line.user}@{INSIDE}:{rakia.address[1]}>"
    headers = [("Route", line.route()), ("Contact", contact)]
    placed = rakia.send(request("INVITE", "sip:bob@example.net", headers=headers, body=sdp()), line.edge.inside)
    of_call = (await line.provider.request("INVITE", placed["Call-ID"]))["Contact"].strip("<>")
    other = request("INVITE", of_call, headers=[("Contact", line.provider.contact)], body=sdp())
    line.provider.send(other, line.edge.outside)
    assert (await line.provider.final(other)).status == 404
    rakia.close()
