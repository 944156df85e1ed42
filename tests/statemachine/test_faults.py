"""A bug in a room ends the call it happened in, says so to everybody in it, and nothing else."""

from collections.abc import Callable

import pytest

from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallMembersChanged, CloseChannel, HangUp
from fargo.statemachine.model.commands import Fault, RefuseIq, SignIn, TerminateSession
from fargo.statemachine.model.events import (
    PolicyChanged,
    RegistrationAsked,
    SessionInformed,
    SessionInitiated,
    TimePassed,
)
from fargo.statemachine.model.ng import DeleteRelay, OfferRelay, RelayDescribed

from .story import BOB, DESCRIPTION, DESK, OFFER, PCMU, PHONE_ADDRESS, Story

WRITTEN_DOWN = "The gateway made a mistake; it has been written down."
IN_THIS_CALL = "The gateway made a mistake in this call; it has been written down."
FAULT = "ZeroDivisionError: a bug"

Breaker = Callable[[str], None]


@pytest.fixture
def story() -> Story:
    return Story().signed_in()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Breaker:
    """Breaks a function of the core."""

    def raises(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    return lambda name: monkeypatch.setattr(f"fargo.statemachine.{name}", raises)


def test_an_event_of_the_sip_side(story: Story, broken: Breaker) -> None:
    first, second = story.call_out("s1"), story.call_out("s2")
    kept = story.user.calls["5"]
    broken("legs.telepathy.telepathy_leg.fold")
    assert story.tell(CallMembersChanged(second, 1)) == [
        Fault("7", FAULT),
        TerminateSession(BOB, DESK, "s2", "general-error", IN_THIS_CALL),
        HangUp(second, 9),
        CloseChannel(second),
    ]
    assert story.user.calls == {"5": kept}
    assert first != second


def test_a_request_of_a_client_is_answered(story: Story, broken: Breaker) -> None:
    channel = story.call_out("s1")
    broken("legs.jingle.jingle_leg.fold")
    iq = story.iq(BOB)
    assert story.tell(SessionInformed(iq, "s1", "ringing")) == [
        Fault("5", FAULT),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
        TerminateSession(BOB, DESK, "s1", "general-error", IN_THIS_CALL),
        HangUp(channel, 9),
        CloseChannel(channel),
    ]
    assert not story.user.calls


def test_a_call_that_arrives_is_let_go(story: Story, broken: Breaker) -> None:
    before = story.call_out("s1")
    broken("legs.telepathy.telepathy_leg.arrived")
    arrived = CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3)
    assert story.tell(arrived) == [Fault("", FAULT), HangUp("c1", 9), CloseChannel("c1")]
    assert [call.sip.channel for call in story.user.calls.values()] == [before]


def test_an_event_of_the_relay(story: Story, broken: Breaker) -> None:
    """No session is left in the relay."""
    story.tell(PolicyChanged(Policy("relay", relay=True)))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER,)))
    session = story.the(OfferRelay).session
    broken("legs.relay.relay_leg.fold")
    assert story.tell(RelayDescribed(story.id_of(OfferRelay), DESCRIPTION)) == [
        Fault("6", FAULT),
        TerminateSession(BOB, DESK, "s1", "general-error", IN_THIS_CALL),
        DeleteRelay(session),
    ]
    assert not story.user.calls


def test_what_concerns_no_call_ends_none(story: Story, broken: Breaker) -> None:
    story.call_out("s1")
    before = story.user.calls
    broken("account.registration.asked")
    iq = story.iq()
    assert story.tell(RegistrationAsked(iq)) == [
        Fault("", FAULT),
        RefuseIq(iq, "wait", "internal-server-error", WRITTEN_DOWN),
    ]
    broken("account.connection.expire")
    assert story.tell(TimePassed()) == [Fault("", FAULT)]
    assert story.user.calls == before


def test_what_was_issued_before_the_bug_is_taken_back(story: Story, broken: Breaker) -> None:
    channel = story.call_out("s1")
    broken("legs.jingle.jingle_leg.tell")
    story.tell(CallMembersChanged(channel, 1))
    assert [issued.id for issued in story.last] == ["7.0", "7.1", "7.2", "7.3", "7.4"]
