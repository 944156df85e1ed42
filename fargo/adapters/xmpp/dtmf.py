"""DTMF (XEP-0181): read the tone that a session-info carries.

The volume is dropped. Errors do not repeat the code, because it may be part of a PIN.
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


def read(jingle: Element) -> DtmfTone | None:
    """Return the tone in a session-info, None if there is none. Raise MalformedError if its code is not a digit."""
    tone = child(jingle, NS_DTMF, "dtmf") if jingle.getAttribute("action") == "session-info" else None
    if tone is None:
        return None
    digit = required(tone, "code").upper()
    if digit not in _DIGITS:
        raise MalformedError(texts.NOT_A_TONE)
    return DtmfTone(digit, number(tone, "duration", _MAX_DURATION, 0) or None)
