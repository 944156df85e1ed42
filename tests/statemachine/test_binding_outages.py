"""Registrations of our own user agent through the loss of a connection, restarts of edge and gateway, and snapshots."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.account import retries, texts
from fargo.statemachine.model.commands import (
    AcceptIq,
    ForgetSecret,
    RefuseIq,
)
from fargo.statemachine.model.events import (
    ClockJumped,
    Recorded,
    RegistrationCancelled,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.presence import SignedIn, SignedOut
from fargo.statemachine.model.registrations import Bound, Leaving, Opening
from fargo.statemachine.model.sip_messages import EdgeRestarted, FlowClosed, KeepFlow, SendRegister, Undelivered
from fargo.statemachine.model.sip_values import Endpoint, SipHeaders

from .registering import OLD, OWN, REGISTRAR, TCP, URI, Registering, connection_of
from .story import ALICE, DESK, GATEWAY

# --- the connection to the registrar, and the edge


def test_a_closed_connection_is_opened_again_at_once() -> None:
    story = Registering().registered()
    story.tell(FlowClosed(story.name))
    assert story.the(SendRegister).expires == 3600
    assert story.accept() == [KeepFlow(story.name, REGISTRAR)]


def test_a_server_that_keeps_closing_it_is_tried_ever_more_slowly() -> None:
    story = Registering().registered()
    pauses = []
    for _ in range(5):
        begun = story.at
        story.tell(FlowClosed(story.name))
        if not story.all(SendRegister):
            story.pass_time()
        pauses.append(story.at - begun - 1)
        story.accept()
    assert pauses == [0, *(retries.pause(number, story.at) for number in range(4))]
    story.tell(TimePassed(), 100.0)
    story.tell(FlowClosed(story.name))
    assert story.all(SendRegister), "it has held for a while"
    story.accept()
    story.tell(FlowClosed(story.name), 60.0)
    assert story.all(SendRegister), "so has it now"


def test_a_connection_that_closes_during_a_renewal_leaves_that_to_the_renewal() -> None:
    story = Registering().registered()
    story.pass_time()
    story.tell(FlowClosed(story.name))
    assert not story.all(SendRegister)
    assert story.accept() == [KeepFlow(story.name, REGISTRAR)]


def test_a_connection_that_closes_while_the_registrar_wants_a_pause_stays_closed() -> None:
    story = Registering().registered()
    story.pass_time()
    story.headed(503, "Maintenance", SipHeaders(retry_after=100))
    story.tell(FlowClosed(story.name))
    story.tell(EdgeRestarted())
    assert not story.all(SendRegister)
    assert story.pass_time() == 98


def test_a_connection_that_nobody_needs_may_close() -> None:
    story = Registering()
    story.submit()
    assert story.tell(FlowClosed(story.name)) == []
    story.accept()
    story.tell(RegistrationCancelled(story.iq()))
    assert story.tell(FlowClosed(story.name)) == []


@pytest.mark.parametrize(("source", "lost"), [(REGISTRAR, False), (TCP, True), (replace(TCP, transport="tls"), True)])
def test_connections_that_the_edge_has_lost_are_opened_again(source: Endpoint, lost: bool) -> None:
    story = Registering()
    story.submit()
    story.accept(source=source)
    assert bool([each for each in story.tell(EdgeRestarted()) if isinstance(each, SendRegister)]) == lost


@pytest.mark.parametrize(("seconds", "renews"), [(600, False), (3000, True), (7200, True)])
def test_a_registration_loses_the_time_that_has_passed_for_the_registrar_only(seconds: int, renews: bool) -> None:
    story = Registering().registered()
    before = story.registration.phase
    assert isinstance(before, Bound)
    assert bool([each for each in story.tell(ClockJumped(seconds)) if isinstance(each, SendRegister)]) == renews
    after = story.registration.phase
    assert isinstance(after, Bound)
    if not renews:
        assert (before.until - after.until, before.due - after.due) == (seconds, seconds)
        story.tell(EdgeRestarted())
        story.pass_time()
        assert story.all(SendRegister), "it is renewed that much earlier"


def test_a_registration_that_may_have_ended_during_a_suspension_is_tried_for_a_minute() -> None:
    story = Registering().registered()
    story.tell(ClockJumped(7200))
    story.undelivered(Undelivered.SILENT)
    assert isinstance(story.registration.phase, Bound)
    story.pass_time()
    assert story.all(SendRegister)
    story.accept()
    assert isinstance(story.registration.phase, Bound)


def test_a_renewal_that_is_under_way_stays_as_the_clock_jumps() -> None:
    story = Registering().registered()
    story.pass_time()
    assert story.all(SendRegister)
    assert not story.tell(ClockJumped(7200))


def test_what_the_edge_has_not_answered_is_repeated() -> None:
    story = Registering()
    story.submit()
    story.challenge()
    story.tell(EdgeRestarted())
    again = story.the(SendRegister)
    assert (again.cseq, again.credentials) == (3, ())
    story.challenge()
    story.accept()
    assert story.all(AcceptIq)
    story.tell(RegistrationCancelled(story.iq()))
    story.tell(EdgeRestarted())
    assert story.the(SendRegister).expires == 0


def test_what_the_edge_has_not_answered_removes_the_same_contacts() -> None:
    story = Registering()
    story.submit()
    story.answer(200, "OK", bindings=(OWN, OLD))
    story.tell(EdgeRestarted())
    assert story.the(SendRegister).remove == (OLD.contact,)
    story.answer(400, "No")
    assert isinstance(story.registration.phase, Bound)


# --- restarts of the gateway


def test_a_restart_keeps_the_registration_and_renews_it() -> None:
    story = Registering().registered()
    name = story.name
    story.tell(Restarted())
    assert story.the(SendRegister).connection == name
    assert connection_of(story) == SignedIn(name, story.at + 30)
    story.tell(StreamOpened())
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.accept() == [KeepFlow(name, REGISTRAR)]
    assert connection_of(story) == SignedIn(name)
    states = [(each.signed_in, each.status) for each in story.accounts()]
    assert states == [(True, texts.SIGNED_IN.format(uri=URI))], "nobody has noticed"


def test_after_a_restart_nobody_stays_signed_in_without_a_client() -> None:
    story = Registering().registered()
    story.tell(Restarted())
    story.accept()
    assert story.pass_time() == 29
    assert story.the(SendRegister).expires == 0


def test_a_registration_that_has_ended_during_a_restart_is_made_anew() -> None:
    story = Registering().registered(60)
    name = story.name
    story.tell(Restarted(), 100.0)
    assert not story.user.registrations
    assert connection_of(story) == SignedOut()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SendRegister).connection is None
    assert story.name != name


def test_what_was_not_accepted_before_a_restart_is_given_up() -> None:
    story = Registering()
    story.submit()
    story.tell(Restarted())
    assert story.the(RefuseIq).text == texts.RESTARTED
    assert story.the(ForgetSecret).secret == "s1"
    assert not story.user.registrations
    assert machine.is_idle(story.user)


def test_a_restart_at_the_very_end_of_a_registration_does_not_keep_it() -> None:
    story = Registering().registered(60)
    story.tell(Restarted(), 60.0)
    assert not story.user.registrations


def test_a_sign_in_that_a_restart_has_cut_short_begins_anew_with_a_client() -> None:
    story = Registering().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.answer(200, "OK")
    story.tell(ResourceAvailable(DESK, GATEWAY))
    story.tell(Restarted())
    assert connection_of(story) == SignedOut()
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert story.the(SendRegister).connection is None


def test_stopping_removes_the_registration_and_a_restart_repeats_that() -> None:
    story = Registering().registered()
    story.tell(Stopping())
    assert story.the(SendRegister).expires == 0
    assert isinstance(story.registration.phase, Leaving)
    story.tell(Restarted())
    assert story.the(SendRegister).expires == 0
    assert connection_of(story) == SignedOut()
    story.answer(200, "OK")
    assert not story.user.registrations


def test_a_restart_much_later_has_nothing_left_to_remove() -> None:
    story = Registering().registered()
    story.tell(Stopping())
    story.tell(Restarted(), 1000.0)
    assert not story.all(SendRegister)
    assert not story.user.registrations


def test_stopping_while_the_registrar_is_asked_removes_what_it_accepts() -> None:
    story = Registering()
    story.submit()
    story.tell(Stopping())
    assert story.the(RefuseIq).text == texts.STOPPING
    assert story.registration.phase == Opening(wanted=False)
    story.accept()
    assert story.the(SendRegister).expires == 0


# --- snapshots


def test_a_snapshot_has_the_registration() -> None:
    story = Registering().registered()
    event = machine.condensed(replace(story.user, pending={}))
    assert event is not None
    user, *_ = machine.fold(machine.new(ALICE), Recorded(ALICE, 7, story.at, event))
    assert (user.registrations, user.account, user.policy) == (
        story.user.registrations,
        story.user.account,
        story.user.policy,
    )
    assert machine.deadlines(user) == machine.deadlines(replace(story.user, pending={}))


def test_a_snapshot_of_a_user_without_an_account_has_what_is_being_removed() -> None:
    story = Registering()
    story.submit()
    story.tell(Stopping())
    event = machine.condensed(replace(story.user, stopping=False))
    assert event is not None
    assert event.account is None
    assert event.registrations == story.user.registrations
