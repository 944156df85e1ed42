"""A bug in a module ends the call it happened in, as any other end does, and nothing else.

`simulator/test_faults.py` breaks every function in every phase; here is what comes of it, command by command.
"""

from typing import NoReturn

import pytest

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    CloseChannel,
    DescriptionReceived,
    HangUp,
)
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import (
    AcceptSession,
    Fault,
    InformSession,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import IqSucceeded, PolicyChanged, Restarted, StreamOpened, TimePassed
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, SessionInformed, SessionInitiated
from fargo.statemachine.model.ng import DeleteRelay, OfferRelay, RelayDescribed, RelayDone, RelayLost
from fargo.statemachine.reason import Cause

from .faulty import BARE, FAULT, IN_THIS_CALL, MISSED, WRITTEN_DOWN, Breaker, arrive, live, raises
from .relayed import DTLS, Relayed
from .story import ABLE, ALICE, BOB, DESCRIPTION, DESK, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


# --- one call is ended, as it would be otherwise


def test_an_event_of_the_sip_side(story: Story, broken: Breaker) -> None:
    first, second = story.call_out("s1"), story.call_out("s2")
    kept = story.user.calls["5"]
    broken("legs.telepathy.telepathy_leg.fold")
    assert story.tell(CallMembersChanged(second, 1)) == [
        Fault("7", FAULT),
        TerminateSession(BOB, DESK, "s2", "general-error", IN_THIS_CALL),
        HangUp(second, 5, IN_THIS_CALL),
    ]
    assert story.user.calls["5"] is kept
    assert live(story) == [first]
    assert story.noted()[-1] == RecordEnded("7", Side.GATEWAY, Cause.FAULT, IN_THIS_CALL)


def test_a_request_of_a_client_is_answered(story: Story, broken: Breaker) -> None:
    channel = story.call_out("s1")
    broken("legs.jingle.jingle_leg.fold")
    iq = story.iq(BOB)
    assert story.tell(SessionInformed(iq, "s1", "ringing")) == [
        Fault("5", FAULT),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
        TerminateSession(BOB, DESK, "s1", "general-error", IN_THIS_CALL),
        HangUp(channel, 5, IN_THIS_CALL),
    ]
    assert not live(story)


def test_an_event_of_the_relay(story: Story) -> None:
    """No session is left in the relay."""
    story.tell(PolicyChanged(Policy("relay", relay=True)))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    session = story.the(OfferRelay).session
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fargo.statemachine.legs.relay.relay_leg.fold", raises)
        commands = story.tell(RelayDescribed(story.id_of(OfferRelay), DESCRIPTION))
    assert commands == [
        Fault("6", FAULT),
        TerminateSession(BOB, DESK, "s1", "general-error", IN_THIS_CALL),
        DeleteRelay(session),
    ]
    story.tell(RelayDone(story.id_of(DeleteRelay)))
    assert not story.user.calls
    assert story.waiting(DeleteRelay) == []


def test_clients_that_were_asked_first_ring_no_longer_and_the_call_was_missed(story: Story, broken: Breaker) -> None:
    story = Story()
    story.online(PHONE, (*ABLE, "urn:xmpp:jingle-message:0"))
    story.register()
    arrive(story)
    sid = story.the(ProposeCall).sid
    broken("call.bridge.fold_sip")
    retracts = MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "general-error", IN_THIS_CALL)
    assert story.tell(CallMembersChanged("c1", 1)) == [
        Fault("5", FAULT),
        retracts,
        HangUp("c1", 5, IN_THIS_CALL),
        SendText(BARE, ALICE, MISSED, 1005.0),
    ]
    assert story.waiting(MessageCall) == [retracts]


# --- what has to be heard is repeated


def test_clients_are_told_again_when_the_stream_was_lost(story: Story, broken: Breaker) -> None:
    story.answered(channel := story.call_out("s1"))
    broken("legs.telepathy.telepathy_leg.fold")
    story.tell(CallMembersChanged(channel, 2))
    [ends] = story.all(TerminateSession)
    for _ in range(2):
        story.tell(StreamOpened())
        assert story.all(TerminateSession) == [ends]
    story.tell(IqSucceeded(story.id_of(TerminateSession), DESK))
    story.tell(StreamOpened())
    assert story.all(TerminateSession) == []


