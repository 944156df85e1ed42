"""The SIP connection of a registered account: signing in, signing out, and retries.

Rules:

1. The wish to be signed in is not stored: it follows from the clients online, and from whether the user stays signed in
   without one. `reconcile` compares it with the connection after every event that can change either.
2. Refused credentials are not tried again until the user changes them or comes online again, because registrars lock
   accounts. The same holds for unusable settings and a lost password. Other failures are retried with growing pauses
   (`retries`). The user is shown the problem until an attempt succeeds, and not each attempt.
3. A connection that is being opened is not closed before it is open or has failed. Only one that is not open in time
   is closed all the same.
4. How a connection is opened and closed, only the SIP engine knows (`sign_in`).
"""

from typing import Final, assert_never

from fargo.statemachine.account import registration, retries, sign_in, texts
from fargo.statemachine.account.account_state import (
    Account,
    Clearing,
    Credentials,
    Lost,
    Registered,
    Trying,
    Unregistered,
    connection_of,
    in_words,
    unknown_engine,
)
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.events import SipTrouble
from fargo.statemachine.model.presence import (
    Connection,
    SignedIn,
    SignedOut,
    SigningIn,
    SigningOut,
    SignInRefused,
    Waiting,
)
from fargo.statemachine.model.sip import engine_named

# Seconds.
_LONGEST_SIGN_IN: Final = 40.0
_LONGEST_SIGN_OUT: Final = 10.0


def deadline(account: Account) -> Deadline | None:
    """Return the time at which the account's state changes by itself, if there is one."""
    match account:
        case Registered(connection=SignedIn(linger=linger)):
            return Deadline(texts.CLIENT_ONLINE, linger) if linger is not None else None
        case Registered(connection=SigningIn(since=since)) | Trying(since=since):
            return Deadline(texts.REGISTRAR_ANSWER, since + _LONGEST_SIGN_IN)
        case Registered(connection=SigningOut(since=since)) | Clearing(since=since):
            return Deadline(texts.END_OF_CONNECTION, since + _LONGEST_SIGN_OUT)
        case Registered(connection=Waiting(until=until)):
            return Deadline(texts.NEXT_ATTEMPT, until)
        case Unregistered() | Registered():
            return None
        case _:
            assert_never(account)


# --- outcomes


def signed_in(account: Account, name: str, effects: Effects) -> Account:
    """Use a connection that has been opened, or sign out of it if the account does not wait for it."""
    match account:
        case Trying(connection=connection) if connection == name:
            return registration.accepted(account, effects)
        case Registered(credentials, SigningIn(connection)) if connection == name:
            return Registered(credentials, SignedIn(connection))
        case Registered(_, SignedIn(connection)) if connection == name:
            return account
        case _:
            sign_in.sign_out(name, effects)
            return account


def signed_out(account: Account, lost: Lost, effects: Effects) -> Account:
    """Handle a connection that was closed or could not be opened. Its calls have been ended before."""
    if connection_of(account) != lost.connection:
        return account
    match account:
        case Clearing(iq, credentials, previous):
            return registration.attempt(iq, credentials, previous, effects)
        case Trying():
            return registration.failed(account, lost, effects)
        case Registered(credentials, connection):
            return Registered(credentials, _after_loss(connection, lost, credentials, effects))
        case Unregistered():
            return account
        case _:
            assert_never(account)


def _after_loss(connection: Connection, lost: Lost, credentials: Credentials, effects: Effects) -> Connection:
    problem = in_words(lost, credentials.uri)
    match lost.trouble:
        case SipTrouble.ASKED:
            return SignedOut()
        case SipTrouble.CREDENTIALS | SipTrouble.SECRET | SipTrouble.INVALID:
            return SignInRefused(problem)
        case SipTrouble.NETWORK | SipTrouble.IN_USE | SipTrouble.HOST:
            attempt = connection.attempt if isinstance(connection, SigningIn) else 0
            return Waiting(effects.at + _pause(attempt, lost, effects.at), attempt + 1, problem)
        case _:
            assert_never(lost.trouble)


def _pause(attempt: int, lost: Lost, at: float) -> float:
    """Return the seconds until the next attempt. The first one is made at once if the engine holds it."""
    if lost.held and attempt == 0:
        return 0.0
    return retries.pause(attempt, at, lost.wait)


