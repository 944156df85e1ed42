"""A rakia has died: the phones in its calls are told by the edge, as soon as the gateway names the rakias that live."""

import asyncio
from collections.abc import Sequence

import pytest
import pytest_asyncio

from ..agents import WAIT_SECONDS, Agent, Message, request
from .conftest import Line
from .sdp import AUDIO, sdp

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def living(line: Line, *names: str) -> int:
    """Name the rakias that live, as the gateway does. Return the status of the answer."""
    ip, port = line.edge.inside
    message = request("HOSTS", f"sip:{ip}:{port}", headers=[("Fargo-Hosts", " ".join(names))])
    return (await line.rakia.final(line.rakia.send(message, (ip, port)))).status


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _alone(line: Line) -> None:
    """No call of an earlier test is left."""
    await all_told(line)


async def all_told(line: Line) -> None:
    """Name no rakia until there is no call left."""
    async with asyncio.timeout(WAIT_SECONDS):
        while await living(line) == 202:
            await asyncio.sleep(0.1)


async def nobody_left(line: Line) -> None:
    assert await living(line) == 200


def ours(sent: Message) -> str:
    return sent["Call-ID"]


# ------------------------------------------------------------------------------------------------ calls


async def calling(line: Line) -> tuple[Message, Message]:
    """A call out that rings. Return the INVITE as rakia sent it and as the phone got it."""
    sent = line.outgoing("INVITE", body=sdp(ip="127.0.0.1"))
    got = await line.provider.request("INVITE", ours(sent))
    await line.rakia.response(await line.provider.answer(got, 180, "Ringing"))
    return sent, got


async def called(line: Line, *headers: tuple[str, str]) -> tuple[Message, Message]:
    """A call in that rings. Return the INVITE as the phone sent it and as rakia got it."""
    sent = line.incoming("INVITE", headers=headers, body=sdp(AUDIO))
    got = await line.rakia.request("INVITE", ours(sent))
    await line.rakia.answer(got, 180, "Ringing", headers=[("Contact", line.rakia_contact)])
    await line.provider.response(sent, 180)
    return sent, got


def proxies(line: Line) -> list[str]:
    """Return the URIs of three proxies, all of them the provider."""
    ip, port = line.provider.address
    return [f"<sip:{ip}:{port};lr;n={number}>" for number in (1, 2, 3)]


def record_routes(line: Line) -> list[tuple[str, str]]:
    """Return two headers, the first of which has two values."""
    first, second, third = proxies(line)
    return [("Record-Route", f"{first}, {second}"), ("Record-Route", third)]


async def answered_out(line: Line) -> Message:
    """A call out that was answered. Return the 200 as the phone sent it."""
    _, got = await calling(line)
    headers = [("Contact", line.provider.contact), *record_routes(line)]
    answer = await line.provider.answer(got, 200, "OK", headers=headers, body=sdp(AUDIO))
    await line.rakia.final(answer)
    return answer


async def answered_in(line: Line) -> tuple[Message, Message]:
    """A call in that was answered. Return the INVITE as the phone sent it, and the 200 as it got it."""
    sent, got = await called(line, *record_routes(line))
    contact = [("Contact", line.rakia_contact)]
    await line.rakia.answer(got, 200, "OK", headers=contact, body=sdp(AUDIO, ip="127.0.0.1"))
    return sent, await line.provider.final(sent)


# ------------------------------------------------------------------------------------------------ while it rings


async def test_a_phone_that_rings_is_told(line: Line) -> None:
    sent, got = await calling(line)
    assert await living(line, "other", line.name) == 200
    assert await living(line, "other") == 202
    cancel = await line.provider.request("CANCEL", ours(sent))
    assert (cancel["Via"], cancel["CSeq"]) == (got["Via"], got["CSeq"].replace("INVITE", "CANCEL"))
    await line.provider.answer(cancel, 200, "OK")
    assert await living(line) == 202
    await line.provider.answer(got, 487, "Request Terminated")
    await all_told(line)
    assert not line.provider.has(lambda message: message.start.startswith("CANCEL"))


