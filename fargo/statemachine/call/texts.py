"""The sentences that calls and the bridge write for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- why audio takes another path than was chosen

CODECS_REFUSED: Final = "The phone supports none of the client's codecs, so the relay transcodes."
DTLS_REFUSED: Final = "The phone does not take audio that is encrypted end to end, so the relay decrypts it."
RELAY_FAILED: Final = "The media relay failed, but client and phone do not need it."
NOW_BETWEEN_PHONES: Final = "The user has transferred the call to {to}, and audio goes between the two phones."

# --- a missed call

MISSED: Final = "Missed call from {caller}."
ANONYMOUS: Final = "an anonymous caller"
NAMED: Final = "{name} ({address})"

# --- a call that the gateway was asked for

NOT_REACHED: Final = "{to} has not taken the call. {why}"

# --- a call that is forwarded

FORWARDED: Final = "A call from {caller} was forwarded to {to}."
TOO_LONG: Final = "A call that was forwarded or transferred may last for four hours."
NOT_TAKEN: Final = "No client has taken the call in time."
BETWEEN_PHONES: Final = "The call is forwarded to {to}, and audio goes between the two phones. {why}"

# --- a call that a phone transfers

TRANSFERRED: Final = "You are connected with {to} now: the call was transferred."
NOT_TRANSFERRED: Final = (
    "The call could not be transferred to {to}: your client and the phone there seem to have no codec in common, and "
    "no media relay is between the two. You are in the call as before."
)
NO_COMMON_CODEC: Final = "No Codec In Common, And No Relay"
"""For the phone that has asked for the transfer, in the place of the words of a status of SIP."""
TRANSFER_UNDER_WAY: Final = "Another transfer of this call is under way."
NOTHING_TO_TRANSFER: Final = "The call cannot be transferred now."
TRANSFERRED_TOO_OFTEN: Final = "The call has been transferred too often."
NEW_PHONE_INCOMPATIBLE: Final = "The phone supports none of the codecs of the call."
END_TO_END: Final = "The audio is encrypted from end to end, so that no other phone can take the call."

# --- a call that the user transfers

HANDED_OVER: Final = "The call with {peer} was transferred to {to}."
NOT_HANDED_OVER: Final = "The call with {peer} was not transferred to {to}. {why} You are still in it."
HANDED_TO_NOBODY: Final = "The call with {peer} was not transferred to {to}, and has ended. {why}"
PEER_LEFT: Final = "{peer} has hung up before the call was transferred to {to}."
YOU_HANDED_OVER: Final = "You have transferred the call to {to}."
NOTHING_HEARD: Final = "Nothing was heard of it in time."
NOT_JOINED: Final = "The two phones could not be joined."
BEHIND_NAT: Final = "One of the two phones is behind a NAT, so that they would not hear each other."

# --- a deadline of a call

END: Final = "the end of a call that was forwarded or transferred"
HANDED_OVER_BY: Final = "the phone to say what has become of the transfer"
FORWARD: Final = "a client that takes the call before it is forwarded"
OF_CALL: Final = "call {call}: {awaited}"
