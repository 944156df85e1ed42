"""One XMPP user's whole state, folded from their stream of events. The root of the core.

Rules:

1. `fold` is total: any event in any state gives a state and commands, and no exception. A bug in a room ends the
   call it happened in, as a `Fault` that the log lets anyone replay, and nothing else.
2. After every event, calls that are over are dropped, the account is reconciled with the clients online, and the
   user is shown the account if its appearance has changed.
3. Timers are derived: `deadlines` says what is due when; `TimePassed` does what is due by its time, and nothing if
   nothing is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, assert_never

from fargo.statemachine import account as accounts
from fargo.statemachine import address, jingle_leg, telepathy_leg
from fargo.statemachine import call as calls
from fargo.statemachine import contacts as roster
from fargo.statemachine.account import Account, Credentials, Registered, SignedIn, Unregistered
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.call import Call, CallEvent
from fargo.statemachine.call1 import CallArrived
from fargo.statemachine.commands import Fault, Issued, PresenceKind, RefuseIq, SendPresence, TerminateSession
from fargo.statemachine.contacts import Contacts
from fargo.statemachine.events import (
    Event,
    FeaturesLearned,
    Iq,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PresenceProbed,
    Recorded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionModified,
    SessionTerminated,
    SipSignedIn,
    SipSignedOut,
    Stopping,
    StreamOpened,
    SubscriptionChanged,
    TimePassed,
)
from fargo.statemachine.notices import Deadline
from fargo.statemachine.reason import Cause, Reason, to_jingle
from fargo.statemachine.telepathy_leg import TelepathyEvent
from fargo.statemachine.turn import Turn

_MOST_CALLS: Final = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class User:
    """All that is known of one user: account, clients and contacts, calls by id. ``version``: of the last event
    folded in.
    """

    jid: str
    version: int = 0
    account: Account = field(default_factory=Unregistered)
    contacts: Contacts = field(default_factory=Contacts)
    calls: Mapping[str, Call] = field(default_factory=dict)
    stopping: bool = False


def new(jid: str) -> User:
    """A user of whom nothing is known yet (bare JID)."""
    return User(jid)


def is_idle(user: User) -> bool:
    """Whether the user has no account and no call, so that news about the gateway as a whole do not concern them."""
    return isinstance(user.account, Unregistered) and not user.calls


def deadlines(user: User) -> tuple[Deadline, ...]:
    """What is due when, unless the state moves on before."""
    of_calls = (due for call in user.calls.values() for due in calls.deadlines(call))
    return (*accounts.deadlines(user.account), *roster.deadlines(user.contacts), *of_calls)


def secrets(user: User) -> tuple[str, ...]:
    """The names of the passwords that the user's account refers to."""
    match user.account:
        case Unregistered():
            return ()
        case Registered(credentials):
            return (credentials.secret,)
        case (
            accounts.Clearing(credentials=credentials, previous=previous)
            | accounts.Trying(credentials=credentials, previous=previous)
        ):
            return (credentials.secret, previous.secret) if previous else (credentials.secret,)
        case _:
            assert_never(user.account)


def fold(user: User, recorded: Recorded) -> tuple[User, tuple[Issued, ...]]:
    """The user after an event, and the commands it leads to, in order."""
    turn = Turn(recorded)
    try:
        after = _settle(user, _react(user, recorded.event, turn), turn)
    except Exception as error:
        after = _faulty(user, recorded.event, f"{type(error).__name__}: {error}", turn)
    return replace(after, version=recorded.version), turn.issued


def _settle(before: User, after: User, turn: Turn) -> User:
    """Rule 2."""
    online = bool(after.contacts.clients) and not after.stopping
    settled = replace(
        after,
        calls={name: call for name, call in after.calls.items() if not calls.is_over(call)},
        account=accounts.reconcile(after.account, online, turn),
    )
    shown = accounts.shown(settled.account)
    if shown is not None and shown != accounts.shown(before.account) and not settled.stopping:
        roster.show_all(settled.contacts, shown, turn)
    return settled


