"""The SIP account of a user: registering it with the gateway, signing it in and out.

Rules:

1. A registration is tried before it is answered (XEP-0100 §4.1.1): the account is signed in with what the user gave. If
   that fails the answer says what to mend, and an earlier registration stays as it was.
2. One account has one connection at a time: a new one is asked for only after the old one is reported gone.
3. "I want to be signed in" is not state: it follows from the clients online. `reconcile` compares it with what is,
   after every event.
4. Refused credentials are not tried again until the user changes them or comes online anew: registrars lock
   accounts. Any other trouble is retried with growing delays.
5. A connection that is being made is not taken back before it is there, or has failed: the SIP side may break of it.
6. Passwords are only known by their name in the vault; one that is no longer used is erased.
"""

from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from fargo.statemachine import address
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.commands import (
    AcceptIq,
    ForgetSecret,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SignIn,
    SignOut,
)
from fargo.statemachine.contacts import Shown
from fargo.statemachine.events import (
    Iq,
    RegistrationAsked,
    RegistrationSubmitted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
)
from fargo.statemachine.notices import Deadline
from fargo.statemachine.turn import Turn

# Seconds.
_LONGEST_SIGN_IN: Final = 40.0
_LONGEST_SIGN_OUT: Final = 10.0
_LINGER: Final = 30.0
"""How long a freshly registered account stays signed in without a client, whose presence takes a moment to arrive."""
_RETRIES: Final = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)

_TRANSPORTS: Final = frozenset({"", "udp", "tcp"})


# --- the connection of a registered account


class SignedOut(Struct, frozen=True, gc=False):
    """No connection, and no trouble."""


class SigningIn(Struct, frozen=True, gc=False):
    """Asked to sign in at `since`, for the attempt'th time in a row."""

    connection: str
    since: float
    attempt: int


class SignedIn(Struct, frozen=True, gc=False):
    """The registrar has accepted the account. It stays so until `linger` even with no client online."""

    connection: str
    linger: float = 0.0


class SigningOut(Struct, frozen=True, gc=False):
    """Asked to sign out at `since`."""

    connection: str
    since: float


class Waiting(Struct, frozen=True, gc=False):
    """Signing in has failed; the attempt'th try is due at `until`."""

    until: float
    attempt: int
    problem: str


class Refused(Struct, frozen=True, gc=False):
    """The registrar refused the credentials (rule 4)."""

    problem: str


Connection: TypeAlias = SignedOut | SigningIn | SignedIn | SigningOut | Waiting | Refused


# --- the account


class Credentials(Struct, frozen=True, gc=False):
    """What the user registered: the account, its address as the core reads it, the password's name, the session
    nonce.
    """

    account: SipAccount
    uri: SipUri
    secret: str
    nonce: str
    gateway: str


class Unregistered(Struct, frozen=True, gc=False):
    """The user has no account at the gateway."""


class Registered(Struct, frozen=True, gc=False):
    """The user has an account, which was signed in at least once."""

    credentials: Credentials
    connection: Connection


class Clearing(Struct, frozen=True, gc=False):
    """A changed registration waits for the old account's connection to go (rule 2)."""

    iq: Iq
    credentials: Credentials
    previous: Credentials
    connection: str
    since: float


class Trying(Struct, frozen=True, gc=False):
    """A registration is being tried; `previous` is what stays if it fails."""

    iq: Iq
    credentials: Credentials
    previous: Credentials | None
    connection: str
    since: float


Account: TypeAlias = Unregistered | Registered | Clearing | Trying


# --- what others want to know


def connection_of(account: Account) -> str:
    """The name of the connection that is there or being made, "" if none is."""
    match account:
        case Registered(connection=SigningIn() | SignedIn() | SigningOut() as connection):
            return connection.connection
        case Clearing() | Trying():
            return account.connection
        case Unregistered() | Registered():
            return ""
        case _:
            assert_never(account)


def shown(account: Account) -> Shown | None:
    """How the gateway is to appear; None for a user who has no account."""
    match account:
        case Unregistered() | Trying(previous=None):
            return None
        case Registered(credentials, connection):
            available, show, status = _in_words(credentials, connection)
        case Clearing(previous=credentials) | Trying(previous=credentials):
            assert credentials is not None
            available, show, status = False, "xa", "Trying your changed SIP account."
        case _:
            assert_never(account)
    return Shown(credentials.gateway, credentials.uri, available, show, status)


