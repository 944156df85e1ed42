"""The sentences that this package writes for people, in the log or in the problem of an event.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

# --- for the operator, in the log

ANSWERS_AGAIN: Final = "The media relay answers again."
NOT_COUNTED: Final = (
    "The media relay does not report how many statistics requests it has had. The gateway cannot notice its restarts."
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
BUG: Final = "The gateway has a bug. Its log has the details."

# --- a description that cannot be written as SDP

NO_CODEC: Final = "The description has no usable payload type."
SDES_REQUIRED: Final = "The description requires encryption by SDES, whose keys the gateway does not keep."
NO_ADDRESS: Final = "The description has no address to send audio to."
NO_SDP_TRANSPORT: Final = "The description has a transport that SDP cannot express."
NOT_WRITABLE: Final = "The {what} is empty or contains a character that SDP does not allow there."
"""`what` is one of the following."""
MEDIA_TYPE: Final = "media type"
CONTENT_NAME: Final = "name of the content"
CODEC_NAME: Final = "name of a codec"
CODEC_PARAMETER: Final = "parameter of a codec"
CODEC_PARAMETER_NAME: Final = "name of a codec's parameter"
FEEDBACK: Final = "RTCP feedback"
EXTENSION_URI: Final = "URI of a header extension"
SOURCE: Final = "source"
SOURCE_PARAMETER: Final = "parameter of a source"
ICE_UFRAG: Final = "ICE user name fragment"
ICE_PWD: Final = "ICE password"
CANDIDATE: Final = "candidate"
FINGERPRINT: Final = "fingerprint"
FINGERPRINT_HASH: Final = "hash function of the fingerprint"
DTLS_SETUP: Final = "DTLS setup role"

# --- SDP that cannot be read

NO_MEDIA_LINE: Final = "The SDP has no media line with a payload type."
NO_CONNECTION: Final = "The SDP has no connection line."
NO_SDP_ADDRESS: Final = "The SDP has no address to send audio to."
INCOMPLETE: Final = "The attribute “{name}” of the SDP is incomplete."
NOT_A_NUMBER: Final = "The SDP has something other than a number between 0 and {limit} where such a number is required."
BAD_DIRECTION: Final = "The SDP has a header extension with an invalid direction."
