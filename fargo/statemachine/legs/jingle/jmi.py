"""Calls that a client has proposed and not yet described: XEP-0353, the user as initiator.

Rules:

1. A proposal that can be put through is answered with <proceed/> at once: only the session-initiate that follows
   describes the call, so only then the phone can ring. Any other proposal is rejected with the reason.
2. If the client does not describe its call in time, the proposal has expired.
"""

from typing import Final, TypeGuard

from fargo.statemachine.account.roster import RESOURCE
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import texts
from fargo.statemachine.model.commands import Command, MessageCall
from fargo.statemachine.model.events import CallAction, CallMessaged, CallProposed, SessionInitiated
from fargo.statemachine.pending import PendingCommands
from fargo.statemachine.reason import Cause, Reason, to_jingle

_LONGEST_SILENCE: Final = 30.0  # seconds
_MOST: Final = 8


def proposals(pending: PendingCommands) -> dict[str, MessageCall]:
    """Return what we told clients to proceed with, by the id of the command."""
    return {name: each.command for name, each in pending.items() if is_proceed(each.command)}


def is_proceed(command: Command) -> TypeGuard[MessageCall]:
    """Return whether the command lets a client describe its call."""
    return isinstance(command, MessageCall) and command.action is CallAction.PROCEED


def proceed(event: CallProposed, effects: Effects) -> None:
    """Let the client describe its call."""
    known = proposals(effects.pending)
    if event.sid in [each.sid for each in known.values()] or len(known) >= _MOST:
        return
    effects.emit_pending(MessageCall(_us(event.to), event.sender, event.sid, CallAction.PROCEED), _LONGEST_SILENCE)


def unacceptable(event: CallProposed) -> Reason | None:
    """Return why what is proposed cannot be put through, None if it can."""
    return None if "audio" in event.media else Reason(Cause.APPLICATION, texts.VOICE_ONLY)


def reject(event: CallProposed, reason: Reason, effects: Effects, tie_break: bool = False) -> None:
    """Tell the client that its call cannot be put through."""
    condition = "expired" if tie_break else to_jingle(reason)
    message = MessageCall(_us(event.to), event.sender, event.sid, CallAction.REJECT, condition, reason.text, tie_break)
    effects.emit(message)


def _us(to: str) -> str:
    """Return our full JID: proposals go to bare JIDs, what follows is between full ones (XEP-0353 §5.4)."""
    return to if "/" in to else f"{to}/{RESOURCE}"


def taken_back(event: CallMessaged, effects: Effects) -> None:
    """Forget the proposal if the client has thought better of it."""
    if event.action in (CallAction.RETRACT, CallAction.FINISH):
        _end(event.sid, event.sender, effects)


def followed_up(event: SessionInitiated, effects: Effects) -> bool:
    """Return whether a session-initiate follows a proposal, which is over with that."""
    return _end(event.sid, event.iq.sender, effects)


def _end(sid: str, client: str, effects: Effects) -> bool:
    found = [name for name, each in proposals(effects.pending).items() if (each.sid, each.to) == (sid, client)]
    for name in found:
        effects.settle(name)
    return bool(found)


def expire(proposal: MessageCall, effects: Effects) -> None:
    """Tell a client that has not described its call in time that it is too late (rule 2)."""
    effects.emit(MessageCall(proposal.sender, proposal.to, proposal.sid, CallAction.FINISH, "expired"))


def forget_all(effects: Effects) -> None:
    """Forget all proposals: the gateway was away, or the user has left it."""
    for name in proposals(effects.pending):
        effects.settle(name)
