"""One call out of a log, as a golden log for others: with pseudonyms for all names, or with the names.

Rules:

1. An export folds to what is in it, in this version.
2. The commands in it are those that follow from the renamed events, so no name can be left in them. They have to be
   those that followed from the names, renamed; if they are not, there is no export.
3. A word that the program says by itself is no name, even if something has it as its name.
4. Times stay.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded
from fargo.store.entries import Entry
from replay.exporting.keep_words import WORDS
from replay.exporting.pseudonyms import Found, Pseudonyms
from replay.exporting.scrub import renamed
from replay.reading.call_name import CallName
from replay.reading.steps import steps


class ExportError(Exception):
    """Something cannot be exported: a sentence that says what, and what to do."""


class Export(NamedTuple):
    """What to write; `otherwise` are the versions of events that led to other commands when they were recorded."""

    entries: tuple[Entry, ...]
    otherwise: tuple[int, ...]


def excerpt(entries: Iterable[Entry], call: CallName) -> tuple[Entry, ...]:
    """All that the call rests on: its user's stream up to the last event that is about it. What was before the last
    moment without any call is condensed, if that changes nothing.
    """
    stream = tuple(entry for entry in entries if entry[0].user == call.user)
    last = max((step.recorded.version for step in steps(stream, call)), default=0)
    whole = tuple(entry for entry in stream if entry[0].version <= last)
    short = _condensed(whole, int(call.id))
    return short if _leads_to(short)[1:] == _leads_to(whole)[len(whole) - len(short) + 1 :] else whole


def _condensed(stream: tuple[Entry, ...], version: int) -> tuple[Entry, ...]:
    """The stream, from the last event before that version at which nothing was going on."""
    user, short = new(stream[0][0].user), stream
    for number, (recorded, _) in enumerate(stream):
        if recorded.version >= version:
            break
        user, _ = fold(user, recorded)
        if beginning := condensed(user):
            first = replace(recorded, event=beginning)
            short = ((first, fold(new(user.jid), first)[1]), *stream[number + 1 :])
    return short


def _leads_to(entries: tuple[Entry, ...]) -> tuple[tuple[Issued, ...], ...]:
    return _folded(recorded for recorded, _ in entries)


def pseudonymised(entries: tuple[Entry, ...]) -> Export:
    """A user's stream under pseudonyms. Raises ExportError."""
    events = tuple(recorded for recorded, _ in entries)
    found = Found()
    renamed(events, found)
    first = Pseudonyms(found, WORDS)
    to = Pseudonyms(found, WORDS | _own_words(first, _folded(renamed(events, first))))
    now, under = _folded(events), renamed(events, to)
    after = _folded(under)
    for event, issued, expected in zip(under, after, now, strict=True):
        if issued != renamed(expected, to):
            raise ExportError(
                f"Event {event.version} would lead to other commands if its names were replaced. "
                "With names (--with-names) the call can be exported."
            )
    differing = (event.version for (event, then), issued in zip(entries, now, strict=True) if then != issued)
    return Export(tuple(zip(under, after, strict=True)), tuple(differing))


def _folded(events: Iterable[Recorded]) -> tuple[tuple[Issued, ...], ...]:
    """What each event of one stream leads to."""
    user, commands = None, []
    for recorded in events:
        user, issued = fold(user or new(recorded.user), recorded)
        commands.append(issued)
    return tuple(commands)


def _own_words(to: Pseudonyms, folded: tuple[tuple[Issued, ...], ...]) -> frozenset[str]:
    """Rule 3: words in commands that come from no name. Numbers do not count."""
    said = Found()
    renamed(folded, said)
    return frozenset(word for word in said.words.keys() - set(to.words.values()) if not word.isdecimal())
