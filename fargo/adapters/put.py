"""The way from an adapter to the engine: the function that takes its events."""

from collections.abc import Callable
from typing import TypeAlias

from fargo.statemachine.model.events import Event

PutEvent: TypeAlias = Callable[[str, Event], None]
"""put(bare JID of the user, event)"""
