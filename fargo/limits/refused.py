"""Counts what is refused, for one row in the log a minute, and for the operator who asks."""

from collections import Counter
from typing import Final

from fargo.limits import texts
from fargo.statemachine.model.events import RefusedUser, RequestsRefused

MOST_NAMED: Final = 3
"""So many users are named in a row: those of whom most was refused."""
_MOST_COUNTED: Final = 1000
"""Of so many users is known how much was refused."""
_LONGEST_NAME: Final = 256
"""Characters of a JID in the row."""


class Refused:
    """The counts of what was refused, by limit and by user."""

    def __init__(self) -> None:
        self._total: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._users: Counter[str] = Counter()

    def count(self, user: str, what: str) -> None:
        """Count something that was refused to a user (bare JID)."""
        self._counts[what] += 1
        if user in self._users or len(self._users) < _MOST_COUNTED:
            self._users[user] += 1

    def event(self) -> RequestsRefused | None:
        """Return what was refused since this was asked last, None if nothing was."""
        if not self._counts:
            return None
        most = tuple(RefusedUser(user[:_LONGEST_NAME], n) for user, n in self._users.most_common(MOST_NAMED))
        event = RequestsRefused(dict(self._counts), most)
        self._total.update(self._counts)
        self._counts.clear()
        self._users.clear()
        return event

    def line(self) -> str:
        """Return in a line what was refused since the start."""
        total = self._total + self._counts
        counts = (texts.REFUSED_COUNT.format(count=n, what=what) for what, n in sorted(total.items()))
        return texts.REFUSED_IN_ALL.format(counts=", ".join(counts) or texts.REFUSED_NOTHING)