def _in_words(credentials: Credentials, connection: Connection) -> tuple[bool, str, str]:
    """(available, show, status) of RFC 6121 §4.7.2."""
    match connection:
        case SignedIn():
            return True, "", f"Signed in as {credentials.uri}."
        case SigningIn():
            return False, "xa", f"Signing in as {credentials.uri}."
        case SigningOut() | SignedOut():
            return False, "", f"Signed out of {credentials.uri}."
        case Waiting(problem=problem):
            return False, "xa", f"{problem} Trying again soon."
        case Refused(problem=problem):
            return False, "dnd", problem
        case _:
            assert_never(connection)


def deadlines(account: Account) -> tuple[Deadline, ...]:
    """By when the account must have moved on."""
    match account:
        case Registered(connection=SigningIn(since=since)) | Trying(since=since):
            return (Deadline("the registrar's answer", since + _LONGEST_SIGN_IN),)
        case Registered(connection=SigningOut(since=since)) | Clearing(since=since):
            return (Deadline("signing out", since + _LONGEST_SIGN_OUT),)
        case Registered(connection=Waiting(until=until)):
            return (Deadline("the next attempt to sign in", until),)
        case Registered(connection=SignedIn(linger=linger)) if linger:
            return (Deadline("a client to come online", linger),)
        case Unregistered() | Registered():
            return ()
        case _:
            assert_never(account)


# --- registration


def asked(account: Account, event: RegistrationAsked, turn: Turn) -> None:
    """Tell what the gateway wants to know and already knows."""
    match account:
        case Registered(credentials) | Clearing(previous=credentials):
            turn.issue(SendRegistrationForm(event.iq, credentials.account))
        case Trying(previous=previous):
            turn.issue(SendRegistrationForm(event.iq, previous.account if previous else None))
        case Unregistered():
            turn.issue(SendRegistrationForm(event.iq, None))
        case _:
            assert_never(account)


def submitted(account: Account, event: RegistrationSubmitted, talking: bool, turn: Turn) -> Account:
    """The user gave an account: try it. ``talking``: a call is going on over the present one."""
    match account:
        case Trying() | Clearing():
            text = "Your last registration is still being tried; wait for its answer."
            return _turned_down(account, event, "wait", "resource-constraint", text, turn)
        case Registered() if talking:
            text = "You are in a call with this account: hang up first, then change it."
            return _turned_down(account, event, "wait", "resource-constraint", text, turn)
        case Unregistered():
            previous, connection = None, ""
        case Registered(previous):
            connection = connection_of(account)
        case _:
            assert_never(account)
    credentials = _credentials(event, previous)
    if isinstance(credentials, BadAddress):
        return _turned_down(account, event, "modify", "not-acceptable", credentials.problem, turn)
    if previous and connection:
        _let_go(account, turn)
        return Clearing(event.iq, credentials, previous, connection, turn.at)
    return _try(event.iq, credentials, previous, turn)


def _turned_down(
    account: Account, event: RegistrationSubmitted, kind: str, condition: str, text: str, turn: Turn
) -> Account:
    turn.issue(RefuseIq(event.iq, kind, condition, text))
    if event.secret:
        turn.issue(ForgetSecret(event.secret))
    return account


def _credentials(event: RegistrationSubmitted, previous: Credentials | None) -> Credentials | BadAddress:
    """What was submitted, if it can be an account. A password left out stays as it is, for the same address."""
    account = event.account
    uri = address.parse_account(account.address)
    if isinstance(uri, BadAddress):
        return uri
    if account.transport not in _TRANSPORTS:
        return BadAddress(f"“{account.transport}” is not a transport of this gateway: use udp or tcp.")
    if not 0 <= account.port <= 65535:
        return BadAddress(f"{account.port} is not a port: use a number from 1 to 65535, or leave it empty.")
    if account.proxy and not address.is_host(account.proxy):
        return BadAddress(
            "The proxy is no host name: it should look like proxy.example.org, its port in a field of its own."
        )
    if not account.auth_user.isprintable():
        return BadAddress("The authentication user contains a control character; write it without.")
    secret = event.secret
    if not secret and previous and previous.uri == uri:
        secret = previous.secret
    if not secret:
        return BadAddress("The password is missing.")
    return Credentials(account, uri, secret, event.nonce, address.domain_of(event.iq.to))


def _try(iq: Iq, credentials: Credentials, previous: Credentials | None, turn: Turn) -> Account:
    connection = turn.issue(SignIn(credentials.account, credentials.secret))
    return Trying(iq, credentials, previous, connection, turn.at)


