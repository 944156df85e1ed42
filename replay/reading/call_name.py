"""The names of calls, and finding a call by one.

Rules:

1. People may say less than its whole name, if only one call is meant: the ID alone, the id of the Jingle session, the
   name of the SIP channel that the call began on, or a SIP Call-ID.
2. An error about a name lists the calls that could be meant.
"""

from collections.abc import Iterable
from typing import Final

from fargo.calls import CallName
from fargo.statemachine.model.call_records import RecordBegun, RecordDialog, RecordTransfer
from fargo.store.entries import Entry
from replay.reading import texts

_MOST_LISTED: Final = 10
"""An error lists this number of calls, the latest ones."""


class CallNameError(Exception):
    """A name means no call, or several: a sentence that lists those that could be meant."""


def find(entries: Iterable[Entry], name: str) -> CallName:
    """Return the call of that name, among those that begin in the entries. Raises CallNameError."""
    calls = _calls(entries)
    meant = [call for call in calls if name == str(call)] or [call for call, names in calls.items() if name in names]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise CallNameError(texts.AMBIGUOUS_CALL.format(name=name, calls=_listed(meant)))
    others = texts.CALLS_IN_LOG.format(calls=_listed([*calls])) if calls else texts.NO_CALLS
    raise CallNameError(texts.UNKNOWN_CALL.format(name=name, others=others))


def _calls(entries: Iterable[Entry]) -> dict[CallName, set[str | None]]:
    """Return each call with its short names."""
    calls: dict[CallName, set[str | None]] = {}
    for recorded, issued in entries:
        for each in issued:
            match each.command:
                case RecordBegun(call, session=session, channel=channel):
                    calls[CallName(recorded.user, call)] = {call, session or None, channel}
                case RecordDialog(call, call_id) | RecordTransfer(call, call_id=str(call_id)):
                    if names := calls.get(CallName(recorded.user, call)):
                        names.add(call_id)
                case _:
                    pass
    return calls


def _listed(calls: list[CallName]) -> str:
    latest = ", ".join(map(str, calls[-_MOST_LISTED:]))
    earlier = len(calls) - _MOST_LISTED
    return texts.EARLIER_CALLS.format(calls=latest, number=earlier) if earlier > 0 else latest
