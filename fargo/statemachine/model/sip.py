"""The names of the SIP engines, and the base classes of their events in the log."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

SipEngine: TypeAlias = Literal["telepathy", "sip"]
"""A SIP stack that accounts can be signed in with. "telepathy": telepathy-rakia behind Telepathy's Call1. "sip": our
own user agent.
"""

DEFAULT_ENGINE: Final[SipEngine] = "telepathy"
"""The engine of policies and accounts that name none: there was no other when they were logged."""

ENGINES: Final[Mapping[str, SipEngine]] = {engine: engine for engine in get_args(SipEngine)}
"""All of them, by name."""


def engine_named(name: str) -> SipEngine | None:
    """Return the engine of that name; None if this version has none."""
    return ENGINES.get(name)


class SipAccountEvent(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something happened to the registration of a SIP account that our own user agent has. ``connection``: its name."""

    connection: str


class SipCallArrived(Struct, frozen=True, gc=False, omit_defaults=True):
    """A call has come in."""


class SipTextArrived(Struct, frozen=True, gc=False, omit_defaults=True):
    """A text message has come in."""


class SipCallEvent(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something happened to the SIP side of a call. ``leg``: the name of its SIP leg. In the log each engine has its
    own word for it.
    """

    leg: str
