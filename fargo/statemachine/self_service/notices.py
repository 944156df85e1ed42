"""The messages by which the gateway speaks up: the user's account is in trouble, and it is well again.

Rules:

1. There is at most one message about a trouble, and one when it is over, if there was one. An attempt that fails again
   is no new trouble, but one that only the user can mend is, if the one before might have passed.
2. What only the user can mend is told at once. Anything else may pass, and is told after `PATIENCE`.
3. Users get no message about what they have just done: a registration is answered, and another account ends the
   trouble of the one before. What the operator does is told where it is done (`machine`, `gateway`).
4. While no client is online, nothing is tried: a trouble that was not told is over, one that was told goes on.
5. A message is the last command of its event, as others have names that are known to the adapters.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine.account.account_state import Clearing, Credentials, Registered, Trying, Unregistered
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.presence import SignedIn, SignedOut, SigningIn, SigningOut, SignInRefused, Waiting
from fargo.statemachine.model.requests import AccountTrouble
from fargo.statemachine.self_service import texts
from fargo.statemachine.user_state import User

PATIENCE: Final = 600.0
"""Seconds after which the user is told of a trouble that may pass."""


def noted(user: User, effects: Effects) -> User:
    """Return the user's state after a change of the account. Tell the user, if need be."""
    match user.account:
        case Unregistered():
            return _with(user, None)
        case Clearing() | Trying():
            return user
        case Registered(credentials) as account:
            known = user.trouble
            if known is not None and known.of != credentials.nonce:
                user = _with(user, None)
            return _of_account(user, account, effects)
        case _:
            assert_never(user.account)


def _of_account(user: User, account: Registered, effects: Effects) -> User:
    known, credentials = user.trouble, account.credentials
    told = known is not None and known.until is None
    match account.connection:
        case SignInRefused(problem=problem):
            if not (known and known.refused):
                _tell(texts.REFUSED.format(problem=problem), credentials, effects)
            return _with(user, AccountTrouble(credentials.nonce, problem, refused=True))
        case Waiting(problem=problem) | SigningIn(problem=str(problem)):
            fresh = AccountTrouble(credentials.nonce, problem, effects.at + PATIENCE)
            return _with(user, replace(known, problem=problem) if known else fresh)
        case SignedIn():
            if told:
                _tell(texts.WELL_AGAIN.format(account=credentials.uri), credentials, effects)
            return _with(user, None)
        case SignedOut() | SigningOut():
            return user if told else _with(user, None)
        case SigningIn():
            return user
        case _:
            assert_never(account.connection)


def deadline(user: User) -> Deadline | None:
    """Return when the user is told of a trouble."""
    if user.trouble is None or user.trouble.until is None:
        return None
    return Deadline(texts.TROUBLE_TOLD, user.trouble.until)


def lasting(user: User, effects: Effects) -> User:
    """Tell the user of a trouble that has not passed."""
    if isinstance(user.account, Registered) and user.trouble:
        _tell(texts.LASTING.format(problem=user.trouble.problem), user.account.credentials, effects)
    return told(user)


def told(user: User) -> User:
    """Return the user's state once a trouble has been told."""
    return replace(user, trouble=replace(user.trouble, until=None)) if user.trouble else user


def _tell(text: str, credentials: Credentials, effects: Effects) -> None:
    effects.emit(SendText(credentials.gateway, effects.user, text))


def _with(user: User, trouble: AccountTrouble | None) -> User:
    return user if user.trouble == trouble else replace(user, trouble=trouble)
