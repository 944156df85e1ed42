"""The registrations of our own user agent with SIP registrars (RFC 3261 §10): bindings of an account to this gateway.

Rules:

1. A registration has one REGISTER at a time without a final response (RFC 3261 §10.2). It is renewed well before it
   ends. If that fails, it is tried again with growing pauses (`retries`) until the registration ends.
2. A REGISTER goes to the account's own server only: the one that the user has named (`hop`). A challenge in the
   response has come from there, so it is answered (`digest`), whether the registrar asks (401) or a proxy on the way to
   it (407), and whatever the realm: whose it is shows only here (RFC 3261 §22.2, §22.3). The credentials go only to the
   address that has sent the challenge. The SIP edge and redirections get none. Only the realms that the account was
   accepted with are answered in calls (`legs.user_agent.authentication`). The other rules of refusals are in
   `refusals`.
3. Contacts of ours that other registrations or other SIP engines have left are removed, as calls would ring twice. So
   are our own at an address that we no longer have: a NAT may change it. The registrar tells how it sees us, and if
   it does not have a Contact with that address, the account is registered once more.
4. If the connection to the registrar is lost, or the SIP edge with all connections, calls could not arrive, so the
   account is registered again at once. A server that keeps closing the connection gets growing pauses.
5. A restart of the gateway does not end a registration: it is renewed. What was not accepted yet is given up.
6. Registrars go by their own clocks. Time that has passed for them, but not here, as the machine was suspended, is
   taken from the registration.
7. A registration that is to end is removed from the registrar. That is repeated for some minutes until it is answered.
"""

from collections.abc import Iterator
from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine import address, derived
from fargo.statemachine.account import contacts, digest, refusals, retries, texts
from fargo.statemachine.account.account_state import Credentials, Lost, Opened, Outcome
from fargo.statemachine.account.refusals import RegisterFailure
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Trunk
from fargo.statemachine.model.commands import ForgetSecret
from fargo.statemachine.model.events import SipAccount, SipTrouble
from fargo.statemachine.model.registrations import (
    Awaited,
    Bound,
    Leaving,
    Opening,
    Registration,
    RegistrationPhase,
    Registrations,
)
from fargo.statemachine.model.sip_messages import (
    FlowClosed,
    KeepFlow,
    RegisterAnswered,
    RegisterUndelivered,
    RegistrationEvent,
    ReleaseFlow,
    SendRegister,
    Undelivered,
)
from fargo.statemachine.model.sip_values import DigestCredentials, Hop, Identity, SipTransport

TRANSPORTS: Final[tuple[SipTransport, ...]] = ("udp", "tcp", "tls")

# Seconds.
_LONGEST_ANSWER: Final = 40.0
"""The adapter reports silence earlier, unless it was restarted."""
_LONGEST_LEAVING: Final = 180.0
_RENEWED_BEFORE: Final = 5.0
_SHORTEST: Final = 1.0
_SOON: Final = 60.0
"""A connection that is closed within this time counts as closed soon after it was opened."""
_MOST_TIDYING: Final = 2
_RENEWED_WITHIN: Final = 60.0
"""For so long it is tried to renew a registration that may have ended while the machine was suspended: the network may
not be back at once.
"""


# --- beginning and ending


def begin(credentials: Credentials, effects: Effects) -> str:
    """Register the account. Return the name of the registration."""
    account, name = credentials.account, effects.next_id
    registration = Registration(
        credentials.uri,
        hop(account, credentials.uri),
        account.auth_user or credentials.uri.user,
        credentials.secret,
        derived.call_id(credentials.nonce, name),
        derived.tag(credentials.nonce, name),
    )
    _register(name, registration, effects)
    return name


def hop(account: SipAccount, uri: address.SipUri) -> Hop:
    """Return the account's server: the proxy if it has one, else the domain of its address."""
    host, port = address.server(account.proxy or uri.domain) or (uri.domain, None)
    transport = next((each for each in TRANSPORTS if each == account.transport), None)
    return Hop(host, account.port or port, transport)


def leave(name: str, effects: Effects) -> None:
    """Remove the registration (rule 7). One that has not been accepted yet is removed as soon as it is."""
    registration = effects.registrations[name]
    match registration.phase:
        case Opening():
            _keep(name, replace(registration, phase=Opening(wanted=False)), effects)
        case Bound():
            effects.emit(ReleaseFlow(name))
            _leave(name, registration, effects)
        case Leaving():
            pass
        case _:
            assert_never(registration.phase)


