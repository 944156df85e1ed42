"""Invariants that no broken core of these tests breaks: the watch would see it."""

import pytest

from fargo.statemachine.model.call1 import CloseChannel
from fargo.statemachine.model.call_records import RecordAnswered
from fargo.statemachine.model.commands import Command, Issued, SendText
from fargo.statemachine.model.events import Recorded, SipSignedOut, SipTrouble, TimePassed

from .invariants import Broken, Entry, Watch
from .values import PASSWORD, USER

IN_AN_EVENT: Entry = (Recorded(USER, 1, 0.0, SipSignedOut("1.0", SipTrouble.INVALID, f"password={PASSWORD}")), ())
IN_A_COMMAND: Entry = (Recorded(USER, 1, 0.0, TimePassed()), (Issued(USER, "1.0", SendText("a@b", USER, PASSWORD)),))


@pytest.mark.parametrize("entry", [IN_AN_EVENT, IN_A_COMMAND])
def test_a_password_that_is_written_down_is_seen(entry: Entry) -> None:
    with pytest.raises(Broken, match="no password is seen"):
        Watch().judge(entry)


def entry(*commands: tuple[Command, str | None]) -> Entry:
    issued = [Issued(USER, f"1.{place}", command, call) for place, (command, call) in enumerate(commands)]
    return Recorded(USER, 1, 0.0, TimePassed()), tuple(issued)


CLOSES = CloseChannel("c1")


@pytest.mark.parametrize("wrong", [entry((CLOSES, None)), entry((CLOSES, "5"), (CLOSES, "6"))])
def test_a_command_that_does_not_name_its_call_is_seen(wrong: Entry) -> None:
    with pytest.raises(Broken, match="a command names its call"):
        Watch().judge(wrong)


def test_a_record_of_another_call_is_seen() -> None:
    with pytest.raises(Broken, match="a record names its call"):
        Watch().judge(entry((RecordAnswered("5", "a@b/c"), "6")))


def test_a_leg_of_one_call_is_well() -> None:
    assert Watch().judge(entry((CLOSES, "5"), (CLOSES, "5"))).calls == ((("c1",), "5"),)
