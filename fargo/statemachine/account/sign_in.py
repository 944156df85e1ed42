"""Signing accounts in and out, independent of the SIP engine: the account's only interface to SIP engines.

Rules:

1. An engine keeps the registrations of its accounts itself (Telepathy: commands `SignIn` and `SignOut`, events
   `SipSignedIn` and `SipSignedOut`), or the core does (our own user agent: `binding`). In both cases the account learns
   only of outcomes: a connection was opened, or was lost.
2. One engine at a time has all accounts: that of the operator's policy.
3. A connection has the name of the command that it begins with. Those of our own user agent are in
   `Effects.registrations`.
"""

from collections.abc import Iterator
from typing import Final, assert_never, get_args

from fargo.statemachine import address
from fargo.statemachine.account import binding, entered, texts
from fargo.statemachine.account.account_state import Credentials, Lost, Opened, Outcome
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Trunk
from fargo.statemachine.media.description import Srtp
from fargo.statemachine.model.commands import SignIn, SignOut
from fargo.statemachine.model.events import SipAccount, SipSignedIn, SipSignedOut, SipTrouble
from fargo.statemachine.model.registrations import Registrations
from fargo.statemachine.model.sip import SipEngine, engine_named
from fargo.statemachine.model.sip_messages import RegistrationEvent
from fargo.statemachine.texts import FAULT

_OF_TELEPATHY: Final = ("udp", "tcp")
_OPEN: Final = ("udp", "tcp")
"""The transports over which everyone on the way can read keys (RFC 4568 §8.1)."""


# --- what an engine can use


def transports(engine: SipEngine) -> tuple[str, ...]:
    """Return the transports that an account of the engine can have."""
    match engine:
        case "telepathy":
            return _OF_TELEPATHY
        case "sip":
            return binding.TRANSPORTS
        case _:
            assert_never(engine)


def srtp(engine: SipEngine) -> tuple[Srtp, ...]:
    """Return how an account of the engine can have its audio encrypted; none if the engine cannot encrypt it."""
    match engine:
        case "telepathy":
            return ()
        case "sip":
            return get_args(Srtp)
        case _:
            assert_never(engine)


def problem(account: SipAccount, engine: SipEngine) -> str | None:
    """Return why the engine cannot use the account's server or transport, as a sentence; None if it can."""
    if any(entered.contradicts(each, account.transport) for each in (account.address, account.proxy or "")):
        return texts.SIPS_NEEDS_TLS
    usable = transports(engine)
    if account.transport is not None and account.transport not in usable:
        names = f"{', '.join(usable[:-1])} or {usable[-1]}"
        return texts.UNKNOWN_TRANSPORT.format(transport=account.transport, transports=names)
    if account.srtp == "required" and (account.srtp not in srtp(engine) or account.transport in _OPEN):
        return texts.SRTP_NEEDS_TLS
    match engine:
        case "telepathy":
            return _bad_for_rakia(account) or _bad_server(account)
        case "sip":
            return _bad_server(account)
        case _:
            assert_never(engine)


def _bad_server(account: SipAccount) -> str | None:
    if not account.proxy:
        return None
    server = address.server(account.proxy)
    if server is None:
        return texts.BAD_SERVER
    _, port = server
    return texts.TWO_PORTS if port and account.port not in (None, port) else None


def _bad_for_rakia(account: SipAccount) -> str | None:
    """Return why rakia cannot use the account: it reaches a proxy by its name or IPv4 address only."""
    server = address.server(account.proxy or "")
    if account.proxy and (server is None or not address.is_host(server[0])):
        return texts.BAD_PROXY
    return None


# --- signing in and out


def sign_in(credentials: Credentials, effects: Effects) -> str:
    """Sign the account in. Return the connection's name. An outcome follows."""
    match engine_named(credentials.account.engine):
        case "telepathy":
            return effects.emit(SignIn(credentials.account, credentials.secret))
        case "sip":
            return binding.begin(credentials, effects)
        case None:
            raise AssertionError("the account's engine was checked")
        case engine:
            assert_never(engine)


def sign_out(connection: str, effects: Effects) -> None:
    """Sign out of a connection. `Lost` follows."""
    if connection in effects.registrations:
        binding.leave(connection, effects)
    else:
        effects.emit(SignOut(connection))


def withdraw(connection: str, effects: Effects) -> None:
    """Sign out of a connection that is not open yet, as soon as it is.

    Neither can be closed earlier: rakia can fail by that, and a registrar has to answer one REGISTER before the next
    (RFC 3261 §10.2). An engine that keeps its registrations itself reports it, and is told to sign out then.
    """
    if connection in effects.registrations:
        binding.leave(connection, effects)


def forget(secret: str, effects: Effects) -> None:
    """Erase a password that the account no longer uses, once signing out no longer needs it."""
    binding.forget(secret, effects)


def survives(connection: str, effects: Effects) -> bool:
    """Return True if the connection still exists after a restart of the gateway."""
    return connection in effects.registrations


# --- what happens to connections


def opened(event: SipSignedIn) -> Opened:
    """Return the outcome that an engine reports which keeps its registrations itself."""
    return Opened(event.connection)


def lost(event: SipSignedOut) -> Lost:
    """Return the outcome that an engine reports which keeps its registrations itself. It starts again by itself if it
    has failed, and holds what is asked of it until then.
    """
    return Lost(event.connection, event.trouble, text=event.text, held=event.trouble is SipTrouble.HOST)


def fold(event: RegistrationEvent, effects: Effects) -> Outcome | None:
    """Handle an event of a registration. Return the outcome, None if there is none yet."""
    return binding.fold(event, effects)


def restarted(connection: str, effects: Effects) -> None:
    """Keep the connection after a restart of the gateway, unless that has ended it (`survives`)."""
    binding.restarted(connection, effects)


def edge_restarted(connection: str, effects: Effects) -> None:
    """Open again what the connection has lost with the SIP edge."""
    binding.edge_restarted(connection, effects)


def clock_jumped(connection: str, effects: Effects, seconds: float) -> None:
    """Count time that has passed only for others, as for the registrar. An engine that keeps its registrations itself
    is told by its adapter.
    """
    binding.clock_jumped(connection, seconds, effects)


def engine_changed(engine: SipEngine, effects: Effects) -> None:
    """Forget the connections of other engines: the gateway was started without them."""
    match engine:
        case "telepathy":
            for name in tuple(effects.registrations):
                binding.drop(name, effects)
        case "sip":
            pass
        case _:
            assert_never(engine)


def drop(connection: str, effects: Effects) -> Lost:
    """Forget a connection because of a bug."""
    binding.drop(connection, effects)
    return Lost(connection, SipTrouble.INVALID, FAULT)


# --- what is due


def deadlines(registrations: Registrations) -> Iterator[Deadline]:
    """Yield the times at which connections change by themselves."""
    return binding.deadlines(registrations)


def expire(connection: str, effects: Effects) -> Outcome | None:
    """Do what is due now for a connection. Return the outcome, None if there is none yet."""
    return binding.expire(connection, effects)


# --- for calls


def trunk(connection: str, registrations: Registrations) -> Trunk | None:
    """Return what calls over this connection need; None if the engine keeps that to itself."""
    registration = registrations.get(connection)
    return binding.trunk(registration) if registration else None
