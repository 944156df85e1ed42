"""The sentences that this package writes for people, in the log or in the reason phrase of a response.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

BODY_NOT_KEPT: Final = "The gateway does not keep such a body."
NOT_UTF8: Final = "The session description is not UTF-8 text."
UNREADABLE: Final = "The SIP edge sent a message that cannot be understood: {why}"
BAD_MARK: Final = "The line {name} of the edge is malformed."
UNWRITABLE: Final = "The response {id} of {user} cannot be written as SIP: {why}"
BUG: Final = "A bug: the SIP command {id} of {user} failed"
BUG_IN: Final = "A bug: a SIP message could not be handled"
ONLY_CALLS: Final = "Only calls are taken"
DECLINED: Final = "Transfers are not taken"
EDGE_RESTARTED: Final = "The SIP edge has been restarted."

# --- for users: why a server over TLS is not trusted

EXPIRED: Final = "The TLS certificate of {host} has expired."
SELF_SIGNED: Final = "{host} has a TLS certificate that it has issued to itself."
UNKNOWN_AUTHORITY: Final = "The TLS certificate of {host} was issued by an authority that this gateway does not trust."
OTHER_NAME: Final = "The TLS certificate of {host} is for {name}, not for {host}."
NO_NAME: Final = "another name"
NO_CERTIFICATE: Final = "{host} has no TLS certificate that can be read."
