"""Entries: what a log consists of."""

from fargo.statemachine.model.call_records import CallRecord, RecordAccount
from fargo.statemachine.model.commands import Forget, Issued
from fargo.statemachine.model.events import Recorded

Entry = tuple[Recorded, tuple[Issued, ...]]
"""An event and the commands that folding it gave."""


def forgets_user(issued: tuple[Issued, ...]) -> bool:
    """Return True if one of the commands is to forget the user."""
    return Forget in [type(each.command) for each in issued]


def without_forgotten(entries: list[Entry]) -> tuple[list[str], dict[int, Entry]]:
    """Return the users whom a batch forgets, and those of its entries that stay, each with its place in the batch: an
    entry that forgets its user takes all before it and itself along.
    """
    forgotten = {entry[0].user: place for place, entry in enumerate(entries) if forgets_user(entry[1])}
    if not forgotten:  # nearly always
        return [], dict(enumerate(entries))
    stay = {place: entry for place, entry in enumerate(entries) if place > forgotten.get(entry[0].user, -1)}
    return list(forgotten), stay


def calls_of(entry: Entry) -> set[str]:
    """Return the ids of the calls that an entry belongs to: that of its event, and those of its commands."""
    recorded, issued = entry
    return {call for call in (recorded.call, *(each.call for each in issued)) if call is not None}


def has_call_records(entry: Entry) -> bool:
    """Return True if the entry has a record of a call among its commands."""
    return any(isinstance(each.command, CallRecord) for each in entry[1])


def has_account_record(entry: Entry) -> bool:
    """Return True if the entry has a record of the account among its commands."""
    return any(isinstance(each.command, RecordAccount) for each in entry[1])
