"""The levels of one limit, for all users and domains, in bounded memory.

Rules:

1. Each registered user has a bucket of their own, and so has each domain: there are no more of them than the operator
   has let in.
2. Of users who are not registered, MOST_STRANGERS have buckets of their own; all others share one.
3. A bucket that is full is forgotten by `sweep`.
4. What is charged may exceed what there is. Until when that can be so is one time for all buckets: after it, nobody's
   has to be looked at.
"""

from typing import Final

from fargo.limits.bucket import Rates, Scope, charged, decide

MOST_STRANGERS: Final = 5000

_SHARED: Final = ""


class Ledger:
    """The limit is that of the ``rates``."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self._registered: dict[str, float] = {}
        self._strangers: dict[str, float] = {}
        self._domains: dict[str, float] = {}
        self._all = 0.0
        self._exceeded_until = 0.0

    def take(self, user: str, domain: str, registered: bool, now: float, amount: float = 1.0) -> Scope | None:
        """Take an amount for a user (bare JID). Return None, or whose limit forbids it."""
        table, key = (self._registered, user) if registered else self._place(user)
        found = decide((table.get(key, 0.0), self._domains.get(domain, 0.0), self._all), self.rates, now, amount)
        if isinstance(found, Scope):
            return found
        table[key], self._domains[domain], self._all = found
        return None

    def charge(self, user: str, domain: str, registered: bool, now: float, amount: float) -> None:
        """Take an amount in any case. A negative one is given back."""
        table, key = (self._registered, user) if registered else self._place(user)
        levels = (table.get(key, 0.0), self._domains.get(domain, 0.0), self._all)
        user_full, domain_full, all_full = charged(levels, self.rates, now, amount)
        table[key], self._domains[domain], self._all = user_full, domain_full, all_full
        of_user, of_domain, of_all = self.rates
        self._exceeded_until = max(
            self._exceeded_until, user_full - of_user.room, domain_full - of_domain.room, all_full - of_all.room
        )

    def over(self, user: str, domain: str, registered: bool, now: float, rates: Rates) -> Scope | None:
        """Return whose limit is exceeded, by these rates, which allow no less than those of the ledger; None if none
        is.
        """
        if now >= self._exceeded_until:
            return None
        table, key = (self._registered, user) if registered else self._place(user)
        found = decide((table.get(key, 0.0), self._domains.get(domain, 0.0), self._all), rates, now, 0.0)
        return found if isinstance(found, Scope) else None

    def let_go(self, user: str, registered: bool, now: float) -> float:
        """Forget the bucket of a user. Return the seconds until it would have been full again."""
        table = self._registered if registered else self._strangers
        return max(table.pop(user, 0.0) - now, 0.0)

    def use(self, user: str, registered: bool, now: float, seconds: float) -> None:
        """Let the bucket of a user be full so many seconds later: it was used elsewhere, where it was charged to the
        domain and to all.
        """
        table, key = (self._registered, user) if registered else self._place(user)
        table[key] = max(table.get(key, 0.0), now) + seconds
        self._exceeded_until = max(self._exceeded_until, table[key] - self.rates[0].room)

    def sweep(self, now: float) -> None:
        """Forget the buckets that are full."""
        for table in (self._registered, self._strangers, self._domains):
            for key in [key for key, full in table.items() if full <= now]:
                del table[key]

    def __len__(self) -> int:
        """Return how many users have a bucket."""
        return len(self._registered) + len(self._strangers)

    def _place(self, user: str) -> tuple[dict[str, float], str]:
        """Return where the level is of a user who is not registered."""
        if user in self._strangers or len(self._strangers) < MOST_STRANGERS:
            return self._strangers, user
        return self._strangers, _SHARED
