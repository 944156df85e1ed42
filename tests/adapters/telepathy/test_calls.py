"""Calls through a real rakia, with a scripted phone at the other end."""

import os
import signal

import pytest

from fargo.statemachine.media.description import Candidate, Codec, Parameter
from fargo.statemachine.model.call1 import (
    HELD,
    RINGING,
    AcceptDescription,
    AnswerCall,
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChangeReason,
    ChannelClosed,
    CloseChannel,
    CompleteReceiving,
    CompleteSending,
    DescriptionReceived,
    FlowState,
    HangUp,
    HoldPostponed,
    HoldStateChanged,
    PlaceCall,
    ReceivingStateChanged,
    RequestHold,
    RingCall,
    SendingStateChanged,
)
from fargo.statemachine.model.commands import SignOut
from fargo.statemachine.model.events import SipSignedOut, SipTrouble

from .rig import Rig
from .scripted_edge import ScriptedEdge
from .sip import Dialog, Message, SipAgent, sdp

PCMA, PCMU = Codec(8, "PCMA", 8000), Codec(0, "PCMU", 8000)
TONES = Codec(101, "telephone-event", 8000, parameters=(Parameter("events", "0-15"),))
OURS = (Candidate(1, "127.0.0.1", 6000), Candidate(2, "127.0.0.1", 6001))
RTPMAPS = ("rtpmap:8 PCMA/8000", "rtpmap:0 PCMU/8000")
OFFER = sdp(4000, "8 101", RTPMAPS[0], "rtpmap:101 telephone-event/8000", "fmtp:101 0-15", "ptime:20")
ANSWER = sdp(4000, "8", RTPMAPS[0])
THEIRS = (Candidate(1, "127.0.0.4", 4000), Candidate(2, "127.0.0.4", 4001))


async def place(rig: Rig, agent: SipAgent, connection: str) -> tuple[str, Message]:
    """A call out, as far as its INVITE."""
    call = rig.do(PlaceCall(connection, f"sip:bob@{agent.address}:{agent.port}", (PCMA, PCMU, TONES), OURS))
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    return call, await agent.expect("INVITE")


async def converse(rig: Rig, agent: SipAgent, connection: str) -> tuple[str, Dialog]:
    """A call out that was answered."""
    call, invite = await place(rig, agent, connection)
    agent.reply(invite, 200, "OK", ANSWER)
    await agent.expect("ACK")
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteSending(call, FlowState.STARTED))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.STARTED)
    return call, agent.dialog_of(invite)


async def arrive(rig: Rig, agent: SipAgent, contact: str = "") -> tuple[str, Dialog]:
    """A call in that rings. It is for the last account that has registered if `contact` names no other."""
    dialog = agent.invite(contact or agent.registered, OFFER)
    call = (await rig.expect(CallArrived)).channel
    rig.do(RingCall(call))
    await agent.expect(180)
    return call, dialog


async def answer(rig: Rig, agent: SipAgent, call: str, dialog: Dialog) -> Message:
    """Answer a call in; the 200."""
    rig.do(AnswerCall(call, (PCMA, TONES), OURS))
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    rig.do(CompleteSending(call, FlowState.STARTED))
    ok = await agent.expect(200)
    agent.confirm(dialog, ok)
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.STARTED)
    return ok


async def closed(rig: Rig, call: str) -> None:
    """Let go of a call that ended."""
    rig.do(CloseChannel(call))
    assert await rig.expect(ChannelClosed, leg=call)


# --- out


