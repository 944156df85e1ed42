"""Registration of a SIP account with the gateway: XEP-0077, XEP-0100 §4.1 to 4.3.

Rules:

1. The gateway signs the account in before it answers a registration (XEP-0100 §4.1.1). If that fails, the answer says
   what to correct, and an earlier registration stays valid.
2. A user has one connection at a time: a new one is requested only after the old one is reported closed, or was not
   closed in time.
3. A connection that is being opened is not closed before it is open or has failed.
4. The core knows passwords only by their names in the vault. A password that is no longer used is erased.
5. A password that is kept goes only to the server that it was entered for. If the account is to be at another, or to
   have another name for its login, the password has to be entered again: it may be somebody else who asks.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine import address
from fargo.statemachine.account import entered, sign_in, texts
from fargo.statemachine.account.account_state import (
    Account,
    Clearing,
    Credentials,
    Lost,
    Registered,
    Trying,
    Unregistered,
    connection_of,
    in_force,
    in_words,
)
from fargo.statemachine.address import BadAddress
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import (
    AcceptIq,
    ForgetSecret,
    RefuseIq,
    SendRegistrationForm,
)
from fargo.statemachine.model.events import RegistrationAsked, RegistrationSubmitted, SipAccount, SipTrouble
from fargo.statemachine.model.iq import ByChat, Iq
from fargo.statemachine.model.presence import SignedIn, SignedOut
from fargo.statemachine.model.sip import SipEngine
from fargo.statemachine.numbering_plans import PLANS

LINGER: Final = 30.0  # seconds
"""The time that a new account stays signed in without a client online: the client's presence arrives a moment later."""

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


def asked(account: Account, event: RegistrationAsked, engine: SipEngine, effects: Effects) -> None:
    """Answer with the registration form and the values that the gateway has. ``engine``: the operator's choice."""
    known = in_force(account)
    shown = known.account if known else None
    effects.emit(SendRegistrationForm(event.iq, shown, sign_in.transports(engine), sign_in.srtp(engine)))


def submitted(
    account: Account, event: RegistrationSubmitted, talking: bool, engine: SipEngine, effects: Effects
) -> Account:
    """Try an account that the user submitted. ``talking``: the user is in a call over the present one. ``engine``: the
    operator's choice.
    """
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
    credentials = _credentials(event, previous, engine)
    if isinstance(credentials, BadAddress):
        return _refused(account, event, "modify", "not-acceptable", credentials.problem, effects)
    if previous and connection is not None:
        _sign_out(account, effects)
        return Clearing(event.iq, credentials, previous, connection, effects.at)
    return attempt(event.iq, credentials, previous, effects)


def _refused(
    account: Account, event: RegistrationSubmitted, kind: str, condition: str, text: str, effects: Effects
) -> Account:
    effects.emit(_refusal(event.iq, kind, condition, text))
    if event.secret is not None:
        effects.emit(ForgetSecret(event.secret))
    return account


def _credentials(
    event: RegistrationSubmitted, previous: Credentials | None, engine: SipEngine
) -> Credentials | BadAddress:
    """Check a submitted account. If the password is missing, keep the old one, unless that is for another login."""
    account = replace(entered.meant(event, previous), engine=engine)
    uri = address.parse_account(account.address)
    if isinstance(uri, BadAddress):
        return uri
    if account.port is not None and not 0 < account.port < 65536:
        return BadAddress(texts.BAD_PORT.format(port=account.port))
    if problem := sign_in.problem(account, engine):
        return BadAddress(problem)
    if account.country is not None and account.country not in PLANS:
        return BadAddress(texts.BAD_COUNTRY.format(country=address.printable(account.country)))
    if account.auth_user is not None and not account.auth_user.isprintable():
        return BadAddress(texts.BAD_AUTH_USER)
    secret = event.secret
    if secret is None and previous is None:
        return BadAddress(texts.NO_PASSWORD)
    if secret is None and previous:
        if (uri, _login(account)) != (previous.uri, _login(previous.account)):
            return BadAddress(texts.PASSWORD_AGAIN)
        secret = previous.secret
    assert secret is not None
    return Credentials(account, uri, secret, event.nonce, address.domain_of(event.iq.to))


