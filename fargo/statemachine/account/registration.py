"""Registering a SIP account with the gateway: XEP-0077, XEP-0100 §4.1 to 4.3.

Rules:

1. A registration is tried before it is answered (XEP-0100 §4.1.1): the account is signed in with what the user gave. If
   that fails the answer says what to mend, and an earlier registration stays as it was.
2. One account has one connection at a time: a new one is asked for only after the old one is reported gone.
3. A connection that is being made is not taken back before it is there, or has failed: the SIP side may break of it.
4. Passwords are only known by their name in the vault; one that is no longer used is erased.
"""

from typing import Final, assert_never

from fargo.statemachine import address
from fargo.statemachine.account.account_state import (
    Account,
    Clearing,
    Credentials,
    Registered,
    Trying,
    Unregistered,
    connection_of,
    in_words,
    unknown_engine,
)
from fargo.statemachine.address import BadAddress
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import (
    AcceptIq,
    ForgetSecret,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SignIn,
    SignOut,
)
from fargo.statemachine.model.events import Iq, RegistrationAsked, RegistrationSubmitted, SipSignedOut, SipTrouble
from fargo.statemachine.model.presence import SignedIn, SignedOut
from fargo.statemachine.model.sip import engine_named

_LINGER: Final = 30.0  # seconds
"""How long a freshly registered account stays signed in without a client, whose presence takes a moment to arrive."""
_TRANSPORTS: Final = frozenset({"", "udp", "tcp"})

# RFC 6120 §8.3: what a registration that failed is answered with.
_ERRORS: Final = {
    SipTrouble.CREDENTIALS: ("modify", "not-acceptable"),
    SipTrouble.INVALID: ("modify", "not-acceptable"),
    SipTrouble.IN_USE: ("cancel", "conflict"),
    SipTrouble.NETWORK: ("wait", "remote-server-timeout"),
    SipTrouble.HOST: ("wait", "internal-server-error"),
    SipTrouble.SECRET: ("wait", "internal-server-error"),
    SipTrouble.ASKED: ("wait", "internal-server-error"),
}


def asked(account: Account, event: RegistrationAsked, effects: Effects) -> None:
    """Tell what the gateway wants to know and already knows."""
    match account:
        case Registered(credentials) | Clearing(previous=credentials):
            effects.emit(SendRegistrationForm(event.iq, credentials.account))
        case Trying(previous=previous):
            effects.emit(SendRegistrationForm(event.iq, previous.account if previous else None))
        case Unregistered():
            effects.emit(SendRegistrationForm(event.iq, None))
        case _:
            assert_never(account)


def submitted(account: Account, event: RegistrationSubmitted, talking: bool, effects: Effects) -> Account:
    """The user gave an account: try it. ``talking``: a call is going on over the present one."""
    match account:
        case Trying() | Clearing():
            text = "Your last registration is still being tried; wait for its answer."
            return _turned_down(account, event, "wait", "resource-constraint", text, effects)
        case Registered() if talking:
            text = "You are in a call with this account: hang up first, then change it."
            return _turned_down(account, event, "wait", "resource-constraint", text, effects)
        case Unregistered():
            previous, connection = None, ""
        case Registered(previous):
            connection = connection_of(account)
        case _:
            assert_never(account)
    credentials = _credentials(event, previous)
    if isinstance(credentials, BadAddress):
        return _turned_down(account, event, "modify", "not-acceptable", credentials.problem, effects)
    if previous and connection:
        _let_go(account, effects)
        return Clearing(event.iq, credentials, previous, connection, effects.at)
    return attempt(event.iq, credentials, previous, effects)


def _turned_down(
    account: Account, event: RegistrationSubmitted, kind: str, condition: str, text: str, effects: Effects
) -> Account:
    effects.emit(RefuseIq(event.iq, kind, condition, text))
    if event.secret:
        effects.emit(ForgetSecret(event.secret))
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
    if engine_named(account.engine) is None:
        return BadAddress(unknown_engine(account))
    if not account.auth_user.isprintable():
        return BadAddress("The authentication user contains a control character; write it without.")
    secret = event.secret
    if not secret and previous and previous.uri == uri:
        secret = previous.secret
    if not secret:
        return BadAddress("The password is missing.")
    return Credentials(account, uri, secret, event.nonce, address.domain_of(event.iq.to))


def cancelled(account: Account, iq: Iq, effects: Effects) -> Account:
    """The user wants to be forgotten (XEP-0100 §4.3); their calls have been ended before."""
    _let_go(account, effects)
    match account:
        case Unregistered():
            text = "You have no SIP account at this gateway."
            effects.emit(RefuseIq(iq, "auth", "registration-required", text))
            return account
        case Registered(credentials):
            effects.emit(ForgetSecret(credentials.secret))
        case Clearing() | Trying():
            give_up(account, "cancel", "not-acceptable", "The registration was cancelled.", effects)
            if account.previous:
                effects.emit(ForgetSecret(account.previous.secret))
        case _:
            assert_never(account)
    effects.emit(AcceptIq(iq))
    return Unregistered(effects.at)


def _let_go(account: Account, effects: Effects) -> None:
    """Sign out of a connection that is up (rule 3)."""
    match account:
        case Registered(connection=SignedIn(connection)):
            effects.emit(SignOut(connection))
        case _:
            pass


# --- what became of one that is tried


def attempt(iq: Iq, credentials: Credentials, previous: Credentials | None, effects: Effects) -> Account:
    """Sign in with what was submitted; `previous` is what stays if that fails."""
    connection = effects.emit(SignIn(credentials.account, credentials.secret))
    return Trying(iq, credentials, previous, connection, effects.at)


def accepted(account: Trying, effects: Effects) -> Account:
    """The registrar accepts it."""
    effects.emit(AcceptIq(account.iq))
    previous, credentials = account.previous, account.credentials
    if previous and previous.secret != credentials.secret:
        effects.emit(ForgetSecret(previous.secret))
    effects.emit(SendPresence(credentials.gateway, effects.user, PresenceKind.SUBSCRIBE))
    return Registered(credentials, SignedIn(account.connection, effects.at + _LINGER))


def failed(account: Trying, event: SipSignedOut, effects: Effects) -> Account:
    """It could not be signed in."""
    kind, condition = _ERRORS[event.trouble]
    return give_up(account, kind, condition, in_words(event, account.credentials.uri), effects)


def give_up(account: Clearing | Trying, kind: str, condition: str, text: str, effects: Effects) -> Account:
    """The registration being tried comes to nothing; the earlier one stays."""
    effects.emit(RefuseIq(account.iq, kind, condition, text))
    previous = account.previous
    if previous is None or previous.secret != account.credentials.secret:
        effects.emit(ForgetSecret(account.credentials.secret))
    return Unregistered() if previous is None else Registered(previous, SignedOut())