@pytest.mark.parametrize("event", [Restarted(), TimePassed()])
@pytest.mark.parametrize("function", ["legs.telepathy.telepathy_leg.fold", "call.bridge.end"])
def test_the_relay_is_told_again(broken: Breaker, event: Restarted | TimePassed, function: str) -> None:
    """Even if the fault was in ending the call, and nothing else of it is left."""
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.described(OfferRelay, DESCRIPTION)
    channel = story.channel
    broken("legs.telepathy.telepathy_leg.fold")
    broken(function)
    story.tell(CallMembersChanged(channel, 1))
    [deletes] = story.all(DeleteRelay)
    story.tell(event, 30)
    assert story.all(DeleteRelay) == [deletes]
    for _ in range(4 if isinstance(event, Restarted) else 3):
        story.tell(TimePassed(), 30)
        assert story.all(DeleteRelay) == [deletes]
    story.tell(TimePassed(), 30)
    assert not story.all(DeleteRelay)
    assert not story.waiting(DeleteRelay)


# --- a fault in the end


@pytest.mark.parametrize("function", ["call.bridge.end", "legs.jingle.jingle_leg.tell", "call.call_state.missed"])
def test_a_fault_in_the_end_leaves_the_smallest_goodbye(story: Story, broken: Breaker, function: str) -> None:
    story = Story()
    story.online(PHONE, (*ABLE, "urn:xmpp:jingle-message:0"))
    story.register()
    story.online(DESK)
    arrive(story)
    sid = story.the(ProposeCall).sid
    broken("call.bridge.fold_sip")
    broken(function)
    ends = TerminateSession(BOB, DESK, sid, "general-error", IN_THIS_CALL)
    retracts = MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "general-error", IN_THIS_CALL)
    missed = [] if function.endswith("missed") else [SendText(BARE, ALICE, MISSED, 1007.0)]
    told = [Fault("7", FAULT), ends, retracts, HangUp("c1", 9), CloseChannel("c1"), *missed]
    assert story.tell(CallMembersChanged("c1", 1)) == told
    assert not story.user.calls
    assert story.waiting(InitiateSession, ProposeCall, TerminateSession, MessageCall) == [ends, retracts]
    assert story.noted()[-1] == RecordEnded("7", Side.GATEWAY, Cause.FAULT, IN_THIS_CALL)


def test_a_client_that_has_proceeded_gets_the_smallest_goodbye_too(broken: Breaker) -> None:
    story = Story()
    story.online(PHONE, (*ABLE, "urn:xmpp:jingle-message:0"))
    story.register()
    arrive(story)
    sid = story.the(ProposeCall).sid
    story.tell(CallMessaged(PHONE, BARE, sid, CallAction.PROCEED))
    broken("call.bridge.fold_sip")
    broken("call.bridge.end")
    assert story.tell(CallMembersChanged("c1", 1))[1:3] == [
        TerminateSession(BOB, PHONE, sid, "general-error", IN_THIS_CALL),
        MessageCall(BOB, ALICE, sid, CallAction.RETRACT, "general-error", IN_THIS_CALL),
    ]
    assert not story.user.calls


@pytest.mark.parametrize("leg", ["legs.jingle.jingle_leg", "legs.telepathy.telepathy_leg", "legs.relay.relay_leg"])
def test_a_leg_that_cannot_even_say_goodbye_does_not_keep_the_others_from_it(broken: Breaker, leg: str) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out(DTLS)
    story.described(OfferRelay, DESCRIPTION)
    channel = story.channel
    for function in ("call.bridge.fold_sip", "call.bridge.end", f"{leg}.abandon"):
        broken(function)
    told = {type(each) for each in story.tell(CallMembersChanged(channel, 1))}
    silent: dict[str, set[type]] = {
        "legs.jingle.jingle_leg": {TerminateSession},
        "legs.telepathy.telepathy_leg": {HangUp, CloseChannel},
        "legs.relay.relay_leg": {DeleteRelay},
    }
    assert told == {Fault, TerminateSession, HangUp, CloseChannel, DeleteRelay} - silent[leg]
    assert not story.user.calls


