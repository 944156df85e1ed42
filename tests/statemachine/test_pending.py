"""Commands that wait for a reply: all that is due is done in one fold, and a refusal counts whenever it comes."""

from collections.abc import Callable

import pytest

from fargo.statemachine.legs.jingle.jingle_session import SessionCommand, Terminated
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.description import Candidate, MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    CloseChannel,
    HangUp,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    AskFeatures,
    Command,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    ProposeCall,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    PolicyChanged,
    RegistrationCancelled,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    SessionAccepted,
    SessionInitiated,
)
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay, OfferRelay, RelayDescribed, RelayDone, RelayRefused

from .relayed import DTLS, FOR_CLIENT, FOR_PHONE, Relayed
from .story import ABLE, ALICE, BOB, DESK, GATEWAY, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story

BARE = BOB.partition("/")[0]
SILENT = "Your client did not answer in time."
OF_A_SESSION = (InitiateSession, AcceptSession, InformSession, InformTransport)


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


def arrive(story: Story, channel: str = "c1") -> list[Command]:
    """Bob calls Alice."""
    return story.tell(CallArrived(channel, story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))


# --- what nobody answers


def test_five_clients_that_do_not_answer_are_out_together(story: Story) -> None:
    clients = [DESK, *(f"{ALICE}/{number}" for number in range(4))]
    for client in clients[1:]:
        story.online(client)
    arrive(story)
    story.tell(TimePassed(), 40)
    assert [(each.to, each.text) for each in story.all(TerminateSession)] == [(each, SILENT) for each in clients]
    assert story.the(HangUp).channel == "c1"
    assert story.the(SendText).to == ALICE
    assert story.tell(TimePassed()) == []


def test_of_clients_that_do_not_answer_some_may_be_due_later(story: Story) -> None:
    arrive(story)
    story.online(PHONE)
    story.tell(TimePassed(), 38.5)
    assert [each.to for each in story.all(TerminateSession)] == [DESK]
    story.tell(TimePassed(), 1.5)
    assert [each.to for each in story.all(TerminateSession)] == [PHONE]


def test_all_that_is_due_is_done_in_one_turn(story: Story) -> None:
    """A client in doubt, a SIP leg that should have ended, an invitation, a proposal, a relay session, an end."""
    story.tell(CallStateChanged(story.call_out("ended"), CallState.ENDED, 2))
    ending = story.call_out("s1")
    story.hangs_up("s1")
    story.tell(PolicyChanged(Policy("relay", relay=True)))
    story.tell(SessionInitiated(story.iq(BOB), "s2", (OFFER,)))
    relayed = story.the(OfferRelay).session
    story.tell(PolicyChanged(Policy()))
    story.online(PHONE)
    arrive(story)
    story.tell(CallProposed(PHONE, "carol%sip.test@sip.localhost", "p1", ("audio",)))
    sid = story.the(MessageCall).sid
    story.tell(StreamOpened())
    told = story.tell(TimePassed(), 700)
    assert CloseChannel(ending) in told
    assert MessageCall("carol%sip.test@sip.localhost/fargo", PHONE, sid, CallAction.FINISH, "expired") in told
    assert DeleteRelay(relayed) in told
    assert {each.to for each in story.all(TerminateSession)} == {DESK, PHONE}
    assert [each.channel for each in story.all(HangUp)] == ["c1"]
    assert story.tell(TimePassed(), 0) == []
    assert min(due.at for due in deadlines(story.user)) > story.at


@pytest.mark.parametrize("answered", [False, True])
def test_a_deletion_is_asked_for_five_times(answered: bool) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.hangs_up("s1")
    for number in range(5):
        assert len(story.all(DeleteRelay)) == 1, number
        if answered:
            story.tell(RelayRefused(story.id_of(DeleteRelay), "It does not answer.", silent=True), 14)
        story.tell(TimePassed(), 16 if answered else 30)
    assert not story.all(DeleteRelay)
    assert not story.user.calls
    assert not story.user.pending


# --- what is answered too late, by somebody else, or to nobody


def test_an_answer_of_another_client_is_none(story: Story) -> None:
    story.online(PHONE)
    arrive(story)
    [to_desk, _] = [each.id for each in story.last if isinstance(each.command, InitiateSession)]
    assert story.tell(IqSucceeded(to_desk, PHONE)) == []
    assert story.tell(IqFailed(to_desk, PHONE, "item-not-found")) == []
    assert [each.to for each in story.waiting(InitiateSession) if isinstance(each, InitiateSession)] == [DESK, PHONE]


