"""Calls that the user asks the gateway for: their clients ring, and then the number is called."""

import pytest

from fargo.statemachine.media.description import RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import (
    Direction,
    RecordAnswered,
    RecordBegun,
    RecordEarlyAudio,
    RecordEnded,
    Side,
)
from fargo.statemachine.model.commands import InformTransport, InitiateSession, SendText, TerminateSession
from fargo.statemachine.model.events import (
    GatewayAsked,
    IqSucceeded,
    PolicyChanged,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
)
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionTerminated
from fargo.statemachine.model.ng import (
    AnswerRelay,
    OfferRelay,
    PlayRinging,
    RelayDescribed,
    RelayDone,
    RelayParty,
    StopRinging,
)
from fargo.statemachine.model.requests import CallNumber, SetBusy
from fargo.statemachine.model.sip_values import Sdp
from fargo.statemachine.reason import Cause
from fargo.statemachine.self_service import texts

from .forwarding import media, place
from .relayed import FOR_CLIENT, FOR_PHONE
from .story import ALICE, DESK, GATEWAY, OFFER, PCMA, PCMU, Story
from .user_agent.phone import Phoning, sdp

CONTACT = f"+441632960111@{GATEWAY}/fargo"
NUMBER = "+441632960111@sip.test"


class Asking(Phoning):
    """A user who has asked for a call."""

    def __init__(self, number: str = "+44 1632 960111") -> None:
        super().__init__()
        self.asks(number)

    def asks(self, number: str) -> str:
        self.tell(GatewayAsked(DESK, GATEWAY, CallNumber(number)))
        return self.the(SendText).text

    def takes(self) -> None:
        self.tell(SessionAccepted(self.iq(CONTACT), self.sid, (OFFER,)))


def test_the_clients_ring_and_then_the_number_is_called() -> None:
    story = Asking()
    assert story.the(SendText).text == texts.CLIENTS_RING
    initiated = story.the(InitiateSession)
    assert (initiated.sender, initiated.to, story.methods) == (CONTACT, DESK, [])
    begun = [each for each in story.noted() if isinstance(each, RecordBegun)]
    assert [(each.direction, each.peer, each.session) for each in begun] == [(Direction.OUT, NUMBER, initiated.sid)]
    assert story.last[-1].call == begun[0].call
    story.takes()
    invite = story.now("INVITE")
    assert (invite.uri, place(invite.body)) == (f"sip:{NUMBER}", ("127.0.0.1", 4000))
    assert media(invite.body).codecs == media(sdp(*media(invite.body).codecs)).codecs
    assert not [each for each in story.noted() if isinstance(each, RecordAnswered)]


def test_the_client_is_told_where_the_phone_is_when_it_answers() -> None:
    story = Asking()
    story.takes()
    story.responds(180, "Ringing")
    story.answers(sdp(PCMU))
    told = story.the(InformTransport)
    assert told.to == DESK
    assert isinstance(told.content.transport, RawUdp)
    assert told.content.transport.candidates[0].ip == "127.0.0.4"
    assert [each.client for each in story.noted() if isinstance(each, RecordAnswered)] == [DESK]
    story.sends("BYE")
    assert story.the(TerminateSession).condition == "success"
    [ended] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    assert (ended.by, ended.cause) == (Side.PHONE, Cause.HUNG_UP)


@pytest.mark.parametrize("early", [None, sdp(PCMU)])
def test_a_client_that_hangs_up_before_the_answer_cancels_the_call(early: Sdp | None) -> None:
    story = Asking()
    story.takes()
    story.responds(183 if early else 180, body=early)
    story.tell(SessionTerminated(story.iq(CONTACT), story.sid, "success"))
    assert story.methods == ["CANCEL"]
    assert not story.all(SendText)
    [ended] = [each for each in story.noted() if isinstance(each, RecordEnded)]
    assert (ended.by, ended.cause) == (Side.CLIENT, Cause.CANCELLED)


def test_the_client_hears_the_phone_before_it_answers() -> None:
    story = Asking()
    story.takes()
    story.responds(183, body=sdp(PCMA))
    told = story.the(InformTransport)
    assert isinstance(told.content.transport, RawUdp)
    assert told.content.transport.candidates[0].ip == "127.0.0.4"
    assert isinstance(story.noted()[-1], RecordEarlyAudio)
    story.answers(sdp(PCMA))
    assert (story.methods, story.all(InformTransport)) == (["ACK"], [])
    story.sends("BYE")
    assert (story.the(TerminateSession).condition, story.all(SendText)) == ("success", [])


