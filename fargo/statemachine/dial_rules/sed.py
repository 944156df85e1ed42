"""A dial rule as people write it: sed's command ``s``, with an option before it for one direction of calls.

Rules:

1. A rule is what ``sed -E`` takes: ``s``, a pattern and a replacement between any three equal characters, and flags.
   ``&`` and ``\\0`` stand for what matched, ``\\1`` to ``\\9`` for what a group matched. The flag g replaces every
   match, a number only that match (with g: and those behind it), i ignores case.
2. ``-o`` before it makes it a rule for calls out only, ``-i`` for calls in only. ``-E``, ``-r`` and ``-e`` and quotes
   are taken, too: people copy them.
3. Only what a number can contain is put into one. So what a rule makes of a number is a number, or refused.
4. A rule that replaces everything by nothing refuses the number (`rewriting`).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

from msgspec import Struct

from fargo.statemachine.dial_rules import pattern, texts
from fargo.statemachine.dial_rules.pattern import BadPattern
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.requests import DialRule

LONGEST: Final = 200
"""The number of characters that a rule may have."""
_OPTIONS: Final = {"-o": Direction.OUT, "-i": Direction.IN}
_HABITS: Final = frozenset({"-E", "-r", "-e"})
_FLAGS: Final = re.compile(r"(?=(?P<i>[^iI]*[iI]?[^iI]*)$)(?=(?P<g>[^g]*g?[^g]*)$)[iIg]*(?P<nth>[1-9]\d{0,2})?[iIg]*")
_OF_NUMBERS: Final = frozenset("0123456789+*#")
Part: TypeAlias = str | int
"""Of a replacement: a text, or the number of a group, 0 for the whole match."""


class BadRule(Struct, frozen=True, gc=False):
    """A text is no rule. ``problem``: the reason, as a sentence for the person who wrote it."""

    problem: str


class Substitution(Struct, frozen=True):
    """A rule that is understood. ``nth``: the first match that is replaced; ``every``: also those behind it."""

    matches: Any
    parts: tuple[Part, ...]
    nth: int = 1
    every: bool = False


# --- reading


def parsed(text: str) -> DialRule | BadRule:
    """Return the rule that is written in a text."""
    only, rest = None, text.strip()
    while (word := rest.partition(" ")[0]) in _OPTIONS or word in _HABITS:
        only, rest = _OPTIONS.get(word, only), rest[len(word) :].strip()
    if rest[:1] in ("'", '"') and rest[:1] == rest[-1:]:
        rest = rest[1:-1]
    known = substitution(rest)
    return known if isinstance(known, BadRule) else DialRule(rest, only)


def written(rule: DialRule) -> str:
    """Return a rule as `parsed` reads it."""
    option = next((f"{each} " for each, direction in _OPTIONS.items() if direction is rule.only), "")
    return f"{option}{rule.text}"


@lru_cache(512)
def substitution(text: str) -> Substitution | BadRule:
    """Return what a rule does, without the options before it; or why it is none."""
    if len(text) > LONGEST:
        return BadRule(texts.TOO_LONG.format(most=LONGEST))
    if not (text.isascii() and text.isprintable()):
        return BadRule(texts.NOT_ASCII)
    if text[:1] != "s" or text[1:2] in ("", " ", "\\") or text[1:2].isalnum():
        return BadRule(texts.USAGE)
    fields = _fields(text[2:], text[1])
    if fields is None:
        return BadRule(texts.NO_END.format(delimiter=text[1]))
    return _understood(*fields, text[1])


def _fields(text: str, delimiter: str) -> tuple[str, str, str] | None:
    """Return pattern, replacement and flags as they are written, None if the delimiter is missing."""
    ends = [found.start() for found in re.finditer(r"\\.|.", text, re.DOTALL) if found[0] == delimiter][:2]
    return (text[: ends[0]], text[ends[0] + 1 : ends[1]], text[ends[1] + 1 :]) if len(ends) == 2 else None


def _understood(wanted: str, replacement: str, flags: str, delimiter: str) -> Substitution | BadRule:
    if not wanted:
        return BadRule(texts.EMPTY)
    given = _FLAGS.fullmatch(flags)
    if given is None:
        return BadRule(texts.FLAGS)
    wanted = re.sub(r"\\(.)", lambda found: pattern.literal(found[1]) if found[1] == delimiter else found[0], wanted)
    matches = pattern.compiled(wanted, "i" in flags.lower())
    if isinstance(matches, BadPattern):
        return BadRule(matches.problem)
    parts = tuple(_parts(replacement))
    for part in parts:
        if isinstance(part, int) and part > matches.groups:
            return BadRule(texts.NO_GROUP.format(number=part))
        if isinstance(part, str) and part not in _OF_NUMBERS:
            return BadRule(texts.NOT_OF_NUMBERS.format(text=part))
    return Substitution(matches, parts, int(given["nth"] or 1), "g" in flags)


def _parts(replacement: str) -> Iterator[Part]:
    """Yield the parts of a replacement, a character or a group each. A backslash makes a sign one like others."""
    for found in re.finditer(r"\\?.", replacement):
        part = found[0]
        if part == "&":
            yield 0
        elif part[0] == "\\" and part[1:].isdecimal():
            yield int(part[1:])
        elif part[0] == "\\" and not part[1:].isalpha():
            yield part[1:]
        else:
            yield part


# --- applying


def applied(rule: DialRule, text: str) -> str:
    """Return what a rule makes of a text: the text itself if it does not match."""
    known = substitution(rule.text)
    if isinstance(known, BadRule):
        return text
    made, copied, count = [], 0, 0
    for found in _found(known.matches, text):
        count += 1
        if count < known.nth:
            continue
        made += [text[copied : found.start()], *(_filled(part, found) for part in known.parts)]
        copied = found.end()
        if not known.every:
            break
    return "".join(made) + text[copied:]


def _filled(part: Part, found: Any) -> str:
    return part if isinstance(part, str) else found.group(part) or ""


def _found(matches: Any, text: str) -> Iterator[Any]:
    """Yield the matches one behind the other. None is empty where another has just ended, as in sed."""
    at, ended = 0, -1
    while at <= len(text) and (found := matches.search(text, at)) is not None:
        if found.end() > found.start() or found.start() != ended:
            yield found
        ended = found.end()
        at = ended if found.end() > found.start() else ended + 1