def cancelled(account: Account, iq: Iq, turn: Turn) -> Account:
    """The user wants to be forgotten (XEP-0100 §4.3); their calls have been ended before."""
    _let_go(account, turn)
    match account:
        case Unregistered():
            text = "You have no SIP account at this gateway."
            turn.issue(RefuseIq(iq, "auth", "registration-required", text))
            return account
        case Registered(credentials):
            turn.issue(ForgetSecret(credentials.secret))
        case Clearing() | Trying():
            _give_up(account, "cancel", "not-acceptable", "The registration was cancelled.", turn)
            if account.previous:
                turn.issue(ForgetSecret(account.previous.secret))
        case _:
            assert_never(account)
    turn.issue(AcceptIq(iq))
    return Unregistered()


def _give_up(account: Clearing | Trying, kind: str, condition: str, text: str, turn: Turn) -> Account:
    """The registration being tried comes to nothing; the earlier one stays."""
    turn.issue(RefuseIq(account.iq, kind, condition, text))
    previous = account.previous
    if previous is None or previous.secret != account.credentials.secret:
        turn.issue(ForgetSecret(account.credentials.secret))
    return Unregistered() if previous is None else Registered(previous, SignedOut())


# --- the SIP side's news


def signed_in(account: Account, event: SipSignedIn, turn: Turn) -> Account:
    """A connection is up; one that nobody waits for (any more) is let go."""
    match account:
        case Trying(connection=connection) if connection == event.connection:
            return _accepted(account, turn)
        case Registered(credentials, SigningIn(connection)) if connection == event.connection:
            return Registered(credentials, SignedIn(connection))
        case Registered(_, SignedIn(connection)) if connection == event.connection:
            return account
        case _:
            turn.issue(SignOut(event.connection))
            return account


def _let_go(account: Account, turn: Turn) -> None:
    """Sign out of a connection that is up (rule 5)."""
    match account:
        case Registered(connection=SignedIn(connection)):
            turn.issue(SignOut(connection))
        case _:
            pass


def _accepted(account: Trying, turn: Turn) -> Account:
    turn.issue(AcceptIq(account.iq))
    previous, credentials = account.previous, account.credentials
    if previous and previous.secret != credentials.secret:
        turn.issue(ForgetSecret(previous.secret))
    turn.issue(SendPresence(credentials.gateway, turn.user, PresenceKind.SUBSCRIBE))
    return Registered(credentials, SignedIn(account.connection, turn.at + _LINGER))


def signed_out(account: Account, event: SipSignedOut, turn: Turn) -> Account:
    """A connection is gone, or never came up; its calls have been ended before."""
    if connection_of(account) != event.connection:
        return account
    match account:
        case Clearing(iq, credentials, previous):
            return _try(iq, credentials, previous, turn)
        case Trying(credentials=credentials):
            kind, condition = _ERRORS[event.trouble]
            return _give_up(account, kind, condition, in_words(event, credentials.uri), turn)
        case Registered(credentials, connection):
            return Registered(credentials, _after_loss(connection, event, credentials, turn))
        case Unregistered():
            return account
        case _:
            assert_never(account)


def _after_loss(connection: Connection, event: SipSignedOut, credentials: Credentials, turn: Turn) -> Connection:
    problem = in_words(event, credentials.uri)
    match event.trouble:
        case SipTrouble.ASKED:
            return SignedOut()
        case SipTrouble.CREDENTIALS | SipTrouble.SECRET | SipTrouble.INVALID:
            return Refused(problem)
        case SipTrouble.NETWORK | SipTrouble.IN_USE | SipTrouble.HOST:
            attempt = connection.attempt if isinstance(connection, SigningIn) else 0
            return Waiting(turn.at + _delay(attempt, event.trouble), attempt + 1, problem)
        case _:
            assert_never(event.trouble)


def _delay(attempt: int, trouble: SipTrouble) -> float:
    """Seconds until the next attempt. Our own SIP part comes back by itself, and takes sign-ins as soon as it is
    there.
    """
    if trouble is SipTrouble.HOST and attempt == 0:
        return 0.0
    return _RETRIES[min(attempt, len(_RETRIES) - 1)]


