"""The user's latest calls, as the records of the log tell them."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.model.call_records import (
    LogRecord,
    RecordAnswered,
    RecordBegun,
    RecordEnded,
    RecordPath,
    RecordTransfer,
    TransferStep,
)
from fargo.statemachine.model.requests import RecentCall

KEPT: Final = 10
"""The number of calls that are kept."""

RecentCalls = tuple[RecentCall, ...]


def noted(recent: RecentCalls, records: Iterable[LogRecord], at: float) -> RecentCalls:
    """Return the latest calls, the last one first, after the records of an event."""
    for record in records:
        match record:
            case RecordBegun(call, direction, peer, name):
                recent = (RecentCall(call, at, direction, peer, name), *recent[: KEPT - 1])
            case RecordPath(call, forwarded_to=str(to)):
                recent = tuple(replace(each, forwarded_to=to) if each.call == call else each for each in recent)
            case RecordTransfer(call, TransferStep.DONE, to, by_user=True):
                recent = tuple(replace(each, transferred_to=to) if each.call == call else each for each in recent)
            case RecordTransfer(call, TransferStep.DONE, to):
                recent = tuple(
                    replace(each, passed_to=(*each.passed_to, to)) if each.call == call else each for each in recent
                )
            case RecordAnswered(call):
                recent = tuple(replace(each, answered=at) if each.call == call else each for each in recent)
            case RecordEnded(call, _, cause, text):
                ended = {"ended": at, "cause": cause, "text": text}
                recent = tuple(replace(each, **ended) if each.call == call else each for each in recent)
            case _:
                pass
    return recent
