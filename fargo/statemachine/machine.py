"""One XMPP user's whole state, folded from their stream of events. The root of the core.

Rules:

1. `fold` is total: any event in any state gives a state and commands, and no exception. A bug in a room ends the
   call it happened in, as a `Fault` that the log lets anyone replay, and nothing else.
2. After every event that is not about one call alone, the account is reconciled with the clients online, and the user
   is shown the account if its appearance has changed.
3. Timers are derived: `deadlines` says what is due when; `TimePassed` does what is due by its time, and nothing if
   nothing is.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine import address, incoming, outgoing, snapshot
from fargo.statemachine.account import account_state, connection, registration, roster
from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.account.roster import Contacts, Shown
from fargo.statemachine.call import bridge, call_state
from fargo.statemachine.call.call_state import Call, CallEvent
from fargo.statemachine.effects import Turn
from fargo.statemachine.legs.jingle import jingle_session, jmi, unacknowledged
from fargo.statemachine.legs.leg_events import Deadline
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.relay.relay_leg import OfCommand
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent
from fargo.statemachine.model.call1 import CallArrived, ChannelEvent
from fargo.statemachine.model.call_records import NoteAccount, Side
from fargo.statemachine.model.commands import (
    Fault,
    Forget,
    Issued,
    PresenceKind,
    RefuseIq,
    SendPresence,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    CallMessaged,
    CallProposed,
    Condensed,
    Event,
    FeaturesLearned,
    IqEvent,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PolicyChanged,
    PresenceProbed,
    Recorded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SessionAccepted,
    SessionEvent,
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
from fargo.statemachine.model.ng import RelayDescribed, RelayDone, RelayLost, RelayRefused
from fargo.statemachine.reason import Cause, Reason, to_jingle
from fargo.statemachine.user_state import User, changed, concerned, each

_OfSession: TypeAlias = SessionAccepted | SessionInformed | SessionTerminated | SessionModified
_BeyondCalls: TypeAlias = (
    TimePassed
    | ResourceAvailable
    | ResourceUnavailable
    | PresenceProbed
    | SubscriptionChanged
    | FeaturesLearned
    | RegistrationAsked
    | RegistrationSubmitted
    | RegistrationCancelled
    | SipSignedIn
    | SipSignedOut
    | RelayLost
    | StreamOpened
    | Restarted
    | Stopping
)
_LONGEST_MEMORY: Final = 600.0
"""Seconds for which a user who has cancelled is remembered: what is under way to or from them may take as long."""


def new(jid: str) -> User:
    """A user of whom nothing is known yet (bare JID)."""
    return User(jid)


def is_idle(user: User) -> bool:
    """Whether there is nothing about the user that news about the gateway as a whole could change."""
    busy = user.calls or user.contacts.clients or user.farewells or user.stopping
    return isinstance(user.account, Unregistered) and not busy


def deadlines(user: User) -> tuple[Deadline, ...]:
    """What is due when, unless the state moves on before."""
    of_calls = (due for call in user.calls.values() for due in call_state.deadlines(call))
    of_account, of_contacts = connection.deadlines(user.account), roster.deadlines(user.contacts)
    rest = (*jmi.deadlines(user.proposals), *unacknowledged.deadlines(user.farewells), *_oblivion(user))
    return (*of_account, *of_contacts, *of_calls, *rest)


def _oblivion(user: User) -> Iterator[Deadline]:
    """When a user who has cancelled is to be forgotten: not while anything is open."""
    is_open = user.calls or user.proposals or user.farewells
    if isinstance(user.account, Unregistered) and user.account.since and not is_open:
        yield Deadline("the user to be forgotten", user.account.since + _LONGEST_MEMORY)


def condensed(user: User) -> Condensed | None:
    """The event that makes the user as they are now of one who is new; None while anything is going on."""
    if user.calls or user.proposals or user.farewells or user.stopping:
        return None
    return snapshot.condensed(user.account, user.contacts, user.policy)


def secrets(user: User) -> tuple[str, ...]:
    """The names of the passwords that the user's account refers to."""
    return account_state.secrets(user.account)


