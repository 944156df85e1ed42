"""The registered users, and the calls of theirs that have failed: some users at a time, so that the gateway goes on.

Failures of this run are known (`failures`). Of those before, the users' latest calls are known (`self_service.recent`):
so the log is not read for them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fargo.calls import CallName
from fargo.operations.census import AT_ONCE, account_state
from fargo.operations.failures import MOST, Failure
from fargo.operations.values import FailureList, ListedUser, UserList
from fargo.statemachine.account.account_state import in_force
from fargo.statemachine.reason import FAILURES
from fargo.statemachine.user_state import User
from fargo.status import live_calls

MOST_USERS: Final = 100


class Listing:
    """The findings in the states of all users. They are complete when `steps` has ended."""

    def __init__(self) -> None:
        self._users: list[ListedUser] = []
        self._failures: dict[CallName, Failure] = {}

    def steps(self, users: list[str], state: Callable[[str], User | None]) -> Iterator[None]:
        """Look at some users (bare JIDs) in each step. `state` returns the state of one, None if there is none now."""
        for number, each in enumerate(users, 1):
            if user := state(each):
                self._look(user)
            if not number % AT_ONCE:
                yield

    def _look(self, user: User) -> None:
        known, found = in_force(user.account), account_state(user.account)
        if known is None or found is None:
            return
        self._users.append(ListedUser(user.jid, str(known.uri), found, live_calls(user)))
        for each in user.recent:
            if each.ended is not None and each.cause in FAILURES:
                name = CallName(user.jid, each.call)
                self._failures[name] = Failure(name, each.ended, each.direction, each.peer or "", each.text)

    def users(self) -> UserList:
        """Return the users that were found."""
        return UserList(tuple(sorted(self._users, key=lambda each: each.user)[:MOST_USERS]), len(self._users))

    def failures(self, of_this_run: Iterable[Failure]) -> FailureList:
        """Return the latest failures of the users that were found, the last one first."""
        registered = {each.user for each in self._users}
        known = {each.name: each for each in of_this_run if each.name.user in registered}
        latest = sorted((self._failures | known).values(), key=lambda each: each.ended, reverse=True)
        return FailureList(tuple(each.value for each in latest[:MOST]))
