"""Finding the call that somebody asks about, by what they remember of it.

Rules:

1. A time means the calls that began closest to it. Anything else is the name of a call, a Call-ID, or a part of a
   number, an address or a name; of several calls the last is meant.
2. Without a hint it is the user's last call that failed, or else the last call.
3. The others that could be meant are listed, in the order of their times.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from fargo.calls import Record
from replay.reading.records import is_with

_MOST: Final = 5
"""So many calls are listed."""


class Closest(Struct, frozen=True):
    """The call that is meant, and the calls that could be meant, in the order of their times; it is one of them."""

    meant: Record
    close: tuple[Record, ...]


def at(calls: Sequence[Record], time: float) -> Closest | None:
    """Return the calls that began closest to a time (seconds since 1970); None if there are no calls."""
    close = sorted(calls, key=lambda call: abs(call.began - time))[:_MOST]
    return _found(close[0], close) if close else None


def of(calls: Sequence[Record], text: str) -> Closest | None:
    """Return the calls that have this name, Call-ID, number, address or person; None if none has."""
    named = [each for each in calls if text in (str(each.name), each.name.id, *each.call_ids)]
    return _last(named or [each for each in calls if is_with(each, text)])


def last(calls: Sequence[Record]) -> Closest | None:
    """Return the last call that failed, or the last of all; None if there are no calls."""
    failed = [each for each in calls if each.failed]
    return _found((failed or calls)[-1], calls[-_MOST:]) if calls else None


def _last(calls: Sequence[Record]) -> Closest | None:
    return _found(calls[-1], calls[-_MOST:]) if calls else None


def _found(meant: Record, close: Sequence[Record]) -> Closest:
    several = {each.name: each for each in (meant, *close)}
    return Closest(meant, tuple(sorted(several.values(), key=lambda call: call.began)))
