"""Replies to pending commands of all parts of a user's state, and what follows if there is none in time.

Rules:

1. A reply goes to the call, or the client, that its command is about. One to a command that is not pending came too
   late, and changes nothing.
2. `expire` does all that is due by the time of the event in one fold: five clients that are silent leave together.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from fargo.statemachine import awaited, texts
from fargo.statemachine.call import bridge
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_part
from fargo.statemachine.legs.jingle import jingle_session, jmi, unacknowledged
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.model.commands import (
    AcceptSession,
    ChangeContent,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    ProposeCall,
    SipCommand,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayRinging,
    RelayDescribed,
    RelayDone,
    RelayRefused,
    StopRinging,
)
from fargo.statemachine.pending import Pending, Reply, ReplyEvent, due
from fargo.statemachine.texting import outbox
from fargo.statemachine.user_state import User, changed

_OF_CLIENTS: Final = (IqSucceeded, IqFailed)
_MAY_BE_REFUSED: Final = frozenset({InitiateSession, AcceptSession})
_FOR_RELAY: Final = frozenset({OfferRelay, AnswerRelay, DeleteRelay})


def replied(user: User, event: ReplyEvent, effects: Effects) -> User:
    """Bring a reply to the call that its command belongs to (rule 1)."""
    waiting = effects.pending.get(event.command)
    if waiting is None:
        return user
    effects.call = waiting.call
    command = waiting.command
    if user.awaited and (excused := awaited.excused(user, command, event)):
        return excused
    match command:
        case (
            InitiateSession()
            | AcceptSession()
            | InformSession()
            | InformTransport()
            | InformDescription()
            | ChangeContent()
        ):
            counts = isinstance(event, _OF_CLIENTS) and event.resource == command.to
            if counts:
                jingle_session.answered(event.command, effects)
        case TerminateSession() | MessageCall():
            if isinstance(event, _OF_CLIENTS) and unacknowledged.is_goodbye(command):
                unacknowledged.answered(event, effects)
            return user
        case OfferRelay() | AnswerRelay():
            counts = isinstance(event, RelayDescribed | RelayRefused)
            if isinstance(event, RelayDescribed) and relay_leg.is_overtaken(event.command, effects.pending):
                effects.settle(event.command)
                return user
        case DeleteRelay():
            # A relay that keeps silent may do it yet, or is told again.
            counts = isinstance(event, RelayDescribed | RelayDone) or _refuses(event)
        case PlayRinging() | StopRinging():
            effects.settle(event.command)
            return user
        case ProposeCall():
            counts = isinstance(event, IqFailed)
        case _:
            counts = False
    return _taken(user, waiting, event, effects) if counts else user


def _refuses(event: ReplyEvent) -> bool:
    return isinstance(event, RelayRefused) and not event.silent


def _taken(user: User, waiting: Pending, event: ReplyEvent, effects: Effects) -> User:
    """Fold a reply that counts. An invitation or acceptance that a client has acknowledged may yet be refused."""
    if isinstance(event, IqSucceeded) and type(waiting.command) in _MAY_BE_REFUSED:
        effects.acknowledge(event.command)
    else:
        effects.settle(event.command)
    return _fold(user, waiting, event, effects)


def _fold(user: User, waiting: Pending, event: ReplyEvent | None, effects: Effects) -> User:
    """Pass the reply to a command, or its absence, to the call that the command belongs to."""
    call = user.calls.get(waiting.call or "")
    if call is None:
        return user
    reply = Reply(waiting.command, event)
    fold = bridge.fold_relay if type(reply.command) in _FOR_RELAY else bridge.fold_jingle
    after = fold(call, reply, effects)
    return user if after is call else changed(user, call, after, effects)


def expire(user: User, effects: Effects) -> User:
    """Do what is due by now about commands that nobody has answered."""
    for name in due(effects.pending, effects.at):
        if name in effects.pending:  # it may have gone with another
            waiting = effects.pending[name]
            user = in_part(
                user,
                partial(_unanswered, name=name, waiting=waiting),
                effects,
                user.calls.get(waiting.call or ""),
                partial(_dropped, name=name),
            )
    effects.call = None
    return user


def _dropped(user: User, effects: Effects, name: str) -> User:
    effects.settle(name)
    return outbox.dropped(user, name)


def _unanswered(user: User, effects: Effects, name: str, waiting: Pending) -> User:
    """Repeat a command that was not answered in time, or report it as unanswered."""
    if isinstance(waiting.command, SipCommand) and waiting.call is None and not waiting.repeats:
        return outbox.unanswered(user, name, effects)
    if isinstance(waiting.command, SipCommand):
        sip_leg.unanswered(name, effects)
        return user
    if waiting.repeats:
        effects.repeat(name, waiting.repeats - 1)
        return user
    effects.call = waiting.call
    effects.settle(name)
    command = waiting.command
    if jmi.is_proceed(command):
        jmi.expire(command, effects)
        return user
    return _fold(user, waiting, None, effects)


def repeat_deletions(user: User, effects: Effects) -> None:
    """Repeat the deletion of relay sessions that no call has any more, because the gateway was restarted."""
    for name, each in effects.pending.items():
        if isinstance(each.command, DeleteRelay) and each.call not in user.calls:
            effects.repeat(name, each.repeats)


def deadlines(user: User) -> Iterator[Deadline]:
    """Yield the times by which pending commands must be answered."""
    for waiting in user.pending.values():
        if waiting.until is not None:
            yield Deadline(_awaited(waiting), waiting.until)


def _awaited(waiting: Pending) -> str:
    match waiting.command:
        case MessageCall(sid=sid) as message if jmi.is_proceed(message):
            return texts.CALL_DESCRIBED.format(sid=sid)
        case MessageCall(sid=sid) | TerminateSession(sid=sid):
            return texts.END_HEARD.format(sid=sid)
        case OfferRelay() | AnswerRelay() | DeleteRelay():
            return texts.RELAY_ANSWER.format(call=waiting.call)
        case command if isinstance(command, SipCommand) and waiting.call is None:
            return texts.TEXT_ANSWER
        case command if isinstance(command, SipCommand):
            return texts.SIP_ANSWER.format(call=waiting.call)
        case _:
            return texts.CLIENT_ANSWER.format(call=waiting.call)