async def test_a_caller_is_told(line: Line) -> None:
    caller = '"Zoë" <sip:zoe@example.org>;tag=1'
    sent, _ = await called(line, ("From", caller))
    assert await living(line, "other", line.name) == 200
    assert await living(line, "other") == 202
    final = await line.provider.final(sent)
    assert (final.status, final["From"], final.all("Via")) == (480, caller, sent.all("Via"))
    assert ";tag=" in final["To"]
    await all_told(line)


async def test_a_caller_is_told_that_rakia_has_not_responded_to(line: Line) -> None:
    sent = line.incoming("INVITE", body=sdp(AUDIO))
    await line.rakia.request("INVITE", ours(sent))
    assert await living(line) == 202
    assert (await line.provider.final(sent)).status == 480
    await nobody_left(line)


async def test_a_call_that_comes_twice_is_ended_twice(line: Line) -> None:
    """A proxy forks it to two accounts (RFC 3261 §16.7)."""
    first, _ = await called(line)
    same = tuple((name, first[name]) for name in ("From", "Call-ID", "CSeq"))
    second, _ = await called(line, *same)
    await living(line)
    finals = [await line.provider.final(first), await line.provider.final(first)]
    assert [each.status for each in finals] == [480, 480]
    assert {each["Via"].split(";")[1] for each in finals} == {each["Via"].split(";")[1] for each in (first, second)}
    await nobody_left(line)


@pytest.mark.parametrize("status", [401, 486, 503])
async def test_a_phone_that_has_refused_is_not_told(line: Line, status: int) -> None:
    _, got = await calling(line)
    await line.rakia.final(await line.provider.answer(got, status, "No"))
    await nobody_left(line)


async def test_a_caller_that_was_refused_is_not_told(line: Line) -> None:
    sent, got = await called(line)
    await line.rakia.answer(got, 486, "Busy Here")
    await line.provider.final(sent)
    await nobody_left(line)


async def test_a_server_that_is_silent_is_not_told(line: Line) -> None:
    sent = line.outgoing("INVITE", body=sdp(ip="127.0.0.1"))
    await line.provider.request("INVITE", ours(sent))
    assert (await line.rakia.final(sent)).status == 504
    await nobody_left(line)


async def test_a_caller_whom_rakia_is_silent_to_is_not_told_twice(line: Line) -> None:
    sent = line.incoming("INVITE", body=sdp(AUDIO))
    await line.rakia.request("INVITE", ours(sent))
    assert (await line.provider.final(sent)).status == 408
    await nobody_left(line)


async def test_a_phone_that_answers_while_it_is_told_is_told_again(line: Line) -> None:
    sent, got = await calling(line)
    assert await living(line) == 202
    await line.provider.answer(await line.provider.request("CANCEL", ours(sent)), 200, "OK")
    answer = await line.provider.answer(got, 200, "OK", headers=[("Contact", line.provider.contact)], body=sdp(AUDIO))
    await line.rakia.final(answer)
    assert await living(line) == 202
    await line.provider.request("BYE", ours(sent))
    await nobody_left(line)


# ------------------------------------------------------------------------------------------------ after the answer


def is_bye(bye: Message, near: str, far: str, target: str, routes: Sequence[str]) -> None:
    """Check that the phone takes a BYE for one of its dialog (RFC 3261 §12.2.1.1)."""
    assert (bye["From"], bye["To"], bye.uri) == (near, far, target.strip("<>"))
    assert [each.strip() for each in ",".join(bye.all("Route")).split(",") if each] == list(routes)
    assert int(bye["CSeq"].split()[0]) < 2**31
    assert "fg-" not in bye.encode().decode()


async def test_a_phone_that_has_answered_is_told(line: Line) -> None:
    answer = await answered_out(line)
    assert await living(line, line.name) == 200
    assert await living(line) == 202
    bye = await line.provider.request("BYE", ours(answer))
    is_bye(bye, answer["From"], answer["To"], line.provider.contact, [*reversed(proxies(line))])
    await line.provider.answer(bye, 200, "OK")
    await nobody_left(line)


async def test_a_caller_that_was_answered_is_told(line: Line) -> None:
    sent, answer = await answered_in(line)
    assert await living(line, line.name) == 200
    assert await living(line) == 202
    bye = await line.provider.request("BYE", ours(sent))
    is_bye(bye, answer["To"], sent["From"], line.provider.contact, proxies(line))
    await nobody_left(line)


