"""Commands that wait for a reply. Each user has one map of them, by the id of the command.

Rules:

1. The code that emits such a command says how long it waits (`Effects.emit_pending`). A reply carries the id of its
   command and is found by it; a reply to a command that is not in the map came too late and changes nothing.
2. The command itself says what it is about: which session, client or relay session. The code that ends that takes
   its commands out of the map.
3. What nobody answered in time is sent again as often as the emitter said, and counts as unanswered after that.
4. What ends something at the other end (session-terminate, the retraction of a proposal, the deletion of a relay
   session) stays in the map until the other end has acknowledged it, even after the end of the call.
5. A reply, and the command if it is sent again, belongs to the call of the command.
"""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.events import IqFailed, IqSucceeded
from fargo.statemachine.model.ng import RelayDescribed, RelayDone, RelayRefused

ReplyEvent: TypeAlias = IqSucceeded | IqFailed | RelayDescribed | RelayDone | RelayRefused


class Pending(Struct, frozen=True, gc=False):
    """A command that waits for its reply.

    ``seconds``: for how long; ``until``: to when. Both are None if nobody waits, but a reply still counts: an
    invitation that a client has acknowledged may yet be refused, and information by a client that knows no such
    session. Only ``until`` is None if nobody waits for the answer to an invitation any more that may have been lost.
    ``repeats``: how often the command will be sent again.
    ``call``: the id of the call that the command belongs to, None if it belongs to none.
    """

    command: Command
    seconds: float | None
    until: float | None
    repeats: int = 0
    call: str | None = None


PendingCommands: TypeAlias = Mapping[str, Pending]


class Reply(Struct, frozen=True, gc=False):
    """A pending command of ours and what was answered to it; None if nothing was in time."""

    command: Command
    answer: ReplyEvent | None


def due(pending: PendingCommands, at: float) -> list[str]:
    """Return the ids of the commands that have not been answered in time, in the order in which they were emitted."""
    return [name for name, each in pending.items() if each.until is not None and each.until <= at]
