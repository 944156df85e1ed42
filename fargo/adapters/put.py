"""The ways out of an adapter: the functions that take its events, and the digits and texts that none may contain."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from fargo.statemachine.model.events import Event

PutEvent: TypeAlias = Callable[[str, Event], None]
"""put(bare JID of the user, event)"""

KeepDigit: TypeAlias = Callable[[str], str]
"""keep(DTMF digit) keeps it among the transient secrets, and returns its name there."""


class KeepDigits(Protocol):
    """Digits on their way from one adapter to another (`fargo.store.transient`)."""

    def keep(self, text: str, /) -> str:
        """Keep a digit, and return its name."""

    def take(self, name: str, /) -> str | None:
        """Return the digit of that name and forget it; None if there is none any more."""


class KeepTexts(Protocol):
    """Texts on their way from one adapter to another (`fargo.store.texts_under_way`)."""

    def keep(self, text: str, /) -> str:
        """Keep a text, and return its name."""

    def read(self, name: str, /) -> str | None:
        """Return the text of that name, None if there is none."""

    def forget(self, name: str, /) -> None:
        """Forget a text."""