def relayed() -> Phoning:
    """The user has taken the call through the relay, and the phone that they want to be connected with rings."""
    story = Phoning()
    story.tell(PolicyChanged(Policy("relay", relay=True, engine="sip")))
    story.tell(GatewayAsked(DESK, GATEWAY, CallNumber("+44 1632 960111")))
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_CLIENT))
    story.tell(SessionAccepted(story.iq(CONTACT), story.sid, (OFFER,)))
    story.tell(RelayDescribed(story.id_of(AnswerRelay), FOR_PHONE))
    assert media(story.now("INVITE").body).transport == FOR_PHONE.transport
    story.responds(180, "Ringing")
    return story


def test_the_relay_is_told_of_the_phone_before_it_answers() -> None:
    story = relayed()
    assert story.the(PlayRinging).to is RelayParty.ANSWERER
    story.responds(183, body=sdp(PCMA))
    assert [type(each.command) for each in story.last][:2] == [StopRinging, OfferRelay]
    assert story.the(OfferRelay).description.codecs == (PCMU,)
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    assert story.the(AnswerRelay).description.codecs == (PCMA,)
    story.tell(RelayDescribed(story.id_of(AnswerRelay), FOR_CLIENT))
    story.answers(sdp(PCMA))
    assert (story.methods, story.all(OfferRelay), story.all(StopRinging)) == (["ACK"], [], [])


def test_the_ringing_tone_ends_although_the_gateway_was_restarted() -> None:
    story = relayed()
    story.tell(RelayDone(story.id_of(PlayRinging)))
    story.answers(sdp(PCMA))
    ending = story.the(StopRinging)
    story.tell(Restarted())
    assert [each.command for each in story.last if isinstance(each.command, PlayRinging | StopRinging)] == [ending]
    story.tell(RelayDone(story.id_of(StopRinging)))
    story.tell(Restarted())
    assert not story.all(StopRinging)


def test_a_ringing_tone_that_was_not_heard_is_played_again() -> None:
    story = relayed()
    playing = story.the(PlayRinging)
    story.tell(Restarted())
    assert story.all(PlayRinging) == [playing]
    story.answers(sdp(PCMA))
    story.tell(Restarted())
    assert (len(story.all(PlayRinging)), len(story.all(StopRinging))) == (0, 1)


def test_the_client_hears_why_the_number_does_not_answer() -> None:
    story = Asking()
    story.takes()
    story.responds(486, "Busy Here")
    assert story.the(TerminateSession).condition == "busy"
    told = story.the(SendText)
    assert (told.sender, told.to) == (GATEWAY, ALICE)
    assert told.text == f"{NUMBER} has not taken the call. sip.test says: “Busy Here” (486)"


def test_a_call_that_no_client_takes_is_over_without_a_message() -> None:
    story = Asking()
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    assert story.pass_time() == 179
    assert story.the(TerminateSession).to == DESK
    assert (story.methods, story.all(SendText)) == ([], [])


def test_a_client_that_declines_ends_it() -> None:
    story = Asking()
    story.tell(SessionTerminated(story.iq(CONTACT), story.sid, "decline"))
    assert (story.user.calls, story.all(SendText)) == ({}, [])


def test_who_is_busy_for_others_can_have_a_number_called() -> None:
    story = Phoning()
    story.tell(GatewayAsked(DESK, GATEWAY, SetBusy(True)))
    story.tell(GatewayAsked(DESK, GATEWAY, CallNumber("+44 1632 960111")))
    assert story.the(InitiateSession)


@pytest.mark.parametrize(("number", "told"), [("bob@", "domain"), ("alice@sip.test", "own"), ("+", "number")])
def test_what_cannot_be_called_is_refused(number: str, told: str) -> None:
    story = Phoning()
    story.tell(GatewayAsked(DESK, GATEWAY, CallNumber(number)))
    assert told in story.the(SendText).text
    assert not story.user.calls


def test_without_a_client_there_is_no_call() -> None:
    story = Phoning()
    story.tell(ResourceAvailable(DESK, GATEWAY, dnd=True))
    story.tell(GatewayAsked(DESK, GATEWAY, CallNumber("+44 1632 960111")))
    assert "None of your clients" in story.the(SendText).text
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(GatewayAsked(DESK, GATEWAY, CallNumber("+44 1632 960111")))
    assert "not signed in" in story.the(SendText).text.lower()


def test_what_the_engine_or_the_account_does_not_have_is_said() -> None:
    other = Story().signed_in()
    other.tell(GatewayAsked(DESK, GATEWAY, CallNumber("+44 1632 960111")))
    assert "cannot place calls" in other.the(SendText).text


def test_a_limit_on_calls_applies() -> None:
    story = Asking()
    story.tell(PolicyChanged(Policy(engine="sip", most_calls=1)))
    story.tell(GatewayAsked(DESK, GATEWAY, CallNumber("+44 1632 960112")))
    assert not story.all(InitiateSession)
