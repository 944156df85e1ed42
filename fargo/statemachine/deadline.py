"""Deadlines: the times at which the state changes by itself."""

from msgspec import Struct


class Deadline(Struct, frozen=True, gc=False):
    """The time (seconds since 1970) at which something is due, unless the state changes before.

    ``name``: what is waited for, in words for people.
    """

    name: str
    at: float
