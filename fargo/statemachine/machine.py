"""The root of the core: it folds the events of one XMPP user into that user's state, and returns the commands.

Rules:

1. `fold` is total: any event in any state returns a state and commands, and raises nothing. A bug in a module ends only
   the call in which it occurred, with a `Fault` in the log, from which it can be reproduced.
2. After every event that is not about a single call, the account is reconciled with the online clients and with the
   user's wish to stay signed in without one, and the user gets new presence if the account's appearance has changed. An
   account is not signed out while clients in calls are awaited (`awaited`).
3. The state stores no timers: `deadlines` and `next_due` derive them. `TimePassed` does all that is due at its time.
4. This file says which module handles an event. `gateway` has what concerns the gateway as a whole.
"""

from functools import partial
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine import (
    address,
    awaited,
    clients,
    connections,
    faults,
    gateway,
    handing_over,
    incoming,
    outgoing,
    prompt,
    referred,
    replies,
    snapshot,
    texts,
    unrecorded,
    upcoming,
)
from fargo.statemachine.account import account_state, connection, registration, roster, sign_in
from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.call import bridge, call_state, handover
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_each_call, in_part
from fargo.statemachine.legs.jingle import jingle_session, jmi, unacknowledged
from fargo.statemachine.legs.sip import sip_leg, transferring
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import (
    Issued,
    RefuseIq,
    SendText,
)
from fargo.statemachine.model.events import (
    Announced,
    ClockJumped,
    CommandAsked,
    ContactAsked,
    DrainChanged,
    Event,
    FeaturesLearned,
    GatewayAsked,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PolicyChanged,
    PresenceProbed,
    Recorded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    RequestsRefused,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    RoomChanged,
    SipSignedIn,
    SipSignedOut,
    Snapshot,
    Stopping,
    StreamOpened,
    SubscriptionChanged,
    TextWritten,
    TimePassed,
    TypingNoticed,
    UserRemoved,
)
from fargo.statemachine.model.jingle_events import (
    CallMessaged,
    CallProposed,
    ContentChanged,
    SessionAccepted,
    SessionEvent,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.model.mailbox import GIVEN_UP
from fargo.statemachine.model.ng import RelayDescribed, RelayDone, RelayLost, RelayRefused
from fargo.statemachine.model.sip import SipAccountEvent, SipCallArrived, SipCallEvent, SipTextArrived
from fargo.statemachine.model.sip_messages import EdgeRestarted, RegistrationEvent
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.self_service import commands, desk, notices, voicemail
from fargo.statemachine.texting import inbox, outbox
from fargo.statemachine.user_state import User, changed, closed, concerned, spoken_to, stays_signed_in

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
    | UserRemoved
)
_OF_CLIENTS: Final = (IqSucceeded, IqFailed)


def new(jid: str) -> User:
    """Return the state of a user (bare JID) before the first event."""
    return User(jid)


def is_idle(user: User) -> bool:
    """Return True if an event about the gateway as a whole cannot change anything in the user's state."""
    busy = user.calls or user.contacts.clients or user.pending or user.registrations or user.stopping or user.prompt
    return isinstance(user.account, Unregistered) and not busy


def deadlines(user: User) -> tuple[Deadline, ...]:
    """Return everything that is due at some time, unless the state changes before."""
    return upcoming.deadlines(user)


def next_due(user: User) -> float | None:
    """Return the time of the earliest of the deadlines (seconds since 1970), None if there is none."""
    return upcoming.next_due(user)


def condensed(user: User) -> Snapshot | None:
    """Return the event that leads from a new user to this state; None while anything else is going on."""
    if user.calls or user.stopping or user.moved or closed(user) or user.prompt or user.texts:
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
        if after.awaited:
            after = _still_awaited(after, recorded.event, effects)
    except Exception as error:
        call = None if isinstance(recorded.event, _NotOfOneCall) else effects.call
        effects = Effects(recorded.user, recorded.version, recorded.at, user.pending, user.registrations, call)
        after = faults.ended(user, recorded.event, error, effects)
    same = after.account is user.account and effects.registrations is user.registrations
    kind = type(recorded.event)
    if kind is TimePassed or not (same or kind is Snapshot):
        after = _account_noted(user, after, effects)
    if effects.pending is not after.pending or effects.registrations is not after.registrations:
        after = replace(after, pending=effects.pending, registrations=effects.registrations)
    if effects.records:
        call = effects.call
        after = in_part(after, desk.noted, effects)
        effects.call = call
        effects.close()
    return after, tuple(effects.issued), effects.call