_ERRORS: Final = {
    SipTrouble.CREDENTIALS: ("modify", "not-acceptable"),
    SipTrouble.INVALID: ("modify", "not-acceptable"),
    SipTrouble.IN_USE: ("cancel", "conflict"),
    SipTrouble.NETWORK: ("wait", "remote-server-timeout"),
    SipTrouble.HOST: ("wait", "internal-server-error"),
    SipTrouble.SECRET: ("wait", "internal-server-error"),
    SipTrouble.ASKED: ("wait", "internal-server-error"),
}


def in_words(event: SipSignedOut, uri: SipUri) -> str:
    """What happened to an account's connection, and what to do about it."""
    match event.trouble:
        case SipTrouble.CREDENTIALS:
            return f"{uri.domain} refused the user name or password of {uri}. Check both and register again."
        case SipTrouble.NETWORK:
            trouble = f"The SIP server of {uri} does not answer, or is in trouble."
            return f"{trouble} If it stays so, check domain, proxy and port."
        case SipTrouble.IN_USE:
            return f"{uri} is in use by somebody else at this gateway. Use another SIP account."
        case SipTrouble.INVALID:
            return f"The SIP side cannot use {uri} like this ({event.text}). Check the address and the proxy."
        case SipTrouble.HOST:
            return "The gateway's SIP part failed and is being started again."
        case SipTrouble.SECRET:
            return f"The password of {uri} is not on record. Register again."
        case SipTrouble.ASKED:
            return f"Signed out of {uri}."
        case _:
            assert_never(event.trouble)


def restarted(account: Account, turn: Turn) -> Account:
    """The gateway came up with no connections at all."""
    match account:
        case Registered(credentials):
            return Registered(credentials, SignedOut())
        case Clearing() | Trying():
            return _give_up(account, "wait", "internal-server-error", "The gateway was restarted. Try again.", turn)
        case Unregistered():
            return account
        case _:
            assert_never(account)


def expire(account: Account, turn: Turn) -> Account:
    """Do what is due by now."""
    if not any(due.at <= turn.at for due in deadlines(account)):
        return account
    match account:
        case Trying(credentials=credentials, connection=connection):
            turn.issue(SignOut(connection))
            timeout = SipSignedOut(connection, SipTrouble.NETWORK)
            return _give_up(account, *_ERRORS[timeout.trouble], in_words(timeout, credentials.uri), turn)
        case Clearing(iq, credentials, previous):
            return _try(iq, credentials, previous, turn)
        case Registered(credentials, connection):
            return Registered(credentials, _expired(connection, credentials, turn))
        case Unregistered():
            return account
        case _:
            assert_never(account)


def _expired(connection: Connection, credentials: Credentials, turn: Turn) -> Connection:
    match connection:
        case SigningIn(name):
            turn.issue(SignOut(name))
            return _after_loss(connection, SipSignedOut(name, SipTrouble.NETWORK), credentials, turn)
        case SigningOut():
            return SignedOut()
        case SignedIn(name):
            return SignedIn(name)
        case Waiting(attempt=attempt):
            return _sign_in(credentials, attempt, turn)
        case SignedOut() | Refused():
            return connection
        case _:
            assert_never(connection)


# --- wanting and being


def reconcile(account: Account, online: bool, turn: Turn) -> Account:
    """Sign in if a client is online, out if none is (rule 3)."""
    match account:
        case Registered(credentials, SignedOut()) if online:
            return Registered(credentials, _sign_in(credentials, 0, turn))
        case Registered(credentials, Waiting() | Refused()) if not online:
            return Registered(credentials, SignedOut())
        case Registered(credentials, SignedIn(name, linger)) if not online and not linger:
            return Registered(credentials, _sign_out(name, turn))
        case Registered(credentials, SignedIn(name, linger)) if online and linger:
            return Registered(credentials, SignedIn(name))
        case _:
            return account


def _sign_in(credentials: Credentials, attempt: int, turn: Turn) -> Connection:
    return SigningIn(turn.issue(SignIn(credentials.account, credentials.secret)), turn.at, attempt)


def _sign_out(name: str, turn: Turn) -> Connection:
    turn.issue(SignOut(name))
    return SigningOut(name, turn.at)


def stop(account: Account, turn: Turn) -> Account:
    """The gateway is stopping: sign out, whoever is online."""
    match account:
        case Registered(credentials, SignedIn(name)):
            return Registered(credentials, _sign_out(name, turn))
        case Clearing() | Trying():
            return _give_up(account, "wait", "internal-server-error", "The gateway is being stopped. Try later.", turn)
        case Registered() | Unregistered():
            return account
        case _:
            assert_never(account)