def _react(user: User, event: Event, turn: Turn) -> User:
    """Bring the event to the room it belongs to."""
    if isinstance(event, TelepathyEvent):
        return _of_call(user, event, turn)
    match event:
        case RegistrationAsked():
            accounts.asked(user.account, event, turn)
            return user
        case RegistrationSubmitted():
            account = accounts.submitted(user.account, event, bool(user.calls), turn)
            return replace(user, account=account)
        case RegistrationCancelled():
            return _cancelled(user, event, turn)
        case IqMalformed():
            turn.issue(RefuseIq(event.iq, "modify", "bad-request", event.problem))
            return user
        case ResourceAvailable():
            gateway = address.domain_of(event.to)
            return replace(user, contacts=roster.available(user.contacts, event, gateway, turn))
        case ResourceUnavailable():
            return _gone(user, event, turn)
        case PresenceProbed():
            shown = accounts.shown(user.account)
            return replace(user, contacts=roster.probed(user.contacts, event.to, shown, turn))
        case SubscriptionChanged():
            shown = accounts.shown(user.account)
            return replace(user, contacts=roster.subscription(user.contacts, event.to, event.action, shown, turn))
        case FeaturesLearned():
            return _learned(user, event, turn)
        case SessionInitiated():
            return _session_initiated(user, event, turn)
        case SessionAccepted() | SessionInformed() | SessionTerminated() | SessionModified():
            return _of_session(user, event, turn)
        case IqSucceeded() | IqFailed():
            return _of_call(user, event, turn)
        case CallArrived():
            return _arrived(user, event, turn)
        case SipSignedIn():
            return replace(user, account=accounts.signed_in(user.account, event, turn))
        case SipSignedOut():
            return _signed_out(user, event, turn)
        case Restarted():
            return _restarted(user, turn)
        case Stopping():
            return _stopping(user, turn)
        case StreamOpened():
            return _stream_opened(user, turn)
        case TimePassed():
            return _expire(user, turn)
        case _:
            assert_never(event)


# --- the account


def _cancelled(user: User, event: RegistrationCancelled, turn: Turn) -> User:
    ended = _end_all(user, Reason(Cause.CANCELLED, "The registration with the gateway was cancelled."), turn)
    account = accounts.cancelled(ended.account, event.iq, turn)
    if isinstance(user.account, Unregistered):
        return ended
    return replace(ended, account=account, contacts=roster.part(ended.contacts, address.domain_of(event.iq.to), turn))


def _signed_out(user: User, event: SipSignedOut, turn: Turn) -> User:
    """The connection is gone, and the calls over it."""
    reason = Reason(Cause.NETWORK, "The SIP account lost its connection.")
    match user.account:
        case Registered(credentials):
            reason = Reason(Cause.NETWORK, accounts.in_words(event, credentials.uri))
        case _:
            pass
    lost = _each(user, lambda call: calls.lose_sip(call, reason, turn) if call.connection == event.connection else call)
    return replace(lost, account=accounts.signed_out(lost.account, event, turn))


# --- clients


def _gone(user: User, event: ResourceUnavailable, turn: Turn) -> User:
    """A client went offline, and out of its calls."""
    left = replace(user, contacts=roster.unavailable(user.contacts, event.resource))
    return _each(left, lambda call: calls.fold(call, event, turn) if calls.concerns(call, event) else call)


def _learned(user: User, event: FeaturesLearned, turn: Turn) -> User:
    """A client said what it can do; a call that looks for clients may have found one, or found out that there is
    none.
    """
    was_able = event.resource in roster.able(user.contacts)
    known = replace(user, contacts=roster.learned(user.contacts, event))
    if event.resource in roster.able(known.contacts) and not was_able:
        return _each(known, lambda call: calls.seek(call, event.resource, turn))
    if not roster.asking(known.contacts):
        return _each(known, lambda call: calls.search_ended(call, turn))
    return known


