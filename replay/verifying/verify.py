"""Fold a log again, and compare the commands with those that were recorded, and the calls that they belong to.

Rules:

1. A difference ends nothing: the next event is folded from the state as it is now.
2. From then on that state may be another than when the log was written, so a later difference may be no more than a
   consequence. It counts as one if it concerns a call that has differed before; or anything of a user who has differed
   where no call was concerned, because all calls rest on clients and account. If a call may begin depends on those
   that are there (ties, the limit of calls). So one that is refused today and was not, or the other way around, counts
   as a consequence while a call is there that has differed before.
3. What only people read (presence, messages, records, texts) is in no state: nothing follows from it.
4. A difference that a listed change of the rules explains (`changes`) is grouped under that change. It is no failure,
   nor is what follows from it.
5. Any other difference that is no consequence is grouped by its kind (`kinds`), and is a failure, as is what follows
   from it.
6. Logs of rules before version 2 do not say which call a command belongs to; it was found out afterwards. So calls are
   compared from that version on.
7. An event that newer rules have folded is refused: what today's rules would do instead says nothing about it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Issued, SendPresence, SendText, ShowContacts
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.model.rules import RULES, RuleChange
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry
from fargo.store.interface import StoreError
from replay.verifying import texts
from replay.verifying.changes import explained
from replay.verifying.difference import Difference
from replay.verifying.kinds import DifferenceKind, kind_of
from replay.verifying.listed.strangers import nameless, unintroduced
from replay.verifying.listed.voicemail import asks_mailbox

_NAMES_CALLS: Final = 2
"""The first version of the rules whose logs say which call a command belongs to."""
_SHOWN: Final = SendPresence | ShowContacts | SendText | LogRecord
_WORDS: Final = ("text", "message")
"""Fields that only people read."""


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
        """Return True if no change of the rules explains the differences."""
        return isinstance(self.kind, DifferenceKind)


@dataclass(slots=True)
class Verdict:
    """The result of folding logs again. `differing`: by log, how many of its events gave other commands and failed so.
    `explained`: how many of all gave other commands because of a change of the rules.
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
    """Fold all of a log again. The result is added to a verdict on other logs, if one is given. Raises StoreError."""
    verdict = verdict or Verdict()
    streams: dict[str, _Stream] = {}
    for entry in entries:
        _refuse_newer(entry[0], log)
        user = entry[0].user
        stream = streams.get(user)
        if stream is None:
            stream = streams[user] = _Stream(new(user), log, verdict)
        stream.fold(*entry)
        verdict.events += 1
    verdict.users += len(streams)
    return verdict


def _refuse_newer(recorded: Recorded, log: str) -> None:
    if recorded.rules > RULES:
        event = texts.EVENT.format(user=recorded.user, version=recorded.version)
        where = texts.EVENT_IN_LOG.format(log=log, event=event) if log else event
        raise StoreError(texts.NEWER_RULES.format(event=where, rules=recorded.rules))


class _Stream:
    """One user's events: the state as it is now, and which group accounts for what may differ in it."""

    __slots__ = ("_all", "_calls", "_log", "_user", "_verdict")

    def __init__(self, user: User, log: str, verdict: Verdict) -> None:
        self._user = user
        self._log = log
        self._verdict = verdict
        self._calls: dict[str, Group] = {}
        self._all: Group | None = None

    def fold(self, recorded: Recorded, then: tuple[Issued, ...]) -> None:
        before = self._user
        self._user, now, call = fold(before, recorded)
        if recorded.rules < _NAMES_CALLS:
            now, call = _with_calls_of(then, now), recorded.call
        differs = now != then or call != recorded.call
        if differs or self._calls:
            self._compare(Difference(self._log, recorded, then, now, call, before), differs)

    def _compare(self, compared: Difference, differs: bool) -> None:
        """Count an event that differs. Spread what is known of its calls to one that does not."""
        calls = compared.calls
        those = (*calls, *compared.before.calls) if compared.refuses_otherwise else calls
        origin = self._all or next((self._calls[call] for call in those if call in self._calls), None)
        if differs:
            change = explained(compared)
            if change or not origin:
                origin = self._count(compared, change or kind_of(compared))
            else:
                self._count_following(compared, origin)
            if _in_effect(compared.then) == _in_effect(compared.now):
                return
        if origin:
            self._taint(calls, origin)

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
        """Remember that later differences in these calls, or in all if there are none, may follow (rule 2)."""
        if not calls:
            self._all = self._all or origin
        for call in calls:
            self._calls.setdefault(call, origin)


def _with_calls_of(then: tuple[Issued, ...], now: tuple[Issued, ...]) -> tuple[Issued, ...]:
    """Return today's commands, with the recorded calls where the commands are the same (rule 6)."""
    calls = {each.id: each for each in then}
    return tuple(
        replace(each, call=calls[each.id].call) if each.id in calls and calls[each.id].command == each.command else each
        for each in now
    )


def _in_effect(issued: tuple[Issued, ...]) -> list[Issued]:
    """Return the commands without what only people read (rule 3), and without what asks about mailboxes, which concerns
    no call.
    """
    kept = (each for each in issued if not isinstance(each.command, _SHOWN) and not asks_mailbox(each.command))
    return [_wordless(each) for each in kept]


def _wordless(issued: Issued) -> Issued:
    command = nameless(unintroduced(issued.command))
    words = {name: "" for name in _WORDS if hasattr(command, name)}
    return replace(issued, command=replace(command, **words) if words else command)
