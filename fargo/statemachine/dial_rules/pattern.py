"""Extended regular expressions (POSIX 1003.1, chapter 9.4) in bounded time.

Rules:

1. RE2 does the matching: its time grows with the length of the text and with the size of the pattern, and with nothing
   else, and the size is limited. The leftmost match counts, and of those that begin there the longest.
2. What POSIX leaves undefined, and what GNU's sed adds, is no pattern: a rule means the same as in any sed, or is
   refused.
3. A backslash in brackets is a character like others.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import re2
from msgspec import Struct

from fargo.statemachine.dial_rules import texts

_MEMORY: Final = 1 << 16
"""Bytes that RE2 may use for a pattern: some 700 instructions."""
_TOO_LARGE: Final = ("too large", "repetition size")
_SPECIAL: Final = frozenset("\\^$.[]|()*+?{}")
_TOKENS: Final = re.compile(
    r"\\(?P<escaped>.)"
    r"|(?P<brackets>\[\^?\]?(?:\[:[a-z]+:\]|[^\]])*\])"
    r"|(?P<braces>\{\d{1,3}(?:,\d{0,3})?\})"
    r"|(?P<plain>.)",
    re.DOTALL,
)


class BadPattern(Struct, frozen=True, gc=False):
    """A text is no pattern. ``problem``: the reason, as a sentence."""

    problem: str


def literal(character: str) -> str:
    """Return the pattern of a character."""
    return f"\\{character}" if character in _SPECIAL else character


@lru_cache(512)
def compiled(pattern: str, ignore_case: bool) -> Any:
    """Return the compiled pattern, or a `BadPattern`."""
    translated = []
    for each in _translated(pattern):
        if isinstance(each, BadPattern):
            return each
        translated.append(each)
    try:
        return re2.compile("".join(translated), _options(ignore_case))
    except re2.error as error:
        problem = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        if any(each in problem for each in _TOO_LARGE):
            return BadPattern(texts.TOO_LARGE)
        return BadPattern(texts.PATTERN.format(problem=problem.partition(":")[0]))


def _options(ignore_case: bool) -> Any:
    options = re2.Options()
    options.posix_syntax = options.longest_match = options.one_line = True
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


def _translated(pattern: str) -> Iterator[str | BadPattern]:
    """Yield the parts of a pattern as RE2 reads them, or why one is none (rule 2)."""
    for found in _TOKENS.finditer(pattern):
        part, escaped = found[0], found["escaped"]
        if escaped is not None and escaped not in _SPECIAL:
            yield _escape(escaped)
        elif found["brackets"]:
            yield _brackets(part)
        elif part == "{":
            yield BadPattern(texts.BRACES)
        else:
            yield part


def _escape(letter: str) -> str | BadPattern:
    """Return the pattern of a character behind a backslash that has no need of one."""
    if letter.isdecimal():
        return BadPattern(texts.BACK_REFERENCE.format(number=letter))
    if letter.isalpha() or letter in "<>`'":
        return BadPattern(texts.GNU_ESCAPE.format(letter=letter))
    return letter


def _brackets(part: str) -> str | BadPattern:
    for sign in ".=":
        if f"[{sign}" in part[1:]:
            return BadPattern(texts.IN_BRACKETS.format(sign=sign))
    return part.replace("\\", "\\\\")
