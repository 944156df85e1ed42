"""The names of the SIP engines, and the base classes of their events in the log."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

SipEngine: TypeAlias = Literal["telepathy"]
"""A SIP stack that accounts can be signed in with. "telepathy": telepathy-rakia behind Telepathy's Call1."""

ENGINES: Final[Mapping[str, SipEngine]] = {engine: engine for engine in get_args(SipEngine)}
"""All of them, by name."""


def engine_named(name: str) -> SipEngine | None:
    """Return the engine of that name; None if this version has none."""
    return ENGINES.get(name)


class SipCallArrived(Struct, frozen=True, gc=False, omit_defaults=True):
    """A call has come in over a SIP connection. ``channel``: the name of its SIP leg."""

    channel: str
    connection: str


class SipCallEvent(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something happened to the SIP side of a call. ``channel``: the name of its SIP leg."""

    channel: str