def test_nothing_more_is_expected_of_the_relay(broken: Breaker) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out(DTLS)
    broken("legs.relay.relay_leg.lost")
    broken("call.bridge.end")
    story.tell(RelayLost("It is gone."))
    assert story.waiting(OfferRelay, DeleteRelay) == story.all(DeleteRelay)


def test_a_call_that_fails_again_after_its_end_is_dropped(story: Story, broken: Breaker) -> None:
    channel = story.call_out("s1")
    broken("legs.telepathy.telepathy_leg.fold")
    story.tell(CallMembersChanged(channel, 1))
    assert story.user.calls
    assert story.tell(CallStateChanged(channel, CallState.ENDED, 2)) == [
        Fault("5", FAULT),
        HangUp(channel, 9),
        CloseChannel(channel),
    ]
    assert not story.user.calls
    assert [type(each) for each in story.noted()].count(RecordEnded) == 1


# --- a fault in a call


def test_whose_call_it_is_may_fail_too(story: Story, broken: Breaker) -> None:
    story.call_out("s1")
    before = story.user.calls
    broken("legs.jingle.jingle_leg.concerns")
    iq = story.iq(BOB)
    assert story.tell(SessionInformed(iq, "s1", "ringing")) == [
        Fault(None, FAULT),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
    ]
    assert story.user.calls is before


def test_an_event_about_all_calls_costs_the_one_that_it_failed_in(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others, the account and the clients hear of it."""
    first, second = story.call_out("s1"), story.call_out("s2")
    monkeypatch.setattr(jingle_session, "ask", lambda session, _: session.sid == "s2" or raises())
    story.tell(StreamOpened())
    assert story.the(Fault) == Fault("5", FAULT)
    assert story.all(TerminateSession) == [TerminateSession(BOB, DESK, "s1", "general-error", IN_THIS_CALL)]
    assert story.all(HangUp) == [HangUp(first, 5, IN_THIS_CALL)]
    assert live(story) == [second]
    assert story.user.contacts.clients[DESK].doubted == story.at + 30


def test_what_is_due_in_one_call_may_fail_and_the_rest_is_done(story: Story, broken: Breaker) -> None:
    story.online(PHONE)
    channel = story.call_out("s1")
    story.tell(DescriptionReceived(channel, (PCMU,)))
    story.tell(CandidatesReceived(channel, PHONE_ADDRESS))
    story.tell(CallStateChanged(channel, CallState.ACCEPTED))
    assert story.all(AcceptSession)
    arrive(story)
    broken("legs.jingle.single_session.replied")
    story.tell(TimePassed(), 60)
    assert story.the(Fault).call == "7"
    ended = {each.sid for each in story.all(TerminateSession)}
    assert ended == {"s1", "nonce12"}, "the clients that did not answer their invitation are out"
    assert not live(story)
    assert not story.waiting(InitiateSession, AcceptSession)


def test_what_was_issued_for_one_of_all_calls_before_the_bug_is_taken_back(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.call_out("s1")
    asks = jingle_session.ask

    def fails(session: Session, effects: Effects) -> NoReturn:
        asks(session, effects)
        raises()

    monkeypatch.setattr(jingle_session, "ask", fails)
    story.tell(StreamOpened())
    assert story.the(Fault).call == "5"
    assert not story.all(InformSession)
    assert not story.waiting(InformSession)


def test_what_was_issued_before_the_bug_is_taken_back(story: Story, broken: Breaker) -> None:
    channel = story.call_out("s1")
    broken("legs.jingle.jingle_leg.tell")
    story.tell(CallMembersChanged(channel, 1))
    assert [issued.id for issued in story.last] == ["7.0", "7.1", "7.2", "7.3", "7.4"]
    assert story.waiting(InformSession) == []
