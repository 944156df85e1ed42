"""The contacts of our own user agent at the registrar: what is left there, and our address as it is seen."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.model.events import (
    ResourceAvailable,
)
from fargo.statemachine.model.presence import SignedIn, SignedOut
from fargo.statemachine.model.registrations import Bound
from fargo.statemachine.model.sip_messages import Binding, FlowClosed, SendRegister
from fargo.statemachine.model.sip_values import Endpoint

from .registering import OLD, OTHER_PHONE, OWN, Registering, bound, connection_of
from .story import DESK, GATEWAY

# --- contacts of ours that are left


def test_contacts_of_an_earlier_registration_or_engine_are_removed() -> None:
    left = replace(OLD, contact="sip:fg-2@192.0.2.1", name="1.0")
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    story.challenge()
    own = replace(OWN, name=story.name)
    story.answer(200, "OK", bindings=(OLD, own, left, OTHER_PHONE))
    assert isinstance(connection_of(story), SignedIn)
    assert story.the(SendRegister).remove == (OLD.contact, left.contact)
    assert story.sent.expires == 3600
    story.challenge()
    assert story.the(SendRegister).remove == (OLD.contact, left.contact)
    assert story.sent.credentials
    story.answer(200, "OK", bindings=(own, OTHER_PHONE))
    assert not story.all(SendRegister)
    story.pass_time()
    assert story.the(SendRegister).remove == ()


def test_a_registrar_that_keeps_them_is_asked_once_in_each_renewal() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.answer(200, "OK", bindings=(OWN, OLD))
    assert not story.all(SendRegister)
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.pass_time()
    assert story.the(SendRegister).remove == (OLD.contact,)
    story.answer(200, "OK", bindings=(OWN, OLD))
    assert not story.all(SendRegister)


def test_a_renewal_that_fails_is_repeated_without_the_removal_of_others() -> None:
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    for _ in range(2):
        story.answer(200, "OK", bindings=(replace(OWN, name=story.name), OLD))
    story.pass_time()
    assert story.the(SendRegister).remove == (OLD.contact,)
    story.answer(400, "No")
    story.pass_time()
    assert story.the(SendRegister).remove == ()


def test_a_registration_that_the_account_does_not_need_is_removed_with_the_next_renewal() -> None:
    story = Registering().registered(client=False)
    assert isinstance(story.user.account, Registered)
    story.user = replace(story.user, account=replace(story.user.account, connection=SignedOut()))
    story.pass_time()
    story.accept()
    assert story.the(SendRegister).expires == 0


def test_a_registrar_that_invents_them_is_asked_twice() -> None:
    story = Registering()
    story.submit()
    asked = []
    for number in range(4):
        story.answer(200, "OK", bindings=(OWN, replace(OLD, contact=f"sip:fg-{number}@192.0.2.1")))
        asked.append(bool(story.all(SendRegister)))
    assert asked == [True, True, False, False]


def test_no_more_than_a_few_are_removed_at_a_time() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=tuple(replace(OLD, contact=f"sip:{n}@192.0.2.1") for n in range(20)))
    assert len(story.sent.remove) == 8


def test_a_phone_with_the_same_address_is_not_ours() -> None:
    story = behind_nat()
    phone = replace(OUTSIDE, ours=False, name=None)
    story.answer(200, "OK", bindings=(INSIDE, phone), seen=NATTED)
    assert story.the(SendRegister).remove == ()


def test_a_challenge_to_the_removal_of_contacts_may_be_refused_too() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.challenge()
    story.answer(403, "Forbidden")
    assert isinstance(story.registration.phase, Bound)


def test_a_registrar_that_keeps_nothing_when_contacts_are_removed_has_registered_the_account() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.answer(200, "OK", bindings=(replace(OWN, expires=0),))
    assert isinstance(story.registration.phase, Bound)


@pytest.mark.parametrize("status", [400, 403, 401, 500])
def test_a_registrar_that_does_not_remove_them_has_registered_the_account_all_the_same(status: int) -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    due = bound(story).due
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.answer(status, "No") == []
    assert isinstance(connection_of(story), SignedIn)
    assert bound(story).due == due
    story.pass_time()
    assert story.the(SendRegister).remove == ()


# --- our address


NATTED = Endpoint("udp", "203.0.113.1", 40000)
INSIDE = Binding("sip:1.2.0@10.0.0.2:5060;line=x", 3600, ours=True, name="3.0")
OUTSIDE = replace(INSIDE, contact="sip:1.2.0@203.0.113.1:40000;line=x")


def behind_nat() -> Registering:
    story = Registering()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.submit()
    return story


def test_an_account_behind_a_nat_is_registered_once_more_with_its_address_outside() -> None:
    story = behind_nat()
    story.answer(200, "OK", bindings=(INSIDE,), seen=NATTED)
    assert isinstance(connection_of(story), SignedIn)
    assert (story.the(SendRegister).expires, story.sent.remove) == (3600, ())
    story.answer(200, "OK", bindings=(INSIDE, OUTSIDE), seen=NATTED)
    assert story.the(SendRegister).remove == (INSIDE.contact,)
    story.answer(200, "OK", bindings=(OUTSIDE,), seen=NATTED)
    assert not story.all(SendRegister)


def test_a_nat_that_changes_the_address_leaves_no_contact_behind() -> None:
    story = behind_nat()
    story.answer(200, "OK", bindings=(OUTSIDE,), seen=NATTED)
    assert not story.all(SendRegister)
    story.tell(FlowClosed(story.name))
    moved = replace(OUTSIDE, contact="sip:1.2.0@203.0.113.1:40001;line=x")
    story.answer(200, "OK", bindings=(OUTSIDE, moved), seen=replace(NATTED, port=40001))
    assert story.the(SendRegister).remove == (OUTSIDE.contact,)


@pytest.mark.parametrize(
    ("contact", "seen"),
    [
        ("sip:x@203.0.113.1:40000", NATTED),
        ("sip:x@203.0.113.1", replace(NATTED, port=5060)),
        ("sip:x@203.0.113.1:5060;transport=tcp", Endpoint("tcp", "203.0.113.1", 41234)),
        ("sip:x@[2001:db8::1]:5060", Endpoint("udp", "2001:db8::1", 5060)),
        ("sip:x@10.0.0.2:5060", None),
    ],
)
def test_a_contact_with_the_right_address_is_left_as_it_is(contact: str, seen: Endpoint | None) -> None:
    story = behind_nat()
    story.answer(200, "OK", bindings=(replace(INSIDE, contact=contact),), seen=seen)
    assert not story.all(SendRegister)


@pytest.mark.parametrize("contact", ["sip:x@10.0.0.2:5060", "sip:x@203.0.113.1:5061", "mailto:x@203.0.113.1"])
def test_a_registrar_that_shows_another_contact_is_asked_once(contact: str) -> None:
    shown = (replace(INSIDE, contact=contact),)
    story = behind_nat()
    story.answer(200, "OK", bindings=shown, seen=NATTED)
    assert story.the(SendRegister).remove == ()
    for _ in range(2):
        story.answer(200, "OK", bindings=shown, seen=NATTED)
        assert not story.all(SendRegister)
        story.pass_time()
    for elsewhere in (replace(NATTED, port=40001), replace(NATTED, ip="203.0.113.9", port=40001)):
        story.answer(200, "OK", bindings=shown, seen=elsewhere)
        assert story.all(SendRegister), "it has seen us elsewhere"
        story.answer(200, "OK", bindings=shown, seen=None)
        assert not story.all(SendRegister)
        story.pass_time()
        story.answer(200, "OK", bindings=shown, seen=elsewhere)
        assert not story.all(SendRegister)
        story.pass_time()


def test_a_connection_from_another_port_is_no_other_address() -> None:
    story = behind_nat()
    by_tcp = replace(NATTED, transport="tcp")
    story.answer(200, "OK", seen=by_tcp)
    assert story.all(SendRegister)
    story.answer(200, "OK", seen=by_tcp)
    story.tell(FlowClosed(story.name))
    story.answer(200, "OK", seen=replace(by_tcp, port=40001))
    assert not story.all(SendRegister)
    story.pass_time()
    story.answer(200, "OK", seen=replace(by_tcp, ip="203.0.113.2"))
    assert story.all(SendRegister)
