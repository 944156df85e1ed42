"""The registered users, and the calls of theirs that have failed: some users at a time, so that the gateway goes on.

Failures are those of the users' latest calls (`self_service.recent`), so the log is not read for them.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from fargo.operations.census import AT_ONCE, account_state
from fargo.operations.values import FailedCall, FailureList, ListedUser, UserList
from fargo.statemachine.account.account_state import in_force
from fargo.statemachine.model.requests import RecentCall
from fargo.statemachine.reason import FAILURES
from fargo.statemachine.user_state import User
from fargo.status import live_calls

MOST_USERS: Final = 100
MOST_FAILURES: Final = 20


class Listing:
    """The findings in the states of all users. They are complete when `steps` has ended."""

    def __init__(self) -> None:
        self._users: list[ListedUser] = []
        self._failures: list[tuple[float, FailedCall]] = []

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
        failed = [(each.ended, each) for each in user.recent if each.ended is not None and each.cause in FAILURES]
        self._failures.extend((at, _failure(user.jid, each, at)) for at, each in failed)

    def users(self) -> UserList:
        """Return the users that were found."""
        return UserList(tuple(sorted(self._users, key=lambda each: each.user)[:MOST_USERS]), len(self._users))

    def failures(self) -> FailureList:
        """Return the latest failures that were found, the last one first."""
        latest = sorted(self._failures, key=lambda each: each[0], reverse=True)
        return FailureList(tuple(each for _, each in latest[:MOST_FAILURES]))


def _failure(user: str, call: RecentCall, at: float) -> FailedCall:
    when = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
    return FailedCall(user, when, call.direction.value, call.peer or "", call.text)
