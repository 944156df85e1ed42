"""Registration of a SIP account with the gateway: XEP-0077, XEP-0100 §4.1 to 4.3.

Rules:

1. The gateway signs the account in before it answers a registration (XEP-0100 §4.1.1). If that fails, the answer says
   what to correct, and an earlier registration stays valid.
2. A user has one connection at a time: a new one is requested only after the old one is reported closed, or was not
   closed in time.
3. A connection that is being opened is not closed before it is open or has failed, as that can make the engine fail.
4. The core knows passwords only by their names in the vault. A password that is no longer used is erased.
"""

from typing import Final, assert_never

from fargo.statemachine import address
from fargo.statemachine.account import texts
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
"""The time that a new account stays signed in without a client online: the client's presence arrives a moment later."""
_TRANSPORTS: Final = frozenset({None, "udp", "tcp"})

# The type and condition (RFC 6120 §8.3) of the error that answers a registration that failed.
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
    """Answer with the registration form and the values that the gateway has."""
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
    """Try an account that the user submitted. ``talking``: the user is in a call over the present one."""
    match account:
        case Trying() | Clearing():
            return _refused(account, event, "wait", "resource-constraint", texts.STILL_TRYING, effects)
        case Registered() if talking:
            return _refused(account, event, "wait", "resource-constraint", texts.IN_CALL, effects)
        case Unregistered():
            previous, connection = None, None
        case Registered(previous):
            connection = connection_of(account)
        case _:
            assert_never(account)
    credentials = _credentials(event, previous)
    if isinstance(credentials, BadAddress):
        return _refused(account, event, "modify", "not-acceptable", credentials.problem, effects)
    if previous and connection is not None:
        _sign_out_if_open(account, effects)
        return Clearing(event.iq, credentials, previous, connection, effects.at)
    return attempt(event.iq, credentials, previous, effects)


def _refused(
    account: Account, event: RegistrationSubmitted, kind: str, condition: str, text: str, effects: Effects
) -> Account:
    effects.emit(RefuseIq(event.iq, kind, condition, text))
    if event.secret is not None:
        effects.emit(ForgetSecret(event.secret))
    return account


def _credentials(event: RegistrationSubmitted, previous: Credentials | None) -> Credentials | BadAddress:
    """Check a submitted account. If the password is missing and the address is unchanged, keep the old password."""
    account = event.account
    uri = address.parse_account(account.address)
    if isinstance(uri, BadAddress):
        return uri
    if account.transport not in _TRANSPORTS:
        return BadAddress(texts.UNKNOWN_TRANSPORT.format(transport=account.transport))
    if account.port is not None and not 0 < account.port < 65536:
        return BadAddress(texts.BAD_PORT.format(port=account.port))
    if account.proxy and not address.is_host(account.proxy):
        return BadAddress(texts.BAD_PROXY)
    if engine_named(account.engine) is None:
        return BadAddress(unknown_engine(account))
    if account.auth_user is not None and not account.auth_user.isprintable():
        return BadAddress(texts.BAD_AUTH_USER)
    secret = event.secret
    if secret is None and previous and previous.uri == uri:
        secret = previous.secret
    if secret is None:
        return BadAddress(texts.NO_PASSWORD)
    return Credentials(account, uri, secret, event.nonce, address.domain_of(event.iq.to))


def cancelled(account: Account, iq: Iq, effects: Effects) -> Account:
    """Remove the account because the user cancelled (XEP-0100 §4.3). Their calls have been ended before."""
    _sign_out_if_open(account, effects)
    match account:
        case Unregistered():
            effects.emit(RefuseIq(iq, "auth", "registration-required", texts.NO_ACCOUNT))
            return account
        case Registered(credentials):
            effects.emit(ForgetSecret(credentials.secret))
        case Clearing() | Trying():
            give_up(account, "cancel", "not-acceptable", texts.CANCELLED, effects)
            if account.previous:
                effects.emit(ForgetSecret(account.previous.secret))
        case _:
            assert_never(account)
    effects.emit(AcceptIq(iq))
    return Unregistered(effects.at)


def _sign_out_if_open(account: Account, effects: Effects) -> None:
    """Sign out of the connection if it is open (rule 3)."""
    match account:
        case Registered(connection=SignedIn(connection)):
            effects.emit(SignOut(connection))
        case _:
            pass


# --- trying an account


def attempt(iq: Iq, credentials: Credentials, previous: Credentials | None, effects: Effects) -> Account:
    """Sign in to a submitted account. If that fails, ``previous`` remains registered."""
    connection = effects.emit(SignIn(credentials.account, credentials.secret))
    return Trying(iq, credentials, previous, connection, effects.at)


def accepted(account: Trying, effects: Effects) -> Account:
    """Register the account: the registrar has accepted it."""
    effects.emit(AcceptIq(account.iq))
    previous, credentials = account.previous, account.credentials
    if previous and previous.secret != credentials.secret:
        effects.emit(ForgetSecret(previous.secret))
    effects.emit(SendPresence(credentials.gateway, effects.user, PresenceKind.SUBSCRIBE))
    return Registered(credentials, SignedIn(account.connection, effects.at + _LINGER))


def failed(account: Trying, event: SipSignedOut, effects: Effects) -> Account:
    """Refuse the registration: the account could not be signed in."""
    kind, condition = _ERRORS[event.trouble]
    return give_up(account, kind, condition, in_words(event, account.credentials.uri), effects)


def give_up(account: Clearing | Trying, kind: str, condition: str, text: str, effects: Effects) -> Account:
    """Refuse the registration that is being tried, and return to the earlier one."""
    effects.emit(RefuseIq(account.iq, kind, condition, text))
    previous = account.previous
    if previous is None or previous.secret != account.credentials.secret:
        effects.emit(ForgetSecret(account.credentials.secret))
    return Unregistered() if previous is None else Registered(previous, SignedOut())
