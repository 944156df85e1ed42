"""The numbers that users may call, by what they begin with.

Rules:

1. The longest beginning that fits a number decides. If none fits, a number may be called unless the operator has listed
   what may be.
2. What begins with a letter is a name and no number: names cost nothing by themselves.
"""

import unicodedata

from fargo.statemachine.media.paths import Policy


def is_allowed(dialled: str, policy: Policy) -> bool:
    """Return True if a number may be called. ``dialled``: see `address.dialled`."""
    if not (policy.allowed_numbers or policy.refused_numbers):
        return True
    number = unicodedata.normalize("NFKC", dialled)
    if number[:1].isalpha():
        return True
    allowed, refused = _longest(number, policy.allowed_numbers), _longest(number, policy.refused_numbers)
    if allowed == refused == -1:
        return not policy.allowed_numbers
    return allowed > refused


def _longest(number: str, beginnings: tuple[str, ...]) -> int:
    """Return the length of the longest of these beginnings that a number has, -1 if it has none."""
    return max((len(each) for each in beginnings if number.startswith(each)), default=-1)
