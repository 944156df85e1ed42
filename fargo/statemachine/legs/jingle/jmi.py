"""Calls that a client has proposed and not yet described: XEP-0353, the user as initiator.

Rules:

1. A proposal that can be put through is answered with <proceed/> at once: only the session-initiate that follows
   describes the call, so only then the phone can ring. Any other proposal is rejected with the reason. So is
   one with more than audio, as Conversations takes all that it has proposed or nothing.
2. No client is left without an answer. A proposal that comes twice is answered twice, and is one proposal. The id of a
   proposal that waits cannot be used for a call to another contact.
3. If the client does not describe its call in time, the proposal has expired. A proposal that the client has taken back
   is remembered for as long: a session-initiate that follows it all the same is not put through.
4. What is said about a proposal belongs to the call that it began.
"""

from typing import Final, NamedTuple, TypeGuard

from msgspec.structs import replace

from fargo.statemachine.account.roster import RESOURCE
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import texts
from fargo.statemachine.model.commands import Command, MessageCall
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, CallProposed, SessionInitiated
from fargo.statemachine.pending import PendingCommands
from fargo.statemachine.reason import Cause, Reason, to_jingle

_LONGEST_SILENCE: Final = 30.0  # seconds
MOST_PROPOSALS: Final = 8
"""The number of a user's proposals that may wait for their session-initiate at a time."""


def proposals(pending: PendingCommands) -> dict[str, MessageCall]:
    """Return what we told clients to proceed with, by the id of the command."""
    told = {name: each.command for name, each in pending.items() if is_proceed(each.command)}
    return {name: command for name, command in told.items() if not is_taken_back(command)}


def is_proceed(command: Command) -> TypeGuard[MessageCall]:
    """Return whether the command lets a client describe its call."""
    return isinstance(command, MessageCall) and command.action is CallAction.PROCEED


def is_taken_back(proposal: MessageCall) -> bool:
    """Return whether the client has taken its proposal back: the reason is kept with what it was told."""
    return proposal.condition is not None


def proceed(event: CallProposed, effects: Effects) -> None:
    """Let the client describe its call. If it has proposed the call before, answer again (rule 2)."""
    known = _found(event.sid, event.sender, effects)
    if known is not None and is_taken_back(_told(known, effects)):
        effects.settle(known)
        known = None
    if known is None:
        effects.emit_pending(MessageCall(_us(event.to), event.sender, event.sid, CallAction.PROCEED), _LONGEST_SILENCE)
    else:
        effects.call = effects.pending[known].call
        effects.emit(effects.pending[known].command)


def unacceptable(event: CallProposed, unlimited: bool, sees: bool, effects: Effects) -> Reason | None:
    """Return why what is proposed cannot be put through, None if it can. ``unlimited``: no limit applies to it;
    ``sees``: it may have video.
    """
    if set(event.media) != {"audio"} and not (sees and set(event.media) == {"audio", "video"}):
        return Reason(Cause.APPLICATION, texts.WITHOUT_VIDEO if "audio" in event.media else texts.VOICE_ONLY)
    known = proposals(effects.pending)
    same = [each for each in known.values() if (each.sid, each.to) == (event.sid, event.sender)]
    if any(each.sender != _us(event.to) for each in same):
        return Reason(Cause.FORBIDDEN, texts.PROPOSED_TO_ANOTHER)
    if not (same or unlimited) and len(known) >= MOST_PROPOSALS:
        return Reason(Cause.BUSY, texts.TOO_MANY_PROPOSALS.format(most=MOST_PROPOSALS))
    return None


def reject(event: CallProposed, reason: Reason, effects: Effects, tie_break: bool = False) -> None:
    """Tell the client that its call cannot be put through."""
    condition = "expired" if tie_break else to_jingle(reason)
    message = MessageCall(_us(event.to), event.sender, event.sid, CallAction.REJECT, condition, reason.text, tie_break)
    effects.emit(message)


def _us(to: str) -> str:
    """Return our full JID: proposals go to bare JIDs, what follows is between full ones (XEP-0353 §3.4)."""
    return to if "/" in to else f"{to}/{RESOURCE}"


def messaged(event: CallMessaged, effects: Effects) -> None:
    """Take in what a client says about its proposal: it may have thought better of it (rule 3)."""
    if (name := _found(event.sid, event.sender, effects)) is not None:
        effects.call = effects.pending[name].call
        if event.action in (CallAction.RETRACT, CallAction.FINISH):
            effects.amend(name, replace(_told(name, effects), condition=event.condition or "cancel"))
            effects.settle(*_taken_back(effects)[:-MOST_PROPOSALS])


class FollowedUp(NamedTuple):
    """The call whose proposal a session-initiate follows, and whether the client had taken that back before."""

    call: str | None
    taken_back: bool


def followed_up(event: SessionInitiated, effects: Effects) -> FollowedUp | None:
    """Return what a session-initiate follows, None if no proposal came before. The proposal is over with that."""
    name = _found(event.sid, event.iq.sender, effects)
    if name is None:
        return None
    followed = FollowedUp(effects.pending[name].call, is_taken_back(_told(name, effects)))
    effects.settle(name)
    return followed


def _taken_back(effects: Effects) -> list[str]:
    pending = effects.pending.items()
    return [name for name, each in pending if is_proceed(each.command) and is_taken_back(each.command)]


def _told(name: str, effects: Effects) -> MessageCall:
    command = effects.pending[name].command
    assert is_proceed(command)
    return command


def _found(sid: str, client: str, effects: Effects) -> str | None:
    """Return the id of the command that answered a client's proposal, None if there is no such proposal."""
    for name, each in effects.pending.items():
        if is_proceed(each.command) and (each.command.sid, each.command.to) == (sid, client):
            return name
    return None


def expire(proposal: MessageCall, effects: Effects) -> None:
    """Tell a client that has not described its call in time that it is too late (rule 3)."""
    if is_taken_back(proposal):
        return
    effects.emit(MessageCall(proposal.sender, proposal.to, proposal.sid, CallAction.FINISH, "expired"))


def say_again(effects: Effects) -> None:
    """Tell clients once more to proceed, as they may not have heard it: the gateway was away."""
    for name, said in proposals(effects.pending).items():
        effects.call = effects.pending[name].call
        effects.emit(said)
    effects.call = None


def forget_all(effects: Effects) -> None:
    """Forget all proposals: nothing can come of them, or the user has left the gateway."""
    effects.settle(*[name for name, each in effects.pending.items() if is_proceed(each.command)])
