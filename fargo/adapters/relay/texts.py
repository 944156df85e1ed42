"""The sentences that this package writes for people, in the log or in the problem of an event.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

# --- for the operator, in the log

ANSWERS_AGAIN: Final = "The media relay answers again."
NOT_COUNTED: Final = (
    "The media relay does not report how many statistics requests it has had. The gateway cannot notice its restarts."
)
NOT_KEPT: Final = (
    "The number of the relay's statistics requests cannot be kept: {why}. If the relay is restarted while the gateway"
    " is down, that is not noticed."
)
SESSIONS_LOST: Final = "{problem} Its sessions are lost."
WATCH_BUG: Final = "A bug: watching the media relay failed"
COMMAND_BUG: Final = "A bug: the command {id} of {user} failed"

# --- for users and the operator: why a command failed or the relay's sessions are lost

SILENT: Final = "The media relay does not answer."
RESTARTED: Final = "The media relay was restarted."
REFUSED: Final = "The media relay refuses: {why}."
NO_REASON: Final = "it gives no reason"
REQUEST_TOO_LONG: Final = "The request to the media relay does not fit into one datagram."
DIGIT_GONE: Final = "The gateway no longer has that digit."
WITHDRAWN: Final = "The session was deleted before the media relay replied."
BUG: Final = "The gateway has a bug. Its log has the details."