def test_an_answer_of_the_wrong_kind_is_none() -> None:
    """An IQ's to a command to the relay, and the relay's to a session-initiate or a question."""
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out()
    offered = story.id_of(OfferRelay)
    story.arrives()
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#y"))
    before = story.user
    for event in (
        IqSucceeded(offered, DESK),
        IqFailed(offered, DESK, "gone"),
        RelayDone(offered),
        RelayDone(story.id_of(InitiateSession)),
        RelayRefused(story.id_of(InitiateSession), "No."),
        IqSucceeded(story.id_of(AskFeatures), PHONE),
        RelayDescribed(story.id_of(AskFeatures), DTLS),
    ):
        assert story.tell(event) == []
        assert story.user == before


def test_an_answer_that_comes_after_its_time_changes_nothing(story: Story) -> None:
    arrive(story)
    invited = story.id_of(InitiateSession)
    story.tell(TimePassed(), 40)
    before = story.user
    for event in (IqSucceeded(invited, DESK), IqFailed(invited, DESK, "item-not-found")):
        assert story.tell(event) == []
        assert story.user == before


def test_a_client_may_say_what_it_can_do_whenever_it_likes(story: Story) -> None:
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#y"))
    asked = story.id_of(AskFeatures)
    story.tell(TimePassed(), 100_000)
    assert asked in story.user.pending
    story.tell(FeaturesLearned(asked, PHONE, ABLE))
    arrive(story)
    assert [each.to for each in story.all(InitiateSession)] == [DESK, PHONE]


def test_a_client_that_is_asked_again_is_not_taken_at_its_old_word(story: Story) -> None:
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#y"))
    first = story.id_of(AskFeatures)
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#z"))
    assert list(story.user.pending) == [story.id_of(AskFeatures)]
    story.tell(FeaturesLearned(first, PHONE, ABLE))
    assert story.user.contacts.clients[PHONE].profiles == ()
    story.tell(ResourceUnavailable(PHONE, GATEWAY))
    assert not story.user.pending


@pytest.mark.parametrize("event", [ResourceUnavailable(ALICE, GATEWAY), Restarted(), RegistrationCancelled])
def test_clients_that_are_gone_are_asked_nothing_any_more(
    story: Story, event: ResourceUnavailable | Restarted | type[RegistrationCancelled]
) -> None:
    story.tell(ResourceAvailable(PHONE, GATEWAY, "x#y"))
    assert story.waiting(AskFeatures)
    story.tell(RegistrationCancelled(story.iq()) if isinstance(event, type) else event)
    assert not story.waiting(AskFeatures)


# --- what nobody waits for, and is refused at last


def rings(story: Story) -> type[Command]:
    """The phone that a client has called rings."""
    story.tell(CallMembersChanged(story.call_out("s1"), 1))
    return InformSession


def holds(story: Story) -> type[Command]:
    """The phone puts the client on hold."""
    story.answered(story.call_out("s1"))
    story.tell(CallMembersChanged(story.channel, 2))
    return InformSession


def moves(story: Story) -> type[Command]:
    """The phone takes its audio elsewhere."""
    story.answered(story.call_out("s1"))
    phone_moves(story, "127.0.0.6")
    return InformTransport


def asks(story: Story) -> type[Command]:
    """A client is invited, and asked whether it rings when the stream is back."""
    arrive(story)
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    stream_lost(story)
    return InformSession


def stream_lost(story: Story) -> None:
    """The stream is lost, and back; the client is still there."""
    story.tell(StreamOpened())
    story.online()


INFORMS = pytest.mark.parametrize("informs", [rings, holds, moves, asks])


@INFORMS
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("condition", ["item-not-found", "service-unavailable"])
def test_a_client_that_knows_no_session_is_out_of_it_however_late_it_says_so(
    story: Story, informs: Callable[[Story], type[Command]], again: bool, condition: str
) -> None:
    """Even if the stream was lost in between, and the client was asked whether it is in the session."""
    informed = story.id_of(informs(story))
    command = story.user.pending[informed].command
    assert isinstance(command, SessionCommand)
    if again:
        stream_lost(story)
    story.tell(TimePassed(), 150)
    story.tell(IqFailed(informed, DESK, condition))
    assert story.the(HangUp)
    assert story.waiting(*OF_A_SESSION) == []
    assert_over(story, command.sid, DESK)


@INFORMS
def test_information_that_a_client_refuses_or_does_not_answer_does_no_harm(
    story: Story, informs: Callable[[Story], type[Command]]
) -> None:
    informed = story.id_of(informs(story))
    story.tell(TimePassed(), 150)
    assert story.tell(IqFailed(informed, DESK, "feature-not-implemented")) == []
    assert informed not in story.user.pending
    assert story.user.calls["5"].jingle != Terminated()


