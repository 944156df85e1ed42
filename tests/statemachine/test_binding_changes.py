"""Registrations of our own user agent that the user or the operator changes: signing out, other accounts, engines."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.account import texts
from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import (
    AcceptIq,
    Forget,
    ForgetSecret,
    RefuseIq,
    SignIn,
    SignOut,
)
from fargo.statemachine.model.events import (
    PolicyChanged,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedIn,
    TimePassed,
)
from fargo.statemachine.model.presence import SignedIn, SignedOut, SigningIn, SigningOut
from fargo.statemachine.model.sip_messages import RegisterAnswered, ReleaseFlow, SendRegister, Undelivered
from fargo.statemachine.model.sip_values import Hop, SipHeaders

from .registering import BY_SIP, MD5, OLD, OWN, URI, Registering, connection_of
from .story import DESK, GATEWAY, PHONE, Story

# --- signing out


def test_signing_out_removes_the_registration() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert story.the(ReleaseFlow).connection == story.name
    sent = story.the(SendRegister)
    assert (sent.expires, sent.connection, sent.cseq) == (0, story.name, 2)
    assert isinstance(connection_of(story), SigningOut)
    story.challenge()
    assert story.the(SendRegister).expires == 0
    assert story.sent.credentials
    story.answer(200, "OK")
    assert connection_of(story) == SignedOut()
    assert not story.user.registrations


def test_a_registration_that_is_being_renewed_is_removed_afterwards() -> None:
    story = Registering().registered()
    story.pass_time()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    assert not story.all(SendRegister), "the registrar has to answer first"
    story.accept()
    assert story.the(SendRegister).expires == 0
    story.answer(200, "OK")
    assert connection_of(story) == SignedOut()


@pytest.mark.parametrize("status", [403, 500])
def test_it_is_removed_even_if_the_renewal_fails(status: int) -> None:
    story = Registering().registered()
    story.pass_time()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(status, "No")
    assert story.the(SendRegister).expires == 0


def test_removing_is_repeated_for_some_minutes() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    begun, sent = story.at, 1
    while story.user.registrations:
        if story.registration.awaited:
            story.undelivered(Undelivered.SILENT)
        else:
            story.pass_time()
        sent += len(story.all(SendRegister))
    assert connection_of(story) == SignedOut()
    assert story.at - begun == 180
    assert sent > 3
    assert machine.deadlines(story.user) == ()


def test_a_refusal_to_remove_it_is_the_end_of_it() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(403, "Forbidden")
    assert connection_of(story) == SignedOut()
    assert not story.user.registrations


def test_a_423_to_the_removal_is_no_reason_to_register() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.headed(423, "Interval Too Brief", SipHeaders(min_expires=7200))
    assert not story.all(SendRegister)
    story.pass_time()
    assert story.the(SendRegister).expires == 0


def test_who_comes_back_signs_in_anew() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    assert not story.all(SendRegister)
    story.answer(200, "OK")
    assert story.the(SendRegister).connection is None
    assert isinstance(connection_of(story), SigningIn)


def test_a_silent_registrar_does_not_keep_anybody_from_coming_back() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    old = story.name
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    assert story.pass_time() == 9
    assert isinstance(connection_of(story), SigningIn)
    assert story.name != old
    story.accept(bindings=(replace(OWN, name=story.name), replace(OLD, name=old)))
    assert story.sent.remove == (OLD.contact,)
    assert isinstance(connection_of(story), SignedIn)


# --- changes of the account


def test_a_changed_account_waits_until_the_old_one_is_removed() -> None:
    story = Registering().registered()
    story.submit(SipAccount("alice@other.test"), secret="s2")
    assert story.the(SendRegister).expires == 0
    assert story.sent.hop == Hop("sip.test")
    story.answer(200, "OK")
    assert story.the(SendRegister).hop == Hop("other.test")
    story.accept()
    assert story.all(AcceptIq)
    assert story.the(ForgetSecret).secret == "s1"


def test_a_change_that_fails_returns_to_the_old_account() -> None:
    story = Registering().registered()
    story.submit(SipAccount("alice@sip.test"), secret="wrong")
    story.answer(200, "OK")
    story.challenge()
    story.challenge(replace(MD5, nonce="nonce2"))
    assert story.the(ForgetSecret).secret == "wrong"
    assert story.the(SendRegister).connection is None
    story.challenge()
    assert [each.secret for each in story.sent.credentials] == ["s1"]


def test_a_password_is_erased_when_the_registration_is_removed() -> None:
    story = Registering().registered()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.all(AcceptIq)
    assert not story.all(ForgetSecret), "the registrar may ask for it"
    assert machine.secrets(story.user) == ("s1",)
    story.challenge()
    assert story.sent.credentials
    story.answer(200, "OK")
    assert story.the(ForgetSecret).secret == "s1"
    assert machine.secrets(story.user) == ()


def test_it_is_erased_once_if_two_registrations_use_it() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    first, command = story.name, story.id_of(SendRegister)
    story.tell(TimePassed(), 10.0)
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.accept()
    story.tell(RegistrationCancelled(story.iq()))
    assert len(story.user.registrations) == 2
    story.answer(200, "OK")
    assert not story.all(ForgetSecret)
    story.tell(RegisterAnswered(first, command, 200, "OK"))
    assert story.the(ForgetSecret).secret == "s1"


def test_a_user_who_has_cancelled_is_not_forgotten_before() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(RegistrationCancelled(story.iq()))
    assert not machine.is_idle(story.user)
    story.tell(TimePassed(), 600.0)
    assert not story.all(Forget)
    assert story.all(ForgetSecret), "nobody has answered"
    assert machine.is_idle(story.user)
    assert story.tell(TimePassed(), 0.0) == [Forget()]


def test_who_cancels_while_the_registrar_is_asked_is_removed_as_soon_as_it_accepts() -> None:
    story = Registering()
    story.submit()
    story.tell(RegistrationCancelled(story.iq()))
    assert not story.all(SendRegister)
    assert not story.all(ForgetSecret)
    story.challenge()
    story.accept()
    assert story.the(SendRegister).expires == 0
    story.answer(200, "OK")
    assert story.the(ForgetSecret).secret == "s1"
    assert story.user.account == Unregistered(story.entries[2][0].at)


def test_who_cancels_and_is_refused_leaves_nothing() -> None:
    story = Registering()
    story.submit()
    story.tell(RegistrationCancelled(story.iq()))
    story.answer(403, "Forbidden")
    assert not story.user.registrations
    assert story.the(ForgetSecret).secret == "s1"


# --- engines


def test_a_registered_account_gets_the_engine_of_the_operator() -> None:
    story = Story()
    story.register()
    story.tell(BY_SIP)
    assert isinstance(story.user.account, Registered)
    assert story.user.account.credentials.account == SipAccount("alice@sip.test", engine="sip")
    assert connection_of(story) == SignedOut()
    assert story.accounts()[-1].status == texts.SIGNED_OUT.format(uri=URI)


def test_a_switch_of_engines_needs_nothing_entered_again() -> None:
    story = Registering()
    story.tell(PolicyChanged(Policy()))
    story.online()
    story.register()
    story.tell(BY_SIP)
    story.tell(Restarted())
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SendRegister).connection is None
    story.challenge()
    assert [each.secret for each in story.sent.credentials] == ["s1"]
    story.accept(bindings=(replace(OWN, name=story.name), OLD))
    assert story.the(SendRegister).remove == (OLD.contact,), "the old engine's Contact is removed"
    # And back.
    story.tell(PolicyChanged(Policy()))
    assert not story.user.registrations
    story.tell(Restarted())
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SignIn) == SignIn(SipAccount("alice@sip.test"), "s1")
    story.tell(SipSignedIn(story.id_of(SignIn)))
    assert isinstance(connection_of(story), SignedIn)


def test_a_switch_erases_the_passwords_that_only_the_old_engine_needed() -> None:
    story = Registering().registered()
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(PolicyChanged(Policy()))
    assert story.the(ForgetSecret).secret == "s1"


def test_a_switch_while_an_account_is_tried_returns_to_the_one_before_with_the_new_engine() -> None:
    story = Story()
    story.register()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@other.test"), "s2", "nonce"))
    story.tell(BY_SIP)
    story.tell(Restarted())
    assert story.all(RefuseIq)
    assert isinstance(story.user.account, Registered)
    assert story.user.account.credentials.account == SipAccount("alice@sip.test", engine="sip")


def test_a_policy_with_the_same_engine_changes_no_account() -> None:
    story = Story()
    story.register()
    before = story.user.account
    story.tell(PolicyChanged(Policy("relay", relay=True)))
    assert story.user.account is before


def test_an_account_is_signed_in_with_the_engine_of_the_operator_whatever_it_names() -> None:
    story = Registering()
    story.submit(SipAccount("alice@sip.test", engine="telepathy"))
    assert story.all(SendRegister)
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(PolicyChanged(Policy()))
    story.submit(SipAccount("alice@sip.test", engine="sip"))
    assert story.the(SignIn).account == SipAccount("alice@sip.test")


def test_our_own_user_agent_never_signs_in_or_out_with_the_other_engines_commands() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(200, "OK")
    assert not [each for each in story.issued if isinstance(each.command, SignIn | SignOut)]
