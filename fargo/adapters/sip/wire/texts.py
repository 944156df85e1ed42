"""The sentences that this package writes for people, in the log or in the reason phrase of a response.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- a message that is not understood

TOO_LONG: Final = "The message is longer than {limit} bytes."
HEAD_TOO_LONG: Final = "The header of the message is longer than {limit} bytes."
TOO_MANY_LINES: Final = "The header of the message has more than {limit} lines."
LINE_TOO_LONG: Final = "A header line is longer than {limit} characters."
NO_END: Final = "The header of the message does not end with an empty line."
BARE_CR: Final = "The header of the message has a carriage return without a line feed."
BAD_START: Final = "The first line is neither a request line nor a status line."
OTHER_VERSION: Final = "The version of SIP is not 2.0."
BAD_HEADER_LINE: Final = "A header line has no valid name before a colon."
BAD_LENGTH: Final = "The Content-Length is not a single number of bytes."
BODY_SHORT: Final = "The body is shorter than its Content-Length."

MISSING: Final = "The message has no header {name}."
REPEATED: Final = "The message has more than one header {name}."
BAD_HEADER: Final = "The header {name} is malformed."
OTHER_METHOD: Final = "The method in the header CSeq is not that of the request."
OTHER_SCHEME: Final = "The scheme of the Request-URI is not supported."
BAD_URI: Final = "A URI is malformed."
BAD_ADDRESS: Final = "An address is malformed."
BAD_NUMBER: Final = "A header has something other than a number in its range where such a number is required."
BAD_TOKEN: Final = "A header has something other than a token where a token is required."
UNCLOSED: Final = "A quoted string or an angle bracket is not closed."

# --- a message that cannot be written

NOT_WRITABLE: Final = "The {what} is empty or contains a character that SIP does not allow there."
"""`what` is the name of a header or one of the following."""
START_LINE: Final = "first line"
ADDRESS: Final = "URI or parameter of an address"
NOT_UNICODE: Final = "The message contains a character that UTF-8 cannot express."
UNKNOWN_ALGORITHM: Final = "The digest challenge demands an algorithm that the gateway does not have."
UNKNOWN_QOP: Final = "The digest challenge demands a quality of protection that the gateway does not have."
