"""The events that need no row: what strangers send, and presence that changes nothing. The log folds to the same."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import (
    Issued,
    MessageCall,
    RefuseIq,
    SendContact,
    SendPresence,
    SendRegistrationForm,
)
from fargo.statemachine.model.events import (
    ContactAsked,
    Event,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
)
from fargo.statemachine.model.jingle_events import CallProposed, SessionInitiated, SessionTerminated
from fargo.statemachine.model.sip_messages import SendResponse, SipRequestReceived
from fargo.statemachine.user_state import User

from .registering import REGISTRAR
from .story import ALICE, DESK, GATEWAY, PHONE, Story
from .user_agent.phone import Phoning

CONTACT = "bob@sip.localhost"

POLICY = Policy("relay", True, emergency_numbers=("112",), emergency="refuse")


def answers(user: User, event: Event, policy: Policy | None = None) -> tuple[Issued, ...] | None:
    return machine.answers(user, event, 5.0, policy or user.policy, False, False)


def of_strangers() -> Iterator[tuple[Event, type]]:
    story = Story()
    yield RegistrationAsked(story.iq()), SendRegistrationForm
    yield RegistrationCancelled(story.iq()), RefuseIq
    yield ContactAsked(story.iq(), "Bob"), SendContact
    yield ContactAsked(story.iq(), "bob@"), RefuseIq
    yield IqMalformed(story.iq(), "no"), RefuseIq
    yield SessionInitiated(story.iq(f"{CONTACT}/fargo"), "s", ()), RefuseIq
    yield SessionTerminated(story.iq(f"{CONTACT}/fargo"), "s", "success"), RefuseIq
    yield CallProposed(DESK, CONTACT, "s", ("audio",)), MessageCall
    yield SubscriptionChanged(CONTACT, SubscriptionAction.SUBSCRIBE), SendPresence
    yield PresenceProbed(CONTACT), SendPresence
    yield RegistrationSubmitted(story.iq(), SipAccount("no domain"), None, "nonce"), RefuseIq


@pytest.mark.parametrize(("event", "answer"), list(of_strangers()), ids=lambda each: type(each).__name__)
def test_strangers_are_answered_without_a_row(event: Event, answer: type) -> None:
    story = Story()
    issued = answers(story.user, event, POLICY)
    assert issued is not None
    assert answer in [type(each.command) for each in issued]
    assert {each.id.partition(".")[0] for each in issued} == {"0"}, "no event has that version"
    assert answers(story.user, event) is not None


def test_the_operators_policy_counts_for_strangers_too() -> None:
    story = Story()
    issued = answers(story.user, SessionInitiated(story.iq("112@sip.localhost/fargo"), "s", ()), POLICY)
    assert issued is not None
    [refusal] = [each.command for each in issued if isinstance(each.command, RefuseIq)]
    assert refusal.condition == "not-allowed"


def test_presence_of_a_stranger_is_neither_answered_nor_written() -> None:
    assert answers(Story().user, ResourceAvailable(DESK, GATEWAY)) == ()
    assert answers(Story().user, ResourceUnavailable(DESK, GATEWAY)) == ()
    for event in (IqSucceeded("1.0", DESK), IqFailed("1.0", DESK, "gone")):
        assert answers(Story().user, event) == ()


def test_a_registration_that_is_tried_is_written() -> None:
    story = Story()
    submitted = RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "secret", "nonce")
    assert answers(story.user, submitted) is None
    story.tell(submitted)
    assert answers(story.user, ResourceAvailable(DESK, GATEWAY)) is None


def test_what_changes_the_state_of_a_former_user_is_written() -> None:
    story = Story()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "secret", "nonce"))
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.tell(RegistrationCancelled(story.iq()))
    assert answers(story.user, RegistrationCancelled(story.iq())) is not None
    assert answers(story.user, StreamOpened()) is None, "what the gateway itself puts is always written"


def test_presence_that_changes_nothing_is_not_written() -> None:
    story = Story().signed_in()
    story.online(PHONE)
    known = "carol%sip.test@sip.localhost"
    story.tell(PresenceProbed(known))
    contact = ResourceAvailable(PHONE, known, story.user.contacts.clients[PHONE].caps)
    assert answers(story.user, contact) == (), "the client is known, with these capabilities"
    assert answers(story.user, ResourceAvailable(PHONE, CONTACT, "other#caps")) is None
    assert answers(story.user, ResourceAvailable(f"{ALICE}/new", CONTACT)) is None
    assert answers(story.user, ResourceUnavailable(PHONE, GATEWAY)) is None
    probed = PresenceProbed(CONTACT)
    assert answers(story.user, probed) is None, "the contact becomes known by it"
    story.tell(probed)
    issued = answers(story.user, probed)
    assert issued is not None
    assert [type(each.command) for each in issued] == [SendPresence]


def test_calls_of_registered_users_are_written_whatever_they_lead_to() -> None:
    story = Story().signed_in()
    for event in (
        SessionInitiated(story.iq(f"{CONTACT}/fargo"), "s", ()),
        SessionTerminated(story.iq(f"{CONTACT}/fargo"), "s", "success"),
        IqMalformed(story.iq(), "no"),
        RegistrationAsked(story.iq()),
    ):
        assert answers(story.user, event) is None


def test_a_request_of_no_call_is_answered_without_a_row() -> None:
    """Anybody who was called once has a Contact for it."""
    story = Phoning().talking()
    dialog, call_id = story.of_dialog()
    info, ack = (
        SipRequestReceived(dialog, story.head(method, call_id=call_id), REGISTRAR, "bob") for method in ("INFO", "ACK")
    )
    assert answers(story.user, info) is None, "it is of a call"
    issued = answers(story.user, replace(info, leg="3"))
    assert issued is not None
    assert [each.command.status for each in issued if isinstance(each.command, SendResponse)] == [481]
    assert answers(story.user, replace(ack, leg="3")) == ()
    assert answers(Story().user, info) is not None, "nobody has the account any more"
