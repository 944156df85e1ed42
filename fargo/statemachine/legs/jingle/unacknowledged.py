"""What we have said to end a call and no client has acknowledged: nobody may be left ringing or talking.

Rules:

1. Every session-terminate of ours is remembered until it is acknowledged, or refused by a client that knows of no such
   session. If the stream is lost, or the program, before that, it is said again: to stop twice does no harm.
2. A proposal that is taken back (XEP-0353) is never acknowledged: that is remembered as long as a client may ring.
3. A client's own session-terminate may cross ours: it is acknowledged, and that is the end too.
4. A client that never answers is forgotten after a while.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.model.commands import AcceptIq, Issued, MessageCall, TerminateSession
from fargo.statemachine.model.events import CallAction, IqFailed, IqSucceeded, SessionTerminated

_LONGEST_SILENCE: Final = 600.0  # seconds
_LONGEST_RINGING: Final = 180.0
_UNSAID: Final = "remote-server-not-found"
"""The condition with which a command fails that could not leave: there is no stream."""
LAST_WORDS: Final = frozenset({TerminateSession, MessageCall})
"""The kinds of commands that may end a call."""


class Farewell(Struct, frozen=True, gc=False):
    """A session-terminate or the retraction of a proposal, and until when it is remembered."""

    said: TerminateSession | MessageCall
    until: float


Farewells: TypeAlias = Mapping[str, Farewell]
"""By the id of the command."""


def said(farewells: Farewells, issued: Issued, effects: Effects) -> Farewells:
    """Remember a command, if it ends a call."""
    match issued.command:
        case TerminateSession() as said:
            return {**farewells, issued.id: Farewell(said, effects.at + _LONGEST_SILENCE)}
        case MessageCall(action=CallAction.RETRACT) as said:
            return {**farewells, issued.id: Farewell(said, effects.at + _LONGEST_RINGING)}
        case _:
            return farewells


def answered(farewells: Farewells, event: IqSucceeded | IqFailed) -> Farewells:
    """A client has heard it, or cannot hear it."""
    if event.command not in farewells or (isinstance(event, IqFailed) and event.condition == _UNSAID):
        return farewells
    return _without(farewells, event.command)


def glare(farewells: Farewells, event: SessionTerminated, effects: Effects) -> Farewells | None:
    """A client ends a session that we have ended already; None if it is not one of these."""
    for name, farewell in farewells.items():
        said = farewell.said
        if (said.sid, said.to, said.sender) == (event.sid, event.iq.sender, event.iq.to):
            effects.emit(AcceptIq(event.iq))
            return _without(farewells, name)
    return None


def repeat(farewells: Farewells, live: tuple[Session, ...], effects: Effects) -> Farewells:
    """The stream is up again: say all of it once more, and forget what was said before.

    Not to a client that is in a new session of the same name by now.
    """
    names = {(session.us, session.client, session.sid) for session in live}
    for farewell in farewells.values():
        said = farewell.said
        if (said.sender, said.to, said.sid) not in names:
            effects.emit(said)
    return {}


def deadlines(farewells: Farewells) -> tuple[Deadline, ...]:
    """Until when they are remembered."""
    return tuple(Deadline(f"the end of session {f.said.sid} to be heard", f.until) for f in farewells.values())


def expire(farewells: Farewells, effects: Effects) -> Farewells:
    """Rules 2 and 4."""
    return {name: farewell for name, farewell in farewells.items() if farewell.until > effects.at}


def _without(farewells: Farewells, name: str) -> Farewells:
    return {other: farewell for other, farewell in farewells.items() if other != name}