def fold(user: User, recorded: Recorded) -> tuple[User, tuple[Issued, ...]]:
    """The user after an event, and the commands it leads to, in order."""
    turn = Turn(recorded.user, recorded.version, recorded.at)
    try:
        after = _react(user, recorded.event, turn)
        for issued in turn.issued:  # most end nothing, so that is what is asked first, and of a set
            if type(issued.command) in unacknowledged.LAST_WORDS:
                after = replace(after, farewells=unacknowledged.said(after.farewells, issued, turn))
    except Exception as error:
        after = _faulty(user, recorded.event, f"{type(error).__name__}: {error}", turn)
    if turn.notes:
        turn.close()
    return after, tuple(turn.issued)


def _reconciled(before: User, after: User, turn: Turn) -> User:
    """Rule 2, as far as the event has changed anything that it is about."""
    if after.account is before.account and after.contacts is before.contacts and after.stopping is before.stopping:
        return after
    online = bool(after.contacts.clients) and not after.stopping
    settled = replace(after, account=connection.reconcile(after.account, online, turn))
    shown, was = account_state.shown(settled.account), account_state.shown(before.account)
    if shown != was:
        _note_account(shown, turn)
    if shown is None or settled.stopping:
        return settled
    if shown != was:
        roster.show_all(settled.contacts, shown, turn)
    elif after.contacts.clients.keys() - before.contacts.clients.keys():
        roster.show_gateway(shown, turn)
    return settled


def _react(user: User, event: Event, turn: Turn) -> User:
    """Bring the event to the room it belongs to. What comes in every call is looked for first: a case that does not fit
    costs a tenth of a microsecond.
    """
    match event:
        case ChannelEvent():
            return _of_channel(user, event, turn)
        case IqEvent():
            return _answered(user, event, turn)
        case SessionInitiated():
            return outgoing.initiated(user, event, turn)
        case SessionEvent():
            return _of_session(user, event, turn)
        case CallArrived():
            return incoming.arrived(user, event, turn)
        case RelayDescribed() | RelayDone() | RelayRefused():
            return _of_relay(user, event, turn)
        case CallProposed():
            return outgoing.proposed(user, event, turn)
        case CallMessaged():
            return _messaged(user, event, turn)
        case IqMalformed():
            turn.issue(RefuseIq(event.iq, "modify", "bad-request", event.problem))
            return user
        case PolicyChanged():
            return replace(user, policy=event.policy)
        case Condensed():
            return _restored(user.jid, event, turn)
        case _:
            return _reconciled(user, _beyond_calls(user, event, turn), turn)


def _beyond_calls(user: User, event: _BeyondCalls, turn: Turn) -> User:
    """What is about the account, its clients and contacts, or the gateway, and maybe about all calls with that."""
    match event:
        case TimePassed():
            return _expire(user, turn)
        case ResourceAvailable():
            gateway = address.domain_of(event.to)
            return replace(user, contacts=roster.available(user.contacts, event, gateway, turn))
        case ResourceUnavailable():
            return user if address.local_of(event.to) else _gone(user, event, turn)
        case PresenceProbed():
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.probed(user.contacts, event.to, shown, turn))
        case SubscriptionChanged():
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.subscription(user.contacts, event.to, event.action, shown, turn))
        case FeaturesLearned():
            return _learned(user, event, turn)
        case RegistrationAsked():
            registration.asked(user.account, event, turn)
            return user
        case RegistrationSubmitted():
            account = registration.submitted(
                user.account, event, any(map(call_state.is_live, user.calls.values())), turn
            )
            return replace(user, account=account)
        case RegistrationCancelled():
            return _cancelled(user, event, turn)
        case SipSignedIn():
            return replace(user, account=connection.signed_in(user.account, event, turn))
        case SipSignedOut():
            return _signed_out(user, event, turn)
        case RelayLost():
            return each(user, lambda call: bridge.lose_relay(call, event, turn), turn)
        case StreamOpened():
            return _stream_opened(user, turn)
        case Restarted():
            return _restarted(user, turn)
        case Stopping():
            return _stopping(user, turn)
        case _:
            assert_never(event)


