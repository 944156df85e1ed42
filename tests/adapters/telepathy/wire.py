"""The messages between the driver and the tests, each a line of JSON."""

import msgspec

from fargo.adapters.telepathy.pool import Limits
from fargo.statemachine.model.events import Event

RAKIA = "the-rakia"
"""Stands for the name of the rakia in the way out."""


class Setup(msgspec.Struct):
    """The driver's first line: where the hosts keep their files, the vault's passwords, how every account gets out,
    and the inside address of the edge.
    """

    directory: str
    passwords: dict[str, str]
    route: dict[str, str | int | bool]
    edge: tuple[str, int]
    limits: Limits


class Out(msgspec.Struct):
    """An event that the adapter put; without one, the adapter is up."""

    user: str = ""
    event: Event | None = None
