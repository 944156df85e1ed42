"""What a call is named, and finding one by its name.

Rules:

1. A call's name is ``JID/ID``: its user, and the version of the event that it began with.
2. People may say less: the ID alone, the Jingle session's id, or the SIP channel's name, if only one call has it.
3. A name that means no call, or several, is told with the calls that could be meant.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from fargo.statemachine.model.call_records import RecordBegun
from fargo.store.entries import Entry
from replay.reading import channels

_MOST: Final = 10
"""So many calls are listed, the latest of them."""


class CallName(NamedTuple):
    """A call: of whom (bare JID), and the version of the event that it began with."""

    user: str
    id: str

    def __str__(self) -> str:
        return f"{self.user}/{self.id}"


class CallNameError(Exception):
    """A name means no call, or several: a sentence that lists those that could be meant."""


def find(entries: Iterable[Entry], name: str) -> CallName:
    """The call of that name, among those that begin in the entries. Raises CallNameError."""
    calls = dict(_calls(entries))
    meant = [call for call in calls if name == str(call)] or [call for call, names in calls.items() if name in names]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise CallNameError(f"“{name}” is the name of several calls: {_listed(meant)}.")
    there = f"Those in the log: {_listed([*calls])}." if calls else "No call is in it."
    raise CallNameError(f"There is no call “{name}”. {there}")


def _calls(entries: Iterable[Entry]) -> Iterator[tuple[CallName, set[str]]]:
    """Each call, and what it is called for short."""
    for recorded, issued in entries:
        for each in issued:
            if isinstance(each.command, RecordBegun):
                note = each.command
                names = {note.call, note.session, channels.channel(recorded.event, issued)} - {""}
                yield CallName(recorded.user, note.call), names


def _listed(calls: list[CallName]) -> str:
    latest = calls[-_MOST:]
    earlier = len(calls) - len(latest)
    return ", ".join(map(str, latest)) + (f" and {earlier} earlier ones" if earlier else "")
