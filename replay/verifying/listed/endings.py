"""The listed changes of what is said about a call's end, and of the messages about missed calls."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import Command, Issued, MessageCall, SendText, TerminateSession
from fargo.statemachine.model.events import CallAction, CallMessaged
from fargo.statemachine.model.sip_messages import SipRequestReceived
from fargo.statemachine.reason import Cause
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import without_text

_Said: TypeAlias = list[tuple[Command, str | None]]


def _missed_calls(difference: Difference) -> bool:
    """A message about a missed call has its time in another place, or is no longer sent. Or a client has said that a
    call is over that it was called for.
    """
    event = difference.recorded.event
    if isinstance(event, CallMessaged) and event.action is CallAction.FINISH:
        return not difference.then and all(each.call == difference.call_now for each in difference.now)
    told, tells = (_messages(issued) for issued in (difference.then, difference.now))
    if not told or (len(told) == len(tells) and _ids(difference.then) != _ids(difference.now)):
        return False
    return len(told) >= len(tells) and _rest(difference.then, difference) == _rest(difference.now, difference)


def _ids(issued: Iterable[Issued]) -> list[str]:
    return [each.id for each in issued]


def _messages(issued: Iterable[Issued]) -> list[SendText]:
    return [each.command for each in issued if isinstance(each.command, SendText)]


def _rest(issued: Iterable[Issued], difference: Difference) -> _Said:
    """Return what is done beside the messages. Before sentences were plain, they may differ; and after a CANCEL of a
    call that was declined elsewhere, its end may.
    """
    rest: _Said = [(each.command, each.call) for each in issued if not isinstance(each.command, SendText)]
    if difference.recorded.rules < rules.PLAIN_SENTENCES.version:
        rest = [(without_text(command), call) for command, call in rest]
    event = difference.recorded.event
    if isinstance(event, SipRequestReceived) and event.head.method == "CANCEL" and event.headers.reason:
        return [(_ends_somehow(command), call) for command, call in rest]
    return rest


def _ends_somehow(command: Command) -> Command:
    """Return the command without the reason of the end."""
    match command:
        case TerminateSession() | MessageCall():
            return replace(command, condition="", text="")
        case RecordEnded():
            return replace(command, cause=Cause.CANCELLED, text="")
        case _:
            return command


EXPLANATIONS: Final[dict[str, Explains]] = {rules.MISSED_CALLS.name: _missed_calls}
