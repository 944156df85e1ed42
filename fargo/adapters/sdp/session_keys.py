"""The keys of encrypted audio (SDES, RFC 4568): they pass between the SIP adapter and the relay and are never logged.

Rules:

1. A key is only in the memory of this process. The log has its name, which says nothing about it. Equal keys have
   equal names, so that the core sees if a phone has changed its key.
2. A key is kept as long as a relay session uses it, else for LIFETIME: nobody has answered its call, or refused it.
3. There are never more than MOST of either kind. If more are kept, the oldest are forgotten.
"""

import hmac
from collections.abc import Callable, Iterable
from secrets import token_bytes
from typing import Any, Final

from pydantic import SecretStr

LIFETIME: Final = 600.0
"""Seconds. No call rings longer."""
MOST: Final = 20_000

_NAME_DIGITS: Final = 16


class SessionKeys:
    """All keys of encrypted audio. `call_later` is the reactor's callLater."""

    def __init__(self, call_later: Callable[..., Any]) -> None:
        self._call_later = call_later
        self._secret = token_bytes()
        self._loose: dict[str, _Loose] = {}
        self._used: dict[str, _Used] = {}
        self._sessions: dict[str, set[str]] = {}
        """The names that each relay session uses."""

    def __len__(self) -> int:
        return len(self._loose) + len(self._used)

    def keep(self, text: str) -> str:
        """Keep a key, and return its name."""
        name = hmac.digest(self._secret, text.encode(), "sha256").hex()[:_NAME_DIGITS]
        if name not in self._used:
            self._keep_loose(name, SecretStr(text))
        return name

    def reveal(self, name: str) -> str | None:
        """Return the key of that name, None if there is none (any more)."""
        found = self._used.get(name) or self._loose.get(name)
        return found.text.get_secret_value() if found else None

    def begin(self, session: str, names: Iterable[str]) -> None:
        """Note that a relay session exists and uses these keys."""
        self._sessions.setdefault(session, set())
        self.use(session, names)

    def use(self, session: str, names: Iterable[str]) -> None:
        """Keep these keys as long as a relay session exists. If it has ended, do nothing."""
        uses = self._sessions.get(session)
        if uses is None:
            return
        for name in names:
            if name in self._used:
                self._used[name].sessions.add(session)
            elif loose := self._loose.pop(name, None):
                loose.timer.cancel()
                self._used[name] = _Used(loose.text, session)
            uses.add(name)
        while len(self._used) > MOST:
            del self._used[next(iter(self._used))]

    def end(self, session: str) -> None:
        """Forget the keys that only this relay session has used."""
        for name in self._sessions.pop(session, ()):
            if used := self._used.get(name):
                used.sessions.discard(session)
                if not used.sessions:
                    del self._used[name]

    def _keep_loose(self, name: str, text: SecretStr) -> None:
        if before := self._loose.pop(name, None):
            before.timer.cancel()
        self._loose[name] = _Loose(text, self._call_later(LIFETIME, self._loose.pop, name, None))
        if len(self._loose) > MOST:
            self._loose.pop(next(iter(self._loose))).timer.cancel()


class _Loose:
    """A key that no relay session uses, and the timer that forgets it."""

    def __init__(self, text: SecretStr, timer: Any) -> None:
        self.text = text
        self.timer = timer


class _Used:
    """A key, and the relay sessions that use it."""

    def __init__(self, text: SecretStr, session: str) -> None:
        self.text = text
        self.sessions = {session}
