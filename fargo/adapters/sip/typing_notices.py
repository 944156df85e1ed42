"""Notices that somebody types (application/im-iscomposing+xml, RFC 3994): read and written."""

import re
from typing import Final

from fargo.statemachine.model.composing import REFRESH_SECONDS, Composing

IS_COMPOSING: Final = "application/im-iscomposing+xml"
"""The type of such a body."""

_STATE: Final = re.compile(rb"<(?:[A-Za-z0-9_-]{1,20}:)?state\s*+>\s*+(active|idle)\s*+</")
_REFRESH: Final = re.compile(rb"<(?:[A-Za-z0-9_-]{1,20}:)?refresh\s*+>\s*+([0-9]{1,6})\s*+</")
_SHORTEST, _LONGEST = 60, 600
"""The seconds that a notice is believed: no fewer (RFC 3994 §3.2), and no more, whatever it says."""
_WRITTEN: Final = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>"
    "<state>{state}</state><contenttype>text/plain</contenttype><refresh>{seconds}</refresh></isComposing>"
)


def read(body: bytes) -> Composing | None:
    """Return what a body says, None if it says nothing. It is not parsed as XML: two values are all that counts."""
    state, refresh = _STATE.search(body), _REFRESH.search(body)
    if state is None:
        return None
    seconds = int(refresh[1]) if refresh else REFRESH_SECONDS
    return Composing(state[1] == b"active", min(max(seconds, _SHORTEST), _LONGEST))


def written(of: Composing) -> bytes:
    """Return the body of a notice."""
    return _WRITTEN.format(state="active" if of.active else "idle", seconds=of.seconds).encode()
