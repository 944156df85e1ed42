"""The stanzas that end something at a client, until it acknowledges them, so that no client is left ringing or talking.

Rules:

1. A session-terminate is pending until the client has acknowledged it, or has refused it because it knows of no such
   session. If the stream is lost before that, or the gateway goes down, it is said again: to stop twice does no harm.
2. A proposal that is taken back (XEP-0353) is never acknowledged: that is pending as long as a client may ring.
3. A client's own session-terminate may cross ours: it is acknowledged, and that ends the wait too.
"""

from collections.abc import Set
from typing import Final, TypeGuard

from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import AcceptIq, Command, MessageCall, TerminateSession
from fargo.statemachine.model.events import IqFailed, IqSucceeded
from fargo.statemachine.model.jingle_events import CallAction, SessionTerminated

# Seconds.
LONGEST_SILENCE: Final = 600.0
LONGEST_RINGING: Final = 180.0

_NOT_SENT: Final = "remote-server-not-found"
"""The condition with which a command fails that could not leave: there is no stream."""


def say(command: TerminateSession | MessageCall, effects: Effects) -> None:
    """End a session, or take a proposal back, until that has been acknowledged."""
    effects.emit_pending(command, LONGEST_RINGING if isinstance(command, MessageCall) else LONGEST_SILENCE)


def is_goodbye(command: Command) -> TypeGuard[TerminateSession | MessageCall]:
    """Return whether the command ends something at a client, which has to hear of it."""
    if isinstance(command, MessageCall):
        return command.action is CallAction.RETRACT
    return isinstance(command, TerminateSession)


def answered(event: IqSucceeded | IqFailed, effects: Effects) -> None:
    """Forget a goodbye that a client has heard, or cannot hear."""
    if not (isinstance(event, IqFailed) and event.condition == _NOT_SENT):
        effects.settle(event.command)


def glare(event: SessionTerminated, effects: Effects) -> bool:
    """Return whether the client ends a session that we have ended already; if so, acknowledge it."""
    ends = (event.sid, event.iq.sender, event.iq.to)
    for name, each in effects.pending.items():
        said = each.command
        if isinstance(said, TerminateSession) and (said.sid, said.to, said.sender) == ends:
            effects.call = each.call
            effects.emit(AcceptIq(event.iq))
            effects.settle(name)
            return True
    return False


def repeat(live: Set[tuple[str, str, str]], effects: Effects) -> None:
    """Say all of it once more, as the stream is up again, but not to a client that is in a new session of that name.
    ``live``: our JID, the client's and the id of each session that there is.
    """
    for name, each in effects.pending.items():
        said = each.command
        if not is_goodbye(said):
            continue
        if (said.sender, said.to, said.sid) in live:
            effects.settle(name)
        else:
            effects.repeat(name, each.repeats)
