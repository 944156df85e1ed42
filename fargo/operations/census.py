"""Counting the accounts of all users, by state, and their calls: some users at a time, so that the gateway goes on."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias, assert_never, get_args

from fargo.statemachine.account.account_state import Account, Clearing, Registered, Trying, Unregistered
from fargo.statemachine.model.presence import (
    Connection,
    SignedIn,
    SignedOut,
    SigningIn,
    SigningOut,
    SignInRefused,
    Waiting,
)
from fargo.statemachine.user_state import User
from fargo.status import live_calls

AccountState: TypeAlias = Literal["signed-in", "signing-in", "waiting", "refused", "signed-out", "changing"]
"""The states of a registered account, for programs. `waiting`: the provider cannot be reached, and is tried again;
`refused`: the provider refuses the account, until its user does something; `signed-out`: its user is offline.
"""
STATES: Final[tuple[AccountState, ...]] = get_args(AccountState)
AT_ONCE: Final = 200
"""So many users take about a fifth of a millisecond."""


class Census:
    """The numbers of accounts by state, and of calls. They are complete when `steps` has ended."""

    def __init__(self) -> None:
        self.accounts: Counter[str] = Counter(dict.fromkeys(STATES, 0))
        self.calls = 0

    def steps(self, users: list[str], state: Callable[[str], User | None]) -> Iterator[None]:
        """Count some users (bare JIDs) in each step. `state` returns the state of one, None if there is none now."""
        for number, each in enumerate(users, 1):
            if user := state(each):
                self._count(user)
            if not number % AT_ONCE:
                yield

    def _count(self, user: User) -> None:
        self.calls += live_calls(user)
        if found := account_state(user.account):
            self.accounts[found] += 1


def account_state(account: Account) -> AccountState | None:
    """Return the state of an account, None if none is registered."""
    match account:
        case Unregistered() | Trying(previous=None):
            return None
        case Clearing() | Trying():
            return "changing"
        case Registered(connection=connection):
            return _connection_state(connection)
        case _:
            assert_never(account)


def _connection_state(connection: Connection) -> AccountState:
    match connection:
        case SignedIn():
            return "signed-in"
        case SigningIn(problem=None):
            return "signing-in"
        case SigningIn() | Waiting():
            return "waiting"
        case SignInRefused():
            return "refused"
        case SignedOut() | SigningOut():
            return "signed-out"
        case _:
            assert_never(connection)
