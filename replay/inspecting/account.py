"""Users' accounts on the pages: the history of one, and the states of all."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from fargo.plain import plain
from replay.drawing import record_label
from replay.reading.accounts import AccountChange
from replay.reading.records import instant


class AccountRow(Struct, frozen=True):
    """An account from a time on, in words: ``text`` with its SIP address, ``status`` without. ``signed_in``: None if
    there is no account.
    """

    user: str
    at: str | None
    address: str
    text: str
    status: str
    signed_in: bool | None


def rows(changes: Iterable[AccountChange]) -> Iterator[AccountRow]:
    """Yield the changes as the pages read them, in their order."""
    for user, at, account in changes:
        text, status = plain(record_label.of(account, user).text), plain(account.status or "")
        signed_in = account.signed_in if account.address else None
        yield AccountRow(user, instant(at), plain(account.address or ""), text, status, signed_in)
