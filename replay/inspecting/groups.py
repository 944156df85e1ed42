"""Failures in groups: what fails again and again for the same user, at the same provider, with the same words."""

from collections.abc import Iterable

from msgspec import Struct

from fargo.calls import Record
from replay.drawing.record_text import ending
from replay.reading.records import instant


class AlikeFailures(Struct, frozen=True):
    """Calls of a user to or from one domain ("" if the peer is not known) that failed in the same way. ``first``,
    ``last``: when the first and the last of them began; ``call``: the name of the last.
    """

    user: str
    domain: str
    by: str
    cause: str
    reason: str
    ending: str
    number: int
    first: str | None
    last: str | None
    call: str


def groups(calls: Iterable[Record]) -> list[AlikeFailures]:
    """Return the groups of the calls that failed, the largest first; of equal ones, that which failed last."""
    alike: dict[tuple[str, ...], list[Record]] = {}
    for each in calls:
        if each.failed:
            key = (each.name.user, _domain(each.peer), each.ended_by, each.cause, each.reason)
            alike.setdefault(key, []).append(each)
    of_size = sorted(alike.values(), key=lambda found: (len(found), found[-1].began), reverse=True)
    return [_group(each) for each in of_size]


def _group(alike: list[Record]) -> AlikeFailures:
    last = alike[-1]
    return AlikeFailures(
        last.name.user,
        _domain(last.peer),
        last.ended_by,
        last.cause,
        last.reason,
        ending(last),
        len(alike),
        instant(alike[0].began),
        instant(last.began),
        str(last.name),
    )


def _domain(peer: str) -> str:
    return peer.rpartition("@")[2]