def restarted(account: Account, effects: Effects) -> Account:
    """Forget the connection, unless it has survived the restart of the gateway. Then it stays open for a while without
    a client online: the presence of the clients arrives a moment later.
    """
    match account:
        case Registered(credentials, SignedIn(name)) if sign_in.survives(name, effects):
            return Registered(credentials, SignedIn(name, effects.at + registration.LINGER))
        case Registered(credentials):
            return Registered(credentials, SignedOut())
        case Clearing() | Trying():
            return registration.give_up(account, "wait", "internal-server-error", texts.RESTARTED, effects)
        case Unregistered():
            return account
        case _:
            assert_never(account)


def expire(account: Account, effects: Effects) -> Account:
    """Do what is due now."""
    match account:
        case Trying(connection=connection):
            sign_in.sign_out(connection, effects)
            return registration.failed(account, Lost(connection, SipTrouble.NETWORK), effects)
        case Clearing(iq, credentials, previous):
            return registration.attempt(iq, credentials, previous, effects)
        case Registered(credentials, connection):
            return Registered(credentials, _expired(connection, credentials, effects))
        case Unregistered():
            return account
        case _:
            assert_never(account)


def _expired(connection: Connection, credentials: Credentials, effects: Effects) -> Connection:
    match connection:
        case SigningIn(name):
            sign_in.sign_out(name, effects)
            return _after_loss(connection, Lost(name, SipTrouble.NETWORK), credentials, effects)
        case SigningOut():
            return SignedOut()
        case SignedIn(name):
            return SignedIn(name)
        case Waiting(attempt=attempt, problem=problem):
            return _sign_in(credentials, effects, attempt, problem)
        case SignedOut() | SignInRefused():
            return connection
        case _:
            assert_never(connection)


def abandon(account: Account, text: str, effects: Effects) -> Account:
    """Close the connection, as a bug kept the account from going on. The text tells the user why."""
    if name := connection_of(account):
        sign_in.sign_out(name, effects)
    match account:
        case Registered(credentials):
            return Registered(credentials, SignInRefused(text))
        case Clearing() | Trying():
            return registration.give_up(account, "wait", "internal-server-error", text, effects)
        case Unregistered():
            return account
        case _:
            assert_never(account)


# --- signing in and out


def reconcile(account: Account, wanted: bool, effects: Effects) -> Account:
    """Sign in if the account is wanted, or out if it is not (rule 1)."""
    match account:
        case Registered(credentials, SignedOut()) if wanted:
            return Registered(credentials, _sign_in(credentials, effects))
        case Registered(credentials, Waiting() | SignInRefused()) if not wanted:
            return Registered(credentials, SignedOut())
        case Registered(credentials, SignedIn(name, linger)) if not wanted and linger is None:
            return Registered(credentials, _sign_out(name, effects))
        case Registered(credentials, SignedIn(name, linger)) if wanted and linger is not None:
            return Registered(credentials, SignedIn(name))
        case _:
            return account


def came_online(account: Account) -> Account:
    """Let an account be tried again whose credentials were refused, as the user is here to change them (rule 2)."""
    match account:
        case Registered(credentials, SignInRefused()):
            return Registered(credentials, SignedOut())
        case _:
            return account


def _sign_in(credentials: Credentials, effects: Effects, attempt: int = 0, problem: str | None = None) -> Connection:
    if engine_named(credentials.account.engine) is None:
        return SignInRefused(unknown_engine(credentials.account))
    return SigningIn(sign_in.sign_in(credentials, effects), effects.at, attempt, problem)


def _sign_out(name: str, effects: Effects) -> Connection:
    sign_in.sign_out(name, effects)
    return SigningOut(name, effects.at)


def stop(account: Account, effects: Effects) -> Account:
    """Sign out, even if clients are online, because the gateway is stopping."""
    match account:
        case Registered(credentials, SignedIn(name)):
            return Registered(credentials, _sign_out(name, effects))
        case Clearing() | Trying():
            return registration.give_up(account, "wait", "internal-server-error", texts.STOPPING, effects)
        case Registered() | Unregistered():
            return account
        case _:
            assert_never(account)
