"""The texts of messages that are under way between XMPP and SIP: in the memory of this process and nowhere else.

Rules:

1. The log contains the name of a text, which says nothing about it.
2. A text is there until it is forgotten, as it may have to be sent again. If nobody forgets it, that happens after
   LIFETIME.
3. There are never more than MOST texts, nor more than MOST_BYTES in all. If more are kept, the oldest are forgotten.
"""

from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any, Final

from pydantic import SecretStr

LIFETIME: Final = 600.0
"""Seconds: longer than a few texts to a silent server take."""
MOST: Final = 10_000
MOST_BYTES: Final = 16 * 1024 * 1024

_NAME_BYTES: Final = 6  # eight characters


class TextsUnderWay:
    """All texts. `call_later` is the reactor's callLater."""

    def __init__(self, call_later: Callable[..., Any]) -> None:
        self._call_later = call_later
        self._kept: dict[str, tuple[SecretStr, int]] = {}
        self._bytes = 0

    def keep(self, text: str) -> str:
        """Keep a text, and return its name."""
        name, size = token_urlsafe(_NAME_BYTES), len(text.encode())
        self._kept[name] = SecretStr(text), size
        self._bytes += size
        self._call_later(LIFETIME, self.forget, name)
        while len(self._kept) > MOST or self._bytes > MOST_BYTES:
            self.forget(next(iter(self._kept)))
        return name

    def read(self, name: str) -> str | None:
        """Return the text of that name; None if there is none (any more)."""
        kept = self._kept.get(name)
        return kept[0].get_secret_value() if kept else None

    def forget(self, name: str) -> None:
        """Forget a text, if there is one of that name."""
        _, size = self._kept.pop(name, (None, 0))
        self._bytes -= size
