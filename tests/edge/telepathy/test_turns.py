"""One re-INVITE at a time: rakia does not survive its own beside one of the phone.

The gateway asks for the turn before rakia begins. Each test has a call that we placed and one that we took.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ..agents import Message, request
from .conftest import Line
from .sdp import sdp
from .test_renegotiation import Dialog, audio, placed, taken

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER = sdp(audio(0, 8, 101))
OURS = sdp(f"{audio(0, 8, 101)}\r\na=sendonly", ip="127.0.0.1")


@pytest_asyncio.fixture(loop_scope="module", params=[placed, taken])
async def dialog(line: Line, request: pytest.FixtureRequest) -> AsyncIterator[Dialog]:
    yield await request.param(line)


async def asked(dialog: Dialog) -> bool:
    """Ask for the turn, as the gateway does. Return the answer."""
    ip, port = dialog.line.edge.inside
    message = request("HOLD", f"sip:{ip}:{port};fg-call={dialog.name}")
    return (await dialog.line.rakia.final(dialog.line.rakia.send(message, (ip, port)))).status == 200


async def refused(dialog: Dialog, sent: Message | None = None) -> None:
    """Check that a re-INVITE of the phone is refused, and that rakia does not see it."""
    sent = sent or dialog.by_phone(OFFER)
    assert (await dialog.line.provider.final(sent)).status == 491
    assert not dialog.line.rakia.has(lambda message: message.get("CSeq") == sent["CSeq"])


async def answered(dialog: Dialog, got: Message, status: int = 200, phrase: str = "OK") -> None:
    """Let the phone respond to a re-INVITE of rakia."""
    line, body = dialog.line, OFFER if status == 200 else ""
    sent = await line.provider.answer(got, status, phrase, headers=[("Contact", line.provider.contact)], body=body)
    assert (await line.rakia.response(sent)).status == status


async def test_the_phone_waits_while_our_re_invite_is_under_way(dialog: Dialog) -> None:
    _, got = await dialog.by_rakia(OURS)
    await refused(dialog)
    await answered(dialog, got)
    await dialog.answered(OFFER)


async def test_we_wait_while_a_re_invite_of_the_phone_is_under_way(dialog: Dialog) -> None:
    sent = dialog.by_phone(OFFER)
    got = await dialog.line.rakia.request("INVITE", dialog.call)
    assert not await asked(dialog)
    await dialog.line.rakia.answer(got, 100, "Trying")
    assert not await asked(dialog)
    await dialog.line.rakia.answer(got, 500, "Overlapping Requests")
    await dialog.line.provider.final(sent)
    assert await asked(dialog)


async def test_the_phone_waits_from_the_moment_the_turn_is_ours(dialog: Dialog) -> None:
    assert await asked(dialog)
    assert not await asked(dialog)
    await refused(dialog)
    _, got = await dialog.by_rakia(OURS)
    await refused(dialog)
    await answered(dialog, got)
    assert await asked(dialog)


@pytest.mark.parametrize("status", [401, 407, 491])
async def test_the_phone_waits_until_rakia_has_tried_again(dialog: Dialog, status: int) -> None:
    """rakia does so after a challenge, and when the phone has a re-INVITE of its own."""
    _, got = await dialog.by_rakia(OURS)
    challenge = [("WWW-Authenticate" if status == 401 else "Proxy-Authenticate", 'Digest realm="x", nonce="y"')]
    sent = await dialog.line.provider.answer(got, status, "Again", headers=challenge if status != 491 else [])
    assert (await dialog.line.rakia.response(sent)).status in (status, 481)
    await refused(dialog)
    _, got = await dialog.by_rakia(OURS)
    await answered(dialog, got)
    await dialog.answered(OFFER)


async def test_the_turn_is_free_after_a_refusal(dialog: Dialog) -> None:
    _, got = await dialog.by_rakia(OURS)
    sent = await dialog.line.provider.answer(got, 488, "Not Acceptable Here")
    await dialog.line.rakia.response(sent)
    assert await asked(dialog)


async def test_a_refused_re_invite_that_is_repeated_gets_the_same_answer(dialog: Dialog) -> None:
    _, got = await dialog.by_rakia(OURS)
    sent = dialog.by_phone(OFFER)
    await refused(dialog, sent)
    await answered(dialog, got)
    dialog.line.provider.send(sent, dialog.line.edge.outside)
    await refused(dialog, sent)


async def test_an_offer_that_is_refused_takes_no_turn(dialog: Dialog) -> None:
    sent = dialog.by_phone(sdp(audio(3)))
    assert (await dialog.line.provider.final(sent)).status == 488
    assert await asked(dialog)


async def test_a_re_invite_that_is_refused_for_its_turn_leaves_no_lines(dialog: Dialog) -> None:
    """Lines that the edge hides from rakia are put around its next offer."""
    _, got = await dialog.by_rakia(OURS)
    await refused(dialog, dialog.by_phone(sdp(audio(0, 8, 101), "m=video 0 RTP/AVP 96")))
    await answered(dialog, got)
    _, got = await dialog.by_rakia(OFFER)
    assert len(got.m_lines) == 1


async def test_calls_have_turns_of_their_own(line: Line) -> None:
    first, second, third = await placed(line), await placed(line), await taken(line)
    assert await asked(first)
    await first.by_rakia(OURS)
    for other in (second, third):
        await other.answered(OFFER)
        assert await asked(other)


async def test_the_name_of_a_call_is_not_seen_outside(dialog: Dialog) -> None:
    _, got = await dialog.by_rakia(OURS)
    assert "fg-" not in got.encode().decode()


async def test_the_edge_finds_no_fault_with_its_own_rules(dialog: Dialog) -> None:
    """kamailio goes on where a lock, for one, cannot be taken."""
    assert await asked(dialog)
    await refused(dialog)
    assert not [line for line in dialog.line.edge.process.lines if "ERROR" in line]
