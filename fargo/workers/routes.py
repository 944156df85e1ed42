"""The way of what comes for a user: it is taken here, waits here, or goes to the worker that has the user.

Rules:

1. A worker takes what comes for its own users. For anybody else the store is asked (`Settle`), in one transaction: a
   user whom no worker has is this worker's from then on, and what came for the user of another is written down for it.
   So nobody has to know where all users are, and nothing is known that can become wrong.
2. While the store is asked about a user, or fetches what is known of one, everything for that user waits. What was
   written down for the user before comes first. So the order in which it came is kept.
3. A user moves to the worker at which their stanzas come, when nothing of theirs is under way. A user who has come here
   stays for at least REST_SECONDS, so that nobody moves to and fro.
4. Never more than MOST_WAITING things wait for a user.
5. Pure: no store, no clock. Each method returns what has to be done.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, TypeAlias, TypeVar

REST_SECONDS: Final = 600.0
MOST_WAITING: Final = 1000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Take(Generic[_T]):
    """Take these things, which came for a user of this worker."""

    user: str
    things: tuple[_T, ...]


@dataclass(frozen=True, slots=True)
class Settle(Generic[_T]):
    """Ask the store whose user this is, and write these things down if it is another worker's. `Routes.settled` comes
    next.
    """

    user: str
    things: tuple[_T, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch all that is known of a user, who is this worker's now. `Routes.fetched` comes next."""

    user: str


@dataclass(frozen=True, slots=True)
class Give:
    """Forget a user, and give them to another worker. `Routes.gone` comes next."""

    user: str
    to: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """Note that no worker has a user of whom nothing is known. `Routes.gone` comes next."""

    user: str


@dataclass(frozen=True, slots=True)
class Refuse(Generic[_T]):
    """Refuse a thing: too many wait already."""

    thing: _T


@dataclass(frozen=True, slots=True)
class _Own:
    """A user of this worker. ``since``: seconds of the caller's clock."""

    since: float


@dataclass(frozen=True, slots=True)
class _Asked(Generic[_T]):
    """A user about whom the store is asked. ``asked``: what it will have written down if the user is another's."""

    asked: tuple[_T, ...] = ()
    waiting: tuple[_T, ...] = ()


Action: TypeAlias = "Take[_T] | Settle[_T] | Fetch | Give | LetGo | Refuse[_T]"


class Routes(Generic[_T]):
    """The ways to a worker's users; at first it has these (bare JIDs)."""

    def __init__(self, users: Iterable[str] = ()) -> None:
        self._own = {user: _Own(-inf) for user in users}
        self._asked: dict[str, _Asked[_T]] = {}

    def owns(self, user: str) -> bool:
        """Return True if what comes for a user can be taken at once."""
        return user in self._own

    def is_waiting(self, user: str | None) -> bool:
        """Return True while anything waits for an answer of the store: for a user, or if there is none, for anybody."""
        return bool(self._asked) if user is None else user in self._asked

    def users(self) -> list[str]:
        """Return all users whom this worker has."""
        return list(self._own)

    def came(self, user: str, thing: _T) -> "Action[_T] | None":
        """Something came for a user."""
        if user in self._own:
            return Take(user, (thing,))
        asked = self._asked.get(user)
        if asked is None:
            return self._ask(user, (thing,))
        if len(asked.asked) + len(asked.waiting) >= MOST_WAITING:
            return Refuse(thing)
        self._asked[user] = _Asked(asked.asked, (*asked.waiting, thing))
        return None

    def heard(self, user: str) -> "Action[_T] | None":
        """Something is written down for this worker, about a user. It is taken with all else of a user who comes."""
        return None if user in self._own or user in self._asked else self._ask(user, ())

    def settled(self, user: str, is_ours: bool) -> "Action[_T] | None":
        """The store has said whether a user is this worker's."""
        if is_ours:
            return Fetch(user)
        asked = self._asked[user]
        self._asked[user] = _Asked(waiting=asked.waiting)
        return self.gone(user)

    def fetched(self, user: str, now: float) -> Take[_T]:
        """All that is known of a user is here, and what was written down has been taken. ``now``: seconds."""
        asked = self._asked.pop(user)
        self._own[user] = _Own(now)
        return Take(user, (*asked.asked, *asked.waiting))

    def may_leave(self, user: str, now: float) -> bool:
        """Return True if a user may move, if nothing of theirs is under way. ``now``: seconds."""
        own = self._own.get(user)
        return own is not None and now - own.since >= REST_SECONDS

    def quiet(self, user: str, came_to: str, now: float) -> Give | None:
        """Nothing of a user is under way, and their latest stanza came to another worker."""
        if not self.may_leave(user, now):
            return None
        self._leave(user)
        return Give(user, came_to)

    def unknown(self, user: str) -> LetGo | None:
        """Nothing is known of a user (any more)."""
        if user not in self._own:
            return None
        self._leave(user)
        return LetGo(user)

    def gone(self, user: str) -> Settle[_T] | None:
        """The store has noted that a user is not this worker's any more."""
        waiting = self._asked.pop(user).waiting
        return self._ask(user, waiting) if waiting else None

    def _ask(self, user: str, things: tuple[_T, ...]) -> Settle[_T]:
        self._asked[user] = _Asked(things)
        return Settle(user, things)

    def _leave(self, user: str) -> None:
        del self._own[user]
        self._asked[user] = _Asked()