def _account_noted(before: User, after: User, effects: Effects) -> User:
    """Return the user after what the account's state means for its troubles and its mailbox. The event stays with its
    call.
    """
    call = effects.call
    if after.account is not before.account:
        after = in_part(after, notices.noted, effects, drop=lambda user, _: replace(user, trouble=None))
    if after.mailbox is None or not after.mailbox.given_up:
        after = in_part(after, voicemail.noted, effects, drop=lambda user, _: replace(user, mailbox=GIVEN_UP))
    effects.call = call
    return after


def answers(
    user: User, event: Event, at: float, policy: Policy, no_room: bool, draining: bool
) -> tuple[Issued, ...] | None:
    """Return the commands that an event leads to if it needs no row in the log, None if it needs one (`unrecorded`)."""
    return unrecorded.answers(fold, user, event, at, policy, no_room, draining)


def _reconciled(before: User, after: User, effects: Effects) -> User:
    """Apply rule 2 if the event has changed the account, the clients, the settings or ``stopping``."""
    same_clients = after.contacts is before.contacts and after.awaited is before.awaited
    same_wishes = after.settings is before.settings and after.stopping is before.stopping
    if after.account is before.account and same_clients and same_wishes:
        return after
    return in_part(after, partial(_reconcile, before=before), effects)


def _reconcile(after: User, effects: Effects, before: User) -> User:
    wanted = (bool(after.contacts.clients) or stays_signed_in(after)) and not after.stopping
    settled = after
    if wanted or after.stopping or not awaited.keep_account(after):
        comes = after.contacts.clients and not before.contacts.clients
        account = connection.came_online(after.account) if comes else after.account
        settled = replace(after, account=connection.reconcile(account, wanted, effects))
    shown, was = account_state.shown(settled.account), account_state.shown(before.account)
    if shown != was:
        connections.record_account(shown, effects)
    if shown is None or settled.stopping:
        return settled
    if shown != was:
        roster.show_all(settled.contacts, shown, effects)
        roster.show_strangers(settled.contacts, shown, effects)
    elif after.contacts.clients.keys() - before.contacts.clients.keys():
        roster.show_gateway(shown, effects)
    return settled


def _asked(before: User, after: User, effects: Effects) -> User:
    """Apply rule 2 to what the user has asked for. The event stays with the call that it has begun."""
    call = effects.call
    after = _reconciled(before, after, effects)
    effects.call = call
    return after


def _still_awaited(user: User, event: Event, effects: Effects) -> User:
    """Return the user after an event by which a client may be heard of. Sign out if only calls that are over now have
    kept the account signed in. The event belongs to the same call as before.
    """
    call = effects.call
    after = awaited.after(user, event, effects)
    if awaited.keep_account(user) and not any(map(call_state.is_live, after.calls.values())):
        after = in_part(after, partial(_reconcile, before=user), effects)
    effects.call = call
    return after


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
        case GatewayAsked():
            return _asked(user, desk.asked(user, event, effects), effects)
        case CommandAsked():
            return _asked(user, commands.asked(user, event, effects), effects)
        case TextWritten():
            return outbox.written(user, event, effects)
        case TypingNoticed():
            return outbox.noticed(user, event, effects)
        case SipTextArrived():
            return inbox.received(user, event, effects)
        case ContactAsked():
            return prompt.asked(user, event, effects)
        case IqMalformed():
            effects.emit(RefuseIq(event.iq, "modify", "bad-request", event.problem))
            return user
        case PolicyChanged():
            return gateway.policy_changed(user, event.policy, effects)
        case RoomChanged(none):
            return replace(user, no_room=none)
        case DrainChanged(on):
            return replace(user, draining=on)
        case RequestsRefused():
            return user
        case Announced(text):
            return gateway.announced(user, text, effects)
        case Snapshot():
            return _from_snapshot(user.jid, event, effects)
        case _:
            return _reconciled(user, _not_of_one_call(user, event, effects), effects)


