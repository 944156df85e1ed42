"""A call as a ladder: the messages between XMPP client, gateway and SIP side, from top to bottom as they came.

Rules:

1. Labels are the protocols' own words. What only acknowledges a message is left out.
2. Times are in seconds since the call began.
3. A line fits 80 columns; a label that is too long is cut. Hostile text stays on its line.
"""

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from fargo.statemachine.call import Call
from fargo.statemachine.commands import (
    AcceptSession,
    Command,
    InformSession,
    InitiateSession,
    RefuseIq,
    TerminateSession,
)
from fargo.statemachine.events import (
    Event,
    IqFailed,
    ResourceUnavailable,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionModified,
    SessionTerminated,
)
from fargo.statemachine.session import sessions
from replay import sip
from replay.calls import Step

_MARGIN: Final = 8
"""Characters for the time."""
_LANE: Final = 31
"""Characters between two of the ladder's posts."""


class Lane(Enum):
    """Between which two posts an arrow is."""

    XMPP = auto()
    SIP = auto()


class Arrow(NamedTuple):
    """One message: when, where, which way, and what."""

    at: float
    lane: Lane
    rightward: bool
    label: str


def ladder(steps: Iterable[Step], call: str) -> Iterator[str]:
    """The steps of one call (its id), drawn; nothing if there are none."""
    arrows = [arrow for step in steps for arrow in _arrows(step, call)]
    if not arrows:
        return
    yield f"{'seconds':>{_MARGIN}}  {'XMPP client':<{_LANE - 3}}{'gateway':<{_LANE}}SIP"
    yield _line("", (" " * _LANE, " " * _LANE))
    yield from (_drawn(arrow, arrows[0].at) for arrow in arrows)


def _arrows(step: Step, name: str) -> Iterator[Arrow]:
    """What was received, then what was sent because of it."""
    recorded, issued, before, after = step
    call = before.calls.get(name)
    leg = call.sip if call else None
    if label := _received(recorded.event):
        yield Arrow(recorded.at, Lane.XMPP, True, label)
    if label := sip.received(recorded.event, leg):
        yield Arrow(recorded.at, Lane.SIP, False, label)
    names = _names(call) | _names(after.calls.get(name))
    for command in (each.command for each in issued):
        if label := _sent(command, names):
            yield Arrow(recorded.at, Lane.XMPP, False, label)
        if label := sip.sent(command, leg, names):
            yield Arrow(recorded.at, Lane.SIP, True, label)


def _names(call: Call | None) -> set[str]:
    """The call's Jingle session and SIP channel, as far as it has them now."""
    if call is None:
        return set()
    return {call.sip.channel, *(session.sid for session in sessions(call.jingle))}


def _received(event: Event) -> str:
    """What a client sent, in Jingle's words; "" if nothing, or no more than an acknowledgement."""
    match event:
        case SessionInitiated():
            return "session-initiate"
        case SessionAccepted():
            return "session-accept"
        case SessionInformed(info=info):
            return f"session-info {info}"
        case SessionTerminated(condition=condition):
            return f"session-terminate {condition}"
        case SessionModified(action=action):
            return action
        case IqFailed(condition=condition):
            return f"error {condition}"
        case ResourceUnavailable():
            return "unavailable"
        case _:
            return ""


def _sent(command: Command, names: set[str]) -> str:
    """What a client was sent about a session of these names."""
    match command:
        case InitiateSession(sid=sid) if sid in names:
            return "session-initiate"
        case AcceptSession(sid=sid) if sid in names:
            return "session-accept"
        case InformSession(sid=sid, info=info) if sid in names:
            return f"session-info {info}"
        case TerminateSession(sid=sid, condition=condition) if sid in names:
            return f"session-terminate {condition}"
        case RefuseIq(condition=condition):
            return f"error {condition}"
        case _:
            return ""


def _drawn(arrow: Arrow, began: float) -> str:
    label = "".join(c if c.isprintable() else "?" for c in arrow.label)[: _LANE - 4]
    shaft = f" {label} ".center(_LANE - 1, "-")
    drawn = f"{shaft}>" if arrow.rightward else f"<{shaft}"
    empty = " " * _LANE
    return _line(f"{arrow.at - began:.3f}", (drawn, empty) if arrow.lane is Lane.XMPP else (empty, drawn))


def _line(time: str, lanes: tuple[str, str]) -> str:
    left, right = lanes
    return f"{time:>{_MARGIN}}  |{left}|{right}|"