def _leave(name: str, registration: Registration, effects: Effects) -> None:
    """Send the REGISTER that removes the registration, unless an earlier one must be answered first (rule 1)."""
    until = effects.at + _LONGEST_LEAVING
    leaving = replace(registration, phase=Leaving(until, until))
    if registration.awaited:
        _keep(name, leaving, effects)
    else:
        _register(name, leaving, effects)


def forget(secret: str, effects: Effects) -> None:
    """Erase a password that the account no longer uses, once no registration needs it any more."""
    users = {name: each for name, each in effects.registrations.items() if each.secret == secret}
    if not users:
        effects.emit(ForgetSecret(secret))
    for name, each in users.items():
        _keep(name, replace(each, forget=True), effects)


def drop(name: str, effects: Effects) -> None:
    """Forget the registration, and its password if nothing needs that any more."""
    registration = effects.registrations[name]
    effects.registrations = {other: each for other, each in effects.registrations.items() if other != name}
    if registration.forget and registration.secret not in {each.secret for each in effects.registrations.values()}:
        effects.emit(ForgetSecret(registration.secret))


# --- sending


def _register(
    name: str,
    registration: Registration,
    effects: Effects,
    before: Awaited | None = None,
    credentials: tuple[DigestCredentials, ...] = (),
) -> None:
    """Send a REGISTER. ``before``: the one that it repeats in another form. ``credentials``: see `SendRegister`."""
    phase = registration.phase
    seconds = 0 if isinstance(phase, Leaving) else registration.expires
    remove = phase.stale if isinstance(phase, Bound) else ()
    # After a failure, DNS decides once more which of the server's addresses to try.
    again = not credentials and _failures(phase)
    command = SendRegister(
        connection=name if registration.cseq else None,
        address=Identity(str(registration.own)),
        call_id=registration.call_id,
        cseq=registration.cseq + 1,
        tag=registration.tag,
        hop=registration.hop,
        destination=None if again else registration.registrar,
        expires=seconds,
        remove=remove,
        credentials=credentials,
    )
    sent = Awaited(effects.emit(command), effects.at, seconds, remove, credentials)
    if before:
        sent = replace(sent, lengthened=before.lengthened, tidying=before.tidying)
    _keep(name, replace(registration, cseq=command.cseq, awaited=sent), effects)


def _failures(phase: RegistrationPhase) -> int:
    """Return how often in a row the REGISTER of an accepted registration has failed."""
    return 0 if isinstance(phase, Opening) else phase.failures


def _keep(name: str, registration: Registration, effects: Effects) -> None:
    effects.registrations = {**effects.registrations, name: registration}


# --- what happens to a registration


def fold(event: RegistrationEvent, effects: Effects) -> Outcome | None:
    """Handle an event of a registration. One about a registration that has ended, or about an earlier REGISTER, came
    too late and changes nothing.
    """
    registration = effects.registrations.get(event.connection)
    if registration is None:
        return None
    match event:
        case FlowClosed():
            _flow_closed(event.connection, registration, effects)
            return None
        case RegisterAnswered() | RegisterUndelivered():
            awaited = registration.awaited
            if awaited is None or awaited.command != event.command:
                return None
            if isinstance(event, RegisterUndelivered):
                failure = refusals.undelivered(registration, event.why, event.text)
                return _failed(event.connection, registration, awaited, failure, effects)
            answered = replace(registration, registrar=event.source or registration.registrar)
            return _answered(event, answered, awaited, effects)
        case _:
            assert_never(event)


def _answered(
    event: RegisterAnswered, registration: Registration, awaited: Awaited, effects: Effects
) -> Outcome | None:
    name = event.connection
    if 200 <= event.status < 300:
        return _accepted(event, replace(registration, awaited=None), awaited, effects)
    if event.status in (401, 407) and not event.by_edge:
        credentials = digest.answers(event.challenges, awaited.credentials, registration.user, registration.secret)
        if credentials:
            _register(name, registration, effects, awaited, credentials)
            return None
    if event.status == 423 and not (event.by_edge or awaited.lengthened):
        least = event.headers.min_expires or 0
        if least > awaited.expires > 0:
            _register(name, replace(registration, expires=least), effects, replace(awaited, lengthened=True))
            return None
    return _failed(name, registration, awaited, refusals.refused(registration, event), effects)


