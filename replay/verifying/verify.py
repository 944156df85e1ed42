"""Fold a log again, and compare the commands with those that were recorded.

Rules:

1. A difference ends nothing: what follows is folded from the state as it is now.
2. From then on that state may be another than it was when the log was written, so a later difference may be no more
   than a consequence. It counts as one if it concerns a call that has differed before; or anything of a user who has
   differed where no call was concerned, because clients and account are behind all calls.
3. What only people read (presence, messages, notes, texts) is in no state: nothing follows from it.
4. A difference that a listed change of the rules explains (`changes`) is grouped under that change. It is no failure,
   nor is what follows from it.
5. Any other difference that is no consequence is grouped by what kind it is (`kinds`), and is a failure, as is what
   follows from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.call_records import CallRecord, LogRecord, RecordBegun
from fargo.statemachine.model.commands import Issued, SendPresence, SendText
from fargo.statemachine.model.events import Event, Recorded
from fargo.statemachine.model.rules import RuleChange
from fargo.statemachine.user_state import User, call_of
from fargo.store.entries import Entry
from replay.reading import channels
from replay.reading.call_name import CallName
from replay.verifying.changes import Refolded, explained
from replay.verifying.kinds import DifferenceKind, difference_kind

_SHOWN: Final = SendPresence | SendText | LogRecord
_WORDS: Final = ("text", "message")
"""Fields that only people read."""


class Difference(Struct, frozen=True):
    """An event whose folding gives other commands than it gave when it was recorded; ``log``: in which log."""

    log: str
    recorded: Recorded
    then: tuple[Issued, ...]
    now: tuple[Issued, ...]
    calls: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The calls that it touches, or whose event it is if it is about no call."""
        user = self.recorded.user
        touched = tuple(str(CallName(user, call)) for call in self.calls)
        return touched or (f"{user} event {self.recorded.version}",)


@dataclass(slots=True)
class Group:
    """Differences of one kind, or by one change of the rules: how many, the first of them, all that they touch (by
    log), and what followed.
    """

    kind: DifferenceKind | RuleChange
    first: Difference
    count: int = 0
    touched: dict[tuple[str, str], None] = field(default_factory=dict)
    following: int = 0
    first_following: Difference | None = None

    @property
    def is_failure(self) -> bool:
        """Return whether no change of the rules explains the differences."""
        return isinstance(self.kind, DifferenceKind)


@dataclass(slots=True)
class Verdict:
    """What folding logs again came to. `differing`: by log, how many of its events gave other commands and failed so.
    `explained`: how many of all gave other commands because a change of the rules says so.
    """

    events: int = 0
    users: int = 0
    differing: dict[str, int] = field(default_factory=dict)
    explained: int = 0
    groups: dict[DifferenceKind | RuleChange, Group] = field(default_factory=dict)

    @property
    def differences(self) -> int:
        """Return how many events gave other commands and failed so."""
        return sum(self.differing.values())


def verify(entries: Iterable[Entry], log: str = "", verdict: Verdict | None = None) -> Verdict:
    """Fold all of a log; what is found is added to a verdict on others, if one is given."""
    verdict = verdict or Verdict()
    streams: dict[str, _Stream] = {}
    for recorded, then in entries:
        stream = streams.get(recorded.user)
        if stream is None:
            stream = streams[recorded.user] = _Stream(new(recorded.user), log, verdict)
        stream.fold(recorded, then)
        verdict.events += 1
    verdict.users += len(streams)
    return verdict


class _Stream:
    """One user's events: the state as it is now, and what in it may differ from what it was, because of which group."""

    __slots__ = ("_all", "_calls", "_log", "_named", "_user", "_verdict")

    def __init__(self, user: User, log: str, verdict: Verdict) -> None:
        self._user = user
        self._log = log
        self._verdict = verdict
        self._named: dict[str, str] = {}
        self._calls: dict[str, Group] = {}
        self._all: Group | None = None

    def fold(self, recorded: Recorded, then: tuple[Issued, ...]) -> None:
        before = self._user
        self._user, now = fold(before, recorded)
        self._named |= _names(recorded, then)
        if now == then and not self._calls:
            return
        calls = tuple(sorted(self._touched(before, recorded.event, then + now)))
        origin = self._all or next((self._calls[call] for call in calls if call in self._calls), None)
        if now != then:
            difference = Difference(self._log, recorded, then, now, calls)
            change = explained(Refolded(recorded, then, now, before))
            if change or not origin:
                kind = change or difference_kind(recorded.event, before, calls, then, now)
                origin = self._count(difference, kind)
            else:
                self._count_following(difference, origin)
            if _in_effect(then) == _in_effect(now):
                return
        if origin:
            self._taint(calls, origin)

    def _touched(self, before: User, event: Event, issued: tuple[Issued, ...]) -> set[str]:
        """The calls that the event has changed, or is about, or that its commands are about."""
        after, last = self._user.calls, before.calls
        changed = {id for id in {**last, **after} if last.get(id) is not after.get(id)}
        met = call_of(before, event)
        about = {met.id} if met else set()
        commands = [each.command for each in issued]
        named = {getattr(value, name, "") for value in (event, *commands) for name in ("sid", "channel", "session")}
        known = self._named | _relayed(before) | _relayed(self._user)
        noted = {command.call for command in commands if isinstance(command, CallRecord)}
        return changed | about | noted | {known[name] for name in named & known.keys()}

    def _count(self, difference: Difference, kind: DifferenceKind | RuleChange) -> Group:
        """Add a difference to its group, and return that."""
        group = self._verdict.groups.setdefault(kind, Group(kind, difference))
        group.count += 1
        group.touched |= {(self._log, name): None for name in difference.names}
        self._count_event(group)
        return group

    def _count_following(self, difference: Difference, origin: Group) -> None:
        """Add a difference to the group that it follows from."""
        origin.following += 1
        origin.first_following = origin.first_following or difference
        self._count_event(origin)

    def _count_event(self, group: Group) -> None:
        verdict = self._verdict
        if group.is_failure:
            verdict.differing[self._log] = verdict.differing.get(self._log, 0) + 1
        else:
            verdict.explained += 1

    def _taint(self, calls: tuple[str, ...], origin: Group) -> None:
        """Rule 2."""
        if not calls:
            self._all = self._all or origin
        for call in calls:
            self._calls.setdefault(call, origin)


def _names(recorded: Recorded, then: tuple[Issued, ...]) -> dict[str, str]:
    """The Jingle session and the SIP channel of a call that began, as it was recorded."""
    begun = [each.command for each in then if isinstance(each.command, RecordBegun)]
    return {
        name: note.call for note in begun for name in (note.session, channels.channel(recorded.event, then)) if name
    }


def _relayed(user: User) -> dict[str, str]:
    """Return the call of each session at the media relay."""
    return {session.terms.name: call.id for call in user.calls.values() for session in call.relay}


def _in_effect(issued: tuple[Issued, ...]) -> list[Issued]:
    """Rule 3: without what only people read."""
    return [_wordless(each) for each in issued if not isinstance(each.command, _SHOWN)]


def _wordless(issued: Issued) -> Issued:
    words = {name: "" for name in _WORDS if hasattr(issued.command, name)}
    return replace(issued, command=replace(issued.command, **words)) if words else issued
