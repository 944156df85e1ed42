"""The states of a user's SIP account, and the presence that shows them to the user.

The transitions are in `registration` (registering, changing and cancelling) and `connection` (signing in and out).
"""

from typing import TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.account import texts
from fargo.statemachine.account.roster import Shown
from fargo.statemachine.address import SipUri
from fargo.statemachine.model.events import SipAccount, SipTrouble
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.presence import (
    Connection,
    SignedIn,
    SignedOut,
    SigningIn,
    SigningOut,
    SignInRefused,
    Waiting,
)
from fargo.statemachine.model.sip import SipEngine

# --- the account


class Credentials(Struct, frozen=True, gc=False):
    """A registered account, its parsed address, the name of its password in the vault, and the gateway's JID.

    ``nonce``: random text from which the ids of the account's Jingle sessions are made.
    """

    account: SipAccount
    uri: SipUri
    secret: str
    nonce: str
    gateway: str


class Unregistered(Struct, frozen=True, gc=False):
    """The user has no account at the gateway. ``since``: when they cancelled it, None if they never had one."""

    since: float | None = None


class Registered(Struct, frozen=True, gc=False):
    """The user has an account, which has been signed in at least once."""

    credentials: Credentials
    connection: Connection


class Clearing(Struct, frozen=True, gc=False):
    """A changed registration waits, since ``since``, until ``connection``, that of the previous account, is closed."""

    iq: Iq
    credentials: Credentials
    previous: Credentials
    connection: str
    since: float


class Trying(Struct, frozen=True, gc=False):
    """A registration is being tried since ``since``. If it fails, ``previous`` remains registered."""

    iq: Iq
    credentials: Credentials
    previous: Credentials | None
    connection: str
    since: float


Account: TypeAlias = Unregistered | Registered | Clearing | Trying


# --- what happens to its connection


class Opened(Struct, frozen=True, gc=False):
    """The registrar has accepted the account."""

    connection: str


class Lost(Struct, frozen=True, gc=False):
    """The account could not be signed in, or no longer is, and the connection no longer exists.

    ``words``: why, as a sentence, None if the trouble says it all; ``text``: details for that case. ``wait``: the
    seconds before which it must not be tried again. ``held``: the engine holds the next attempt until it works again.
    """

    connection: str
    trouble: SipTrouble
    words: str | None = None
    text: str = ""
    wait: float = 0.0
    held: bool = False


Outcome: TypeAlias = Opened | Lost


# --- properties of an account


def connection_of(account: Account) -> str | None:
    """Return the name of the connection that is open, being opened or being closed, None if there is none."""
    match account:
        case Registered(connection=SigningIn() | SignedIn() | SigningOut() as connection):
            return connection.connection
        case Clearing() | Trying():
            return account.connection
        case Unregistered() | Registered():
            return None
        case _:
            assert_never(account)


def in_force(account: Account) -> Credentials | None:
    """Return the account that was signed in last, None if none is registered."""
    match account:
        case Registered(credentials) | Clearing(previous=credentials):
            return credentials
        case Trying(previous=previous):
            return previous
        case Unregistered():
            return None
        case _:
            assert_never(account)


def country(account: Account) -> str | None:
    """Return the country that the account says, None if it says none (ISO 3166)."""
    known = in_force(account)
    return known.account.country if known else None


def secrets(account: Account) -> tuple[str, ...]:
    """Return the names in the vault of the passwords that the account refers to."""
    match account:
        case Unregistered():
            return ()
        case Registered(credentials) | Trying(credentials=credentials, previous=None):
            return (credentials.secret,)
        case Clearing() | Trying():
            assert account.previous is not None
            return (account.credentials.secret, account.previous.secret)
        case _:
            assert_never(account)


def shown(account: Account) -> Shown | None:
    """Return the presence to show to the user; None if the user has no account."""
    match account:
        case Unregistered() | Trying(previous=None):
            return None
        case Registered(credentials, connection):
            available, show, status = _presence(credentials, connection)
        case Clearing(previous=credentials) | Trying(previous=credentials):
            assert credentials is not None
            available, show, status = False, "xa", texts.CHANGING
        case _:
            assert_never(account)
    return Shown(credentials.gateway, credentials.uri, available, show, status)


def _presence(credentials: Credentials, connection: Connection) -> tuple[bool, str | None, str]:
    """Return whether the gateway is available, and the <show/> and <status/> of its presence (RFC 6121 §4.7.2)."""
    uri = credentials.uri
    match connection:
        case SignedIn():
            return True, None, texts.SIGNED_IN.format(uri=uri)
        case SigningIn(problem=str(problem)) | Waiting(problem=problem):
            return False, "xa", texts.RETRYING.format(problem=problem)
        case SigningIn():
            return False, "xa", texts.SIGNING_IN.format(uri=uri)
        case SigningOut() | SignedOut():
            return False, None, texts.SIGNED_OUT.format(uri=uri)
        case SignInRefused(problem=problem):
            return False, "dnd", problem
        case _:
            assert_never(connection)


def unknown_engine(account: SipAccount) -> str:
    """Return why an account cannot be used whose SIP engine this version does not have."""
    return texts.UNKNOWN_ENGINE.format(engine=account.engine)


def moved(account: Account, engine: SipEngine) -> Account:
    """Return the account with this SIP engine. If it had another one, its connection went with that."""
    match account:
        case Registered(credentials):
            after = _with_engine(credentials, engine)
            return account if after is credentials else Registered(after, SignedOut())
        case Clearing(previous=previous) | Trying(previous=previous):
            before = previous and _with_engine(previous, engine)
            return replace(account, credentials=_with_engine(account.credentials, engine), previous=before)
        case Unregistered():
            return account
        case _:
            assert_never(account)


def _with_engine(credentials: Credentials, engine: SipEngine) -> Credentials:
    if credentials.account.engine == engine:
        return credentials
    return replace(credentials, account=replace(credentials.account, engine=engine))


def in_words(lost: Lost, uri: SipUri) -> str:
    """Return a sentence for the user: what happened to the account's connection, and what to do about it."""
    if lost.words is not None:
        return lost.words
    match lost.trouble:
        case SipTrouble.CREDENTIALS:
            return texts.CREDENTIALS_REFUSED.format(domain=uri.domain, uri=uri)
        case SipTrouble.NETWORK:
            return texts.SERVER_UNREACHABLE.format(uri=uri)
        case SipTrouble.IN_USE:
            return texts.IN_USE.format(uri=uri)
        case SipTrouble.INVALID:
            return texts.UNUSABLE.format(uri=uri, why=lost.text)
        case SipTrouble.HOST:
            return texts.ENGINE_FAILED
        case SipTrouble.SECRET:
            return texts.PASSWORD_LOST.format(uri=uri)
        case SipTrouble.ASKED:
            return texts.SIGNED_OUT.format(uri=uri)
        case _:
            assert_never(lost.trouble)