def _not_of_one_call(user: User, event: _NotOfOneCall, effects: Effects) -> User:
    """Handle an event about the account, the clients, the contacts, or the gateway. It may affect all calls."""
    match event:
        case TimePassed():
            return gateway.expire(user, effects)
        case ResourceAvailable():
            contacts = roster.available(user.contacts, event, address.domain_of(event.to), effects)
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.directed(contacts, event, shown, effects))
        case ResourceUnavailable():
            if address.local_of(event.to):
                return replace(user, contacts=roster.hidden(user.contacts, event, effects))
            return clients.offline(user, event, effects)
        case PresenceProbed():
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.probed(user.contacts, event.to, shown, effects))
        case SubscriptionChanged():
            shown = account_state.shown(user.account)
            return replace(user, contacts=roster.subscription(user.contacts, event.to, event.action, shown, effects))
        case FeaturesLearned():
            return clients.learned(user, event, effects)
        case RegistrationAsked():
            registration.asked(user.account, event, user.policy.engine, effects)
            return user
        case RegistrationSubmitted():
            talking, engine = any(map(call_state.is_live, user.calls.values())), user.policy.engine
            account = registration.submitted(user.account, event, talking, engine, effects)
            return replace(user, account=account, prompt=None)
        case RegistrationCancelled():
            return _cancelled(user, event, effects)
        case SipSignedIn():
            return connections.settled(user, sign_in.opened(event), effects)
        case SipSignedOut():
            return connections.settled(user, sign_in.lost(event), effects)
        case SipAccountEvent():
            return connections.settled(user, sign_in.fold(event, effects), effects)
        case EdgeRestarted():
            return gateway.edge_restarted(user, effects)
        case RelayLost():
            return in_each_call(user, lambda call, effects: bridge.lose_relay(call, event, effects), effects)
        case ClockJumped(seconds):
            return gateway.clock_jumped(user, seconds, effects)
        case StreamOpened():
            return gateway.stream_opened(user, effects)
        case Restarted():
            return gateway.restarted(user, effects)
        case Stopping():
            return gateway.stopping(user, effects)
        case UserRemoved():
            return _removed(user, effects)
        case _:
            assert_never(event)


def _from_snapshot(jid: str, event: Snapshot, effects: Effects) -> User:
    """Return the user's state from a snapshot."""
    account, effects.pending = snapshot.account(event), snapshot.pending(event)
    effects.registrations = event.registrations
    if (shown := account_state.shown(account)) is not None:
        connections.record_account(shown, effects)
    return User(
        jid,
        account=account,
        contacts=snapshot.contacts(event),
        policy=event.policy,
        settings=event.settings,
        recent=event.recent,
        trouble=event.trouble,
        mailbox=event.mailbox,
        typing=event.typing,
        stranger=event.stranger,
    )


# --- the account


def _cancelled(user: User, event: RegistrationCancelled, effects: Effects) -> User:
    ended = gateway.end_all(user, Reason(Cause.CANCELLED, texts.REGISTRATION_CANCELLED), effects)
    account = registration.cancelled(ended.account, event.iq, effects)
    if isinstance(user.account, Unregistered):
        return ended
    return _parted(replace(ended, account=account), address.domain_of(event.iq.to), effects)


def _removed(user: User, effects: Effects) -> User:
    ended = gateway.end_all(user, Reason(Cause.CANCELLED, texts.USER_REMOVED, ours=True), effects)
    registered = account_state.in_force(user.account)
    account = registration.removed(ended.account, effects)
    if registered is None:
        return replace(ended, account=account)
    effects.emit(SendText(registered.gateway, user.jid, texts.USER_REMOVED))
    return _parted(replace(ended, account=account), registered.gateway, effects)


def _parted(user: User, us: str, effects: Effects) -> User:
    """End all that there is between the contacts and a user who is not registered any more. ``us``: our JID."""
    jmi.forget_all(effects)
    return replace(user, contacts=roster.part(user.contacts, us, effects))


# --- calls


def _of_session(user: User, event: _OfSession, effects: Effects) -> User:
    """Pass a Jingle action to its call. Answer one on an unknown session with unknown-session (XEP-0166 §10)."""
    if call := concerned(user, event):
        effects.call = call.id
        if handing_over.is_asked(event):
            return handing_over.informed(user, call, event, effects)
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
    """Pass an event of the SIP leg to its call, or to the text or mailbox that it is about. One that came after the end
    of its call changes no state.
    """
    call = spoken_to(user, event)
    if call is None and (text := outbox.concerned(user, event)):
        return outbox.answered(user, text, event, effects)
    if call is None and voicemail.is_about(user, event):
        return voicemail.heard(user, event, effects)
    if call is None:
        sip_leg.strayed(event, effects)
        inbox.forget(event, effects)
        return user
    effects.call = call.id
    if referral := transferring.referral(call.sip, event):
        return changed(user, call, referred.begin(user, call, event, referral, effects), effects)
    if call.handover is not None and handover.is_answer(call, event):
        return changed(user, call, handover.answered(call, event, effects), effects)
    after = bridge.fold_sip(call, inbox.in_call(user, call, event, effects), effects)
    if after.handover is not None:
        after = handover.told_by_phone(after, event, effects)
    return user if after is call else changed(user, call, after, effects)
