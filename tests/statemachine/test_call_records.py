"""Call records: what the core writes about calls for the readers of the log."""

import pytest

from fargo.statemachine.account.texts import RETRYING, SERVER_UNREACHABLE, SIGNED_IN
from fargo.statemachine.legs.telepathy.texts import OFFER_WITHOUT_AUDIO, SAID_BY_SERVER
from fargo.statemachine.media.texts import BOTH_PLAIN
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged
from fargo.statemachine.model.call_records import (
    AudioPath,
    Direction,
    RecordAccount,
    RecordAnswered,
    RecordBegun,
    RecordEnded,
    RecordPath,
    Side,
)
from fargo.statemachine.model.commands import InitiateSession, SignIn
from fargo.statemachine.model.events import RegistrationCancelled, ResourceUnavailable, SipSignedOut, SipTrouble
from fargo.statemachine.model.jingle_events import CallProposed, SessionAccepted, SessionInitiated
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import CALLED_NOT_SIGNED_IN, REGISTRATION_CANCELLED

from .story import BOB, DESK, GATEWAY, OFFER, PCMU, PHONE_ADDRESS, Story


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


def arrives(story: Story, caller: str = "sip:bob@sip.test;fg-name=Bob%20B.") -> None:
    story.tell(CallArrived("c1", story.id_of(SignIn), caller, (PCMU,), PHONE_ADDRESS, CallState.INITIALISED))


def test_a_call_out(story: Story) -> None:
    story.answered(story.call_out("s1"))
    story.hangs_up("s1")
    assert story.noted() == [
        RecordBegun("5", Direction.OUT, "bob@sip.test", session="s1", channel="5.1"),
        RecordPath("5", AudioPath.DIRECT, BOTH_PLAIN),
        RecordAnswered("5", DESK),
        RecordEnded("5", Side.CLIENT, Cause.HUNG_UP),
    ]


def test_a_call_in(story: Story) -> None:
    arrives(story)
    invited = story.the(InitiateSession)
    story.tell(SessionAccepted(story.iq(invited.sender), invited.sid, (OFFER,)))
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    assert story.noted() == [
        RecordBegun("5", Direction.IN, "bob@sip.test", "Bob B.", invited.sid, "c1"),
        RecordAnswered("5", DESK),
        RecordPath("5", AudioPath.DIRECT, BOTH_PLAIN),
        RecordEnded("5", Side.PHONE, Cause.HUNG_UP),
    ]


def test_an_anonymous_caller_has_no_address(story: Story) -> None:
    arrives(story, "tel:+441632960000")
    sid = story.the(InitiateSession).sid
    assert story.noted()[0] == RecordBegun("5", Direction.IN, None, session=sid, channel="c1")


def test_a_call_to_a_user_who_is_not_signed_in(story: Story) -> None:
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    connection = story.id_of(SignIn)
    story.tell(CallArrived("c1", connection, "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, CallState.INITIALISED))
    assert story.noted() == [
        RecordBegun("6", Direction.IN, "bob@sip.test", channel="c1"),
        RecordEnded("6", Side.GATEWAY, Cause.UNAVAILABLE, CALLED_NOT_SIGNED_IN),
    ]


def test_a_call_that_no_client_can_take() -> None:
    story = Story()
    story.register()
    arrives(story)
    assert story.noted() == [
        RecordBegun("3", Direction.IN, "bob@sip.test", "Bob B.", channel="c1"),
        RecordEnded("3", Side.GATEWAY, Cause.UNAVAILABLE, "None of the called user's clients can take a call."),
    ]


def test_a_call_whose_offer_is_of_no_use(story: Story) -> None:
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (), PHONE_ADDRESS, CallState.INITIALISED))
    begun, ended = story.noted()
    assert begun == RecordBegun("5", Direction.IN, "bob@sip.test", channel="c1")
    assert ended == RecordEnded("5", Side.PHONE, Cause.MEDIA, OFFER_WITHOUT_AUDIO)


def test_a_phone_that_refuses(story: Story) -> None:
    channel = story.call_out("s1")
    story.tell(CallStateChanged(channel, CallState.ENDED, 8, message="486 Busy Here"))
    said = SAID_BY_SERVER.format(domain="sip.test", words="Busy Here", code=486)
    assert story.noted()[2:] == [RecordEnded("5", Side.PHONE, Cause.BUSY, said)]


def test_who_hangs_up_before_the_answer_has_cancelled(story: Story) -> None:
    story.call_out("s1")
    story.hangs_up("s1")
    assert story.noted()[2:] == [RecordEnded("5", Side.CLIENT, Cause.CANCELLED)]


def test_the_gateway_ends_a_call_once(story: Story) -> None:
    story.call_out("s1")
    story.tell(RegistrationCancelled(story.iq()))
    text = REGISTRATION_CANCELLED
    assert story.noted()[2:] == [RecordEnded("5", Side.GATEWAY, Cause.CANCELLED, text)]
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    assert len(story.noted()) == 3


def test_an_attempt_that_is_refused_is_noted_too(story: Story) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    begun, ended = story.noted()
    assert begun == RecordBegun("6", Direction.OUT, "bob@sip.test", session="s1")
    assert isinstance(ended, RecordEnded)
    assert ended.text.startswith("You are not signed in to SIP.")
    story.tell(CallProposed(DESK, "not an address%%@sip.localhost", "s2", ("audio",)))
    assert [note.call for note in story.noted()[2:]] == ["7", "7"]


def test_who_has_no_account_wanted_to_call_somebody_too() -> None:
    story = Story()
    story.tell(SessionInitiated(story.iq("bob@sip.localhost"), "s1", (OFFER,)))
    assert story.noted()[0] == RecordBegun("1", Direction.OUT, "bob@sip.localhost", session="s1")


def test_an_account_is_noted_as_it_comes_to_look_different(story: Story) -> None:
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(RegistrationCancelled(story.iq()))
    signed_in, lost, gone = story.accounts()
    assert signed_in == RecordAccount("alice@sip.test", True, SIGNED_IN.format(uri="sip:alice@sip.test"))
    assert (lost.address, lost.signed_in) == ("alice@sip.test", False)
    assert lost.status == RETRYING.format(problem=SERVER_UNREACHABLE.format(uri="sip:alice@sip.test"))
    assert gone == RecordAccount()
