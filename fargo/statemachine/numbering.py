"""Telephone numbers as people write them, and the one form in which a number is compared and dialled (ITU-T E.164).

Rules:

1. A text is a number if it consists of digits, *, # and a + before them, and of what people put between these: white
   space, hyphens, dots, slashes and brackets (E.123, RFC 3966 §5.1.1), and marks that nobody sees. Digits of any script
   count.
2. The trunk prefix of a country is dropped behind its code, in brackets or not: +44 (0)1632 960000.
3. A number without a + gets its country code if it is known what it is: it begins with the prefix for other countries,
   with the trunk prefix or with the country's own code, or it is as long as only complete numbers are. Everything else
   stays as it is: extensions, service codes, local numbers, and all numbers if no country is known.
4. A number without a + that begins with the country code is one of that country only if it is too long for a number
   within it.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from fargo.statemachine.numbering_plans import PLANS, TRUNKS, NumberingPlan

_PLUS: Final = "+＋﹢⁺"
_HYPHENS: Final = "-‐‑‒–—―−﹣－ー"
_BETWEEN: Final = frozenset("./()·•․．／（）" + _HYPHENS)
_KEYS: Final = {"*": "*", "＊": "*", "#": "#", "＃": "#"}
_NUMBER: Final = re.compile(r"\+?[0-9*#]*[0-9][0-9*#]*|[*#]+[0-9*#]*\+[0-9]+")
"""With a code before it, such as ``*31#``, the + may stand behind that."""
_GLOBAL: Final = re.compile(r"\+[0-9]+")
_TRUNK_IN_BRACKETS: Final = re.compile(r"[(（]\s*(\d{1,2})\s*[)）]")
_ZERO_STAYS: Final = frozenset({"39", "225", "242", "378"})
"""The codes of countries without a trunk prefix whose numbers begin with 0."""
_SHORTEST, _LONGEST = 7, 15  # digits of a number with its country code
_NO_LOCAL_NUMBER: Final = 10
"""So long is no number that is dialled without the trunk prefix, in countries that have one."""


@lru_cache(4096)
def digits(text: str) -> str | None:
    """Return the number in a text without what separates its digits (rules 1 and 2), None if the text is no number."""
    written = stripped(_without_trunk(text))
    return _without_zero(written) if _NUMBER.fullmatch(written) else None


def is_number(text: str) -> bool:
    """Return True for a number as `digits` returns it."""
    return bool(_NUMBER.fullmatch(text))


def stripped(text: str) -> str:
    """Return a text without what people put between digits, and with all digits as ASCII has them."""
    return "".join(map(_plain, text))


def _plain(character: str) -> str:
    """Return what a character of a number means, "" for one that only separates."""
    if character.isascii() and character.isdigit():
        return character
    if character in _PLUS:
        return "+"
    if character in _BETWEEN or unicodedata.category(character) in ("Zs", "Cf") or character == "\t":
        return ""
    decimal = unicodedata.decimal(character, None)
    return _KEYS.get(character, character) if decimal is None else str(decimal)


def _without_trunk(text: str) -> str:
    """Return the text of a number with a country code without the trunk prefix in brackets."""
    found = _TRUNK_IN_BRACKETS.search(text)
    if not found:
        return text
    before = stripped(text[: found.start()])
    code = before[1:] if before[:1] == "+" else before[2:] if before.startswith("00") else ""
    if code not in TRUNKS or code in _ZERO_STAYS or stripped(found[1]) not in ("0", TRUNKS[code]):
        return text
    return text[: found.start()] + text[found.end() :]


def _without_zero(number: str) -> str:
    """Return a number without the trunk prefix 0 behind its country code, as no number of such a country begins so."""
    code = _code(number[1:]) if number[0] == "+" else None
    if code is None or TRUNKS[code] != "0":
        return number
    return f"+{code}{number[len(code) + 1 :].lstrip('0')}"


def _code(number: str) -> str | None:
    """Return the country code that a number begins with. None of them begins with another."""
    return next((number[:length] for length in (1, 2, 3) if number[:length] in TRUNKS), None)


@lru_cache(4096)
def complete(number: str, country: str | None) -> str:
    """Return a number (see `digits`) with its country code, if it is known (rule 3), else as it is.

    ``country``: that of the account, as in `numbering_plans.PLANS`.
    """
    plan = PLANS.get(country or "")
    if plan is None or not number.isdecimal():
        return number
    found = _with_code(number, plan)
    if found is None or len(found) > _LONGEST:
        return number
    whole = _without_zero(f"+{found}")
    return whole if len(whole) > _SHORTEST else number  # with the +


def _with_code(number: str, plan: NumberingPlan) -> str | None:
    """Return the digits of a number with its country code, None if they are not known."""
    for prefix in plan.international:
        if number.startswith(prefix):
            return number[len(prefix) :]
    if plan.trunk and number.startswith(plan.trunk):
        return plan.code + number[len(plan.trunk) :]
    if len(number) in plan.complete:
        return plan.code + number
    if number.startswith(plan.code) and len(number) >= max(plan.complete, default=_NO_LOCAL_NUMBER - 1) + 1:
        return number
    return None


def is_global(number: str) -> bool:
    """Return True for a number with its country code."""
    return bool(_GLOBAL.fullmatch(number))


def key(number: str, country: str | None) -> str:
    """Return the same text for all spellings of a number (see `digits`). It is no number to dial: a number with a + is
    the same without it, and with 00 if no country is known.
    """
    known = complete(number, country)
    if country is None and known.startswith("00") and len(known) >= _SHORTEST + 2:
        known = known[2:]
    return known.removeprefix("+")
