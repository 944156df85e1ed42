"""The state of one XMPP user, and how a call in it is found and replaced.

Rules:

1. A call that is over is removed.
2. When an incoming call that nobody answered ends for the clients, the user is told that they missed it.
"""

from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from fargo.statemachine import texts
from fargo.statemachine.account import account_state, roster
from fargo.statemachine.account.account_state import Account, Clearing, Registered, Trying, Unregistered
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.call import call_state
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import JingleEvent
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.composing import Typing
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.jingle_events import CallMessaged, SessionEvent
from fargo.statemachine.model.mailbox import Mailbox
from fargo.statemachine.model.presence import Client
from fargo.statemachine.model.registrations import Registrations
from fargo.statemachine.model.requests import AccountTrouble, LastStranger, PasswordPrompt, RecentCall, Settings
from fargo.statemachine.model.sip import SipCallEvent, engine_named
from fargo.statemachine.pending import PendingCommands, ReplyEvent
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.texting.outgoing_text import OutgoingText


class AwaitedClient(Struct, frozen=True, gc=False):
    """A client that nothing has been heard of since the XMPP stream was opened. ``until``: when it is taken out of its
    calls (seconds since 1970), None if it is in none. ``missed``: the ids of the pending commands that could not be
    delivered, because it was not connected.
    """

    until: float | None
    missed: tuple[str, ...] = ()


class User(Struct, frozen=True, gc=False):
    """The state of one user: account, clients and contacts, and calls by id.

    ``pending``: the commands that wait for a reply. ``registrations``: those of our own user agent, by name. While an
    event is folded, `Effects` holds these two. ``policy``: the operator's configuration. ``stopping``: the gateway is
    about to stop. ``no_room``: the disk is almost full, so no call may begin. ``draining``: none may, as the operator
    waits for the end of those that go on. ``awaited``: by full JID, the clients that are awaited since the XMPP stream
    was opened. ``settings``: what the user wants of the gateway. ``recent``: their latest calls, the last one first.
    ``prompt``: the password that is asked for in the chat. ``trouble``: of the account, as far as the user is
    told of it. ``texts``: those of the user's that are under way. ``stranger``: who has called or written
    last without being on the roster. ``mailbox``: that of the account, None if nothing is known of one. ``typing``: see
    there. ``moved``: the policy names another SIP edge than the far ends of the calls know.
    """

    jid: str
    account: Account = Unregistered()
    contacts: Contacts = Contacts()
    calls: Mapping[str, Call] = field(default_factory=dict)
    pending: PendingCommands = field(default_factory=dict)
    policy: Policy = Policy()
    stopping: bool = False
    registrations: Registrations = field(default_factory=dict)
    no_room: bool = False
    draining: bool = False
    awaited: Mapping[str, AwaitedClient] = field(default_factory=dict)
    settings: Settings = Settings()
    recent: tuple[RecentCall, ...] = ()
    prompt: PasswordPrompt | None = None
    texts: tuple[OutgoingText, ...] = ()
    trouble: AccountTrouble | None = None
    stranger: LastStranger | None = None
    mailbox: Mailbox | None = None
    typing: Typing = Typing()
    moved: bool = False


def is_busy(user: User) -> bool:
    """Return True if the user is in as many calls as allowed."""
    return sum(map(call_state.is_live, user.calls.values())) >= user.policy.most_calls


def closed(user: User) -> Reason | None:
    """Return why no call may begin now, None if calls may."""
    if user.no_room:
        return Reason(Cause.CONGESTION, texts.NO_ROOM)
    return Reason(Cause.CONGESTION, texts.DRAINING) if user.draining else None


def is_woken(user: User) -> bool:
    """Return True if calls ring clients that are not online."""
    return user.policy.stay_signed_in if user.settings.stay is None else user.settings.stay


def stays_signed_in(user: User) -> bool:
    """Return True if the account is to be signed in when no client of the user is online: calls can be forwarded only
    then.
    """
    return is_woken(user) or user.settings.forward is not None


def address_book(user: User, gateway: str) -> AddressBook:
    """Return what addresses mean for the user. ``gateway``: the gateway's own JID."""
    known = account_state.in_force(user.account)
    own = known.uri.domain if known else None
    return AddressBook(gateway, own, country(user), user.contacts.spelled, user.contacts.subscribed)


def country(user: User) -> str | None:
    """Return the country in which the user dials numbers without a +, as in `numbering_plans.PLANS`."""
    return account_state.country(user.account) or user.policy.country


def able_clients(user: User) -> Mapping[str, Client]:
    """Return the clients that can take a call over the user's SIP account, by full JID."""
    match user.account:
        case Registered(credentials):
            engine = sip_leg.engine_capabilities(engine_named(credentials.account.engine))
            return roster.able(user.contacts, engine.profiles, user.policy)
        case Unregistered() | Clearing() | Trying():
            return {}
        case _:
            assert_never(user.account)


def concerned(user: User, event: JingleEvent) -> Call | None:
    """Return the call whose XMPP leg the event is about; there are never two."""
    for call in user.calls.values():
        if jingle_leg.concerns(call.jingle, event):
            return call
    return None


def spoken_to(user: User, event: SipLegEvent) -> Call | None:
    """Return the call whose SIP leg the event is about."""
    name = event.leg
    for call in user.calls.values():
        if call.sip.name == name or any(each.name == name for each in call_state.sip_legs(call)[1:]):
            return call
    return None


def call_of(user: User, event: Event) -> Call | None:
    """Return the call that an event is about, None if it is about none or about all of them."""
    if isinstance(event, ReplyEvent):
        waiting = user.pending.get(event.command)
        return user.calls.get(waiting.call or "") if waiting else None
    if isinstance(event, SipCallEvent):
        return spoken_to(user, event)
    if isinstance(event, SessionEvent | CallMessaged):
        return concerned(user, event)
    return None


def _without(calls: Mapping[str, Call], id: str) -> Mapping[str, Call]:
    """Return the calls without one of them."""
    return {name: call for name, call in calls.items() if name != id}


def changed(user: User, before: Call | None, after: Call, effects: Effects) -> User:
    """Return the user with a call replaced by its new state. ``before`` is its old state, None if the call is new.

    Return the same object if the call has not changed.
    """
    if after is before:
        return user
    call_state.changed(before, after, effects)
    if before is not None and (refused := call_state.refused_dtls(before, after)):
        user = replace(user, contacts=roster.shown_dtls(user.contacts, refused, False))
    if call_state.is_live(after):
        calls = dict(user.calls)  # quicker than a display
        calls[after.id] = after
        return replace(user, calls=calls, pending=effects.pending)
    call_state.missed(before, after, effects)
    others = _without(user.calls, after.id)
    left = others if call_state.is_over(after) else {**others, after.id: after}
    return replace(user, calls=left, pending=effects.pending)
