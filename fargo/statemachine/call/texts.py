"""The sentences that calls and the bridge write for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- why audio takes another path than was chosen

CODECS_REFUSED: Final = "The phone supports none of the client's codecs, so the relay transcodes."
RELAY_FAILED: Final = "The media relay failed, but client and phone do not need it."

# --- a missed call

MISSED: Final = "Missed call from {caller}."
ANONYMOUS: Final = "an anonymous caller"
NAMED: Final = "{name} ({address})"

# --- a deadline of a call

OF_CALL: Final = "call {call}: {awaited}"
