"""The sentences that the limits write for people. A text with names in braces is a template for `str.format`."""

from typing import Final

# --- for users

TOO_MANY: Final = {
    "stanzas": "You are sending too much to this gateway. Wait a moment.",
    "calls": "You have made too many calls in a short time. Try again in a few minutes.",
    "subscriptions": "You have added too many contacts in a short time. Try again later.",
    "texts": "You have written too many messages in a short time. Try again in a minute.",
    "registrations": "Too many attempts to register have failed. Check your account with your provider, and try again"
    " in an hour.",
    "log": "You have used this gateway too much today. Try again in a few minutes.",
}
BUSY: Final = "This gateway has too much to do. Try again in a few minutes."
OVERDUE: Final = "The gateway was not there in time. Please try again."
CLOSED: Final = "This gateway accepts no new users. Ask its operator."
OTHER_PROVIDER: Final = "This gateway cannot be used with {provider}. It can be used with {providers}."
NUMBER: Final = "The operator of this gateway does not allow calls to this number."
NUMBER_TEXT: Final = "The operator of this gateway does not allow messages to this number."
TEXTS_IN: Final = "The user has got too many messages in a short time. Try again in a minute."
LOW_PORT: Final = "Port {port} is not one for SIP. Use 443, or a port above 1023, or leave the field empty."

# --- for the operator

REFUSED_IN_ALL: Final = "Refused since the start: {counts}."
REFUSED_NOTHING: Final = "nothing"
REFUSED_COUNT: Final = "{count} × {what}"
