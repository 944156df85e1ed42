"""A recorded log as steps, and which of them belong to a call."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, get_args

from fargo.log import Entry
from fargo.statemachine import call as calls
from fargo.statemachine.call import Call, CallEvent
from fargo.statemachine.commands import Issued
from fargo.statemachine.events import Event, Recorded
from fargo.statemachine.session import Calling, Inviting, Session, Talking
from fargo.statemachine.user import User, fold, new


class Step(NamedTuple):
    """An event and its recorded commands, between the user's states before and after it."""

    recorded: Recorded
    issued: tuple[Issued, ...]
    before: User
    after: User


def steps(entries: Iterable[Entry], call: str | None = None) -> Iterator[Step]:
    """Every step, or those of one call: named by its id, by its Jingle session or by its SIP channel."""
    users: dict[str, User] = {}
    followed: dict[tuple[str, str], Call] = {}
    for recorded, issued in entries:
        before = users.get(recorded.user) or new(recorded.user)
        after, _ = fold(before, recorded)
        users[recorded.user] = after
        step = Step(recorded, issued, before, after)
        if call is None or _concerns(call, followed, step):
            yield step


def _concerns(name: str, followed: dict[tuple[str, str], Call], step: Step) -> bool:
    """Whether the event touched a call of that name. `followed` has all such as they last were, by user and id: a call
    loses its session and its channel on the way, and late events come when it is gone.
    """
    recorded, _, before, after = step
    jid = recorded.user
    for each in after.calls.values():
        if (jid, each.id) in followed or _is_called(each, name):
            followed[jid, each.id] = each
    return any(
        before.calls.get(id) != after.calls.get(id) or _is_about(last, recorded.event)
        for (user, id), last in followed.items()
        if user == jid
    )


def _is_called(call: Call, name: str) -> bool:
    match call.jingle:
        case Inviting(sid=sid) | Calling(Session(sid)) | Talking(Session(sid)):
            pass
        case _:
            sid = ""
    return name in (call.id, sid, call.sip.channel)


def _is_about(call: Call, event: Event) -> bool:
    return isinstance(event, get_args(CallEvent)) and calls.concerns(call, event)