async def test_a_call_out_is_answered_and_hung_up_there(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, invite = await place(rig, agent, connection)
    assert "m=audio 6000 RTP/AVP 8 0 101\r\nc=IN IP4 127.0.0.1\r\n" in invite.body
    assert "a=fmtp:101 0-15\r\n" in invite.body
    rig.events.clear()
    agent.reply(invite, 180, "Ringing")
    await rig.expect(CallMembersChanged, leg=call, flags=RINGING)
    agent.reply(invite, 200, "OK", ANSWER)
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_START)
    told = [each for each in rig.events if not isinstance(each, ReceivingStateChanged)]
    assert told == [
        CandidatesReceived(call, THEIRS[:1]),
        CandidatesReceived(call, THEIRS[1:]),
        DescriptionReceived(call, (PCMA,)),
        CallStateChanged(call, CallState.ACCEPTED, ChangeReason.PROGRESS_MADE),
        CallStateChanged(call, CallState.ACTIVE, ChangeReason.PROGRESS_MADE),
    ]
    rig.do(CompleteSending(call, FlowState.STARTED))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.STARTED)
    agent.request(agent.dialog_of(invite), "BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


async def test_a_call_out_is_hung_up_here(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    rig.do(HangUp(call, ChangeReason.USER_REQUESTED, "enough"))
    await agent.expect("BYE")
    assert (await rig.expect(CallStateChanged, state=CallState.ENDED)).message == "enough"
    await closed(rig, call)


async def test_a_call_out_is_cancelled(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, invite = await place(rig, agent, connection)
    agent.reply(invite, 180, "Ringing")
    await rig.expect(CallMembersChanged, leg=call)
    rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
    await agent.expect("CANCEL")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


@pytest.mark.parametrize(
    ("code", "phrase", "reason", "message"),
    [
        (404, "404 Not Found", ChangeReason.INVALID_CONTACT, "404 Not Found"),
        (486, "486 Busy Here", ChangeReason.BUSY, "486 Busy Here"),
        (488, "488 Not Acceptable Here", ChangeReason.USER_REQUESTED, "488 Not Acceptable Here"),
        (503, "", ChangeReason.SERVICE_ERROR, "SIP status code 503"),
        (603, "603 Decline", ChangeReason.REJECTED, "603 Decline"),
    ],
)
async def test_a_call_out_is_refused(
    rig: Rig, agent: SipAgent, connection: str, code: int, phrase: str, reason: int, message: str
) -> None:
    call, invite = await place(rig, agent, connection)
    agent.reply(invite, code, phrase)
    ended = await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    assert (ended.reason, ended.message) == (reason, message)
    await closed(rig, call)


async def test_a_call_out_that_nobody_is_there_to_take(rig: Rig, agent: SipAgent, connection: str) -> None:
    agent.leave()
    call = rig.do(PlaceCall(connection, f"sip:bob@{agent.address}:{agent.port}", (PCMA,), OURS))
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    ended = await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    assert (ended.reason, ended.message) == (ChangeReason.SERVICE_ERROR, "Service Unavailable")
    await closed(rig, call)


@pytest.mark.parametrize("stop", [HangUp, CloseChannel])
async def test_a_call_out_that_is_stopped_at_once_is_never_made(
    rig: Rig, agent: SipAgent, connection: str, stop: type[HangUp] | type[CloseChannel]
) -> None:
    call = rig.do(PlaceCall(connection, f"sip:bob@{agent.address}:{agent.port}", (PCMA,), OURS))
    rig.do(HangUp(call, ChangeReason.USER_REQUESTED) if stop is HangUp else CloseChannel(call))
    await closed(rig, call)
    await place(rig, agent, connection)
    assert not agent.has("INVITE")


@pytest.mark.parametrize(
    "target", ["", "bob", "tel:1234", "sip:bob smith@sip.test", "sip:bob@sip.test\r\nSubject: x", "sip:<bob>@sip.test"]
)
async def test_what_is_no_target_is_not_called(rig: Rig, connection: str, target: str) -> None:
    call = rig.do(PlaceCall(connection, target, (PCMA,), OURS))
    assert (await rig.expect(CallFailed, leg=call)).error.endswith(".InvalidHandle")
    await closed(rig, call)


@pytest.mark.parametrize(
    ("codecs", "candidates"),
    [
        ((), OURS),
        ((Codec(96, "x\r\na=evil", 8000),), OURS),
        ((PCMA,), ()),
        ((PCMA,), OURS[1:]),
        ((PCMA,), (Candidate(1, "host.local", 6000), OURS[1])),
    ],
)
async def test_a_call_out_without_usable_media_fails(
    rig: Rig, connection: str, codecs: tuple[Codec, ...], candidates: tuple[Candidate, ...]
) -> None:
    call = rig.do(PlaceCall(connection, "sip:bob@sip.test", codecs, candidates))
    assert (await rig.expect(CallFailed, leg=call)).error.endswith(".InvalidArgument")
    await closed(rig, call)


async def test_no_call_without_a_connection(rig: Rig) -> None:
    call = rig.do(PlaceCall("77.0", "sip:bob@sip.test", (PCMA,), OURS))
    assert (await rig.expect(CallFailed, leg=call)).error.endswith(".Disconnected")


async def test_no_call_before_the_account_is_signed_in(rig: Rig, agent: SipAgent) -> None:
    agent.silent = True
    connection = rig.sign_in(agent.uri)
    await agent.expect("REGISTER")
    call = rig.do(PlaceCall(connection, "sip:bob@sip.test", (PCMA,), OURS))
    rig.do(CloseChannel(call))
    assert (await rig.expect(CallFailed, leg=call)).error.endswith(".Disconnected")
    assert await rig.expect(ChannelClosed, leg=call)


async def test_a_line_break_in_a_parameter_stays_out_of_sdp(rig: Rig, agent: SipAgent, connection: str) -> None:
    parameters = (Parameter("mode", "20\r\na=evil"), Parameter("a\nb", "1"), Parameter("", "bare"), Parameter("x", "y"))
    codec = Codec(97, "iLBC", 8000, ptime=20, parameters=parameters)
    call = rig.do(PlaceCall(connection, f"sip:bob@{agent.address}:{agent.port}", (codec,), OURS))
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    body = (await agent.expect("INVITE")).body
    assert body.endswith("a=rtpmap:97 iLBC/8000\r\na=fmtp:97 x=y\r\n")


# --- after it was answered


async def test_hold_and_resume_by_the_far_end(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await converse(rig, agent, connection)
    agent.request(dialog, "INVITE", sdp(4000, "8", RTPMAPS[0], "sendonly", version=2))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_STOP)
    assert (await rig.expect(CallMembersChanged, leg=call)).flags & 2
    rig.do(CompleteSending(call, FlowState.STOPPED))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.STOPPED)
    agent.confirm(dialog, await agent.expect(200))
    agent.request(dialog, "INVITE", sdp(4000, "8", RTPMAPS[0], version=3))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_START)
    assert not (await rig.expect(CallMembersChanged, leg=call)).flags & 2


def placed(version: int, where: str, port: int = 4000, *attributes: str) -> str:
    """An SDP whose c-line stands with the m-line, as the SIP edge writes it."""
    audio = (f"m=audio {port} RTP/AVP 8", f"c=IN IP4 {where}", *(f"a={each}" for each in (*attributes, RTPMAPS[0])))
    return "\r\n".join(["v=0", f"o=- 1 {version} IN IP4 127.0.0.4", "s=-", "t=0 0", *audio, ""])


async def test_a_far_end_that_moves_is_seen_if_its_c_line_is_another(
    rig: Rig, agent: SipAgent, connection: str
) -> None:
    """Not if only its port is, or RTCP's. What stands where a TTL could makes it another, and does nothing else."""
    call, dialog = await converse(rig, agent, connection)
    rig.events.clear()
    bodies = [
        placed(2, "127.0.0.4/15/160"),
        placed(3, "127.0.0.4/15/160", 5000),
        placed(4, "127.0.0.4/15/160", 5000, "rtcp:7777"),
        placed(5, "127.0.0.4/0/255", 6000),
        placed(6, "127.0.0.8/0/255", 6000),
    ]
    for body in bodies:
        agent.request(dialog, "INVITE", body)
        agent.confirm(dialog, await agent.expect(200))
    await rig.expect(CandidatesReceived, leg=call, candidates=(Candidate(2, "127.0.0.8", 6001),))
    seen = [each.candidates for each in rig.events if isinstance(each, CandidatesReceived)]
    assert [(each.ip, each.port) for (each,) in seen if each.component == 1] == [
        ("127.0.0.4", 4000),
        ("127.0.0.4", 6000),
        ("127.0.0.8", 6000),
    ]


# --- our hold

UNHELD, ON_HOLD, HOLDING, UNHOLDING = range(4)


async def hold(rig: Rig, agent: SipAgent, call: str) -> Message:
    """Put the far end on hold as far as we are concerned; the re-INVITE, which nobody has answered."""
    rig.do(RequestHold(call, True))
    await rig.expect(HoldStateChanged, leg=call, state=HOLDING)
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_STOP)
    rig.do(CompleteReceiving(call, FlowState.STOPPED))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_STOP)
    rig.do(CompleteSending(call, FlowState.STOPPED))
    await rig.expect(HoldStateChanged, leg=call, state=ON_HOLD)
    return await agent.expect("INVITE")


