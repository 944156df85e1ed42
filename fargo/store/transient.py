"""Whispers: what passes from one adapter to another and may be written down nowhere, such as the digits of a PIN.

Rules:

1. A whisper is in the memory of this process only. The log knows its name, which says nothing about it.
2. It is heard once, and forgotten; unheard, it is forgotten after LIFETIME.
3. There are never more than MOST: who whispers faster than others listen makes the oldest be forgotten.
"""

from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any, Final

from pydantic import SecretStr

LIFETIME: Final = 60.0
"""Seconds."""
MOST: Final = 10_000

_NAME_BYTES: Final = 6  # eight characters


class TransientSecrets:
    """All of them. `call_later` is the reactor's."""

    def __init__(self, call_later: Callable[..., Any]) -> None:
        self._call_later = call_later
        self._kept: dict[str, SecretStr] = {}

    def keep(self, text: str) -> str:
        """The name of a new whisper."""
        name = token_urlsafe(_NAME_BYTES)
        self._kept[name] = SecretStr(text)
        self._call_later(LIFETIME, self._kept.pop, name, None)
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return name

    def take(self, name: str) -> str | None:
        """The whisper of that name, which is forgotten by that; None if there is none any more."""
        whisper = self._kept.pop(name, None)
        return whisper.get_secret_value() if whisper else None
