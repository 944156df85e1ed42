"""The sentences that this package writes for people, in the log, in an event or in the phrase of a response.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

# --- for the operator, in the log

EDGE_RESTARTED: Final = "The SIP edge has been restarted."
UNREADABLE: Final = "A message of the SIP edge cannot be understood: {why}"
UNWRITABLE: Final = "The response {id} of {user} cannot be written as SIP: {why}"
NOT_SENT: Final = "A message to the SIP edge could not be sent."
NOT_OF_PROVIDER: Final = (
    "{method} for {user} from {ip} was refused: that is no address of their provider. If it is one, add it to the"
    " option accept_from in [sip]."
)
SEND_BUG: Final = "A bug: the SIP request {id} of {user} failed"
RECEIVE_BUG: Final = "A bug: a SIP message could not be handled"

# --- in the phrase of a response

ONLY_CALLS: Final = "Only calls and text messages are taken"
ONLY_PLAIN_TEXT: Final = "Only plain text is taken"
TEXT_NOT_DECODED: Final = "The text cannot be decoded"
TEXT_TOO_LONG: Final = "The text is too long"
NO_PACKAGE: Final = "Only the package message-summary is taken"
ONLY_SUMMARIES: Final = "Only summaries of messages are taken"
BAD_SUMMARY: Final = "The summary of messages is malformed"
NO_TRANSFER_NOW: Final = "The call may not be transferred there, or not now"
NO_TRANSFERS: Final = "Only the end of a call can transfer it"

# --- for users: why a request was not sent. The core puts these behind a colon, or into brackets.

NOWHERE: Final = "it has no address that a request can be sent to"
OUT_OF_REACH: Final = "the gateway has no address with its version of IP"
EXPIRED: Final = "it has expired"
SELF_SIGNED: Final = "the server has issued it to itself"
UNKNOWN_AUTHORITY: Final = "it was issued by an authority that the gateway does not trust"
OTHER_NAME: Final = "it is for {names}"
NO_NAME: Final = "no name"
NO_CERTIFICATE: Final = "it cannot be read"

# --- what is wrong with a message

TEXT_GONE: Final = "The gateway no longer has its text."
DIGIT_GONE: Final = "The gateway no longer has its digit."
BODY_NOT_KEPT: Final = "The gateway does not keep such a body."
NOT_SIP: Final = "The address of the account is not a SIP address."
BAD_MARK: Final = "A line of the SIP edge is malformed."
NOT_UTF8: Final = "The session description is not UTF-8 text."
