"""DTMF (XEP-0181): read the tone that a session-info carries.

The volume is dropped. Errors do not repeat the code, because it may be part of a PIN. Earlier versions of XEP-0181 had
two actions for a key, button-down and button-up: the first is the tone.
"""

from dataclasses import dataclass, field
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import NS_DTMF, MalformedError, child, number, required

_DIGITS: Final = frozenset("0123456789*#ABCD")  # RFC 4733 §3.2
_MAX_DURATION: Final = 60_000


@dataclass(frozen=True, slots=True)
class DtmfTone:
    """A tone: its digit, and its duration in milliseconds, None if the client gave none."""

    digit: str = field(repr=False)
    duration: int | None


@dataclass(frozen=True, slots=True)
class Release:
    """The user lets go of a key that was told when it was pressed."""


def read(jingle: Element) -> DtmfTone | Release | None:
    """Return the tone in a session-info, None if there is none. Raise MalformedError if its code is not a digit."""
    tone = child(jingle, NS_DTMF, "dtmf") if jingle.getAttribute("action") == "session-info" else None
    if tone is None:
        return None
    if tone.getAttribute("action") == "button-up":
        return Release()
    digit = required(tone, "code").upper()
    if digit not in _DIGITS:
        raise MalformedError(texts.NOT_A_TONE)
    return DtmfTone(digit, number(tone, "duration", _MAX_DURATION, 0) or None)
