"""The listed changes of what follows a fault."""

from collections.abc import Container, Iterable
from typing import Final

from fargo.statemachine.model import rules
from fargo.statemachine.model.call1 import CloseChannel, HangUp
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import (
    Command,
    Fault,
    ForgetSecret,
    Issued,
    MessageCall,
    RefuseIq,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    FeaturesLearned,
    RegistrationCancelled,
    ResourceUnavailable,
    Restarted,
    SipSignedOut,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.ng import DeleteRelay, RelayLost
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import adds_only_of, is_fault, only_today, overdue_ids

ABOUT_ALL_CALLS: Final = (
    FeaturesLearned
    | RegistrationCancelled
    | RelayLost
    | ResourceUnavailable
    | Restarted
    | SipSignedOut
    | Stopping
    | StreamOpened
    | TimePassed
)
"""Events that are folded into each call of the user. By the older rules a fault in one call lost them for all."""

ENDING: Final = (
    TerminateSession | MessageCall | SendText | HangUp | CloseChannel | DeleteRelay | LogRecord | ForgetSecret
)
"""The commands of today's end of a call, or of the refusal of a call or an account that a fault has prevented."""


def _all_that_is_due(difference: Difference) -> bool:
    """Several commands were overdue. What was done about some of them is done today, and more about the others."""
    overdue = overdue_ids(difference)
    return len(overdue) > 1 and adds_only_of(overdue, difference)


def _end_after_fault(difference: Difference) -> bool:
    """The same fault happens today, and all that was done about it is done. Today the call gets the rest of its end,
    and an event about all calls reaches the others too.
    """
    faults = [each.command for each in difference.then if isinstance(each.command, Fault)]
    if len(faults) != 1:
        return False
    today = _of_same_error(faults[0], difference.now)
    failed, hung_up = {fault.call for fault in today}, _hung_up(difference.then)
    about_all = isinstance(difference.recorded.event, ABOUT_ALL_CALLS)
    if not today or faults[0].call not in (failed | {""} if about_all else failed):
        return False
    then = tuple(each for each in difference.then if not _is_done_otherwise(each.command, hung_up, about_all))
    added = only_today(then, tuple(each for each in difference.now if each.command not in today))
    if added is None or not hung_up <= _hung_up(difference.now):
        return False
    if about_all:
        added = [each for each in added if each.call in failed or is_fault(each)]
    own = failed | {difference.call_now, str(difference.recorded.version)}
    return all(isinstance(each.command, ENDING) and each.call in own for each in added)


def _of_same_error(fault: Fault, issued: Iterable[Issued]) -> list[Fault]:
    commands = (each.command for each in issued)
    return [each for each in commands if isinstance(each, Fault) and each.error == fault.error]


def _hung_up(issued: Iterable[Issued]) -> set[str]:
    return {each.command.channel for each in issued if isinstance(each.command, HangUp)}


def _is_done_otherwise(command: Command, hung_up: Container[str], about_all: bool) -> bool:
    """Return True if the older rules did this after a fault, and today's do it in another way: they hang up with
    another reason, close the channel when the phone has gone, and answer a request about all calls as they would
    without the fault.
    """
    match command:
        case Fault():
            return True
        case HangUp(channel=channel) | CloseChannel(channel=channel):
            return channel in hung_up
        case RefuseIq():
            return about_all
        case _:
            return False


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.ALL_THAT_IS_DUE.name: _all_that_is_due,
    rules.END_AFTER_FAULT.name: _end_after_fault,
}
