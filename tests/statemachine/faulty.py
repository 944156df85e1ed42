"""A core with bugs, for the tests of faults."""

from collections.abc import Callable
from typing import NoReturn

from fargo.statemachine import texts
from fargo.statemachine.call.call_state import is_live
from fargo.statemachine.model.call1 import CallArrived
from fargo.statemachine.model.commands import SignIn

from .story import BOB, PCMU, PHONE_ADDRESS, Story

WRITTEN_DOWN = texts.FAULT
IN_THIS_CALL = texts.FAULT_IN_CALL
FAULT = "ZeroDivisionError: a bug"
BARE = BOB.partition("/")[0]
MISSED = "Missed call from bob@sip.test."

Breaker = Callable[[str], None]


def raises(*_: object) -> NoReturn:
    raise ZeroDivisionError("a bug")


def arrive(story: Story, channel: str = "c1") -> None:
    """Bob calls Alice."""
    story.tell(CallArrived(channel, story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))


def live(story: Story) -> list[str | None]:
    """Return the channels of the calls that go on."""
    return [call.sip.name for call in story.user.calls.values() if is_live(call)]