# --- what is acknowledged and then refused


def assert_over(story: Story, sid: str, client: str) -> None:
    """Nothing but its end is said in the session any more, not even when the stream is back."""
    story.tell(StreamOpened())
    said = [*(each.command for each in story.last), *(each.command for each in story.user.pending.values())]
    assert not [each for each in said if isinstance(each, OF_A_SESSION) and (each.sid, each.to) == (sid, client)]


@pytest.mark.parametrize("condition", ["bad-request", "item-not-found", "service-unavailable"])
def test_an_acceptance_that_is_refused_after_all_is_the_end(story: Story, condition: str) -> None:
    channel = story.call_out("s1")
    story.answered(channel)
    accepted = story.id_of(AcceptSession)
    story.tell(IqFailed(accepted, DESK, condition))
    assert story.the(HangUp).channel == channel
    assert story.tell(CallMembersChanged(channel, 2)) == [], "a session that is over is not put on hold"
    assert_over(story, "s1", DESK)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("asks_first", [False, True])
def test_an_invitation_that_is_refused_after_all_leaves_the_call_to_others(asks_first: bool, again: bool) -> None:
    """Even if the stream was lost in between, and the client was asked whether it rings."""
    story = Story()
    story.online(PHONE, (*ABLE, *(("urn:xmpp:jingle-message:0",) if asks_first else ())))
    story.register()
    if not asks_first:
        story.online(DESK)
    arrive(story)
    if asks_first:
        story.tell(CallMessaged(PHONE, BOB, story.the(ProposeCall).sid, CallAction.PROCEED))
    [(invited, sid)] = [
        (each.id, each.command.sid)
        for each in story.issued
        if isinstance(each.command, InitiateSession) and each.command.to == PHONE
    ]
    story.tell(IqSucceeded(invited, PHONE))
    if again:
        story.tell(StreamOpened())
    story.tell(IqFailed(invited, PHONE, "bad-request"))
    assert bool(story.all(HangUp)) == asks_first, "of two clients, one still rings"
    assert_over(story, sid, PHONE)


def test_an_invitation_that_is_refused_after_it_was_accepted_is_the_end(story: Story) -> None:
    arrive(story)
    invited, sid = story.id_of(InitiateSession), story.the(InitiateSession).sid
    story.tell(IqSucceeded(invited, DESK))
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    story.tell(IqFailed(invited, DESK, "bad-request"))
    assert story.the(HangUp).channel == "c1"
    assert_over(story, sid, DESK)


def test_nothing_is_left_of_a_call_that_is_over(story: Story) -> None:
    """Its acknowledged invitation does not stay for ever."""
    story.online(PHONE)
    arrive(story)
    sid = story.all(InitiateSession)[0].sid
    for each in story.last:
        if isinstance(each.command, InitiateSession):
            story.tell(IqSucceeded(each.id, each.command.to))
    assert len(story.waiting(InitiateSession)) == 2
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    assert len(story.waiting(InitiateSession)) == 1
    story.hangs_up(sid)
    assert story.waiting(*OF_A_SESSION) == []


# --- what the relay refuses although it has been asked something else since


@pytest.mark.parametrize("silent", [None, False, True])
@pytest.mark.parametrize("answers", [0, 1, 2])
def test_a_relay_session_of_which_anything_is_refused_is_lost(answers: int, silent: bool | None) -> None:
    """``answers``: how much of what was asked later the relay has answered before. ``silent``: None if the adapter says
    nothing either.
    """
    story = Relayed(MediaProfile.DTLS).talking_out()
    phone_moves(story, "127.0.0.6")
    first = story.id_of(OfferRelay)
    phone_moves(story, "127.0.0.7")
    assert story.id_of(OfferRelay) != first
    for kind in (OfferRelay, AnswerRelay)[:answers]:
        story.described(kind, FOR_PHONE if kind is OfferRelay else FOR_CLIENT)
    story.tell(TimePassed() if silent is None else RelayRefused(first, "It will not.", silent), 15)
    assert len(story.all(DeleteRelay)) == 1
    assert story.all(TerminateSession)
    assert story.all(HangUp)
    assert story.waiting(OfferRelay, AnswerRelay) == []
    assert story.tell(RelayDescribed(story.id_of(OfferRelay), DTLS)) == []


def phone_moves(story: Story, ip: str) -> None:
    """The phone wants its audio there from now on."""
    story.tell(CandidatesReceived(story.channel, (Candidate(1, ip, 5000),)))
