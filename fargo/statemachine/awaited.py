"""The clients that are awaited: nothing has been heard of them since the XMPP stream was opened.

After a restart of the XMPP server, clients log in again some seconds later than the gateway. Until then the server
says that they are not connected, which must not end their calls.

Rules:

1. When the stream is opened, each client in a call is awaited, and so is each that has to hear of the end of one.
   Anything that comes from the client ends that.
2. An error that says only that an awaited client is not connected ends no call. Nor does presence that says that the
   user has no client online. But an error to an invitation counts, because other clients can take the call.
3. When the client is heard of, all that it has missed is said again, such as the question whether it is in its
   sessions. Its reply counts.
4. A client that is not heard of in time is taken out of its calls. Until then the account stays signed in for it.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from msgspec.structs import replace

from fargo.statemachine import address, texts
from fargo.statemachine.account import roster
from fargo.statemachine.call import bridge
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_each_call, in_part
from fargo.statemachine.legs.jingle import jingle_leg, jingle_session
from fargo.statemachine.model.commands import (
    AcceptSession,
    ChangeContent,
    Command,
    InformDescription,
    InformSession,
    InformTransport,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
)
from fargo.statemachine.model.jingle_events import CallMessaged, CallProposed
from fargo.statemachine.pending import PendingCommands, ReplyEvent
from fargo.statemachine.user_state import AwaitedClient, User

_LONGEST: Final = 60.0  # seconds
_TOLD: Final = AcceptSession | ChangeContent | InformSession | InformTransport | InformDescription | TerminateSession
"""The commands that are repeated for a client that has missed them."""
_NOT_CONNECTED: Final = jingle_session.GONE - {"gone"}
"""Errors with which a server says that a client is not connected (RFC 6120 §8.3.3, RFC 6121 §8.5.3.2.3)."""


def stream_opened(user: User, effects: Effects) -> User:
    """Await the clients that are in calls, or have to hear of the end of one (rule 1)."""
    until = effects.at + _LONGEST
    ending = {client: AwaitedClient(None) for client in _ending(effects.pending)}
    awaited = {**ending, **{client: AwaitedClient(until) for client in _in_calls(user)}}
    return replace(user, awaited=awaited) if awaited else user


def _in_calls(user: User) -> list[str]:
    """Return the full JIDs of the clients in calls."""
    return [session.client for call in user.calls.values() for session in jingle_leg.sessions(call.jingle)]


def _ending(pending: PendingCommands) -> list[str]:
    """Return the full JIDs of the clients that have to hear of the end of a call."""
    return [each.command.to for each in pending.values() if isinstance(each.command, TerminateSession)]


def excused(user: User, command: Command, event: ReplyEvent) -> User | None:
    """Return the user after an error that says only that an awaited client is not connected (rule 2). The command stays
    pending. Return None if the reply counts.
    """
    if not isinstance(command, _TOLD) or not isinstance(event, IqFailed) or not _is_by_server(event):
        return None
    known = user.awaited.get(command.to)
    if known is None or event.resource != command.to:
        return None
    if event.command in known.missed:
        return user
    missed = replace(known, missed=(*known.missed, event.command))
    return replace(user, awaited={**user.awaited, command.to: missed})


def _is_by_server(event: IqFailed) -> bool:
    return event.condition in _NOT_CONNECTED and event.jingle is None


def stays(user: User, call: Call, event: ResourceUnavailable) -> bool:
    """Return True if a call goes on although its user has no client online, as one in it is awaited (rule 2)."""
    if not user.awaited or event.resource != address.bare(event.resource):
        return False
    return any(session.client in user.awaited for session in jingle_leg.sessions(call.jingle))


# --- heard of again, or not


def after(user: User, event: Event, effects: Effects) -> User:
    """Return the user after an event has been folded: a client may be heard of (rule 3), or be awaited no longer as its
    call is over.
    """
    client = _sender(event)
    if client is not None and client in user.awaited:
        user = in_part(user, partial(_heard, client=client), effects)
    return in_part(user, _only_needed, effects, drop=lambda user, effects: replace(user, awaited={}))


def _sender(event: Event) -> str | None:
    """Return the full JID of the client that an event comes from, None if it comes from none for certain."""
    match event:
        case IqFailed():
            return None if _is_by_server(event) else event.resource
        case FeaturesLearned():
            return event.resource if event.features else None
        case IqSucceeded() | ResourceAvailable():
            return event.resource
        case CallProposed() | CallMessaged():
            return event.sender
        case _:
            iq = getattr(event, "iq", None)
            return None if iq is None else iq.sender


def _heard(user: User, effects: Effects, client: str) -> User:
    for name in user.awaited[client].missed:
        if name in effects.pending:  # its session has not ended since
            effects.repeat(name, effects.pending[name].repeats)
    left = {jid: each for jid, each in user.awaited.items() if jid != client}
    return replace(user, contacts=roster.heard(user.contacts, client), awaited=left)


def _only_needed(user: User, effects: Effects) -> User:
    """Return the user without the clients that are in no call any more, and have heard of its end."""
    talking, ending = _in_calls(user), _ending(effects.pending)
    kept = {jid: each for jid, each in user.awaited.items() if jid in talking or jid in ending}
    left = {jid: each if jid in talking else replace(each, until=None) for jid, each in kept.items()}
    return user if left == user.awaited else replace(user, awaited=left)


def keep_account(user: User) -> bool:
    """Return True if clients are awaited that are in calls. The account stays signed in for them."""
    return any(each.until is not None for each in user.awaited.values())


def expire(user: User, effects: Effects) -> User:
    """Take the clients out of their calls that were not heard of in time (rule 4). The session-terminate is repeated
    when they are heard of.
    """
    for client, each in user.awaited.items():
        if each.until is not None and each.until <= effects.at:
            user = replace(user, awaited={**user.awaited, client: replace(each, until=None)})
            user = in_each_call(user, partial(_gone, client=client), effects)
    return user


def _gone(call: Call, effects: Effects, client: str) -> Call:
    return bridge.client_not_back(call, client, effects)


def deadlines(user: User) -> Iterator[Deadline]:
    """Yield the times by which clients must have been heard of."""
    for client, each in user.awaited.items():
        if each.until is not None:
            yield Deadline(texts.CLIENT_HEARD.format(client=client), each.until)
