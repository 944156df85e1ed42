"""The sentences that calls and the bridge write for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- why audio takes another path than was chosen

CODECS_REFUSED: Final = "The phone has none of the client's codecs, so the relay translates."
RELAY_FAILED: Final = "The media relay failed, and client and phone can do without it."

# --- a missed call

MISSED: Final = "Missed call from {caller} on {when:%Y-%m-%d} at {when:%H:%M} UTC."
ANONYMOUS: Final = "an anonymous caller"
NAMED: Final = "{name} ({address})"
