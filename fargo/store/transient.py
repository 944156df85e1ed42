"""Transient secrets: values that pass from one adapter to another and must not be written down, such as the digits of a
PIN.

Rules:

1. A secret is only in the memory of this process. The log contains its name, which says nothing about it.
2. A secret can be taken once. If nobody takes it, it is forgotten after LIFETIME.
3. There are never more than MOST. If more are kept than taken, the oldest are forgotten.
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
    """All transient secrets. `call_later` is the reactor's callLater."""

    def __init__(self, call_later: Callable[..., Any]) -> None:
        self._call_later = call_later
        self._kept: dict[str, SecretStr] = {}

    def keep(self, text: str) -> str:
        """Keep a secret, and return its name."""
        name = token_urlsafe(_NAME_BYTES)
        self._kept[name] = SecretStr(text)
        self._call_later(LIFETIME, self._kept.pop, name, None)
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return name

    def take(self, name: str) -> str | None:
        """Return the secret of that name and forget it. Returns None if there is none (any more)."""
        secret = self._kept.pop(name, None)
        return secret.get_secret_value() if secret else None