def _login(account: SipAccount) -> tuple[object, ...]:
    """Return what decides who gets a password, beside the address (rule 5)."""
    return account.proxy, account.port, account.transport, account.auth_user


def _refusal(iq: Iq, kind: str, condition: str, text: str) -> RefuseIq:
    return RefuseIq(iq, kind, condition, _text(iq, text))


def _text(iq: Iq, text: str) -> str:
    """Return the answer to a registration. If its password is in a chat, the user is to take it out: on a line of its
    own, as each line is translated.
    """
    return f"{text}\n{texts.DELETE_PASSWORD}" if isinstance(iq.by, ByChat) else text


def cancelled(account: Account, iq: Iq, effects: Effects) -> Account:
    """Remove the account because the user cancelled (XEP-0100 §4.3). Their calls have been ended before."""
    if isinstance(account, Unregistered):
        effects.emit(RefuseIq(iq, "auth", "registration-required", texts.NO_ACCOUNT))
        return account
    after = removed(account, effects)
    effects.emit(AcceptIq(iq, texts.REMOVED if iq.by else ""))
    return after


def removed(account: Account, effects: Effects) -> Account:
    """Remove the account, if there is one. Calls over it have been ended before."""
    _sign_out(account, effects)
    match account:
        case Unregistered():
            pass
        case Registered(credentials):
            sign_in.forget(credentials.secret, effects)
        case Clearing() | Trying():
            give_up(account, "cancel", "not-acceptable", texts.CANCELLED, effects)
            if account.previous:
                sign_in.forget(account.previous.secret, effects)
        case _:
            assert_never(account)
    return Unregistered(effects.at)


def _sign_out(account: Account, effects: Effects) -> None:
    """Sign out of the connection as soon as it is open (rule 3)."""
    match account:
        case Registered(connection=SignedIn(name)):
            sign_in.sign_out(name, effects)
        case _ if (connection := connection_of(account)) is not None:
            sign_in.withdraw(connection, effects)
        case _:
            pass


# --- trying an account


def attempt(iq: Iq, credentials: Credentials, previous: Credentials | None, effects: Effects) -> Account:
    """Sign in to a submitted account. If that fails, ``previous`` remains registered."""
    connection = sign_in.sign_in(credentials, effects)
    return Trying(iq, credentials, previous, connection, effects.at)


def accepted(account: Trying, effects: Effects) -> Account:
    """Register the account: the registrar has accepted it."""
    previous, credentials = account.previous, account.credentials
    text = _text(account.iq, texts.REGISTERED.format(uri=credentials.uri)) if account.iq.by else ""
    effects.emit(AcceptIq(account.iq, text))
    if previous and previous.secret != credentials.secret:
        sign_in.forget(previous.secret, effects)
    return Registered(credentials, SignedIn(account.connection, effects.at + LINGER))


def failed(account: Trying, lost: Lost, effects: Effects) -> Account:
    """Refuse the registration: the account could not be signed in."""
    kind, condition = _ERRORS[lost.trouble]
    return give_up(account, kind, condition, in_words(lost, account.credentials.uri), effects)


def give_up(account: Clearing | Trying, kind: str, condition: str, text: str, effects: Effects) -> Account:
    """Refuse the registration that is being tried, and return to the earlier one."""
    effects.emit(_refusal(account.iq, kind, condition, text))
    sign_in.withdraw(account.connection, effects)
    previous = account.previous
    if previous is None or previous.secret != account.credentials.secret:
        sign_in.forget(account.credentials.secret, effects)
    return Unregistered() if previous is None else Registered(previous, SignedOut())
