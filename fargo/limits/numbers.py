"""The numbers that users may call, by what they begin with.

Rules:

1. The longest beginning that fits a number decides. If none fits, a number may be called unless the operator has listed
   what may be.
2. What begins with a letter is a name and no number: names cost nothing by themselves.
"""

import unicodedata

from msgspec import Struct


class Numbers(Struct, frozen=True):
    """The beginnings that numbers may have, and those that they must not have; all may be called if there is nothing of
    either.
    """

    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def is_allowed(dialled: str, numbers: Numbers) -> bool:
    """Return True if a number may be called. ``dialled``: see `fargo.statemachine.dialling.dialled`."""
    if not (numbers.allowed or numbers.refused):
        return True
    number = unicodedata.normalize("NFKC", dialled)
    if number[:1].isalpha():
        return True
    allowed, refused = _longest(number, numbers.allowed), _longest(number, numbers.refused)
    if allowed == refused == -1:
        return not numbers.allowed
    return allowed > refused


def _longest(number: str, beginnings: tuple[str, ...]) -> int:
    """Return the length of the longest of these beginnings that a number has, -1 if it has none."""
    return max((len(each) for each in beginnings if number.startswith(each)), default=-1)
