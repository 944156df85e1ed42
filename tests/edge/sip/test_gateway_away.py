"""The gateway is away for some seconds, as when it is restarted: nothing is answered in its place, and all arrives.

Everything is sent during one absence. Each test then looks at some of it.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from ..agents import Agent, Message, request
from .conftest import OUTSIDE, PROVIDER, Gateway, RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")

AWAY_SECONDS = 3.6
"""Longer than three times kamailio's own intervals, after which it would wait for another four seconds."""


@pytest.fixture(scope="module")
def more_settings() -> dict[str, Any]:
    return {"silence_seconds": 2, "away_seconds": 16}  # that of servers is shorter than the absence


@dataclass
class Away:
    """The messages that were sent while the gateway was away. `gateway` is the one that came back."""

    gateway: Gateway
    caller: Agent
    phones: list[Agent]
    requests: dict[str, Message]
    """By what they are."""
    answered: dict[str, tuple[Message, Message]]
    """Our INVITE and the final response to it, by phone."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def away(edge: RunningEdge, gateway: Gateway) -> AsyncIterator[Away]:
    caller = await Agent.open(PROVIDER)
    await gateway.accepted_by(caller)
    contact = f"sip:{gateway.token()}@{OUTSIDE}"
    ringing = caller.send(request("INVITE", contact), edge.at())
    await gateway.answer(await gateway.request("INVITE", ringing["Call-ID"]), 180, "Ringing")
    await caller.response(ringing, 180)
    phones, ours = [await Agent.open(PROVIDER) for _ in range(2)], []
    for phone in phones:
        sent = gateway.outgoing("INVITE", phone.address)
        got = await phone.request("INVITE", sent["Call-ID"])
        await phone.answer(got, 180, "Ringing")
        await gateway.response(sent, 180)
        ours.append((sent, got))
    gateway.close()

    in_dialog = [("To", "<sip:bob@example.net>;tag=1")]
    requests = {
        "INVITE": request("INVITE", contact),
        "cancelled INVITE": request("INVITE", contact),
        "re-INVITE": request("INVITE", contact, headers=in_dialog),
        "BYE": request("BYE", contact, headers=in_dialog),
        "INFO": request("INFO", contact, headers=in_dialog),
    }
    for each in requests.values():
        caller.send(each, edge.at())
    for name, invite in (("CANCEL", ringing), ("CANCEL of an unheard INVITE", requests["cancelled INVITE"])):
        requests[name] = caller.send(cancel(invite), edge.at())
    answered = {}
    for name, phone, (sent, got), status in zip(("200", "486"), phones, ours, (200, 486), strict=True):
        answered[name] = sent, await phone.answer(got, status, "Final")
    await asyncio.sleep(AWAY_SECONDS)
    for each in requests.values():
        assert has_final(caller, each) == (each.method == "CANCEL"), (
            f"{each.start}: the edge itself answers a CANCEL, and nothing else"
        )
    back = await Gateway.beside(edge.settings)
    yield Away(back, caller, phones, requests, answered)
    for agent in (back, caller, *phones):
        agent.close()
    assert not back.without_key


def cancel(invite: Message) -> Message:
    same = [(name, invite[name]) for name in ("Via", "Call-ID", "From", "To")]
    return request("CANCEL", invite.uri, headers=[*same, ("CSeq", "1 CANCEL")])


def has_final(caller: Agent, to: Message) -> bool:
    place = to["Call-ID"], to["CSeq"]
    return caller.has(lambda each: each.is_response and each.status >= 200 and (each["Call-ID"], each["CSeq"]) == place)


@pytest.mark.parametrize("name", ["INVITE", "re-INVITE", "BYE", "INFO", "CANCEL"])
async def test_a_request_reaches_the_gateway_that_came_back(away: Away, name: str) -> None:
    sent = away.requests[name]
    got = await away.gateway.request(sent.method, sent["Call-ID"])
    await away.gateway.answer(got, 200, "OK")
    assert (await away.caller.final(sent)).status == 200


async def test_an_invite_that_was_cancelled_meanwhile_is_still_cancelled(away: Away) -> None:
    invite = away.requests["cancelled INVITE"]
    got = await away.gateway.request("INVITE", invite["Call-ID"])
    await away.gateway.answer(got, 100, "Trying")
    cancelled = await away.gateway.request("CANCEL", invite["Call-ID"])
    await away.gateway.answer(cancelled, 200, "OK")
    await away.gateway.answer(got, 487, "Request Terminated")
    assert (await away.caller.final(invite)).status == 487


async def test_a_refusal_is_given_again(away: Away) -> None:
    """By the edge while it has the transaction, and then by the phone."""
    sent, refusal = away.answered["486"]
    phone = away.phones[1]

    async def refuse_again() -> None:
        await phone.answer(await phone.request("INVITE", sent["Call-ID"]), 486, "Final")

    refusing = asyncio.create_task(refuse_again())
    away.gateway.send(sent)
    again = await away.gateway.final(sent)
    refusing.cancel()
    assert (again.status, again["To"]) == (486, refusal["To"])


async def test_an_answer_is_repeated_by_the_phone(away: Away, edge: RunningEdge) -> None:
    sent, answer = away.answered["200"]
    away.phones[0].send(answer, edge.at())
    assert (await away.gateway.final(sent)).status == 200
