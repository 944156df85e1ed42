"""Announcements to a user, and the removal of a user: like a cancelled registration, from any state."""

from fargo.statemachine import machine, texts
from fargo.statemachine.account import texts as account_texts
from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.model.call1 import ChannelClosed
from fargo.statemachine.model.commands import (
    Forget,
    ForgetSecret,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendText,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Announced,
    SipAccount,
    SipSignedOut,
    SipTrouble,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TimePassed,
    UserRemoved,
)
from fargo.statemachine.model.sip_messages import SendRegister
from statemachine.registering import Registering

from .story import ALICE, GATEWAY, Story

TONIGHT = "There will be a pause tonight."
CONTACT = "bob@sip.localhost"


def left(story: Story, after: float) -> bool:
    """Return whether the log is told to forget the user, so many seconds later."""
    story.tell(TimePassed(), after)
    return bool(story.all(Forget))


def test_what_the_operator_says_is_a_message_to_who_is_registered() -> None:
    story = Story()
    assert story.tell(Announced(TONIGHT)) == []
    story.register()
    assert story.tell(Announced(TONIGHT)) == [SendText(GATEWAY, ALICE, TONIGHT)]


def test_it_changes_nothing_else() -> None:
    story = Story().signed_in()
    story.call_out()
    before = story.user
    story.tell(Announced(TONIGHT))
    assert story.user == before


def test_a_removed_user_has_no_calls_no_account_and_no_contacts() -> None:
    story = Story().signed_in()
    story.tell(SubscriptionChanged(CONTACT, SubscriptionAction.SUBSCRIBE))
    channel = story.call_out()
    connection = story.id_of(SignIn)
    story.tell(UserRemoved())
    assert story.the(TerminateSession).text == texts.USER_REMOVED
    assert story.the(SignOut)
    assert story.the(ForgetSecret).secret == "s1"
    assert story.the(SendText) == SendText(GATEWAY, ALICE, texts.USER_REMOVED)
    gone = {each.sender for each in story.all(SendPresence) if each.kind is PresenceKind.UNSUBSCRIBED}
    assert gone == {GATEWAY, CONTACT}
    assert story.user.account == Unregistered(story.at)
    assert machine.secrets(story.user) == ()
    story.tell(ChannelClosed(channel))
    assert story.over()
    story.tell(SipSignedOut(connection, SipTrouble.ASKED))
    assert not left(story, 590)
    assert left(story, 20)
    assert machine.is_idle(story.user)


def test_our_own_user_agent_tells_the_provider_before_the_password_goes() -> None:
    story = Registering().registered()
    story.tell(UserRemoved())
    assert story.the(SendRegister).expires == 0
    assert story.all(ForgetSecret) == []
    assert not left(story, 0.5)
    story.accept(None)
    assert story.the(ForgetSecret).secret == "s1"
    assert left(story, 601)


def test_who_is_registering_is_refused() -> None:
    story = Registering()
    story.submit()
    story.tell(UserRemoved())
    assert story.the(RefuseIq).text == account_texts.CANCELLED
    assert isinstance(story.user.account, Unregistered)
    assert story.all(SendText) == []


def test_who_changes_the_account_loses_both() -> None:
    story = Registering().registered()
    story.submit(SipAccount("alice@sip.example"), "s2")
    story.tell(UserRemoved())
    assert story.the(RefuseIq).text == account_texts.CANCELLED
    while story.user.registrations:
        story.pass_time()
    erased = {each.command.secret for each in story.issued if isinstance(each.command, ForgetSecret)}
    assert erased == {"s1", "s2"}
    assert isinstance(story.user.account, Unregistered)


def test_a_stranger_of_whom_only_events_are_there_is_forgotten_as_well() -> None:
    story = Story()
    story.tell(StreamOpened())
    assert story.tell(UserRemoved()) == []
    assert left(story, 601)


def test_who_registers_again_is_not_forgotten() -> None:
    story = Story().signed_in()
    connection = story.id_of(SignIn)
    story.tell(UserRemoved())
    story.tell(SipSignedOut(connection, SipTrouble.ASKED))
    story.register(secret="s2")
    assert isinstance(story.user.account, Registered)
    assert not left(story, 601)
