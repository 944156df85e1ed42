"""Times and calls in words. Times are told by how long ago they were, as nothing is known of the user's time zone."""

from typing import Final

from fargo.statemachine import texts as of_calls
from fargo.statemachine.legs.jingle import texts as of_clients
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import RecentCall
from fargo.statemachine.reason import Cause
from fargo.statemachine.self_service import texts

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_OF_OTHERS: Final = {
    of_calls.CALLED_NOT_SIGNED_IN: texts.WERE_NOT_SIGNED_IN,
    of_calls.CALLED_IN_TOO_MANY_CALLS: texts.WERE_IN_TOO_MANY_CALLS,
    of_calls.CALLED_UNDISTURBED: texts.WERE_UNDISTURBED,
    of_calls.CALLER_REFUSED: texts.TOOK_NO_CALLS,
    of_calls.DRAINING: texts.WAS_DRAINING,
    of_calls.NO_ROOM: texts.HAD_NO_ROOM,
    of_clients.NOBODY: texts.HAD_NO_CLIENT,
}
"""The sentences that are told to callers, or at the time of the call, as the user reads them afterwards."""


def call(recent: RecentCall, at: float) -> str:
    """Return a line about a call: when, with whom, and what became of it."""
    text = texts.CALLED if recent.direction is Direction.OUT else texts.WAS_CALLED
    if recent.forwarded_to:
        text = texts.WAS_FORWARDED
    to, became = recent.forwarded_to or "", outcome(recent)
    if len(recent.passed_to) > 1 or (recent.passed_to and not _goes_on(recent)):
        became = texts.WERE_CONNECTED.format(to=", ".join(recent.passed_to), outcome=became)
    return text.format(ago=ago(at - recent.began), peer=peer(recent), outcome=became, to=to).rstrip()


def peer(recent: RecentCall) -> str:
    """Return who was at the other end."""
    if recent.name and recent.peer:
        return texts.NAMED.format(name=recent.name, peer=recent.peer)
    return recent.name or recent.peer or texts.ANONYMOUS


def outcome(recent: RecentCall) -> str:
    """Return what became of a call."""
    if recent.transferred_to:
        return texts.WAS_TRANSFERRED.format(to=recent.transferred_to)
    if recent.passed_to and _goes_on(recent):
        return texts.GOING_ON_WITH.format(to=recent.passed_to[-1])
    if recent.ended is None:
        return texts.RINGING if recent.answered is None else texts.GOING_ON
    if recent.answered is None:
        unsaid = texts.DECLINED if recent.cause is Cause.DECLINED else texts.NOT_ANSWERED
        return _OF_OTHERS.get(recent.text, recent.text) or unsaid
    text = texts.THEY_TALKED if recent.forwarded_to else texts.TALKED
    return text.format(duration=duration(recent.ended - recent.answered))


def _goes_on(recent: RecentCall) -> bool:
    return recent.ended is None and not recent.transferred_to


def ago(seconds: float) -> str:
    """Return how long ago something was."""
    return texts.NOW if seconds < _MINUTE else texts.AGO.format(time=duration(seconds))


def duration(seconds: float) -> str:
    """Return a time in one unit, rounded down."""
    if seconds < _MINUTE:
        return texts.SECONDS.format(count=int(seconds))
    if seconds < _HOUR:
        return texts.MINUTES.format(count=int(seconds // _MINUTE))
    if seconds < 2 * _DAY:
        return texts.HOURS.format(count=int(seconds // _HOUR))
    return texts.DAYS.format(count=int(seconds // _DAY))