async def unhold(rig: Rig, agent: SipAgent, call: str) -> Message:
    """Take the far end off hold; the re-INVITE, which nobody has answered."""
    rig.do(RequestHold(call, False))
    await rig.expect(HoldStateChanged, leg=call, state=UNHOLDING)
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteSending(call, FlowState.STARTED))
    await rig.expect(HoldStateChanged, leg=call, state=UNHELD)
    return await agent.expect("INVITE")


async def agree(agent: SipAgent, invite: Message, *attributes: str, version: int) -> None:
    """Answer a re-INVITE with the codec of the first answer."""
    agent.reply(invite, 200, "OK", sdp(4000, "8", RTPMAPS[0], *attributes, version=version))
    await agent.expect("ACK")


async def held_and_back(rig: Rig, agent: SipAgent, call: str) -> None:
    invite = await hold(rig, agent, call)
    assert "a=sendonly\r\n" in invite.body
    await agree(agent, invite, "recvonly", version=2)
    invite = await unhold(rig, agent, call)
    assert not {"a=sendonly", "a=recvonly", "a=inactive"} & set(invite.body.split("\r\n"))
    await agree(agent, invite, version=3)


async def test_a_call_out_is_held_and_taken_back(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    await held_and_back(rig, agent, call)
    await held_and_back(rig, agent, call)


async def test_a_call_in_is_held_and_taken_back(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await arrive(rig, agent)
    await answer(rig, agent, call, dialog)
    await held_and_back(rig, agent, call)


async def test_a_description_that_waits_through_a_hold_can_be_accepted(
    rig: Rig, agent: SipAgent, connection: str
) -> None:
    call, dialog = await converse(rig, agent, connection)
    await rig.expect(DescriptionReceived, leg=call)
    await held_and_back(rig, agent, call)
    rig.do(AcceptDescription(call, (PCMA,)))
    invite = await agent.expect("INVITE")
    assert "m=audio 6000 RTP/AVP 8\r\n" in invite.body
    await agree(agent, invite, version=4)
    agent.request(dialog, "INVITE", sdp(4000, "0", RTPMAPS[1], version=5))
    assert (await rig.expect(DescriptionReceived, leg=call)).codecs == (PCMU,)
    rig.do(AcceptDescription(call, (PCMU,)))
    assert "m=audio 6000 RTP/AVP 0\r\n" in (await agent.expect(200)).body


async def test_a_hold_that_is_refused_ends_with_a_bye_and_a_hang_up(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    agent.reply(await hold(rig, agent, call), 488, "Not Acceptable Here")
    await agent.expect("BYE")
    rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


async def test_a_hold_that_crosses_another_is_tried_again(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    agent.reply(await hold(rig, agent, call), 491, "Request Pending")
    again = await agent.expect("INVITE")
    assert "a=sendonly\r\n" in again.body
    await agree(agent, again, "recvonly", version=2)


async def test_a_held_call_is_taken_back_when_the_far_end_resumes(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await converse(rig, agent, connection)
    await agree(agent, await hold(rig, agent, call), "recvonly", version=2)
    agent.request(dialog, "INVITE", sdp(4000, "8", RTPMAPS[0], "inactive", version=3))
    agent.confirm(dialog, await agent.expect(200))
    await rig.expect(CallMembersChanged, leg=call, flags=HELD)
    rig.do(RequestHold(call, False))
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    await rig.expect(ReceivingStateChanged, leg=call, state=FlowState.STARTED)
    agent.request(dialog, "INVITE", sdp(4000, "8", RTPMAPS[0], "recvonly", version=4))
    agent.confirm(dialog, await agent.expect(200))
    await rig.expect(SendingStateChanged, leg=call, state=FlowState.PENDING_START)
    rig.do(CompleteSending(call, FlowState.STARTED))
    await rig.expect(HoldStateChanged, leg=call, state=UNHELD)
    await agent.expect("INVITE")


@pytest.mark.parametrize("status", [491, None], ids=["refused", "silent"])
async def test_a_hold_is_postponed_if_it_is_not_our_turn(
    rig: Rig, agent: SipAgent, connection: str, turns: ScriptedEdge, status: int | None
) -> None:
    call, _ = await converse(rig, agent, connection)
    turns.status = status
    rig.do(RequestHold(call, True))
    await rig.expect(HoldPostponed, leg=call)
    turns.status = 200
    await agree(agent, await hold(rig, agent, call), "recvonly", version=2)
    assert len(turns.asked) == 2
    assert not agent.has("INVITE")


async def test_the_edge_is_told_the_name_in_the_uri_of_who_is_called(
    rig: Rig, agent: SipAgent, connection: str, turns: ScriptedEdge
) -> None:
    names = []
    for _ in range(2):
        call, invite = await place(rig, agent, connection)
        agent.reply(invite, 200, "OK", ANSWER)
        await rig.expect(CallStateChanged, leg=call, state=CallState.ACTIVE)
        invite = await hold(rig, agent, call)
        assert f";fg-call={turns.asked[-1]}>" in invite["to"]
        names.append(turns.asked[-1])
    assert len(set(names)) == 2


async def test_the_edge_is_told_the_name_in_the_uri_of_the_caller(
    rig: Rig, agent: SipAgent, connection: str, turns: ScriptedEdge
) -> None:
    dialog = agent.invite(agent.registered, OFFER, "<sip:zoe@far.example;fg-to=x;fg-call=0f1e;x=1>")
    call = (await rig.expect(CallArrived)).channel
    await answer(rig, agent, call, dialog)
    invite = await hold(rig, agent, call)
    assert turns.asked == ["0f1e"]
    assert ";fg-call=0f1e;" in invite["to"]


async def test_a_call_that_ends_before_its_turn_is_not_held(
    rig: Rig, agent: SipAgent, connection: str, turns: ScriptedEdge
) -> None:
    call, dialog = await converse(rig, agent, connection)
    turns.status = None
    rig.do(RequestHold(call, True))
    agent.request(dialog, "BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)
    other, _ = await converse(rig, agent, connection)
    rig.do(RequestHold(other, True))
    await rig.expect(HoldPostponed, leg=other)
    assert not [each for each in rig.events if isinstance(each, HoldPostponed | CallFailed)]


async def test_holding_what_is_held_changes_nothing(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await converse(rig, agent, connection)
    rig.do(RequestHold(call, False))
    await agree(agent, await hold(rig, agent, call), "recvonly", version=2)
    rig.do(RequestHold(call, True))
    agent.request(dialog, "BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    assert not [each for each in rig.events if isinstance(each, HoldStateChanged)]
    assert not agent.has("INVITE")


async def test_a_completion_that_comes_too_late_does_no_harm(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    rig.do(RequestHold(call, True))
    rig.do(CompleteReceiving(call, FlowState.STARTED))
    await agree(agent, await agent.expect("INVITE"), "recvonly", version=2)
    rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    assert not [each for each in rig.events if isinstance(each, CallFailed)]


@pytest.mark.parametrize("who", ["we", "they"])
async def test_a_call_ends_while_its_hold_is_open(rig: Rig, agent: SipAgent, connection: str, who: str) -> None:
    call, dialog = await converse(rig, agent, connection)
    invite = await hold(rig, agent, call)
    if who == "we":
        rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
        await agent.expect("BYE")
    else:
        agent.request(dialog, "BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    agent.reply(invite, 487, "Request Terminated")
    rig.do(RequestHold(call, False))
    await closed(rig, call)
    await place(rig, agent, connection)


# --- in


async def test_a_call_in_is_answered_and_hung_up_there(rig: Rig, agent: SipAgent, connection: str) -> None:
    dialog = agent.invite(agent.registered, OFFER)
    tones = Codec(101, "telephone-event", 8000, ptime=20, parameters=(Parameter("events", "0-15"),))
    assert await rig.expect(CallArrived) == CallArrived(
        f"{connection}/1",
        connection,
        "sip:zoe@far.example;x=1",
        (Codec(8, "PCMA", 8000, ptime=20), tones),
        THEIRS,
        CallState.INITIALISED,
    )
    call = f"{connection}/1"
    rig.do(RingCall(call))
    await agent.expect(180)
    ok = await answer(rig, agent, call, dialog)
    assert "m=audio 6000 RTP/AVP 8 101\r\nc=IN IP4 127.0.0.1\r\n" in ok.body
    agent.request(dialog, "BYE")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


async def test_a_call_in_is_hung_up_here(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await arrive(rig, agent)
    await answer(rig, agent, call, dialog)
    rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
    await agent.expect("BYE")
    await closed(rig, call)


async def test_a_call_in_is_cancelled(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await arrive(rig, agent)
    agent.request(dialog, "CANCEL")
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    rig.do(AnswerCall(call, (PCMA,), OURS))
    await closed(rig, call)


async def test_a_call_in_that_was_cancelled_before_it_was_read(rig: Rig, agent: SipAgent, connection: str) -> None:
    with rig.frozen():
        dialog = agent.invite(agent.registered, OFFER)
        await agent.expect(100)
        agent.request(dialog, "CANCEL")
        await agent.refusal()
    call = await rig.expect(CallArrived)
    assert call.state == CallState.ENDED
    await closed(rig, call.channel)
    assert not rig.events


@pytest.mark.parametrize(
    ("reason", "code"),
    [(ChangeReason.BUSY, 486), (ChangeReason.NO_ANSWER, 480), (ChangeReason.MEDIA_ERROR, 488)],
)
async def test_a_call_in_is_refused(rig: Rig, agent: SipAgent, connection: str, reason: int, code: int) -> None:
    call, _ = await arrive(rig, agent)
    rig.do(HangUp(call, reason))
    assert (await agent.refusal()).code == code
    await closed(rig, call)


async def test_a_call_in_that_cannot_be_read_is_refused_unseen(rig: Rig, agent: SipAgent, connection: str) -> None:
    agent.invite(agent.registered, "")
    assert (await agent.refusal()).code == 480
    assert not rig.events


async def test_answering_twice_leaves_rakia_alive(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, dialog = await arrive(rig, agent)
    await answer(rig, agent, call, dialog)
    agent.request(dialog, "INVITE", sdp(4000, "0", RTPMAPS[1], version=2))
    await rig.expect(DescriptionReceived, leg=call)
    rig.do(AnswerCall(call, (PCMU,), OURS))
    assert (await rig.expect(CallFailed, leg=call)).error.endswith(".NotAvailable")
    await arrive(rig, agent)


async def test_calls_on_one_connection_are_apart(rig: Rig, agent: SipAgent, connection: str) -> None:
    first, dialog = await arrive(rig, agent)
    second, _ = await arrive(rig, agent)
    third, _ = await place(rig, agent, connection)
    assert len({first, second, third}) == 3
    rig.do(HangUp(second, ChangeReason.BUSY))
    await closed(rig, second)
    await answer(rig, agent, first, dialog)


# --- what is not there


async def test_stopping_what_is_gone_is_done(rig: Rig, agent: SipAgent, connection: str) -> None:
    rig.do(HangUp("77.0", ChangeReason.USER_REQUESTED))
    assert await rig.expect(ChannelClosed) == ChannelClosed("77.0")
    rig.do(CloseChannel("77.0"))
    assert await rig.expect(ChannelClosed) == ChannelClosed("77.0")


async def test_signing_out_ends_the_calls(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    rig.do(SignOut(connection))
    await agent.expect("BYE")
    await rig.expect(SipSignedOut, trouble=SipTrouble.ASKED)
    await closed(rig, call)


async def test_the_host_takes_its_calls_along(rig: Rig, agent: SipAgent, connection: str) -> None:
    call, _ = await converse(rig, agent, connection)
    os.kill(rig.child("telepathy-rakia"), signal.SIGKILL)
    await rig.expect(SipSignedOut, connection=connection, trouble=SipTrouble.HOST)
    await closed(rig, call)
