"""The sentences that the user agent's leg writes for people. They are part of commands, and so of every log.

A text with names in braces is a template for `str.format`; ``domain`` is the one whose server the call went to.
"""

from typing import Final

# --- why a call ended

OFFER_WITHOUT_AUDIO: Final = "The caller's offer contains no usable audio."
OFFER_RESTARTS_ICE: Final = "A restart of ICE, or another certificate, cannot be followed in this call."
OFFER_OF_FAX: Final = "Fax by T.38 is not supported. Send the fax as audio (G.711)."
OFFER_NOT_ENCRYPTED: Final = "The caller offers no encrypted audio (SRTP), which the SIP account requires."
ANSWER_NOT_ENCRYPTED: Final = (
    "The called phone answered without encrypted audio (SRTP), which your SIP account requires."
)
ANSWER_WITHOUT_AUDIO: Final = "The called phone answered without audio that your client supports."
LATE_ANSWER_WITHOUT_AUDIO: Final = "The caller's phone does not support the audio that your client offers."
NOT_ANSWERED: Final = "The call was not answered in time."
CALLER_GAVE_UP: Final = "The caller hung up before the call was answered."
ANSWERED_ELSEWHERE: Final = "The call was answered on another phone."
DECLINED_ELSEWHERE: Final = "The call was declined on another phone."
NOT_CONFIRMED: Final = "The phone did not confirm the call. It may be unreachable."
NO_RESPONSE: Final = "The phone no longer responds."
KEYS_LOST: Final = "The gateway was restarted and no longer has the keys of this call's encrypted audio."
CALL_UNKNOWN: Final = "The phone does not know the call any more."
SAID_OF_OTHER: Final = "The other end has called there, and says: “{words}” ({status})"
SAID_AT_END: Final = "The other end says: {details}"

# --- why a call that we placed failed

SAID_BY_SERVER: Final = "{domain} says: “{words}” ({status})"
SAID_NOTHING: Final = "{domain} gives no reason ({status})"
REDIRECTED: Final = "{domain} redirects the call: “{words}” ({status}). This gateway does not follow redirections."
SAID_IN_DETAIL: Final = "{said}: {details}"
DETAIL: Final = "“{words}”"
NOT_REACHED: Final = "The called phone was not reached."
NOT_REACHED_SAYING: Final = "The called phone was not reached. {said}"
LOGIN_UNKNOWN: Final = "{domain} asks for a login that is not that of your SIP account ({status})."
LOGIN_REFUSED: Final = "{domain} did not accept the user name or password of your SIP account for this call ({status})."
NOBODY_ANSWERED: Final = "Nobody answered."
SERVER_SILENT: Final = "The SIP server does not respond."
SERVER_UNREACHABLE: Final = "The SIP server cannot be reached."
NO_SUCH_SERVER: Final = "There is no SIP server with the name {server}."
NAMES_SILENT: Final = "The address of {server} could not be found out: the name servers do not respond."
CERTIFICATE_INVALID: Final = "The TLS certificate of {server} is not valid: {details}."
PASSWORD_LOST: Final = "The gateway no longer has the password of your SIP account. Register again."
NO_EDGE: Final = "The gateway's SIP service cannot take calls at the moment. Try again shortly."
UNSENDABLE: Final = "The call cannot be sent to {server}: {details}."
NO_DETAILS: Final = "no details known"

# --- why a text was not delivered

TEXT_SERVER_SILENT: Final = "The SIP server does not respond. It is not known whether your message has arrived."
TEXT_NO_EDGE: Final = "The gateway's SIP service cannot take messages at the moment. Try again shortly."
TEXT_UNSENDABLE: Final = "The message cannot be sent to {server}: {details}."
NO_TEXT_TAKEN: Final = "The provider {domain} takes no text messages for this address: “{words}” ({status})"
TEXT_LOGIN_REFUSED: Final = (
    "{domain} did not accept the user name or password of your SIP account for this message ({status})."
)
TEXT_REDIRECTED: Final = "{domain} redirects the message ({status}). This gateway does not follow redirections."
TEXT_NOT_REACHED: Final = "The recipient was not reached: {domain} has had no answer ({status})."

# --- what a call waits for until a deadline

ANSWER: Final = "an answer"
CONFIRMATION: Final = "the phone's confirmation"
CHANGE_ANSWERED: Final = "the phone's answer to a change"
VIDEO_ANSWERED: Final = "the client's answer to video"
NEXT_ATTEMPT: Final = "the next attempt to change the call"
REFRESH: Final = "the session to be refreshed"
END_OF_CALL: Final = "the end of the SIP call"
LAST_NOTICE: Final = "the phone's answer to the end of its transfer"
PICTURE: Final = "the time to ask for a whole picture"
PLACED_ANEW: Final = "the call to be placed anew"
