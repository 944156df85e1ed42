"""The numbers that may be called: the operator's beginnings of numbers, in the words of toll fraud."""

import pytest

from fargo.statemachine import texts
from fargo.statemachine.address import dialled
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import MessageCall, RefuseIq
from fargo.statemachine.model.events import CallAction, CallProposed, PolicyChanged, SessionInitiated
from fargo.statemachine.numbers import is_allowed

from .story import DESK, OFFER, Story

PREMIUM = Policy(refused_numbers=("+1900", "0900", "00"), allowed_numbers=())
HOME = Policy(allowed_numbers=("+44", "0"), refused_numbers=("+4490", "09"))


@pytest.mark.parametrize(
    ("local", "policy", "allowed"),
    [
        ("+19001234567", Policy(), True),
        ("+19001234567", PREMIUM, False),
        ("+1-900-123", PREMIUM, False),
        ("+1\\20(900)\\20123", PREMIUM, False),
        ("+1900123%elsewhere.test", PREMIUM, False),
        ("0900;phone-context=x", PREMIUM, False),
        ("+1900*1", PREMIUM, False),
        ("\uff0b\uff11\uff19\uff10\uff10\uff11", PREMIUM, False),
        ("+1212555", PREMIUM, True),
        ("alice", PREMIUM, True),
        ("+441632960000", HOME, True),
        ("+4490123", HOME, False),
        ("0163296", HOME, True),
        ("0990", HOME, False),
        ("+331", HOME, False),
        ("*21*+331#", HOME, False),
        ("~0900", HOME, False),
        ("bob%sip.test", HOME, True),
    ],
)
def test_the_longest_beginning_decides(local: str, policy: Policy, allowed: bool) -> None:
    assert is_allowed(dialled(f"{local}@sip.localhost"), policy) is allowed


def test_a_number_that_may_not_be_called_is_refused_with_the_reason_and_an_emergency_number_never() -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(allowed_numbers=("+44",), emergency_numbers=("112",))))
    story.tell(SessionInitiated(story.iq("+1900@sip.localhost/fargo"), "s", ()))
    refusal = story.the(RefuseIq)
    assert (refusal.condition, refusal.text) == ("not-allowed", texts.NUMBER_REFUSED)
    story.tell(CallProposed(DESK, "+1900@sip.localhost", "p", ("audio",)))
    rejection = story.the(MessageCall)
    assert (rejection.action, rejection.text) == (CallAction.REJECT, texts.NUMBER_REFUSED)
    story.tell(CallProposed(DESK, "112@sip.localhost", "q", ("audio",)))
    assert story.the(MessageCall).action is CallAction.PROCEED


def test_the_operator_says_how_many_calls_there_may_be_at_once() -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(most_calls=1)))
    story.tell(SessionInitiated(story.iq("+44@sip.localhost/fargo"), "s1", (OFFER,)))
    story.tell(SessionInitiated(story.iq("+45@sip.localhost/fargo"), "s2", (OFFER,)))
    assert story.the(RefuseIq).text == texts.TOO_MANY_CALLS.format(most=1)
