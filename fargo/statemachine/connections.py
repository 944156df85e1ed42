"""The SIP connections of a user: what their outcomes mean for the account and for the calls over them."""

from collections.abc import Callable
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from fargo.statemachine import texts
from fargo.statemachine.account import account_state, connection, roster, sign_in
from fargo.statemachine.account.account_state import Account, Lost, Opened, Outcome, Registered, Trying
from fargo.statemachine.account.roster import Shown
from fargo.statemachine.call import bridge
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_each_call, in_part
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.user_state import User


def settled(user: User, outcome: Outcome | None, effects: Effects) -> User:
    """Update the account after its connection was opened or lost."""
    match outcome:
        case Opened(name):
            return _signed_in(user, name, effects)
        case Lost():
            return _signed_out(user, outcome, effects)
        case None:
            return user
        case _:
            assert_never(outcome)


def _signed_in(user: User, name: str, effects: Effects) -> User:
    """Update the account. If it has just been registered, ask to see the user's presence."""
    account = connection.signed_in(user.account, name, effects)
    if isinstance(user.account, Trying) and isinstance(account, Registered):
        contacts = roster.ask(user.contacts, account.credentials.gateway, effects)
        return replace(user, account=account, contacts=contacts)
    return replace(user, account=account)


def _signed_out(user: User, lost: Lost, effects: Effects) -> User:
    """End the calls over a SIP connection that is lost, and update the account."""
    reason = Reason(Cause.NETWORK, texts.CONNECTION_LOST, ours=True)
    match user.account:
        case Registered(credentials):
            reason = Reason(Cause.NETWORK, account_state.in_words(lost, credentials.uri), ours=True)
        case _:
            pass
    ended = in_each_call(
        user,
        lambda call, effects: bridge.lose_sip(call, reason, effects) if call.connection == lost.connection else call,
        effects,
    )
    return with_account(ended, lambda account: connection.signed_out(account, lost, effects), effects)


def in_each_registration(user: User, change: Callable[[str, Effects], Outcome | None], effects: Effects) -> User:
    """Change every registration like this. Forget one if that fails, and tell the user why."""
    for name in tuple(effects.registrations):
        user = in_part(
            user,
            partial(_change_registration, name=name, change=change),
            effects,
            drop=partial(_change_registration, name=name, change=sign_in.drop),
        )
    return user


def _change_registration(
    user: User, effects: Effects, name: str, change: Callable[[str, Effects], Outcome | None]
) -> User:
    return settled(user, change(name, effects), effects)


def with_account(user: User, change: Callable[[Account], Account], effects: Effects) -> User:
    """Change the account; sign out if that fails."""
    return in_part(
        user,
        lambda user, effects: replace(user, account=change(user.account)),
        effects,
        drop=lambda user, effects: replace(user, account=connection.abandon(user.account, texts.FAULT, effects)),
    )


def record_account(shown: Shown | None, effects: Effects) -> None:
    """Record how the account appears to the user, for the readers of the log."""
    effects.record(RecordAccount(shown.account.words, shown.available, shown.status) if shown else RecordAccount())