def _restored(jid: str, event: Condensed, turn: Turn) -> User:
    """The user who was condensed."""
    account, contacts = snapshot.account(event), Contacts(event.clients, event.subscribed)
    if (shown := account_state.shown(account)) is not None:
        _note_account(shown, turn)
    return User(jid, account=account, contacts=contacts, policy=event.policy)


def _note_account(shown: Shown | None, turn: Turn) -> None:
    turn.note(NoteAccount(shown.account.words, shown.available, shown.status) if shown else NoteAccount())


# --- the account


def _cancelled(user: User, event: RegistrationCancelled, turn: Turn) -> User:
    ended = _end_all(user, Reason(Cause.CANCELLED, "The registration with the gateway was cancelled."), turn)
    account = registration.cancelled(ended.account, event.iq, turn)
    if isinstance(user.account, Unregistered):
        return ended
    left = roster.part(ended.contacts, address.domain_of(event.iq.to), turn)
    return replace(ended, account=account, contacts=left, proposals={})


def _signed_out(user: User, event: SipSignedOut, turn: Turn) -> User:
    """The connection is gone, and the calls over it."""
    reason = Reason(Cause.NETWORK, "The SIP account lost its connection.")
    match user.account:
        case Registered(credentials):
            reason = Reason(Cause.NETWORK, account_state.in_words(event, credentials.uri))
        case _:
            pass
    lost = each(
        user, lambda call: bridge.lose_sip(call, reason, turn) if call.connection == event.connection else call, turn
    )
    return replace(lost, account=connection.signed_out(lost.account, event, turn))


# --- clients


def _gone(user: User, event: ResourceUnavailable, turn: Turn) -> User:
    """A client went offline, and out of its calls."""
    left = replace(user, contacts=roster.unavailable(user.contacts, event.resource))
    return each(left, lambda call: bridge.client_gone(call, event, turn), turn)


def _learned(user: User, event: FeaturesLearned, turn: Turn) -> User:
    """A client said what it can do; a call that looks for clients may have found one, or found out that there is
    none.
    """
    known = replace(user, contacts=roster.learned(user.contacts, event))
    client = roster.able(known.contacts, user.policy).get(event.resource)
    if client and event.resource not in roster.able(user.contacts, user.policy):
        return each(known, lambda call: bridge.seek(call, event.resource, client, user.policy, turn), turn)
    if not roster.asking(known.contacts):
        return each(known, lambda call: bridge.search_ended(call, turn), turn)
    return known


# --- calls


def _of_session(user: User, event: _OfSession, turn: Turn) -> User:
    """An action on a session; one that we are not in is answered with unknown-session (XEP-0166 §10)."""
    if call := concerned(user, event):
        return changed(user, call, bridge.fold_jingle(call, event, turn), turn)
    if isinstance(event, SessionTerminated):
        left = unacknowledged.crossed(user.farewells, event, turn)
        if left is not None:
            return replace(user, farewells=left)
    jingle_session.unknown_session(event.iq, turn)
    return user


def _answered(user: User, event: IqSucceeded | IqFailed, turn: Turn) -> User:
    """A client has answered what a call said, or a farewell; else it came too late, and changes nothing."""
    if call := concerned(user, event):
        return changed(user, call, bridge.fold_jingle(call, event, turn), turn)
    farewells = unacknowledged.answered(user.farewells, event)
    return user if farewells is user.farewells else replace(user, farewells=farewells)