# --- calls


def _session_initiated(user: User, event: SessionInitiated, turn: Turn) -> User:
    """The user calls (XEP-0166 §6.2)."""
    if any(calls.concerns(call, event) for call in user.calls.values()):
        return _of_call(user, event, turn)
    ready = _ready(user, event.iq, turn)
    if ready is None:
        return user
    credentials, connection = ready
    target = address.parse_contact(event.iq.to, credentials.uri.domain)
    if isinstance(target, BadAddress):
        turn.issue(RefuseIq(event.iq, "modify", "jid-malformed", target.problem))
        return user
    if problem := jingle_leg.line_break(event.contents):
        turn.issue(RefuseIq(event.iq, "modify", "bad-request", problem))
        return user
    return _place(user, event, connection, target, turn)


def _ready(user: User, iq: Iq, turn: Turn) -> tuple[Credentials, str] | None:
    """The user's credentials and connection, if they can call now; else the caller is told why not."""
    match user.account:
        case Registered(credentials, SignedIn(connection)) if len(user.calls) < _MOST_CALLS:
            return credentials, connection
        case Registered(_, SignedIn()):
            text = f"You are in {_MOST_CALLS} calls already: end one first."
            turn.issue(RefuseIq(iq, "wait", "resource-constraint", text))
        case Unregistered() | accounts.Trying(previous=None):
            text = "Register your SIP account with this gateway first."
            turn.issue(RefuseIq(iq, "auth", "registration-required", text))
        case _:
            shown = accounts.shown(user.account)
            text = f"You are not signed in to SIP. {shown.status if shown else ''}".strip()
            turn.issue(RefuseIq(iq, "wait", "recipient-unavailable", text))
    return None


def _place(user: User, event: SessionInitiated, connection: str, target: SipUri, turn: Turn) -> User:
    """Put the client's offer through; one that cannot be is acknowledged and then ended with the reason (XEP-0166
    §6.3).
    """
    content = jingle_leg.audio(event.contents)
    if isinstance(content, Reason):
        jingle_leg.turn_down(event, content, turn)
        return user
    assert content.description is not None
    jingle = jingle_leg.called(event, content, turn)
    sip = telepathy_leg.place(connection, str(target), target.domain, content.description, turn)
    return _with(user, Call(str(turn.version), connection, jingle, sip))


def _arrived(user: User, event: CallArrived, turn: Turn) -> User:
    """Somebody calls the user: ring the clients that can take it."""
    sip, offer = telepathy_leg.arrived(event, turn)
    call = Call(str(turn.version), event.connection, jingle_leg.Over(), sip)
    if isinstance(offer, Reason):
        return _with(user, call)
    match user.account:
        case Registered(credentials, SignedIn(connection)) if connection == event.connection:
            pass
        case _:
            return _with(user, calls.end(call, Reason(Cause.UNAVAILABLE, "The called user is not signed in."), turn))
    if len(user.calls) >= _MOST_CALLS:
        return _with(user, calls.end(call, Reason(Cause.BUSY, "The called user is in too many calls."), turn))
    clients = roster.able(user.contacts)
    if not clients and not roster.asking(user.contacts):
        return _with(user, calls.end(call, jingle_leg.NOBODY, turn))
    us = _caller(event, credentials.gateway)
    jingle = jingle_leg.invite(f"{credentials.nonce}{turn.version}", us, clients, offer, turn)
    return _with(user, replace(call, jingle=jingle))


def _caller(event: CallArrived, gateway: str) -> str:
    """The full JID that stands for the caller; one that has no address a JID can express is anonymous."""
    uri = telepathy_leg.caller(event)
    jid = uri if isinstance(uri, BadAddress) else address.contact(uri, gateway)
    return f"{'anonymous%anonymous.invalid@' + gateway if isinstance(jid, BadAddress) else jid}/{roster.RESOURCE}"


