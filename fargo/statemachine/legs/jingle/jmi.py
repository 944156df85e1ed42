"""Calls that a client has proposed and not yet described: XEP-0353, the user as initiator.

Rules:

1. A proposal that can be put through is answered with <proceed/> at once: only the session-initiate that follows
   says how, so only then the phone can ring. Any other is rejected with the reason.
2. If a client does not follow it up in time, the proposal has expired.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from fargo.statemachine.account.roster import RESOURCE
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import MessageCall
from fargo.statemachine.model.events import CallAction, CallMessaged, CallProposed, SessionInitiated
from fargo.statemachine.reason import Cause, Reason, to_jingle

_LONGEST_SILENCE: Final = 30.0  # seconds
_MOST: Final = 8


class Proposal(Struct, frozen=True, gc=False):
    """What we told a client to proceed with: our JID in it, the client's full JID, until when."""

    us: str
    client: str
    until: float


Proposals = Mapping[str, Proposal]
"""By session id."""


def proceed(proposals: Proposals, event: CallProposed, effects: Effects) -> Proposals:
    """Let the client describe its call."""
    if event.sid in proposals or len(proposals) >= _MOST:
        return proposals
    us = _us(event.to)
    effects.emit(MessageCall(us, event.sender, event.sid, CallAction.PROCEED))
    return {**proposals, event.sid: Proposal(us, event.sender, effects.at + _LONGEST_SILENCE)}


def unacceptable(event: CallProposed) -> Reason | None:
    """Why what is proposed cannot be put through, None if it can."""
    if "audio" in event.media:
        return None
    return Reason(Cause.APPLICATION, "This gateway carries voice calls only.")


def reject(event: CallProposed, reason: Reason, effects: Effects, tie_break: bool = False) -> None:
    """Tell the client that its call cannot be put through."""
    condition = "expired" if tie_break else to_jingle(reason)
    message = MessageCall(_us(event.to), event.sender, event.sid, CallAction.REJECT, condition, reason.text, tie_break)
    effects.emit(message)


def _us(to: str) -> str:
    """Proposals go to bare JIDs; what follows is between full ones (XEP-0353 §5.4)."""
    return to if "/" in to else f"{to}/{RESOURCE}"


def taken_back(proposals: Proposals, event: CallMessaged) -> Proposals:
    """The client has thought better of it."""
    if event.action not in (CallAction.RETRACT, CallAction.FINISH):
        return proposals
    return {sid: p for sid, p in proposals.items() if (sid, p.client) != (event.sid, event.sender)}


def followed_up(proposals: Proposals, event: SessionInitiated) -> tuple[bool, Proposals]:
    """Whether a session-initiate follows a proposal, and the proposals that are left."""
    proposal = proposals.get(event.sid)
    if proposal is None or proposal.client != event.iq.sender:
        return False, proposals
    return True, {sid: p for sid, p in proposals.items() if sid != event.sid}


def deadlines(proposals: Proposals) -> tuple[Deadline, ...]:
    """By when proposals must have been followed up."""
    return tuple(Deadline(f"call {sid} to be described", p.until) for sid, p in proposals.items())


def expire(proposals: Proposals, effects: Effects) -> Proposals:
    """Rule 2."""
    for sid, proposal in proposals.items():
        if proposal.until <= effects.at:
            effects.emit(MessageCall(proposal.us, proposal.client, sid, CallAction.FINISH, "expired"))
    return {sid: proposal for sid, proposal in proposals.items() if proposal.until > effects.at}