async def test_a_phone_that_has_moved_is_told_where_it_is(line: Line) -> None:
    answer, moved = await answered_out(line), "<sip:moved@127.0.0.3:9>"
    tags = [("From", answer["To"]), ("To", answer["From"]), ("Call-ID", ours(answer)), ("CSeq", "7 INVITE")]
    sent = line.provider.send(
        request("INVITE", line.contact, headers=[*tags, ("Contact", moved)], body=sdp(AUDIO)), line.edge.outside
    )
    got = await line.rakia.request("INVITE", ours(answer))
    contact = [("Contact", line.rakia_contact)]
    await line.rakia.answer(got, 200, "OK", headers=contact, body=sdp(AUDIO, ip="127.0.0.1"))
    await line.provider.final(sent)
    await living(line)
    assert (await line.provider.request("BYE", ours(answer))).uri == moved.strip("<>")


async def test_an_answer_to_us_may_move_the_phone_as_well(line: Line) -> None:
    sent, answer = await answered_in(line)
    moved = "<sip:moved@127.0.0.3:9>"
    routes = [("Route", f"<sip:{line.edge.inside[0]}:{line.edge.inside[1]};lr>"), ("Route", line.provider.contact)]
    tags = [("From", answer["To"]), ("To", sent["From"]), ("Call-ID", ours(sent)), ("CSeq", "7 INVITE")]
    own = [*routes, *tags, ("Contact", line.rakia_contact)]
    change = request("INVITE", line.provider.contact.strip("<>"), headers=own, body=sdp(AUDIO, ip="127.0.0.1"))
    line.rakia.send(change, line.edge.inside)
    got = await line.provider.request("INVITE", ours(sent))
    await line.rakia.final(await line.provider.answer(got, 200, "OK", headers=[("Contact", moved)], body=sdp(AUDIO)))
    await living(line)
    assert (await line.provider.request("BYE", ours(sent))).uri == moved.strip("<>")


async def test_who_has_hung_up_is_not_told(line: Line) -> None:
    answer = await answered_out(line)
    tags = [("From", answer["To"]), ("To", answer["From"]), ("Call-ID", ours(answer)), ("CSeq", "7 BYE")]
    line.provider.send(request("BYE", line.contact, headers=tags), line.edge.outside)
    await line.rakia.request("BYE", ours(answer))
    await nobody_left(line)


async def test_whom_rakia_has_told_is_not_told_again(line: Line) -> None:
    sent, answer = await answered_in(line)
    routes = [("Route", f"<sip:{line.edge.inside[0]}:{line.edge.inside[1]};lr>"), ("Route", line.provider.contact)]
    tags = [("From", answer["To"]), ("To", sent["From"]), ("Call-ID", ours(sent)), ("CSeq", "7 BYE")]
    line.rakia.send(request("BYE", line.provider.contact.strip("<>"), headers=[*routes, *tags]), line.edge.inside)
    await line.provider.request("BYE", ours(sent))
    await nobody_left(line)
    assert not line.provider.has(lambda message: message.start.startswith("BYE"))


# ------------------------------------------------------------------------------------------------ who may say it


async def test_nothing_is_sent_to_a_loopback_address(line: Line) -> None:
    """The Contact of a stranger, say: no local service may be reached."""
    trap = await Agent.open("127.0.0.1")
    _, got = await calling(line)
    await line.rakia.final(
        await line.provider.answer(got, 200, "OK", headers=[("Contact", trap.contact)], body=sdp(AUDIO))
    )
    mark = len(line.edge.process.lines)
    await living(line)
    await line.edge.process.line("kept back: BYE", after=mark)
    await nobody_left(line)
    assert not trap.has(lambda message: True)
    trap.close()


async def test_nobody_outside_names_rakias(line: Line, stranger: Agent) -> None:
    await answered_out(line)
    ip, port = line.edge.outside
    for uri in (f"sip:{ip}:{port}", line.contact, "sip:{}:{}".format(*line.edge.inside)):
        sent = stranger.send(request("HOSTS", uri), line.edge.outside)
        assert (await stranger.final(sent)).status in (404, 405)
    assert await living(line) == 202


async def test_the_edge_finds_no_fault_with_its_own_rules(line: Line) -> None:
    await answered_out(line)
    await living(line)
    assert not [each for each in line.edge.process.lines if "ERROR" in each]