def _accepted(
    event: RegisterAnswered, registration: Registration, awaited: Awaited, effects: Effects
) -> Outcome | None:
    """The registrar has done as it was asked. Each renewal is reported: a registration that the account does not need
    is removed then.
    """
    name, phase = event.connection, registration.phase
    if isinstance(phase, Leaving) and not awaited.expires:
        drop(name, effects)
        return Lost(name, SipTrouble.ASKED)
    if isinstance(phase, Leaving) or phase == Opening(wanted=False):
        _leave(name, registration, effects)
        return None
    seconds = contacts.granted(event, awaited.expires)
    if seconds <= 0:
        return _failed(name, registration, awaited, refusals.not_kept(registration), effects)
    bound = _bound(event, phase, seconds, effects)
    moved = contacts.is_elsewhere(event, registration.seen)
    realms = tuple(each.challenge.realm for each in awaited.credentials) or registration.realms
    _keep(name, replace(registration, phase=bound, seen=event.seen or registration.seen, realms=realms), effects)
    if awaited.tidying < _MOST_TIDYING and (moved or not set(bound.stale) <= set(awaited.remove)):
        _tidy(name, awaited.tidying + 1, effects)
    return Opened(name)


def _bound(event: RegisterAnswered, before: Opening | Bound, seconds: int, effects: Effects) -> Bound:
    """Return the phase of a registration that was accepted or renewed, and keep the way to us open."""
    flow, closures = (before.flow, before.closures) if isinstance(before, Bound) else (None, 0)
    if event.source and event.source != flow:
        effects.emit(KeepFlow(event.connection, event.source))
        flow = event.source
    at = effects.at
    return Bound(
        at, at + seconds, at + _pause(seconds, at), event.service_route, contacts.stale(event), flow, closures=closures
    )


def _pause(seconds: int, at: float) -> float:
    """Return the seconds until a registration for so long is renewed: 80 to 90 % of them, but some seconds before the
    end. The fraction of the second of the answer decides, so that accounts do not stay in step.
    """
    share = seconds * (0.8 + 0.1 * (at % 1.0))
    return max(min(share, seconds - _RENEWED_BEFORE), seconds / 2, _SHORTEST)


def _tidy(name: str, number: int, effects: Effects) -> None:
    """Register once more, to have the right Contacts and no others (rule 3)."""
    _register(name, effects.registrations[name], effects)
    sent = effects.registrations[name]
    assert sent.awaited
    _keep(name, replace(sent, awaited=replace(sent.awaited, tidying=number)), effects)


def _failed(
    name: str, registration: Registration, awaited: Awaited, failure: RegisterFailure, effects: Effects
) -> Outcome | None:
    """A REGISTER has failed. It is tried again if that may help (rule 1)."""
    registration = replace(registration, awaited=None)
    phase, lasting = registration.phase, refusals.is_lasting(failure.trouble)
    match phase:
        case Opening(wanted):
            drop(name, effects)
            return Lost(name, failure.trouble if wanted else SipTrouble.ASKED, failure.words, wait=failure.wait)
        case Bound() if awaited.tidying:
            _keep(name, replace(registration, phase=replace(phase, stale=())), effects)
            return None
        case Bound():
            due = effects.at + retries.pause(phase.failures, effects.at, failure.wait)
            failed = replace(phase, due=due, failures=phase.failures + 1, problem=failure.words, stale=())
            if lasting or phase.until <= effects.at:
                return _lose(name, failed, failure.trouble, effects)
            _keep(name, replace(registration, phase=failed), effects)
            return None
        case Leaving() if awaited.expires:
            _register(name, registration, effects)
            return None
        case Leaving(until=until, failures=failures):
            if lasting or until <= effects.at:
                drop(name, effects)
                return Lost(name, SipTrouble.ASKED)
            due = effects.at + retries.pause(failures, effects.at, failure.wait)
            _keep(name, replace(registration, phase=Leaving(until, due, failures + 1)), effects)
            return None
        case _:
            assert_never(phase)


def _lose(name: str, bound: Bound, trouble: SipTrouble, effects: Effects) -> Lost:
    """Give the registration up: the registrar refuses it, or it has ended without being renewed."""
    effects.emit(ReleaseFlow(name))
    drop(name, effects)
    return Lost(name, trouble, bound.problem, wait=max(0.0, bound.due - effects.at))


# --- connections lost, and restarts


