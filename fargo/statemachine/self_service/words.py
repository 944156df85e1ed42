"""Times and calls in words. Times are told by how long ago they were, as nothing is known of the user's time zone."""

from typing import Final

from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import RecentCall
from fargo.statemachine.self_service import texts

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def call(recent: RecentCall, at: float) -> str:
    """Return a line about a call: when, with whom, and what became of it."""
    text = texts.CALLED if recent.direction is Direction.OUT else texts.WAS_CALLED
    if recent.forwarded_to:
        text = texts.WAS_FORWARDED
    to = recent.forwarded_to or ""
    return text.format(ago=ago(at - recent.began), peer=peer(recent), outcome=outcome(recent), to=to).rstrip()


def peer(recent: RecentCall) -> str:
    """Return who was at the other end."""
    if recent.name and recent.peer:
        return texts.NAMED.format(name=recent.name, peer=recent.peer)
    return recent.name or recent.peer or texts.ANONYMOUS


def outcome(recent: RecentCall) -> str:
    """Return what became of a call."""
    if recent.ended is None:
        return texts.RINGING if recent.answered is None else texts.GOING_ON
    if recent.answered is None:
        return recent.text or texts.NOT_ANSWERED
    text = texts.THEY_TALKED if recent.forwarded_to else texts.TALKED
    return text.format(duration=duration(recent.ended - recent.answered))


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
