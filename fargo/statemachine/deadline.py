"""A time by which the state must have moved on."""

from msgspec import Struct


class Deadline(Struct, frozen=True, gc=False):
    """Something that is due at a time (seconds since 1970) unless the state changes before."""

    name: str
    at: float
