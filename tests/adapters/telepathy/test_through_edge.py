"""Calls through a real rakia and a real edge: changes of a call by either end never stop rakia, nor leave it waiting.

The description in a phone's answer is never accepted or rejected (`fargo.statemachine.legs.telepathy.negotiation`).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio

from fargo.edge.telepathy.routing import route_params
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.statemachine.media.description import Codec
from fargo.statemachine.model.call1 import (
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChangeReason,
    CompleteReceiving,
    CompleteSending,
    DescriptionReceived,
    FlowState,
    HangUp,
    HoldPostponed,
    ReceivingStateChanged,
    RequestHold,
    SendingStateChanged,
)
from fargo.statemachine.model.events import SipSignedIn, SipSignedOut

from .rig import PASSWORD, Rig
from .sip import Dialog, SipAgent, md5, sdp
from .test_calls import answer, arrive, closed, converse, place
from .wire import RAKIA

MAPS = ("rtpmap:8 PCMA/8000", "rtpmap:0 PCMU/8000", "rtpmap:101 telephone-event/8000", "rtpmap:9 G722/8000")
Call: TypeAlias = tuple[str, Dialog]
Begin: TypeAlias = Callable[[Rig, SipAgent, str], Awaitable[Call]]


@pytest_asyncio.fixture
async def rig(edge: TelepathyEdgeSettings, tmp_path: Path, agent: SipAgent) -> AsyncIterator[Rig]:
    """An adapter whose accounts all reach `agent` through the edge."""
    route = route_params("udp", agent.address, agent.port, RAKIA, edge)
    async with Rig(tmp_path / "sip", route, (edge.inside_ip, edge.inside_port)) as running:
        yield running


async def placed(rig: Rig, agent: SipAgent, connection: str) -> Call:
    """A call out. Its answer names one of the three codecs that were offered, and its description is left waiting."""
    call, dialog = await converse(rig, agent, connection)
    await rig.expect(DescriptionReceived, leg=call)
    return call, dialog


async def taken(rig: Rig, agent: SipAgent, connection: str) -> Call:
    """A call in."""
    call, dialog = await arrive(rig, agent)
    await answer(rig, agent, call, dialog)
    return call, dialog


WAYS = pytest.mark.parametrize("begin", [placed, taken])


@asynccontextmanager
async def flowing(rig: Rig, call: str) -> AsyncIterator[None]:
    """Meanwhile complete what is pending, as the core does."""

    async def receiving() -> None:
        while True:
            state = (await rig.expect(ReceivingStateChanged, leg=call, seconds=600)).state
            if state in (FlowState.PENDING_START, FlowState.PENDING_STOP):
                rig.do(CompleteReceiving(call, settled(state)))

    async def sending() -> None:
        while True:
            state = (await rig.expect(SendingStateChanged, leg=call, seconds=600)).state
            if state in (FlowState.PENDING_START, FlowState.PENDING_STOP):
                rig.do(CompleteSending(call, settled(state)))

    tasks = [asyncio.create_task(each()) for each in (receiving, sending)]
    yield
    for task in tasks:
        task.cancel()


def settled(state: int) -> FlowState:
    return FlowState.STARTED if state == FlowState.PENDING_START else FlowState.STOPPED


async def changed(agent: SipAgent, dialog: Dialog, codecs: str, *attributes: str, ip: str = "127.0.0.4") -> str:
    """Let the phone change the call, and return the body of rakia's answer.

    If the edge has passed the offer on before the ACK of the offer before, rakia asks for another try.
    """
    while True:
        agent.request(dialog, "INVITE", sdp(4000, codecs, *MAPS, *attributes, ip=ip, version=dialog.cseq))
        final = await agent.final()
        if (final.code, final.phrase) != (500, "Overlapping Requests"):
            break
    assert final.code == 200
    agent.confirm(dialog, final)
    return final.body


async def hung_up(rig: Rig, agent: SipAgent, call: str, dialog: Dialog) -> None:
    """Let the phone hang up, and check that rakia is alive."""
    agent.request(dialog, "BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


LISTS = {"same": "8 101", "all": "8 0 101 9", "reordered": "101 9 0 8", "one": "8"}


@WAYS
@pytest.mark.parametrize("name", LISTS)
async def test_a_phone_that_holds_with_any_list_resumes(
    rig: Rig, agent: SipAgent, connection: str, begin: Begin, name: str
) -> None:
    call, dialog = await begin(rig, agent, connection)
    async with flowing(rig, call):
        for held in ("sendonly", "inactive"):
            body = await changed(agent, dialog, LISTS[name], held)
            assert "m=audio 6000 RTP/AVP" in body
            assert "a=inactive\r\n" in body or "a=recvonly\r\n" in body
            body = await changed(agent, dialog, LISTS[name])
            assert "m=audio 6000 RTP/AVP" in body
            assert not {"a=inactive", "a=recvonly", "a=sendonly"} & set(body.split("\r\n"))
    await hung_up(rig, agent, call, dialog)
    assert not [each for each in rig.events if isinstance(each, DescriptionReceived)]


@WAYS
async def test_a_phone_may_use_another_list_each_time(rig: Rig, agent: SipAgent, connection: str, begin: Begin) -> None:
    call, dialog = await begin(rig, agent, connection)
    async with flowing(rig, call):
        for codecs in LISTS.values():
            for ip in ("0.0.0.0", "127.0.0.5", "127.0.0.4"):
                await changed(agent, dialog, codecs, ip=ip)
    await hung_up(rig, agent, call, dialog)


@WAYS
async def test_our_hold_between_holds_of_the_phone(rig: Rig, agent: SipAgent, connection: str, begin: Begin) -> None:
    call, dialog = await begin(rig, agent, connection)
    async with flowing(rig, call):
        for codecs in LISTS.values():
            await changed(agent, dialog, codecs, "sendonly")
            await changed(agent, dialog, codecs)
            for hold, direction in ((True, "recvonly"), (False, "sendrecv")):
                rig.do(RequestHold(call, hold))
                invite = await agent.expect("INVITE")
                assert ("a=sendonly\r\n" in invite.body) == hold
                body = sdp(4000, codecs, *MAPS, direction, version=dialog.cseq)
                agent.reply(invite, 200, "OK", body)
                await agent.expect("ACK")
    await hung_up(rig, agent, call, dialog)


async def crossed(rig: Rig, agent: SipAgent, call: str, dialog: Dialog, hold: bool, later: float) -> None:
    """Hold or resume while the phone refreshes the call, `later` seconds after us. Both repeat what was refused.

    The phone refuses our re-INVITE while its own waits.
    """
    waiting = False

    async def ours() -> None:
        await asyncio.sleep(max(0, -later))
        rig.do(RequestHold(call, hold))
        repeating = asyncio.create_task(repeat())
        invite = await agent.expect("INVITE")
        while waiting:
            agent.reply(invite, 491, "Request Pending")
            invite = await agent.expect("INVITE")
        repeating.cancel()
        agent.reply(invite, 200, "OK", sdp(4000, "8", *MAPS, "recvonly" if hold else "sendrecv", version=dialog.cseq))
        await agent.expect("ACK")

    async def repeat() -> None:
        while True:
            await rig.expect(HoldPostponed, leg=call, seconds=600)
            rig.do(RequestHold(call, hold))

    async def phone() -> None:
        nonlocal waiting
        await asyncio.sleep(max(0, later))
        while True:
            waiting = True
            agent.request(dialog, "INVITE", sdp(4000, "8", *MAPS, version=dialog.cseq))
            final = await agent.final()
            waiting = False
            if final.code == 200:
                return agent.confirm(dialog, final)
            await asyncio.sleep(0.05)

    await asyncio.gather(ours(), phone())


@WAYS
async def test_changes_of_both_ends_at_once(rig: Rig, agent: SipAgent, connection: str, begin: Begin) -> None:
    """Whoever is first, and even if the phone refuses ours: rakia lives, and both changes come through."""
    call, dialog = await begin(rig, agent, connection)
    async with flowing(rig, call):
        for number in range(10):
            async with asyncio.timeout(30):
                await crossed(rig, agent, call, dialog, number % 2 == 0, (number * 7 % 10 - 5) / 4000)
    await hung_up(rig, agent, call, dialog)


@WAYS
async def test_codecs_of_which_none_was_agreed_are_refused_and_the_call_goes_on(
    rig: Rig, agent: SipAgent, connection: str, begin: Begin
) -> None:
    call, dialog = await begin(rig, agent, connection)
    agent.request(dialog, "INVITE", sdp(4000, "9", *MAPS, version=2))
    assert (await agent.refusal()).code == 488
    async with flowing(rig, call):
        await changed(agent, dialog, "8 9", "sendonly")
        await changed(agent, dialog, "8 9")
    await hung_up(rig, agent, call, dialog)


@WAYS
async def test_either_end_hangs_up_while_the_phone_holds(
    rig: Rig, agent: SipAgent, connection: str, begin: Begin
) -> None:
    for ours in (True, False):
        call, dialog = await begin(rig, agent, connection)
        async with flowing(rig, call):
            agent.request(dialog, "INVITE", sdp(4000, "8 9 101", *MAPS, "sendonly", version=2))
            if ours:
                rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
                agent.reply(await agent.expect("BYE"), 200, "OK")
            else:
                agent.request(dialog, "BYE")
            await agent.final()  # of the hold; the next call must not take it for its own
            await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
            await closed(rig, call)
    await place(rig, agent, connection)


# --- answers


async def test_a_server_in_trouble_is_not_called_again_and_again(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, invite = await place(rig, agent, connection)
    agent.reply(invite, 503, "Maintenance", "", "Retry-After: 1")
    ended = await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    assert ended.message == "503 Maintenance"
    assert not agent.has("INVITE")


@pytest.mark.parametrize("body", ["", sdp(0), sdp().replace("RTP/AVP", "RTP/SAVP")], ids=["none", "refused", "SAVP"])
async def test_an_answer_without_usable_audio_is_told_as_one(
    rig: Rig, agent: SipAgent, connection: str, body: str
) -> None:
    """The core ends the call for a codec that nobody has."""
    call, invite = await place(rig, agent, connection)
    agent.reply(invite, 200, "OK", body)
    assert (await rig.expect(DescriptionReceived, leg=call)).codecs == (Codec(127, "none", 8000),)
    await rig.expect(CandidatesReceived, leg=call)
    await rig.expect(CallStateChanged, leg=call, state=CallState.ACTIVE)
    rig.do(HangUp(call, ChangeReason.MEDIA_ERROR))
    await agent.expect("BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


@WAYS
async def test_a_phone_that_answers_our_hold_without_media_stays_in_the_call(
    rig: Rig, agent: SipAgent, connection: str, begin: Begin
) -> None:
    call, dialog = await begin(rig, agent, connection)
    async with flowing(rig, call):
        rig.do(RequestHold(call, True))
        agent.reply(await agent.expect("INVITE"), 200, "OK", sdp(0, "8"))
        await agent.expect("ACK")
        await changed(agent, dialog, "8")
    assert not agent.has("BYE")
    await hung_up(rig, agent, call, dialog)


# --- registrations and logins


@pytest.mark.parametrize("lasting", ["Contact: <sip:alice@198.51.100.7:1024>;expires=6", "Expires: 6"])
async def test_a_registration_is_refreshed_in_time(rig: Rig, agent: SipAgent, lasting: str) -> None:
    agent.lasting = lasting
    rig.sign_in(agent.uri)
    await rig.expect(SipSignedIn)
    for _ in range(2):
        await agent.refreshed()
    assert not [each for each in rig.events if isinstance(each, SipSignedOut)]


OTHER_REALM = 'Proxy-Authenticate: Digest realm="the proxy", nonce="47", algorithm=MD5, qop="auth,auth-int"'


async def test_a_proxy_with_another_realm_than_the_registrar_gets_the_password(
    rig: Rig, agent: SipAgent, connection: str
) -> None:
    _, invite = await place(rig, agent, connection)
    agent.reply(invite, 407, "Proxy Authentication Required", "", OTHER_REALM)
    again = await agent.expect("INVITE")
    given: dict[str, str] = dict(re.findall(r'(\w+)="?([^",]+)"?', again["proxy-authorization"]))
    assert (given["username"], given["realm"], given["qop"]) == ("alice", "the proxy", "auth")
    secret, wanted = md5(f"alice:the proxy:{PASSWORD}"), md5(f"INVITE:{given['uri']}")
    assert given["response"] == md5(f"{secret}:47:{given['nc']}:{given['cnonce']}:auth:{wanted}")
