"""The lines of the journal about SIP accounts: registered or not, in trouble, well again.

Rules:

1. They follow from the user's state after each commit, not from the texts that users are shown.
2. A trouble is told once, however often it is tried again and whatever is said meanwhile, and once more if it is not
   tried any more. It is over when the account is signed in, and is forgotten with the account.
3. Signing out and in with the last client and the first is no trouble, and is not told.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from fargo.journal import texts
from fargo.journal.levels import Level
from fargo.plain import plain
from fargo.statemachine.account.account_state import (
    Account,
    Clearing,
    Credentials,
    Registered,
    Trying,
    Unregistered,
)
from fargo.statemachine.model.commands import RefuseIq
from fargo.statemachine.model.events import RegistrationSubmitted
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.presence import SignedIn, SigningIn, SignInRefused, Waiting
from fargo.store.entries import Entry

_Attempt: TypeAlias = Clearing | Trying


class AccountLine(NamedTuple):
    """A line: its level, its text, and its fields for programs."""

    level: Level
    text: str
    fields: Mapping[str, str | None]


class _Trouble(NamedTuple):
    """The trouble that keeps an account from being signed in: a sentence, and if it is tried again."""

    problem: str
    again: bool


class AccountTroubles:
    """Follows the users' accounts. Each is in the state that it was last seen in, or has not been seen."""

    def __init__(self) -> None:
        self._trying: dict[str, _Attempt] = {}
        self._in_trouble: dict[str, bool] = {}
        """The users whose trouble was told, each with whether it was tried again then."""

    def take(self, user: str, entries: Iterable[Entry], account: Account) -> AccountLine | None:
        """Return what there is to tell after entries of a user are committed together, which have led to this account,
        among others.
        """
        attempt = self._trying.pop(user, None)
        if isinstance(account, _Attempt):
            self._trying[user] = account
        if refused := _refused(user, entries, attempt):
            return refused
        match account:
            case Unregistered():
                self._in_trouble.pop(user, None)
                return None
            case Registered(credentials) if attempt and attempt.credentials == credentials:
                self._in_trouble.pop(user, None)
                return _line(Level.INFO, texts.REGISTERED, user, credentials, "registered")
            case Registered(credentials, SignedIn()) if user in self._in_trouble:
                del self._in_trouble[user]
                return _line(Level.INFO, texts.RECOVERED, user, credentials, "recovered")
            case Registered(credentials) if trouble := _trouble(account):
                return self._told(user, credentials, trouble)
            case _:
                return None

    def _told(self, user: str, credentials: Credentials, trouble: _Trouble) -> AccountLine | None:
        """Return the line about a trouble, None if it was told (rule 2)."""
        told = self._in_trouble.get(user)
        if told is not None and (trouble.again or not told):
            return None
        self._in_trouble[user] = trouble.again
        template = texts.IN_TROUBLE if trouble.again else texts.SHUT_OUT
        return _line(Level.WARNING, template, user, credentials, "trouble", trouble.problem)


def _trouble(account: Registered) -> _Trouble | None:
    match account.connection:
        case SigningIn(problem=str(problem)) | Waiting(problem=problem):
            return _Trouble(problem, True)
        case SignInRefused(problem=problem):
            return _Trouble(problem, False)
        case _:
            return None


def _refused(user: str, entries: Iterable[Entry], attempt: _Attempt | None) -> AccountLine | None:
    """Return the line about a registration that is refused, None if none is."""
    asked: dict[Iq, Credentials | None] = {attempt.iq: attempt.credentials} if attempt else {}
    for recorded, issued in entries:
        if isinstance(recorded.event, RegistrationSubmitted):
            asked.setdefault(recorded.event.iq, None)  # not what was typed: people type passwords into the wrong field
        for each in issued:
            if isinstance(each.command, RefuseIq) and each.command.iq in asked:
                credentials, why = asked[each.command.iq], each.command.text.partition("\n")[0]  # the rest is advice
                template = texts.NOT_REGISTERED if credentials else texts.NOTHING_REGISTERED
                return _line(Level.INFO, template, user, credentials, "refused", why)
    return None


def _line(
    level: Level, template: str, user: str, credentials: Credentials | None, state: str, why: str | None = None
) -> AccountLine:
    address = credentials.uri.words if credentials else None
    text = plain(template.format(user=user, account=address, why=why))
    return AccountLine(level, text, {"user": user, "account": address, "state": state, "reason": why})
