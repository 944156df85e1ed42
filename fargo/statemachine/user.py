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
from typing import Final, TypeAlias, TypeGuard, assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from fargo.statemachine import account as accounts
from fargo.statemachine import (
    address,
    bridge,
    farewell,
    inviting,
    jingle_leg,
    offer,
    paths,
    registration,
    relay_leg,
    signing,
    telepathy_leg,
)
from fargo.statemachine import call as calls
from fargo.statemachine import contacts as roster
from fargo.statemachine import proposal as proposed
from fargo.statemachine import session as sessions
from fargo.statemachine.account import Account, Registered, SignedIn, Unregistered
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.call import Call, Caller, CallEvent
from fargo.statemachine.call1 import CallArrived, ChannelEvent
from fargo.statemachine.commands import Fault, Issued, PresenceKind, RefuseIq, SendPresence, TerminateSession
from fargo.statemachine.contacts import Contacts
from fargo.statemachine.events import (
    CallMessaged,
    CallProposed,
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
from fargo.statemachine.farewell import Farewells
from fargo.statemachine.media import Content
from fargo.statemachine.ng import RelayDescribed, RelayDone, RelayLost, RelayRefused
from fargo.statemachine.notes import NoteAccount, Side
from fargo.statemachine.notices import Deadline
from fargo.statemachine.offer import Audio
from fargo.statemachine.paths import Policy, Way
from fargo.statemachine.proposal import Proposals
from fargo.statemachine.reason import Cause, Reason, to_jingle
from fargo.statemachine.relay_leg import OfCommand
from fargo.statemachine.session import Inviting, JingleEvent, JingleLeg, Over
from fargo.statemachine.telepathy_leg import TelepathyEvent
from fargo.statemachine.turn import Turn

_OfSession: TypeAlias = SessionAccepted | SessionInformed | SessionTerminated | SessionModified
_MOST_CALLS: Final = 8


class User(Struct, frozen=True, gc=False):
    """All that is known of one user: account, clients and contacts, calls by id. ``version``: of the last event
    folded in; ``policy``: what the operator wants for calls.
    """

    jid: str
    version: int = 0
    account: Account = field(default_factory=Unregistered)
    contacts: Contacts = field(default_factory=Contacts)
    calls: Mapping[str, Call] = field(default_factory=dict)
    proposals: Proposals = field(default_factory=dict)
    farewells: Farewells = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    stopping: bool = False


def new(jid: str) -> User:
    """A user of whom nothing is known yet (bare JID)."""
    return User(jid)


def is_idle(user: User) -> bool:
    """Whether there is nothing about the user that news about the gateway as a whole could change."""
    busy = user.calls or user.contacts.clients or user.farewells or user.stopping
    return isinstance(user.account, Unregistered) and not busy


def deadlines(user: User) -> tuple[Deadline, ...]:
    """What is due when, unless the state moves on before."""
    of_calls = (due for call in user.calls.values() for due in calls.deadlines(call))
    of_account, of_contacts = signing.deadlines(user.account), roster.deadlines(user.contacts)
    rest = (*proposed.deadlines(user.proposals), *farewell.deadlines(user.farewells))
    return (*of_account, *of_contacts, *of_calls, *rest)


def secrets(user: User) -> tuple[str, ...]:
    """The names of the passwords that the user's account refers to."""
    return accounts.secrets(user.account)


def fold(user: User, recorded: Recorded) -> tuple[User, tuple[Issued, ...]]:
    """The user after an event, and the commands it leads to, in order."""
    turn = Turn(recorded)
    try:
        after = _settle(user, _react(user, recorded.event, turn), turn)
    except Exception as error:
        after = _faulty(user, recorded.event, f"{type(error).__name__}: {error}", turn)
    return replace(after, version=recorded.version), turn.ended()


def _settle(before: User, after: User, turn: Turn) -> User:
    """Rule 2, as far as the event has changed anything that it is about."""
    if turn.issued and (farewells := farewell.said(after.farewells, turn)) is not after.farewells:
        after = replace(after, farewells=farewells)
    if after.calls is not before.calls:
        after = _without_over(before, after, turn)
    same = after.account is before.account and after.contacts is before.contacts
    return after if same and after.stopping == before.stopping else _reconciled(before, after, turn)


def _without_over(before: User, after: User, turn: Turn) -> User:
    left = after.calls
    for call in after.calls.values():
        if calls.is_live(call):
            continue
        calls.missed(before.calls.get(call.id), call, turn)
        if calls.is_over(call):
            left = {name: other for name, other in left.items() if other is not call}
    return after if left is after.calls else replace(after, calls=left)


def _reconciled(before: User, after: User, turn: Turn) -> User:
    online = bool(after.contacts.clients) and not after.stopping
    settled = replace(after, account=signing.reconcile(after.account, online, turn))
    shown, was = accounts.shown(settled.account), accounts.shown(before.account)
    if shown != was:
        turn.note(NoteAccount(shown.account.words, shown.available, shown.status) if shown else NoteAccount())
    if shown is None or settled.stopping:
        return settled
    if shown != was:
        roster.show_all(settled.contacts, shown, turn)
    elif after.contacts.clients.keys() - before.contacts.clients.keys():
        roster.show_gateway(shown, turn)
    return settled


def _react(user: User, event: Event, turn: Turn) -> User:
    """Bring the event to the room it belongs to."""
    match event:
        case ChannelEvent():
            return _of_channel(user, event, turn)
        case IqEvent():
            return _of_call(_heard(user, event), event, turn)
        case SessionInitiated():
            return _session_initiated(user, event, turn)
        case SessionEvent():
            return _of_session(user, event, turn)
        case RegistrationAsked():
            registration.asked(user.account, event, turn)
            return user
        case RegistrationSubmitted():
            account = registration.submitted(user.account, event, any(map(calls.is_live, user.calls.values())), turn)
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
            return user if address.local_of(event.to) else _gone(user, event, turn)
        case PresenceProbed():
            shown = accounts.shown(user.account)
            return replace(user, contacts=roster.probed(user.contacts, event.to, shown, turn))
        case SubscriptionChanged():
            shown = accounts.shown(user.account)
            return replace(user, contacts=roster.subscription(user.contacts, event.to, event.action, shown, turn))
        case FeaturesLearned():
            return _learned(user, event, turn)
        case CallProposed():
            return _proposed(user, event, turn)
        case CallMessaged():
            taken_back = replace(user, proposals=proposed.taken_back(user.proposals, event))
            return _of_call(taken_back, event, turn)
        case CallArrived():
            return _arrived(user, event, turn)
        case SipSignedIn():
            return replace(user, account=signing.signed_in(user.account, event, turn))
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
        case RelayDescribed() | RelayDone() | RelayRefused():
            return _of_relay(user, event, turn)
        case RelayLost():
            return _each(user, lambda call: bridge.lose_relay(call, event, turn))
        case PolicyChanged():
            return replace(user, policy=event.policy)
        case _:
            assert_never(event)


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
            reason = Reason(Cause.NETWORK, accounts.in_words(event, credentials.uri))
        case _:
            pass
    lost = _each(
        user, lambda call: bridge.lose_sip(call, reason, turn) if call.connection == event.connection else call
    )
    return replace(lost, account=signing.signed_out(lost.account, event, turn))


# --- clients


def _heard(user: User, event: IqSucceeded | IqFailed) -> User:
    """A client has answered; that may have been to a farewell."""
    farewells = farewell.answered(user.farewells, event)
    return user if farewells is user.farewells else replace(user, farewells=farewells)


def _gone(user: User, event: ResourceUnavailable, turn: Turn) -> User:
    """A client went offline, and out of its calls."""
    left = replace(user, contacts=roster.unavailable(user.contacts, event.resource))
    return _each(left, lambda call: bridge.client_gone(call, event, turn))


def _learned(user: User, event: FeaturesLearned, turn: Turn) -> User:
    """A client said what it can do; a call that looks for clients may have found one, or found out that there is
    none.
    """
    known = replace(user, contacts=roster.learned(user.contacts, event))
    client = roster.able(known.contacts, user.policy).get(event.resource)
    if client and event.resource not in roster.able(user.contacts, user.policy):
        return _each(known, lambda call: bridge.seek(call, event.resource, client, user.policy, turn))
    if not roster.asking(known.contacts):
        return _each(known, lambda call: bridge.search_ended(call, turn))
    return known


# --- calls


def _session_initiated(user: User, event: SessionInitiated, turn: Turn) -> User:
    """The user calls (XEP-0166 §6.2)."""
    if call := _concerned(user, event):
        return _changed(user, call, bridge.fold_jingle(call, event, turn))
    follows, rest = proposed.made_good(user.proposals, event)
    user = replace(user, proposals=rest)
    if _wins_tie(user, event):
        text = "You are being called by them at this moment."
        turn.issue(RefuseIq(event.iq, "cancel", "conflict", text, "tie-break"))
        return user
    ready = _ready(user, event.iq.to)
    if isinstance(ready, Refusal):
        turn.issue(RefuseIq(event.iq, ready.kind, ready.condition, ready.reason.text))
        calls.refused(_meant(user, event.iq.to), event.sid, ready.reason, turn)
        return user
    if problem := offer.line_break(event.contents):
        turn.issue(RefuseIq(event.iq, "modify", "bad-request", problem))
        return user
    return _place(user, event, ready, follows, turn)


def _wins_tie(user: User, event: SessionInitiated) -> bool:
    """Whether we are inviting that client in the same parties' names, under the lower session id (XEP-0166 §7.2.16)."""
    return any(
        session.client == event.iq.sender and session.us == event.iq.to and session.sid < event.sid
        for call in user.calls.values()
        if isinstance(call.jingle, Inviting)
        for session in call.jingle.sessions
    )


class Line(Struct, frozen=True, gc=False):
    """What a call of the user goes over, and where to; ``nonce`` makes names unlike those of other users."""

    connection: str
    target: SipUri
    nonce: str


class Refusal(Struct, frozen=True, gc=False):
    """Why the user cannot call: as an error of RFC 6120 §8.3.3, and as a reason."""

    kind: str
    condition: str
    reason: Reason


def _ready(user: User, to: str) -> Line | Refusal:
    """Whether the user can call this contact now."""
    match user.account:
        case Registered(credentials, SignedIn(connection)):
            target = address.parse_contact(to, credentials.uri.domain)
            if isinstance(target, BadAddress):
                return Refusal("modify", "jid-malformed", Reason(Cause.NOT_FOUND, target.problem))
            if target == credentials.uri:
                text = "This is your own SIP address; call somebody else's."
                return Refusal("cancel", "not-allowed", Reason(Cause.NOT_FOUND, text))
            if _is_busy(user):
                text = f"You are in {_MOST_CALLS} calls already: end one first."
                return Refusal("wait", "resource-constraint", Reason(Cause.BUSY, text))
            return Line(connection, target, credentials.nonce)
        case Unregistered() | accounts.Trying(previous=None):
            text = "Register your SIP account with this gateway first."
            return Refusal("auth", "registration-required", Reason(Cause.FORBIDDEN, text))
        case _:
            shown = accounts.shown(user.account)
            text = f"You are not signed in to SIP. {shown.status if shown else ''}".strip()
            return Refusal("wait", "recipient-unavailable", Reason(Cause.UNAVAILABLE, text))


def _is_busy(user: User) -> bool:
    return sum(map(calls.is_live, user.calls.values())) >= _MOST_CALLS


def _place(user: User, event: SessionInitiated, line: Line, follows: bool, turn: Turn) -> User:
    """Put the client's offer through; one that cannot be is acknowledged and then ended with the reason."""
    fit, target = _fit(event.contents, user.policy), line.target
    if isinstance(fit, Reason):
        jingle_leg.turn_down(event, follows, fit, turn)
        calls.refused(target.words, event.sid, fit, turn)
        return user
    audio, way = fit
    calls.placed(target.words, event.sid, turn)
    sip = telepathy_leg.Preparing(line.connection, str(target), target.domain)
    call = Call(str(turn.version), line.connection, turn.at, jingle_leg.called(event, audio, follows, turn), sip)
    return _with(user, bridge.offer(call, audio, way, user.policy, line.nonce, turn))


def _fit(contents: tuple[Content, ...], policy: Policy) -> tuple[Audio, Way] | Reason:
    """What of an offer can be put through, and which way; or why nothing can."""
    audio = offer.audio(contents)
    if isinstance(audio, Reason):
        return audio
    way = paths.choose(audio.description.codecs, audio.manner, policy)
    return way if isinstance(way, Reason) else (audio, way)


def _meant(user: User, to: str) -> str:
    """The SIP address that the user wants to call, as people write it; as much as can be made of a JID."""
    match user.account:
        case Registered(credentials):
            target = address.parse_contact(to, credentials.uri.domain)
        case _:
            target = address.parse_contact(to, address.domain_of(to))
    return address.local_of(to) if isinstance(target, BadAddress) else target.words


def _proposed(user: User, event: CallProposed, turn: Turn) -> User:
    """The user wants to call, and asks first (XEP-0353 §5)."""
    ready = _ready(user, event.to)
    problem = ready.reason if isinstance(ready, Refusal) else proposed.unfit(event)
    if problem:
        proposed.reject(event, problem, turn)
        calls.refused(_meant(user, event.to), event.sid, problem, turn)
        return user
    for call in user.calls.values():
        if not _rivals(call.jingle, event):
            continue
        if call.jingle.sid < event.sid:
            proposed.reject(event, Reason(Cause.BUSY, "You are being called by them at this moment."), turn, True)
            return user
        user = _with(user, _give_way(call, call.jingle, turn))
    return replace(user, proposals=proposed.proceed(user.proposals, event, turn))


def _rivals(leg: JingleLeg, event: CallProposed) -> TypeGuard[Inviting]:
    """Whether we have a proposal out in the name of the one whom the user wants to call (XEP-0353 §6.1)."""
    return isinstance(leg, Inviting) and bool(leg.proposal) and address.bare(leg.us) == address.bare(event.to)


def _give_way(call: Call, leg: Inviting, turn: Turn) -> Call:
    """Our proposal lost the tie: the SIP caller, whom the user is calling, finds the user busy."""
    inviting.retract(leg, Reason(Cause.CANCELLED, "You called them at the same moment."), True, turn)
    return bridge.end(
        replace(call, jingle=replace(leg, proposal="")), Reason(Cause.BUSY, "They are calling you."), turn
    )


def _arrived(user: User, event: CallArrived, turn: Turn) -> User:
    """Somebody calls the user: ring the clients that can take it. A call that is known already was signalled twice."""
    if any(call.sip.channel == event.channel for call in user.calls.values()):
        return user
    sip, offered = telepathy_leg.arrived(event, turn)
    call = Call(str(turn.version), event.connection, turn.at, Over(), sip)
    match user.account:
        case Registered(credentials, SignedIn(connection)) if connection == event.connection:
            call = replace(call, caller=_caller(event, credentials.gateway))
        case _:
            calls.begun(call, _caller(event, ""), "", turn)
            return _with(user, bridge.end(call, Reason(Cause.UNAVAILABLE, "The called user is not signed in."), turn))
    assert call.caller is not None
    if isinstance(offered, Reason):
        calls.begun(call, call.caller, "", turn)
        calls.ended(call, Side.PHONE, offered, turn)
        return _with(user, call)
    if unreachable := _unreachable(user):
        calls.begun(call, call.caller, "", turn)
        return _with(user, bridge.end(call, unreachable, turn))
    as_it_is = offered if paths.goes_directly(offered.codecs, user.policy) else None
    jingle = inviting.invite(f"{credentials.nonce}{turn.version}", call.caller.jid, as_it_is, turn)
    calls.begun(call, call.caller, jingle.sid, turn)
    call = replace(call, jingle=jingle)
    for jid, client in roster.able(user.contacts, user.policy).items():
        call = bridge.seek(call, jid, client, user.policy, turn)
    return _with(user, call)


def _unreachable(user: User) -> Reason | None:
    """Why nobody can be called for the user now; None if somebody may."""
    if _is_busy(user):
        return Reason(Cause.BUSY, "The called user is in too many calls.")
    return None if roster.able(user.contacts, user.policy) or roster.asking(user.contacts) else inviting.NOBODY


def _caller(event: CallArrived, gateway: str) -> Caller:
    """Who calls, and the JID that stands for them; one that has no address a JID can express is anonymous."""
    uri, name = telepathy_leg.caller(event)
    jid = uri if isinstance(uri, BadAddress) else address.contact(uri, gateway)
    if isinstance(uri, BadAddress) or isinstance(jid, BadAddress):
        return Caller(f"anonymous%anonymous.invalid@{gateway}/{roster.RESOURCE}", "", name)
    return Caller(f"{jid}/{roster.RESOURCE}", uri.words, name)


def _of_session(user: User, event: _OfSession, turn: Turn) -> User:
    """An action on a session; one that we are not in is answered with unknown-session (XEP-0166 §10)."""
    if call := _concerned(user, event):
        return _changed(user, call, bridge.fold_jingle(call, event, turn))
    if isinstance(event, SessionTerminated):
        left = farewell.crossed(user.farewells, event, turn)
        if left is not None:
            return replace(user, farewells=left)
    sessions.unknown_session(event.iq, turn)
    return user


def _of_call(user: User, event: JingleEvent, turn: Turn) -> User:
    """What concerns no call came too late, and changes nothing."""
    call = _concerned(user, event)
    return _changed(user, call, bridge.fold_jingle(call, event, turn)) if call else user


def _concerned(user: User, event: JingleEvent) -> Call | None:
    """The call whose XMPP leg the event is about; there are never two."""
    for call in user.calls.values():
        if jingle_leg.concerns(call.jingle, event):
            return call
    return None


def _of_channel(user: User, event: TelepathyEvent, turn: Turn) -> User:
    """The same for the SIP side."""
    for call in user.calls.values():
        if call.sip.channel == event.channel:
            return _changed(user, call, bridge.fold_sip(call, event, turn))
    return user


def _of_relay(user: User, event: OfCommand, turn: Turn) -> User:
    """And for the relay."""
    for call in user.calls.values():
        if relay_leg.concerns(call.relay, event):
            return _changed(user, call, bridge.fold_relay(call, event, turn))
    return user


def _changed(user: User, before: Call, after: Call) -> User:
    return user if after is before else replace(user, calls={**user.calls, after.id: after})


def _each(user: User, change: Callable[[Call], Call]) -> User:
    changed = {name: new for name, call in user.calls.items() if (new := change(call)) is not call}
    return replace(user, calls={**user.calls, **changed}) if changed else user


def _with(user: User, call: Call) -> User:
    return replace(user, calls={**user.calls, call.id: call})


def _end_all(user: User, reason: Reason, turn: Turn) -> User:
    return _each(user, lambda call: bridge.end(call, reason, turn))


# --- the gateway as a whole


def _restarted(user: User, turn: Turn) -> User:
    """Nothing is left on the SIP side, and who is online will be asked."""
    reason = Reason(Cause.NETWORK, "The gateway was restarted.")
    ended = _each(user, lambda call: bridge.restarted(call, reason, turn))
    return replace(
        ended,
        account=signing.restarted(user.account, turn),
        contacts=replace(user.contacts, clients={}),
        proposals={},
        stopping=False,
    )


def _stopping(user: User, turn: Turn) -> User:
    ended = _end_all(user, Reason(Cause.NETWORK, "The gateway is being stopped."), turn)
    shown = accounts.shown(user.account)
    if shown is not None:
        away = replace(shown, available=False, show="", status="The gateway is being stopped.")
        roster.show_all(user.contacts, away, turn)
    return replace(ended, account=signing.stop(user.account, turn), stopping=True)


def _stream_opened(user: User, turn: Turn) -> User:
    """Ask who is online and still in a call (XEP-0100 §7), show what there is, and say again what may have been
    lost.
    """
    live = tuple(session for call in user.calls.values() for session in sessions.sessions(call.jingle))
    user = replace(user, farewells=farewell.repeat(user.farewells, live, turn))
    user = _each(user, lambda call: bridge.stream_opened(call, turn))
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
    expired = _each(user, lambda call: bridge.expire(call, turn))
    return replace(
        expired,
        account=signing.expire(expired.account, turn),
        proposals=proposed.expire(expired.proposals, turn),
        farewells=farewell.expire(expired.farewells, turn),
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
    calls.ended(call, Side.GATEWAY, reason, turn)
    for session in sessions.sessions(call.jingle):
        turn.issue(TerminateSession(session.us, session.client, session.sid, to_jingle(reason), reason.text))
    telepathy_leg.abandon(call.sip.channel, turn)
    return replace(user, calls={name: c for name, c in user.calls.items() if c is not call})


def _touches(call: Call, event: Event) -> bool:
    return isinstance(event, CallEvent) and calls.concerns(call, event)
