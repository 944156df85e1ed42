"""Deadlines: the times at which the state changes by itself."""

from msgspec import Struct


class Deadline(Struct, frozen=True, gc=False):
    """The time (seconds since 1970) at which something is due, unless the state changes before.

    ``name``: what is waited for, in words for people.
    """

    name: str
    at: float


def is_due(deadline: Deadline | None, at: float) -> bool:
    """Return True if there is a deadline, and it has come."""
    return deadline is not None and deadline.at <= at
