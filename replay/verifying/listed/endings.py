"""The listed changes of what is said about a call's end, and of the messages about missed calls."""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import Command, Issued, MessageCall, SendText, TerminateSession
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged
from fargo.statemachine.model.sip_messages import SipRequestReceived
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import TOO_MANY_CALLS
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import FOR_PEOPLE, without_text, without_texts

_BLAMING: Final = re.compile(
    "“|^The called phone |^The call failed: | gives no reason | asks for a login | did not accept the user name "
)
"""The texts that tell of a failure otherwise than before."""
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


def _who_failed(difference: Difference) -> bool:
    """Only texts differ that quote somebody today, or blame nobody; and in the record of a call's end, that the gateway
    has ended it, or that nobody was reached where nobody answered. The message about a missed call may differ, too.
    """
    if difference.then == difference.now or _ids(difference.then) != _ids(difference.now):
        return False
    plain = difference.recorded.rules < rules.PLAIN_SENTENCES.version
    return all(_is_as_blamed(*each, plain) for each in zip(difference.then, difference.now, strict=True))


def _is_as_blamed(then: Issued, now: Issued, plain: bool) -> bool:
    """Return True if a command differs in nothing but that. ``plain``: all texts may differ."""
    was, is_ = then.command, now.command
    if isinstance(was, SendText) and isinstance(is_, SendText):
        return replace(was, text="", at=None) == replace(is_, text="", at=None)
    if isinstance(was, RecordEnded) and isinstance(is_, RecordEnded):
        was = _blamed_as(is_, was)
    may_differ = plain or _BLAMING.search(_text(is_)) is not None
    same = without_text(was) == without_text(is_) if may_differ else was == is_
    return same and then.call == now.call


def _blamed_as(is_: RecordEnded, was: RecordEnded) -> RecordEnded:
    if (was.by, is_.by) == (Side.PHONE, Side.GATEWAY):
        was = replace(was, by=is_.by)
    return replace(was, cause=is_.cause) if (was.cause, is_.cause) == (Cause.NO_ANSWER, Cause.UNAVAILABLE) else was


def _text(command: Command) -> str:
    found = (getattr(command, name, None) for name in FOR_PEOPLE)
    return next((text for text in found if isinstance(text, str)), "")


def _calls_at_a_time(difference: Difference) -> bool:
    """Only the text differs with which a call beyond the limit is refused."""
    told = TOO_MANY_CALLS.format(most=difference.before.policy.most_calls)
    differing = [now for then, now in zip(difference.then, difference.now, strict=False) if then != now]
    only_texts = without_texts(difference.then) == without_texts(difference.now)
    return only_texts and bool(differing) and all(_text(each.command) == told for each in differing)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.MISSED_CALLS.name: _missed_calls,
    rules.WHO_FAILED.name: _who_failed,
    rules.CALLS_AT_A_TIME.name: _calls_at_a_time,
}
