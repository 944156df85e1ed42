"""Strangers: clients are told how they call themselves, and asked to keep those whom the user wants to keep."""

import pytest

from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.commands import (
    AnswerCommand,
    AskFeatures,
    DeliverText,
    InitiateSession,
    OfferContact,
    SendForm,
    SendText,
)
from fargo.statemachine.model.events import (
    CommandAsked,
    FeaturesLearned,
    GatewayAsked,
    PresenceProbed,
    Recorded,
    RegistrationCancelled,
    ResourceAvailable,
)
from fargo.statemachine.model.iq import ByCommand, Iq
from fargo.statemachine.model.requests import AskKeep, GatewayRequest, KeepContact, LastStranger
from fargo.statemachine.model.sip_values import Party
from fargo.statemachine.self_service import texts

from ..story import ABLE, ALICE, DESK, GATEWAY, PHONE
from ..test_texting import Texting
from ..user_agent.phone import Phoning

CALLER = f"+441632960111@{GATEWAY}"
BOB = f"bob@{GATEWAY}"
ROSTERX = "http://jabber.org/protocol/rosterx"
STEP = Iq(DESK, GATEWAY, "7", ByCommand("keep", "keep:12345678"))


class Called(Phoning):
    """A user with two clients, of which one asks whether to add contacts, after a call that was missed."""

    def __init__(self, name: str | None = "Bob B", known: str = "") -> None:
        super().__init__()
        self.tell(ResourceAvailable(PHONE, GATEWAY, "phone#1"))
        self.tell(FeaturesLearned(self.id_of(AskFeatures), PHONE, (*ABLE, ROSTERX)))
        if known:
            self.tell(PresenceProbed(known))
        self.invites(caller=Party("sip:+441632960111@sip.test", self.remote_tag, name))

    def asks(self, request: GatewayRequest) -> tuple[str, list[OfferContact]]:
        """Ask; the one answer, and what clients are asked."""
        self.tell(GatewayAsked(DESK, GATEWAY, request))
        answer = self.the(SendText)
        assert answer.to == DESK
        return answer.text, self.all(OfferContact)


def nicks(story: Phoning) -> set[str | None]:
    return {each.nick for each in story.all(InitiateSession)}


# --- names


def test_a_stranger_is_introduced_by_name_and_a_contact_is_not() -> None:
    assert nicks(Called()) == {"Bob B"}
    assert nicks(Called(known=CALLER)) == {None}
    assert nicks(Called(name=None)) == {None}


def test_the_message_about_a_missed_call_has_the_name() -> None:
    for known, nick in (("", "Bob B"), (CALLER, None)):
        story = Called(known=known)
        story.cancels()
        assert story.the(SendText).nick == nick


def test_a_text_of_a_stranger_has_the_name_that_it_came_with() -> None:
    story = Texting()
    for known in (False, True):
        story.gets(shown="Bob B")
        assert story.the(DeliverText).nick == (None if known else "Bob B")
        story.tell(PresenceProbed(BOB))


# --- keeping them


def test_nobody_has_called() -> None:
    story = Phoning()
    story.tell(GatewayAsked(DESK, GATEWAY, KeepContact()))
    assert (story.the(SendText).text, story.all(OfferContact)) == (texts.NOBODY_TO_KEEP, [])


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (KeepContact(), "Bob B"),
        (KeepContact(name="Bob"), "Bob"),
        (KeepContact("+44 1632 960111"), "Bob B"),
        (KeepContact("+44 1632 960111", "Bob"), "Bob"),
    ],
)
def test_each_client_that_can_is_asked_and_each_question_has_one_answer(request_: KeepContact, name: str) -> None:
    story, offer = Called(), OfferContact(GATEWAY, PHONE, CALLER, name)
    text = texts.OFFERED.format(contact=CALLER)
    assert story.asks(request_) == (text, [offer])
    story.tell(CommandAsked(STEP, request_))
    assert (story.the(AnswerCommand).text, story.all(OfferContact)) == (text, [offer])


def test_a_client_that_cannot_is_told_whom_to_add() -> None:
    story = Phoning()
    story.tell(GatewayAsked(DESK, GATEWAY, KeepContact("01632 960111")))
    assert story.the(SendText).text == texts.NOT_OFFERED.format(contact=f"01632960111@{GATEWAY}")
    assert not story.all(OfferContact)


def test_a_number_is_its_own_name_and_what_is_no_address_is_said() -> None:
    story, other = Called(), f"+441632960222@{GATEWAY}"
    assert story.asks(KeepContact("+44 1632 960222"))[1] == [OfferContact(GATEWAY, PHONE, other, "+441632960222")]
    text, offers = story.asks(KeepContact("mailto:bob@sip.test"))
    assert (text[:13], offers) == ("This is not a", [])


def test_a_contact_is_not_kept_twice() -> None:
    story = Called()
    story.tell(PresenceProbed(CALLER))
    assert story.asks(KeepContact()) == (texts.KEPT_ALREADY.format(contact=CALLER), [])


def test_the_form_has_who_called_last() -> None:
    story = Called()
    story.tell(CommandAsked(STEP, AskKeep()))
    assert [each.value for each in story.the(SendForm).form.fields] == [CALLER, "Bob B"]
    other = Phoning()
    other.tell(CommandAsked(STEP, AskKeep()))
    assert [each.value for each in other.the(SendForm).form.fields] == ["", ""]


def test_who_has_called_is_in_a_snapshot_and_forgotten_with_the_account() -> None:
    story = Texting()
    story.gets(shown="Bob B")
    event = condensed(story.user)
    assert event is not None
    assert fold(new(ALICE), Recorded(ALICE, 7, 5.0, event))[0].stranger == LastStranger(BOB, "Bob B")
    story.tell(RegistrationCancelled(STEP))
    assert story.user.stranger is None
