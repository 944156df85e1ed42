"""The root of the core: it folds the events of one XMPP user into that user's state, and returns the commands.

Rules:

1. `fold` is total: any event in any state returns a state and commands, and raises nothing. A bug in a module ends only
   the call in which it occurred, with a `Fault` in the log, from which it can be reproduced.
2. After every event that is not about a single call, the account is reconciled with the online clients, and the user
   gets new presence if the account's appearance has changed.
3. The state stores no timers: `deadlines` derives them from it. `TimePassed` does all that is due at its time.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine import address, faults, incoming, outgoing, replies, snapshot, texts
from fargo.statemachine.account import account_state, connection, registration, roster, sign_in
from fargo.statemachine.account.account_state import Account, Lost, Opened, Outcome, Registered, Unregistered
from fargo.statemachine.account.roster import Contacts, Shown
from fargo.statemachine.call import bridge, call_state
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_each_call, in_part
from fargo.statemachine.legs.jingle import jingle_leg, jingle_session, jmi, unacknowledged
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.commands import (
    Forget,
    Issued,
    PresenceKind,
    RefuseIq,
    SendPresence,
)
from fargo.statemachine.model.events import (
    CallMessaged,
    CallProposed,
    ClockJumped,
    ContentChanged,
    Event,
    FeaturesLearned,
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
    SessionTerminated,
    SipSignedIn,
    SipSignedOut,
    Snapshot,
    Stopping,
    StreamOpened,
    SubscriptionChanged,
    TimePassed,
)
from fargo.statemachine.model.ng import RelayDescribed, RelayDone, RelayLost, RelayRefused
from fargo.statemachine.model.sip import SipAccountEvent, SipCallArrived, SipCallEvent
from fargo.statemachine.model.sip_messages import EdgeRestarted, RegistrationEvent
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.user_state import User, able_clients, changed, concerned, spoken_to

_OfSession: TypeAlias = SessionAccepted | SessionInformed | SessionTerminated | ContentChanged
_NotOfOneCall: TypeAlias = (
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
    | RegistrationEvent
    | EdgeRestarted
    | RelayLost
    | ClockJumped
    | StreamOpened
    | Restarted
    | Stopping
)
_OF_CLIENTS: Final = (IqSucceeded, IqFailed)
_CANCELLED_KEPT: Final = 600.0
"""The time in seconds for which the log of a user who has cancelled is kept: stanzas may be under way for that long."""


def new(jid: str) -> User:
    """Return the state of a user (bare JID) before the first event."""
    return User(jid)


def is_idle(user: User) -> bool:
    """Return True if an event about the gateway as a whole cannot change anything in the user's state."""
    busy = user.calls or user.contacts.clients or user.pending or user.registrations or user.stopping
    return isinstance(user.account, Unregistered) and not busy


def deadlines(user: User) -> tuple[Deadline, ...]:
    """Return everything that is due at some time, unless the state changes before."""
    of_calls = (due for call in user.calls.values() for due in call_state.deadlines(call))
    of_registrations = sign_in.deadlines(user.registrations)
    of_user = [due for due in (connection.deadline(user.account), _erasure(user)) if due is not None]
    return (*of_user, *of_registrations, *roster.deadlines(user.contacts), *of_calls, *replies.deadlines(user))


def _erasure(user: User) -> Deadline | None:
    """Return the deadline at which a user who has cancelled is erased. There is none while anything is open."""
    if not isinstance(user.account, Unregistered) or user.account.since is None or user.calls or user.registrations:
        return None
    if any(each.until is not None for each in user.pending.values()):
        return None
    return Deadline(texts.USER_FORGOTTEN, user.account.since + _CANCELLED_KEPT)


def condensed(user: User) -> Snapshot | None:
    """Return the event that leads from a new user to this state; None while anything else is going on."""
    if user.calls or user.stopping:
        return None
    return snapshot.condensed(user)


def secrets(user: User) -> tuple[str, ...]:
    """Return the names in the vault of the passwords that the user's account and registrations refer to."""
    of_registrations = (each.secret for each in user.registrations.values())
    return tuple(dict.fromkeys((*account_state.secrets(user.account), *of_registrations)))


def fold(user: User, recorded: Recorded) -> tuple[User, tuple[Issued, ...], str | None]:
    """Return the user's state after an event, the commands that the event leads to, in order, and the call that the
    event belongs to (see `Recorded`).
    """
    effects = Effects(recorded.user, recorded.version, recorded.at, user.pending, user.registrations)
    try:
        after = _react(user, recorded.event, effects)
    except Exception as error:
        call = None if isinstance(recorded.event, _NotOfOneCall) else effects.call
        effects = Effects(recorded.user, recorded.version, recorded.at, user.pending, user.registrations, call)
        after = faults.ended(user, recorded.event, error, effects)
    if effects.pending is not after.pending or effects.registrations is not after.registrations:
        after = replace(after, pending=effects.pending, registrations=effects.registrations)
    if effects.records:
        effects.close()
    return after, tuple(effects.issued), effects.call


