"""One call out of a log, as a golden log for others: with pseudonyms for all names, or with the names.

Rules:

1. An export ends with the last entry of the call. It begins with a `Snapshot` of the last moment before the call at
   which nothing was in progress: the call rests on the user's account and clients. What the user's clients did in
   between stays, because versions have no gap.
2. An export folds to what is in it, in this version.
3. The commands in it are those that follow from the renamed events, so no name can be left in them. They have to be
   those that followed from the names, renamed; if they are not, there is no export. Call-IDs and tags of ours are
   derived anew, so what stands for them in the events are those that the core derives from the pseudonyms.
4. A word that the program says by itself is no name, even if something has it as its name. Nor is an emergency number,
   which is dialled in several spellings.
5. Times stay.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from fargo.calls import CallName
from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import PolicyChanged, Recorded, RegistrationSubmitted, Snapshot
from fargo.statemachine.model.sip_messages import SendRequest
from fargo.store.entries import Entry
from replay.exporting import texts
from replay.exporting.keep_words import WORDS
from replay.exporting.pseudonyms import Found, Pseudonyms
from replay.exporting.scrub import renamed
from replay.reading.steps import CallLog, refolded

_Entries: TypeAlias = tuple[Entry, ...]


class ExportError(Exception):
    """Something cannot be exported: a sentence that says what, and what to do."""


class Export(NamedTuple):
    """The entries to write. `otherwise`: versions of events that led to other commands when they were recorded."""

    entries: _Entries
    otherwise: tuple[int, ...]


def excerpt(log: CallLog, call: CallName) -> _Entries:
    """Return all entries that the call rests on, from the first to its last (rule 1); none if there is no such call."""
    versions = [recorded.version for recorded, _ in log.call(call.user, call.id)]
    if not versions:
        return ()
    whole = tuple(takewhile(lambda entry: entry[0].version <= versions[-1], log.read(call.user)))
    short = _condensed(whole, versions[0])
    return short if _commands(short)[1:] == _commands(whole)[len(whole) - len(short) + 1 :] else whole


def _condensed(stream: _Entries, version: int) -> _Entries:
    """Return the stream from the last event before that version at which nothing was in progress."""
    user, short = new(stream[0][0].user), stream
    for number, (recorded, _) in enumerate(stream):
        if recorded.version >= version:
            break
        user, *_ = fold(user, recorded)
        if beginning := condensed(user):
            short = (*refolded([replace(recorded, event=beginning)]), *stream[number + 1 :])
    return short


def _commands(entries: _Entries) -> list[tuple[Issued, ...]]:
    """Return the commands that each event leads to today."""
    return [issued for _, issued in refolded(recorded for recorded, _ in entries)]


def pseudonymised(entries: _Entries) -> Export:
    """Return a user's stream under pseudonyms. Raises ExportError."""
    events = tuple(recorded for recorded, _ in entries)
    now = tuple(refolded(events))
    found = Found()
    renamed(events, found)
    for each in _issued(now):
        found.dialog(each.id)  # the name of the registration or dialog that it begins, if it begins one
        if isinstance(each.command, SendRequest) and each.command.dialog:
            found.dialog(each.command.dialog)
    kept = WORDS | _emergency_numbers(events)
    country = _country(events)
    first = Pseudonyms(found, kept, country)
    to = Pseudonyms(found, kept | _own_words(first, tuple(refolded(renamed(events, first)))), country)
    after = tuple(refolded(renamed(events, to)))
    for (recorded, issued), expected in zip(after, renamed(now, to), strict=True):
        if (recorded, issued) != expected:
            raise ExportError(texts.NOT_RENAMABLE.format(version=recorded.version))
    differing = (today.version for (today, issued), (_, then) in zip(now, entries, strict=True) if then != issued)
    return Export(after, tuple(differing))


def _emergency_numbers(events: tuple[Recorded, ...]) -> frozenset[str]:
    """Return the emergency numbers of all policies that the user had."""
    policies = [each.event.policy for each in events if isinstance(each.event, PolicyChanged | Snapshot)]
    return frozenset(number for policy in policies for number in policy.emergency_numbers)


def _country(events: tuple[Recorded, ...]) -> str | None:
    """Return the country in which the user's numbers are dialled: the last that is known."""
    own, others = None, None
    for each in events:
        if isinstance(each.event, RegistrationSubmitted | Snapshot) and each.event.account is not None:
            own = each.event.account.country or own
        if isinstance(each.event, PolicyChanged | Snapshot):
            others = each.event.policy.country or others
    return own or others


def _issued(entries: _Entries) -> Iterator[Issued]:
    return (each for _, issued in entries for each in issued)


def _own_words(to: Pseudonyms, entries: _Entries) -> frozenset[str]:
    """Return the words in commands that come from no name (rule 4). Numbers do not count."""
    said = Found()
    renamed(tuple(issued for _, issued in entries), said)
    return frozenset(word for word in said.words.keys() - set(to.words.values()) if not word.isdecimal())
