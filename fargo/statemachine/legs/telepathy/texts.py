"""The sentences that the Telepathy leg writes for people. They are part of commands, and so of every log.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- why a call ended

OFFER_WITHOUT_AUDIO: Final = "The caller's offer contains no usable audio."
ANSWER_WITHOUT_AUDIO: Final = "The called phone answered without audio that your client supports."
ANSWER_INCOMPLETE: Final = "The called phone answered the call without saying where to send audio."
CODEC_CHANGED: Final = "The phone changed to a codec that your client does not support."
NOT_ANSWERED: Final = "The call was not answered in time."
CALLER_GAVE_UP: Final = "The caller hung up before the call was answered."
CHANGE_REFUSED: Final = "The phone refused a change of the call: “{words}” ({code})"
CHANGE_REFUSED_SILENTLY: Final = "The phone refused a change of the call, and gives no reason ({code})"
REFUSED_BY_MANAGER: Final = "The gateway's SIP service refused the call: {words}"
EDGE_RESTARTED: Final = "The gateway's SIP service was restarted before the call was answered."
CHANNEL_GONE: Final = "The SIP side of the call was lost."

# --- why a call that we placed failed

SAID_BY_SERVER: Final = "{domain} says: “{words}” ({code})"
SAID_NOTHING: Final = "{domain} gives no reason ({code})"
REDIRECTED: Final = "{domain} redirects the call: “{words}” ({code}). This gateway does not follow redirections."
NOT_REACHED: Final = "The called phone was not reached."
NOT_REACHED_SAYING: Final = "The called phone was not reached. {said}"
SAID_BY_US: Final = "{words}."
FAILED: Final = "The call failed: {words}."
NO_EDGE: Final = "The gateway's SIP service cannot take calls at the moment. Try again shortly."
UNKNOWN_REASON: Final = "unknown"

# --- what a call waits for until a deadline

ANSWER: Final = "an answer"
AUDIO: Final = "the phone's audio"
CONFIRMATION: Final = "the confirmation of our answer"
NEXT_ATTEMPT: Final = "the next attempt to change the call"
END_OF_CALL: Final = "the end of the SIP call"
