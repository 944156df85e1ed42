"""The history of a user's account, from the records of it that a log has."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from fargo.plain import plain
from fargo.statemachine.model.call_records import RecordAccount
from fargo.store.entries import Entry
from replay.drawing import record_label
from replay.reading.records import instant


class AccountChange(Struct, frozen=True):
    """The account from a time on, in words. ``signed_in``: None if there is no account."""

    at: str | None
    text: str
    signed_in: bool | None


def history(entries: Iterable[Entry]) -> Iterator[AccountChange]:
    """Yield the changes of the account in a user's entries, in their order."""
    for recorded, issued in entries:
        for each in issued:
            if isinstance(record := each.command, RecordAccount):
                text = plain(record_label.of(record, recorded.user).text)
                yield AccountChange(instant(recorded.at), text, record.signed_in if record.address else None)
