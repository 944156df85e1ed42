"""A recorded log step by step: what was signalled, what it changed, and what was done about it."""

from collections.abc import Iterable, Iterator
from typing import Final, get_args

from fargo.log import Entry
from fargo.statemachine import call as calls
from fargo.statemachine import jingle_leg, telepathy_leg
from fargo.statemachine.call import Call, CallEvent
from fargo.statemachine.commands import Issued
from fargo.statemachine.events import Recorded
from fargo.statemachine.jingle_leg import Session
from fargo.statemachine.user import User, fold, new
from replay.values import aligned, block, changes, clock

_UNTOLD: Final = frozenset({"version"})
"""Changes with every event."""


def show(entries: Iterable[Entry], call: str | None = None) -> Iterator[str]:
    """Every step, or those of one call: named by its id, by its Jingle session or by its SIP channel."""
    users: dict[str, User] = {}
    for recorded, issued in entries:
        before = users.get(recorded.user) or new(recorded.user)
        after, _ = fold(before, recorded)
        users[recorded.user] = after
        if call is None or _concerns(call, recorded, before, after):
            yield from _step(recorded, before, after, issued)
            yield ""


def heading(recorded: Recorded) -> str:
    """Which event of whom, and when."""
    return f"{clock(recorded.at)}  {recorded.user}  event {recorded.version}"


def _step(recorded: Recorded, before: User, after: User, issued: tuple[Issued, ...]) -> Iterator[str]:
    yield heading(recorded)
    yield from block(recorded.event, "    ")
    told = [line for line in changes("", before, after) if line.path not in _UNTOLD]
    if told:
        yield "  state"
        yield from aligned(told, "    ")
    if issued:
        yield "  commands"
        for each in issued:
            yield from block(each.command, "    ", f"{each.id}  ")


def _concerns(name: str, recorded: Recorded, before: User, after: User) -> bool:
    named = {each.id for user in (before, after) for each in user.calls.values() if _is_called(each, name)}
    return any(
        before.calls.get(each) != after.calls.get(each) or _is_about(before.calls.get(each), recorded) for each in named
    )


def _is_called(call: Call, name: str) -> bool:
    match call.jingle:
        case jingle_leg.Inviting(sid=sid) | jingle_leg.Calling(Session(sid)) | jingle_leg.Talking(Session(sid)):
            pass
        case _:
            sid = ""
    return name in (call.id, sid, telepathy_leg.channel(call.sip))


def _is_about(call: Call | None, recorded: Recorded) -> bool:
    event = recorded.event
    return call is not None and isinstance(event, get_args(CallEvent)) and calls.concerns(call, event)
