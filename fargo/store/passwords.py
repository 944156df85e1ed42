"""Passwords as the vault writes and reads them, whatever its tables are in.

Rules:

1. Passwords are values that neither print nor encode what they hold.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from fargo.store.interface import LogMark


class KeptPassword(NamedTuple):
    """A password in the vault: its name, its user (bare JID), and since when (seconds since 1970) nobody has referred
    to it, None if somebody does.
    """

    name: str
    user: str
    password: SecretStr
    unused_since: float | None


class NewPassword(NamedTuple):
    """A password of a user (bare JID) that comes into the vault, and its name."""

    name: str
    user: str
    password: SecretStr


class VaultChange(NamedTuple):
    """The changes of the vault at a time: passwords that it keeps, the names of those that it forgets, and since when
    each of others is not referred to (None: it is).
    """

    keep: tuple[NewPassword, ...] = ()
    forget: tuple[str, ...] = ()
    unused: Mapping[str, float | None] = {}


def together(changes: Iterable[VaultChange]) -> VaultChange:
    """Return several changes, one after the other, as one. A name is never given to a second password."""
    keep: list[NewPassword] = []
    forget: list[str] = []
    unused: dict[str, float | None] = {}
    for each in changes:
        keep += each.keep
        forget += each.forget
        unused |= each.unused
    return VaultChange(tuple(keep), tuple(forget), unused)


class VaultTables(Protocol):
    """The tables of an open vault. Any thread may use them, one at a time. Each method raises StoreError."""

    def passwords(self) -> list[KeptPassword]:
        """Return all passwords."""

    def change(self, change: VaultChange, mark: LogMark) -> None:
        """VaultChange the vault, all of it or nothing, and write the mark of the log. It is on the disk on return."""

    def close(self) -> None:
        """Close the tables."""
