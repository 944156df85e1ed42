"""The changes of users' SIP accounts, from the records of them that a log has. Each change is in the log at once."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fargo.statemachine.model.call_records import RecordAccount
from fargo.store.entries import Entry


class AccountChange(NamedTuple):
    """A user's account from a time (seconds since 1970) on."""

    user: str
    at: float
    account: RecordAccount


def changes(entries: Iterable[Entry]) -> Iterator[AccountChange]:
    """Yield the changes in these entries, in their order."""
    for recorded, issued in entries:
        for each in issued:
            if isinstance(each.command, RecordAccount):
                yield AccountChange(recorded.user, recorded.at, each.command)


def states(last: Iterable[Entry]) -> Iterator[AccountChange]:
    """Yield the state of each account that there is, from the last entry with a change of each (`Reader.accounts`)."""
    of_users = {each.user: each for each in changes(last)}
    return (each for each in of_users.values() if each.account.address)
