"""Keys pressed in a call (XEP-0181), as far as one tone each: which key, and for how long.

How loud it was meant to be is dropped. What is wrong with a key is said without repeating it: it may be part of a PIN.
"""

from dataclasses import dataclass, field
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_DTMF, MalformedError, child, number, required

_KEYS: Final = frozenset("0123456789*#ABCD")  # RFC 4733 §3.2
_LONGEST: Final = 60_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and how long it was pressed, in milliseconds, 0 if that was not said."""

    digit: str = field(repr=False)
    duration: int


def read(jingle: Element) -> Key | None:
    """The key that a session-info says was pressed, if it says that."""
    pressed = child(jingle, NS_DTMF, "dtmf") if jingle.getAttribute("action") == "session-info" else None
    if pressed is None:
        return None
    digit = required(pressed, "code").upper()
    if digit not in _KEYS:
        raise MalformedError("The code of <dtmf/> is none of 0 to 9, *, #, and A to D.")
    return Key(digit, number(pressed, "duration", _LONGEST, 0))
