"""The listed changes of how replies, and their absence, are taken; and proposals."""

from typing import Final

from fargo.statemachine.legs.jingle.jmi import proposals
from fargo.statemachine.legs.relay.relay_leg import concerns, is_overtaken
from fargo.statemachine.legs.relay.relay_session import Joined
from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import CallRecord
from fargo.statemachine.model.commands import (
    AcceptSession,
    Command,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, TimePassed
from fargo.statemachine.model.jingle_events import CallAction, CallProposed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayRefused
from fargo.statemachine.pending import Reply
from fargo.statemachine.user_state import User
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import adds_only_of, only_today, overdue_ids


def _late_refusal(difference: Difference) -> bool:
    """The client had acknowledged what it refuses, so nothing was done. Today the call is told."""
    event, pending = difference.recorded.event, difference.before.pending
    if difference.then or not isinstance(event, IqFailed) or event.command not in pending:
        return False
    refused = pending[event.command]
    acknowledged = isinstance(refused.command, InitiateSession | AcceptSession) and refused.until is None
    return acknowledged and adds_only_of([event.command], difference)


def _late_answer(difference: Difference) -> bool:
    """The client answered information when its time was over, or it had been asked again, so nothing was done. Today
    the call is told.
    """
    event, pending = difference.recorded.event, difference.before.pending
    if difference.then or not isinstance(event, IqSucceeded | IqFailed) or event.command not in pending:
        return False
    informs = isinstance(pending[event.command].command, InformSession | InformTransport)
    return informs and adds_only_of([event.command], difference)


def _refusal_of_overtaken(difference: Difference) -> bool:
    """The relay refuses, or has not answered in time, what was asked before something else."""
    event, user = difference.recorded.event, difference.before
    names = [event.command] if isinstance(event, RelayRefused) else overdue_ids(difference)
    overtaken = [name for name in names if _is_overtaken(name, user)]
    return bool(overtaken) and adds_only_of(overtaken, difference)


def _is_overtaken(name: str, user: User) -> bool:
    """Return whether a session at the relay no longer depends on the answer to this command."""
    if name not in user.pending or not isinstance(user.pending[name].command, OfferRelay | AnswerRelay):
        return False
    reply = Reply(user.pending[name].command, None)
    sessions = [session for call in user.calls.values() for session in call.relay if concerns((session,), reply)]
    return is_overtaken(name, user.pending) or any(isinstance(session, Joined) for session in sessions)


def _every_proposal_answered(difference: Difference) -> bool:
    """A proposal was ignored. Or the client was told to proceed with a call that it had begun, and later that the call
    had expired.
    """
    event, then, now = difference.recorded.event, difference.then, difference.now
    if isinstance(event, CallProposed) and not then:
        return all(_answers(each.command, event) for each in now)
    if not isinstance(event, CallProposed | TimePassed) or only_today(now, then) is None:
        return False
    return all(_answers_begun_call(each.command, difference.before) for each in only_today(now, then) or ())


def _answers(command: Command, event: CallProposed) -> bool:
    if isinstance(command, MessageCall):
        return (command.to, command.sid) == (event.sender, event.sid)
    return isinstance(command, CallRecord)


def _answers_begun_call(command: Command, user: User) -> bool:
    """Return True if the command lets a client describe a call, or tells it that it is too late, although the client
    has described the call or no such answer is due.
    """
    if not isinstance(command, MessageCall):
        return False
    waits = any((each.to, each.sid) == (command.to, command.sid) for each in proposals(user.pending).values())
    expired = command.action is CallAction.FINISH and command.condition == "expired"
    return not waits and (expired or command.action is CallAction.PROCEED)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.LATE_REFUSAL.name: _late_refusal,
    rules.REFUSAL_OF_OVERTAKEN.name: _refusal_of_overtaken,
    rules.LATE_ANSWER.name: _late_answer,
    rules.EVERY_PROPOSAL_ANSWERED.name: _every_proposal_answered,
}