def _of_session(
    user: User, event: SessionAccepted | SessionInformed | SessionTerminated | SessionModified, turn: Turn
) -> User:
    """An action on a session; one that we are not in is answered with unknown-session (XEP-0166 §10)."""
    if not any(calls.concerns(call, event) for call in user.calls.values()):
        text = "There is no such call (any more)."
        turn.issue(RefuseIq(event.iq, "cancel", "item-not-found", text, "unknown-session"))
        return user
    return _of_call(user, event, turn)


def _of_call(user: User, event: CallEvent, turn: Turn) -> User:
    """What concerns no call came too late, and changes nothing."""
    return _each(user, lambda call: calls.fold(call, event, turn) if calls.concerns(call, event) else call)


def _each(user: User, change: Callable[[Call], Call]) -> User:
    return replace(user, calls={name: change(call) for name, call in user.calls.items()})


def _with(user: User, call: Call) -> User:
    return replace(user, calls={**user.calls, call.id: call})


def _end_all(user: User, reason: Reason, turn: Turn) -> User:
    return _each(user, lambda call: calls.end(call, reason, turn))


# --- the gateway as a whole


def _restarted(user: User, turn: Turn) -> User:
    """Nothing is left on the SIP side, and who is online will be asked."""
    reason = Reason(Cause.NETWORK, "The gateway was restarted.")
    ended = _each(user, lambda call: calls.end(calls.lose_sip(call, reason, turn), reason, turn))
    return replace(
        ended,
        account=accounts.restarted(user.account, turn),
        contacts=replace(user.contacts, clients={}),
        stopping=False,
    )


def _stopping(user: User, turn: Turn) -> User:
    ended = _end_all(user, Reason(Cause.NETWORK, "The gateway is being stopped."), turn)
    shown = accounts.shown(user.account)
    if shown is not None:
        away = replace(shown, available=False, show="", status="The gateway is being stopped.")
        roster.show_all(user.contacts, away, turn)
    return replace(ended, account=accounts.stop(user.account, turn), stopping=True)


def _stream_opened(user: User, turn: Turn) -> User:
    """Ask who is online (XEP-0100 §7), and show what there is."""
    shown = accounts.shown(user.account)
    if shown is None:
        return user
    turn.issue(SendPresence(shown.gateway, user.jid, PresenceKind.PROBE))
    roster.show_all(user.contacts, shown, turn)
    return replace(user, contacts=roster.doubt(user.contacts, turn))


def _expire(user: User, turn: Turn) -> User:
    """Rule 3."""
    for resource in roster.missing(user.contacts, turn.at):
        user = _gone(user, ResourceUnavailable(resource, ""), turn)
    expired = _each(user, lambda call: calls.expire(call, turn))
    return replace(expired, account=accounts.expire(expired.account, turn))


# --- bugs


def _faulty(user: User, event: Event, error: str, turn: Turn) -> User:
    """Rule 1: the call that the event concerns is ended from what was known before the event; the rest stays as it
    was.
    """
    turn.withdraw()
    call = next((c for c in user.calls.values() if _touches(c, event)), None)
    turn.issue(Fault(call.id if call else "", error))
    iq = getattr(event, "iq", None)
    if iq is not None:
        turn.issue(
            RefuseIq(iq, "wait", "internal-server-error", "The gateway made a mistake; it has been written down.")
        )
    if call is None:
        return user
    reason = Reason(Cause.FAULT, "The gateway made a mistake in this call; it has been written down.")
    for session in jingle_leg.sessions(call.jingle):
        turn.issue(TerminateSession(session.us, session.client, session.sid, to_jingle(reason), reason.text))
    telepathy_leg.abandon(call.sip, turn)
    return replace(user, calls={name: c for name, c in user.calls.items() if c is not call})


def _touches(call: Call, event: Event) -> bool:
    return isinstance(event, CallEvent) and calls.concerns(call, event)