def _flow_closed(name: str, registration: Registration, effects: Effects) -> None:
    """Register again, so that the registrar has a way to us (rule 4). If a REGISTER is under way, it does that."""
    phase = registration.phase
    if not isinstance(phase, Bound):
        return
    closures = phase.closures + 1 if effects.at - phase.since < _SOON else 1
    pause = retries.pause(closures - 2, effects.at) if closures > 1 else 0.0
    due = phase.due if phase.failures else min(phase.due, effects.at + pause)
    closed = replace(registration, phase=replace(phase, flow=None, closures=closures, due=due))
    if registration.awaited or due > effects.at:
        _keep(name, closed, effects)
    else:
        _register(name, closed, effects)


def edge_restarted(name: str, effects: Effects) -> None:
    """Register again over a connection that was lost (rule 4), and repeat what has no answer, as none can come."""
    registration = effects.registrations[name]
    reached = registration.registrar or registration.hop
    _renew(name, registration, reached.transport != "udp", effects)


def _renew(name: str, registration: Registration, lost: bool, effects: Effects) -> None:
    """Repeat the REGISTER that has no answer, without its credentials; or send one if the way to us is lost. After a
    failure the next attempt stays when it is due.
    """
    phase, awaited = registration.phase, registration.awaited
    if isinstance(phase, Bound) and lost:
        phase = replace(phase, flow=None)
        registration = replace(registration, phase=phase)
    if awaited or (lost and not _failures(phase)):
        _register(name, registration, effects, awaited)
    else:
        _keep(name, registration, effects)


def restarted(name: str, effects: Effects) -> None:
    """Renew the registration after a restart of the gateway (rule 5)."""
    registration = effects.registrations[name]
    phase = registration.phase
    match phase:
        case Opening():
            drop(name, effects)
        case Bound(until=until) | Leaving(until=until):
            if until <= effects.at:
                drop(name, effects)
            else:
                _renew(name, registration, True, effects)
        case _:
            assert_never(phase)


def clock_jumped(name: str, seconds: float, effects: Effects) -> None:
    """Take time from the registration that has passed for the registrar (rule 6), and renew it if it is due."""
    registration = effects.registrations[name]
    phase = registration.phase
    if not isinstance(phase, Bound):
        return
    due = max(phase.due - seconds, effects.at)
    until = max(phase.until - seconds, min(phase.until, effects.at + _RENEWED_WITHIN))
    registration = replace(registration, phase=replace(phase, until=until, due=due))
    if registration.awaited or due > effects.at:
        _keep(name, registration, effects)
    else:
        _register(name, registration, effects)


# --- what is due


def deadlines(registrations: Registrations) -> Iterator[Deadline]:
    """Yield the times at which registrations change by themselves."""
    for registration in registrations.values():
        yield _deadline(registration)


def _deadline(registration: Registration) -> Deadline:
    phase = registration.phase
    if registration.awaited:
        return Deadline(texts.REGISTRAR_ANSWER, registration.awaited.since + _LONGEST_ANSWER)
    match phase:
        case Bound(until=until, due=due, failures=failures):
            return Deadline(texts.RENEWAL, min(due, until) if failures else due)
        case Leaving(until=until, due=due):
            return Deadline(texts.REMOVAL, min(due, until))
        case Opening():
            raise AssertionError("a registration that opens waits for its answer")
        case _:
            assert_never(phase)


def expire(name: str, effects: Effects) -> Outcome | None:
    """Do what is due now for this registration."""
    registration = effects.registrations[name]
    phase, awaited = registration.phase, registration.awaited
    if _deadline(registration).at > effects.at:
        return None
    if awaited:
        failure = refusals.undelivered(registration, Undelivered.SILENT)
        return _failed(name, registration, awaited, failure, effects)
    match phase:
        case Bound(until=until, failures=failures) if failures and until <= effects.at:
            return _lose(name, phase, SipTrouble.NETWORK, effects)
        case Leaving(until=until) if until <= effects.at:
            drop(name, effects)
            return Lost(name, SipTrouble.ASKED)
        case Bound() | Leaving() | Opening():
            _register(name, registration, effects)
            return None
        case _:
            assert_never(phase)


# --- for calls


def trunk(registration: Registration) -> Trunk | None:
    """Return what calls need from a registration; None if it does not take calls."""
    phase = registration.phase
    if not isinstance(phase, Bound):
        return None
    return Trunk(
        registration.own,
        registration.hop,
        registration.registrar,
        phase.routes,
        registration.realms,
        registration.user,
        registration.secret,
    )