def _messaged(user: User, event: CallMessaged, turn: Turn) -> User:
    """What a client says about a proposed call."""
    user = replace(user, proposals=jmi.taken_back(user.proposals, event))
    call = concerned(user, event)
    return changed(user, call, bridge.fold_jingle(call, event, turn), turn) if call else user


def _of_channel(user: User, event: TelepathyEvent, turn: Turn) -> User:
    """What concerns no call came too late, and changes nothing."""
    for call in user.calls.values():
        if call.sip.channel == event.channel:
            return changed(user, call, bridge.fold_sip(call, event, turn), turn)
    return user


def _of_relay(user: User, event: OfCommand, turn: Turn) -> User:
    """The same for the relay."""
    for call in user.calls.values():
        if relay_leg.concerns(call.relay, event):
            return changed(user, call, bridge.fold_relay(call, event, turn), turn)
    return user


def _end_all(user: User, reason: Reason, turn: Turn) -> User:
    return each(user, lambda call: bridge.end(call, reason, turn), turn)


# --- the gateway as a whole


def _restarted(user: User, turn: Turn) -> User:
    """Nothing is left on the SIP side, and who is online will be asked."""
    reason = Reason(Cause.NETWORK, "The gateway was restarted.")
    ended = each(user, lambda call: bridge.restarted(call, reason, turn), turn)
    return replace(
        ended,
        account=connection.restarted(user.account, turn),
        contacts=replace(user.contacts, clients={}),
        proposals={},
        stopping=False,
    )


def _stopping(user: User, turn: Turn) -> User:
    ended = _end_all(user, Reason(Cause.NETWORK, "The gateway is being stopped."), turn)
    shown = account_state.shown(user.account)
    if shown is not None:
        away = replace(shown, available=False, show="", status="The gateway is being stopped.")
        roster.show_all(user.contacts, away, turn)
    return replace(ended, account=connection.stop(user.account, turn), stopping=True)


def _stream_opened(user: User, turn: Turn) -> User:
    """Ask who is online and still in a call (XEP-0100 §7), show what there is, and say again what may have been
    lost.
    """
    live = tuple(session for call in user.calls.values() for session in jingle_session.sessions(call.jingle))
    user = replace(user, farewells=unacknowledged.repeat(user.farewells, live, turn))
    user = each(user, lambda call: bridge.stream_opened(call, turn), turn)
    shown = account_state.shown(user.account)
    if shown is None:
        return user
    turn.issue(SendPresence(shown.gateway, user.jid, PresenceKind.PROBE))
    roster.show_all(user.contacts, shown, turn)
    return replace(user, contacts=roster.doubt(user.contacts, turn))


def _expire(user: User, turn: Turn) -> User:
    """Rule 3."""
    if any(due.at <= turn.at for due in _oblivion(user)):
        turn.issue(Forget())
        return replace(user, account=Unregistered(), contacts=Contacts())
    for resource in roster.missing(user.contacts, turn.at):
        user = _gone(user, ResourceUnavailable(resource, ""), turn)
    expired = each(user, lambda call: bridge.expire(call, turn), turn)
    return replace(
        expired,
        account=connection.expire(expired.account, turn),
        proposals=jmi.expire(expired.proposals, turn),
        farewells=unacknowledged.expire(expired.farewells, turn),
    )


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
    if isinstance(event, CallArrived):
        telepathy_leg.abandon(event.channel, turn)
    if call is None:
        return user
    reason = Reason(Cause.FAULT, "The gateway made a mistake in this call; it has been written down.")
    call_state.ended(call, Side.GATEWAY, reason, turn)
    for session in jingle_session.sessions(call.jingle):
        turn.issue(TerminateSession(session.us, session.client, session.sid, to_jingle(reason), reason.text))
    telepathy_leg.abandon(call.sip.channel, turn)
    relay_leg.delete(call.relay, turn)
    return replace(user, calls={name: c for name, c in user.calls.items() if c is not call})


def _touches(call: Call, event: Event) -> bool:
    return isinstance(event, CallEvent) and call_state.concerns(call, event)
