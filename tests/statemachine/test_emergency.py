"""Calls to emergency numbers: no limit applies to them, or they are refused before anything else is looked at."""

import pytest

from fargo.statemachine.legs.jingle.jmi import MOST_PROPOSALS
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import MessageCall, RefuseIq
from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.jingle_events import CallAction, CallProposed, SessionInitiated
from fargo.statemachine.model.sip import SipEngine
from fargo.statemachine.texts import NO_EMERGENCY_CALLS, TOO_MANY_CALLS

from .story import DESK, GATEWAY, OFFER, Story

NUMBERS = ("112", "+112")
WRITTEN = ["112", "1-1-2", "1.1.2", "(1)12", "1\\201\\202", "112%sip.test", "112\\40other.test", "+1\\2f12"]
ENGINES: tuple[SipEngine, ...] = ("telepathy", "sip")


def dial(story: Story, number: str) -> list[str]:
    """Call a number. Return the texts with which the call was refused."""
    told = story.tell(SessionInitiated(story.iq(f"{number}@{GATEWAY}"), f"to {number}", (OFFER,)))
    return [each.text for each in told if isinstance(each, RefuseIq)]


def busy(policy: Policy) -> Story:
    story = Story().signed_in()
    story.tell(PolicyChanged(policy))
    for number in range(8):
        story.call_out(f"s{number}")
    return story


@pytest.mark.parametrize("number", WRITTEN)
def test_an_emergency_number_is_called_beyond_the_limit(number: str) -> None:
    assert dial(busy(Policy(emergency_numbers=NUMBERS)), number) == []


@pytest.mark.parametrize("number", ["1123", "0112", "bob"])
def test_another_number_is_not(number: str) -> None:
    assert dial(busy(Policy(emergency_numbers=NUMBERS)), number) == [TOO_MANY_CALLS.format(most=8)]


def test_an_older_policy_names_no_emergency_numbers() -> None:
    assert dial(busy(Policy()), "112") == [TOO_MANY_CALLS.format(most=8)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", WRITTEN)
def test_the_operator_can_refuse_emergency_calls(engine: SipEngine, number: str) -> None:
    story = Story()
    story.tell(PolicyChanged(Policy(engine=engine, emergency_numbers=NUMBERS, emergency="refuse")))
    assert dial(story, number) == [NO_EMERGENCY_CALLS]


def test_an_emergency_number_is_proposed_beyond_the_limit() -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(emergency_numbers=NUMBERS)))
    for number in range(MOST_PROPOSALS):
        story.tell(CallProposed(DESK, f"bob@{GATEWAY}", f"p{number}", ("audio",)))
    story.tell(CallProposed(DESK, f"bob@{GATEWAY}", "one too many", ("audio",)))
    assert story.the(MessageCall).action is CallAction.REJECT
    story.tell(CallProposed(DESK, f"1-1-2@{GATEWAY}", "help", ("audio",)))
    assert story.the(MessageCall).action is CallAction.PROCEED


def test_the_operator_says_how_many_calls_there_may_be_at_once() -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(most_calls=1)))
    story.tell(SessionInitiated(story.iq("+44@sip.localhost/fargo"), "s1", (OFFER,)))
    story.tell(SessionInitiated(story.iq("+45@sip.localhost/fargo"), "s2", (OFFER,)))
    assert story.the(RefuseIq).text == TOO_MANY_CALLS.format(most=1)
