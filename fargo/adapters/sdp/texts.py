"""The sentences about SDP that this package writes for people, in errors. Names in braces are for `str.format`."""

from typing import Final

# --- a description that cannot be written as SDP

NO_CODEC: Final = "The description has no usable payload type."
NO_KEYS: Final = "The description requires encryption by SDES, and has no keys that the gateway supports."
KEYS_GONE: Final = "The gateway no longer has the keys of the encrypted audio."
NO_ADDRESS: Final = "The description has no address to send audio to."
NO_SDP_TRANSPORT: Final = "The description has a transport that SDP cannot express."
NOT_WRITABLE: Final = "The {what} is empty or contains a character that SDP does not allow there."
"""`what` is one of the following."""
MEDIA_TYPE: Final = "media type"
MEDIA_PROFILE: Final = "media profile"
ICE_UFRAG: Final = "ICE user name fragment"
ICE_PWD: Final = "ICE password"
FINGERPRINT: Final = "fingerprint"
FINGERPRINT_HASH: Final = "hash function of the fingerprint"

# --- SDP that cannot be read

NO_MEDIA_LINE: Final = "The SDP has no media line with a payload type."
NO_CONNECTION: Final = "The SDP has no connection line."
NO_SDP_ADDRESS: Final = "The SDP has no address to send audio to."
INCOMPLETE: Final = "The attribute “{name}” of the SDP is incomplete."
NOT_A_NUMBER: Final = "The SDP has something other than a number between 0 and {limit} where such a number is required."
BAD_DIRECTION: Final = "The SDP has a header extension with an invalid direction."
TOO_MANY_STREAMS: Final = "The SDP has too many media lines."
