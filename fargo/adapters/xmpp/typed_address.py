"""A number or SIP address as a user has typed it, before the core reads it.

Rule: several words are a number (`statemachine.numbering`), or have a sign that only addresses have. Other words are a
mistake: without this, “forward to Bob” would forward calls to a user of that name.
"""

from typing import Final

from fargo.statemachine import numbering

_SIGNS: Final = frozenset("@:<%")


def is_possible(text: str) -> bool:
    """Return True if a text can stand for a number or SIP address."""
    return len(text.split()) < 2 or not _SIGNS.isdisjoint(text) or numbering.digits(text) is not None