def _reconciled(before: User, after: User, effects: Effects) -> User:
    """Apply rule 2 if the event has changed the account, the clients or ``stopping``."""
    if after.account is before.account and after.contacts is before.contacts and after.stopping is before.stopping:
        return after
    return in_part(after, partial(_reconcile, before=before), effects)


def _reconcile(after: User, effects: Effects, before: User) -> User:
    online = bool(after.contacts.clients) and not after.stopping
    settled = replace(after, account=connection.reconcile(after.account, online, effects))
    shown, was = account_state.shown(settled.account), account_state.shown(before.account)
    if shown != was:
        _record_account(shown, effects)
    if shown is None or settled.stopping:
        return settled
    if shown != was:
        roster.show_all(settled.contacts, shown, effects)
    elif after.contacts.clients.keys() - before.contacts.clients.keys():
        roster.show_gateway(shown, effects)
    return settled


def _react(user: User, event: Event, effects: Effects) -> User:
    """Pass the event to the module that handles it. The most frequent events come first."""
    if isinstance(event, SipCallEvent):
        return _of_sip_leg(user, event, effects)
    if isinstance(event, _OF_CLIENTS):
        return replies.replied(user, event, effects)
    match event:
        case SessionInitiated():
            return outgoing.initiated(user, event, effects)
        case SessionEvent():
            return _of_session(user, event, effects)
        case SipCallArrived():
            return incoming.arrived(user, event, effects)
        case RelayDescribed() | RelayDone() | RelayRefused():
            return replies.replied(user, event, effects)
        case CallProposed():
            return outgoing.proposed(user, event, effects)
        case CallMessaged():
            return _messaged(user, event, effects)
        case IqMalformed():
            effects.emit(RefuseIq(event.iq, "modify", "bad-request", event.problem))
            return user
        case PolicyChanged():
            return _policy_changed(user, event.policy, effects)
        case Snapshot():
            return _from_snapshot(user.jid, event, effects)
        case _:
            return _reconciled(user, _not_of_one_call(user, event, effects), effects)


def _not_of_one_call(user: User, event: _NotOfOneCall, effects: Effects) -> User:
    """Handle an event about the account, the clients, the contacts, or the gateway. It may affect all calls."""
    match event:
        case TimePassed():
            return _expire(user, effects)
        case ResourceAvailable():
            gateway = address.domain_of(event.to)
            return replace(user, contacts=roster.available(user.contacts, event, gateway, effects))
        case ResourceUnavailable():
            return user if address.local_of(event.to) else _client_offline(user, event, effects)
        case PresenceProbed():
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.probed(user.contacts, event.to, shown, effects))
        case SubscriptionChanged():
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.subscription(user.contacts, event.to, event.action, shown, effects))
        case FeaturesLearned():
            return _learned(user, event, effects)
        case RegistrationAsked():
            registration.asked(user.account, event, user.policy.engine, effects)
            return user
        case RegistrationSubmitted():
            talking, engine = any(map(call_state.is_live, user.calls.values())), user.policy.engine
            return replace(user, account=registration.submitted(user.account, event, talking, engine, effects))
        case RegistrationCancelled():
            return _cancelled(user, event, effects)
        case SipSignedIn():
            return _settled(user, sign_in.opened(event), effects)
        case SipSignedOut():
            return _settled(user, sign_in.lost(event), effects)
        case SipAccountEvent():
            return _settled(user, sign_in.fold(event, effects), effects)
        case EdgeRestarted():
            user = _in_each_registration(user, sign_in.edge_restarted, effects)
            return in_part(user, partial(_repeated, repeat=sip_leg.edge_restarted), effects)
        case RelayLost():
            return in_each_call(user, lambda call, effects: bridge.lose_relay(call, event, effects), effects)
        case ClockJumped(seconds):
            return _clock_jumped(user, seconds, effects)
        case StreamOpened():
            return _stream_opened(user, effects)
        case Restarted():
            return _restarted(user, effects)
        case Stopping():
            return _stopping(user, effects)
        case _:
            assert_never(event)


def _from_snapshot(jid: str, event: Snapshot, effects: Effects) -> User:
    """Return the user's state from a snapshot."""
    account, effects.pending = snapshot.account(event), snapshot.pending(event)
    effects.registrations = event.registrations
    if (shown := account_state.shown(account)) is not None:
        _record_account(shown, effects)
    return User(jid, account=account, contacts=snapshot.contacts(event), policy=event.policy)


def _record_account(shown: Shown | None, effects: Effects) -> None:
    effects.record(RecordAccount(shown.account.words, shown.available, shown.status) if shown else RecordAccount())


