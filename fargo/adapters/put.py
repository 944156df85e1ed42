"""The ways out of an adapter: the functions that take its events, and the digits that no event may contain."""

from collections.abc import Callable
from typing import TypeAlias

from fargo.statemachine.model.events import Event

PutEvent: TypeAlias = Callable[[str, Event], None]
"""put(bare JID of the user, event)"""

KeepDigit: TypeAlias = Callable[[str], str]
"""keep(DTMF digit) keeps it among the transient secrets, and returns its name there."""