# --- the account


def _cancelled(user: User, event: RegistrationCancelled, effects: Effects) -> User:
    ended = _end_all(user, Reason(Cause.CANCELLED, texts.REGISTRATION_CANCELLED), effects)
    account = registration.cancelled(ended.account, event.iq, effects)
    if isinstance(user.account, Unregistered):
        return ended
    jmi.forget_all(effects)
    left = roster.part(ended.contacts, address.domain_of(event.iq.to), effects)
    return replace(ended, account=account, contacts=left)


def _policy_changed(user: User, policy: Policy, effects: Effects) -> User:
    """Use the operator's new configuration. The gateway was restarted with it, so another engine has no connection."""
    sign_in.engine_changed(policy.engine, effects)
    account = account_state.moved(user.account, policy.engine)
    shown = account_state.shown(account)
    if shown != account_state.shown(user.account):
        _record_account(shown, effects)
    return replace(user, policy=policy, account=account)


def _settled(user: User, outcome: Outcome | None, effects: Effects) -> User:
    """Update the account after its connection was opened or lost."""
    match outcome:
        case Opened(name):
            return replace(user, account=connection.signed_in(user.account, name, effects))
        case Lost():
            return _signed_out(user, outcome, effects)
        case None:
            return user
        case _:
            assert_never(outcome)


def _signed_out(user: User, lost: Lost, effects: Effects) -> User:
    """End the calls over a SIP connection that is lost, and update the account."""
    reason = Reason(Cause.NETWORK, texts.CONNECTION_LOST)
    match user.account:
        case Registered(credentials):
            reason = Reason(Cause.NETWORK, account_state.in_words(lost, credentials.uri))
        case _:
            pass
    ended = in_each_call(
        user,
        lambda call, effects: bridge.lose_sip(call, reason, effects) if call.connection == lost.connection else call,
        effects,
    )
    return _with_account(ended, lambda account: connection.signed_out(account, lost, effects), effects)


def _in_each_registration(user: User, change: Callable[[str, Effects], Outcome | None], effects: Effects) -> User:
    """Change every registration like this. Forget one if that fails, and tell the user why."""
    for name in tuple(effects.registrations):
        user = in_part(
            user,
            partial(_change_registration, name=name, change=change),
            effects,
            drop=partial(_change_registration, name=name, change=sign_in.drop),
        )
    return user


def _change_registration(
    user: User, effects: Effects, name: str, change: Callable[[str, Effects], Outcome | None]
) -> User:
    return _settled(user, change(name, effects), effects)


def _with_account(user: User, change: Callable[[Account], Account], effects: Effects) -> User:
    """Change the account; sign out if that fails."""
    return in_part(
        user,
        lambda user, effects: replace(user, account=change(user.account)),
        effects,
        drop=lambda user, effects: replace(user, account=connection.abandon(user.account, texts.FAULT, effects)),
    )


# --- clients


def _client_offline(user: User, event: ResourceUnavailable, effects: Effects) -> User:
    """Remove a client that went offline, and take it out of its calls."""
    left = in_part(
        user,
        lambda user, effects: replace(user, contacts=roster.unavailable(user.contacts, event.resource, effects)),
        effects,
        drop=lambda user, effects: replace(user, contacts=roster.drop(user.contacts, event.resource)),
    )
    return in_each_call(left, lambda call, effects: bridge.client_gone(call, event, effects), effects)


def _learned(user: User, event: FeaturesLearned, effects: Effects) -> User:
    """Store a client's features. Incoming calls that look for clients invite it if it can take a call, or end their
    search if no answer is pending any more.
    """
    known = replace(user, contacts=roster.learned(user.contacts, event, effects))
    client = able_clients(known).get(event.resource)
    if client and event.resource not in able_clients(user):
        return in_each_call(
            known, lambda call, effects: bridge.seek(call, event.resource, client, user.policy, effects), effects
        )
    if not roster.questions(effects.pending):
        return in_each_call(known, bridge.search_ended, effects)
    return known


# --- calls


def _of_session(user: User, event: _OfSession, effects: Effects) -> User:
    """Pass a Jingle action to its call. Answer one on an unknown session with unknown-session (XEP-0166 §10)."""
    if call := concerned(user, event):
        effects.call = call.id
        return changed(user, call, bridge.fold_jingle(call, event, effects), effects)
    if isinstance(event, SessionTerminated) and unacknowledged.glare(event, effects):
        return user
    jingle_session.unknown_session(event.iq, effects)
    return user


def _messaged(user: User, event: CallMessaged, effects: Effects) -> User:
    """Pass a client's message about a proposed call to the proposal and to the call."""
    jmi.messaged(event, effects)
    if call := concerned(user, event):
        effects.call = call.id
        return changed(user, call, bridge.fold_jingle(call, event, effects), effects)
    return user


def _of_sip_leg(user: User, event: SipLegEvent, effects: Effects) -> User:
    """Pass an event of the SIP leg to its call. One that came after the end of its call changes no state."""
    call = spoken_to(user, event)
    if call is None:
        sip_leg.strayed(event, effects)
        return user
    effects.call = call.id
    after = bridge.fold_sip(call, event, effects)
    return user if after is call else changed(user, call, after, effects)


def _end_all(user: User, reason: Reason, effects: Effects) -> User:
    return in_each_call(user, lambda call, effects: bridge.end(call, reason, effects), effects)


# --- the gateway as a whole


def _restarted(user: User, effects: Effects) -> User:
    """End all calls and forget the clients: the SIP side was lost, and the clients will be asked for presence. What the
    far end may not have heard is repeated, before anything else is said.
    """
    reason = Reason(Cause.NETWORK, texts.RESTARTED)
    user = in_part(user, partial(_repeated, repeat=sip_leg.restarted), effects)
    user = _in_each_registration(user, sign_in.restarted, effects)
    ended = in_each_call(user, lambda call, effects: bridge.restarted(call, reason, effects), effects)
    ended = in_part(ended, _cleared, effects)
    ended = _with_account(ended, lambda account: connection.restarted(account, effects), effects)
    return replace(ended, stopping=False)


def _repeated(user: User, effects: Effects, repeat: Callable[[Effects], None]) -> User:
    repeat(effects)
    return user


def _cleared(user: User, effects: Effects) -> User:
    """Forget proposals and clients, and repeat what the relay may not have heard."""
    replies.repeat_deletions(user, effects)
    jmi.forget_all(effects)
    return replace(user, contacts=roster.forget_clients(user.contacts, effects))


def _stopping(user: User, effects: Effects) -> User:
    ended = _end_all(user, Reason(Cause.NETWORK, texts.STOPPING), effects)
    ended = in_part(ended, _shown_away, effects)
    ended = _with_account(ended, lambda account: connection.stop(account, effects), effects)
    return replace(ended, stopping=True)


def _shown_away(user: User, effects: Effects) -> User:
    shown = account_state.shown(user.account)
    if shown is not None:
        away = replace(shown, available=False, show=None, status=texts.STOPPING)
        roster.show_all(user.contacts, away, effects)
    return user


def _stream_opened(user: User, effects: Effects) -> User:
    """Ask for the clients' presence, check that they are still in their calls, send them the contacts' presence, and
    repeat what may have been lost with the old stream.
    """
    live = [session for call in user.calls.values() for session in jingle_leg.sessions(call.jingle)]
    unacknowledged.repeat({(session.us, session.client, session.sid) for session in live}, effects)
    user = in_each_call(user, bridge.stream_opened, effects)
    shown = account_state.shown(user.account)
    if shown is None:
        return user
    effects.emit(SendPresence(shown.gateway, user.jid, PresenceKind.PROBE))
    roster.show_all(user.contacts, shown, effects)
    return replace(user, contacts=roster.doubt(user.contacts, effects))


def _clock_jumped(user: User, seconds: float, effects: Effects) -> User:
    """Renew registrations that may have ended meanwhile, and check that the clients are still in their calls. Calls go
    by the time of the events, so they live, whether they ring or are answered.
    """
    user = _in_each_registration(user, partial(sign_in.clock_jumped, seconds=seconds), effects)
    return in_each_call(user, bridge.stream_opened, effects)


def _expire(user: User, effects: Effects) -> User:
    """Do all that is due at the time of the event (rule 3), each part by itself."""
    of_account = (_expire_registrations, _expire_account)
    for expire in (_expire_user, _expire_clients, _expire_calls, replies.expire, *of_account):
        user = in_part(user, expire, effects)
    return user


def _expire_user(user: User, effects: Effects) -> User:
    due = _erasure(user)
    if due is not None and due.at <= effects.at:
        effects.emit(Forget())
        effects.pending = {}
        return replace(user, account=Unregistered(), contacts=Contacts())
    return user


def _expire_clients(user: User, effects: Effects) -> User:
    for resource in roster.missing(user.contacts, effects.at):
        user = _client_offline(user, ResourceUnavailable(resource, ""), effects)
    return user


def _expire_calls(user: User, effects: Effects) -> User:
    return in_each_call(user, bridge.expire, effects)


def _expire_registrations(user: User, effects: Effects) -> User:
    return _in_each_registration(user, sign_in.expire, effects)


def _expire_account(user: User, effects: Effects) -> User:
    due = connection.deadline(user.account)
    if due is not None and due.at <= effects.at:
        return _with_account(user, lambda account: connection.expire(account, effects), effects)
    return user
