"""The sentences that the root of the core writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- faults

FAULT: Final = "Internal gateway error; it has been logged."
FAULT_IN_CALL: Final = "Internal gateway error in this call; it has been logged."

# --- why the user cannot call

NOT_SIGNED_IN: Final = "You are not signed in to SIP. {status}"
ENGINE_DOES_NOT_CALL_BACK: Final = "This gateway cannot place calls for you. Call the number with your client."
NO_KEYS_YET: Final = "Your account requires encrypted audio. Call the number with your client instead."
NO_CLIENT: Final = (
    "None of your clients can take the call now: none that could is online, or all are set to do not disturb."
)
ENGINE_DOES_NOT_FORWARD: Final = "This gateway does not forward calls."
NO_TRANSFER_TO_EMERGENCY: Final = "Calls cannot be transferred to an emergency number."
NO_FORWARD_TO_EMERGENCY: Final = "Calls are not forwarded to an emergency number."
NO_FORWARD_TO_OWN: Final = "This is your own SIP address. Calls cannot be forwarded to it."
ENGINE_DOES_NOT_TRANSFER: Final = "This gateway does not transfer calls."
NOBODY_TO_TRANSFER: Final = (
    "You are in no call that could be transferred. It must have been answered, and not be encrypted from end to end."
)
ONE_TO_JOIN: Final = (
    "You are in one call only. Write “transfer” and the number that it is to go to, or call that number first."
)
WHICH_TO_TRANSFER: Final = "You are in several calls. Put all on hold but the one that is to be transferred."
TWO_TO_JOIN: Final = "You are in more than two calls. End those that are not to be connected."
TRANSFERS_ALREADY: Final = "A call of yours is being transferred. Wait until that is done."
NO_KEYS_TO_PASS_ON: Final = "The audio of this call is encrypted, and that of the other would not be."
NO_AUDIO_IN_COMMON: Final = "The two phones have no audio codec or kind of address in common."
JOINED: Final = "You have joined this call with another."
TO_CONTACTS_ONLY: Final = "Calls can be transferred to contacts of the gateway only."
YOURSELF: Final = "This is whom you are talking to."
NO_CONTACT: Final = "No contact can stand for that address."
OWN_ADDRESS: Final = "This is your own SIP address. Call a different one."
NO_FOREIGN_CALLS: Final = "Only SIP addresses at {domain} can be called from here."
TOO_MANY_CALLS: Final = "You have as many calls at a time as this gateway allows ({most}). End one first."
NO_EMERGENCY_CALLS: Final = "Emergency calls are not possible here. Use another phone at once."
TAKEN_BACK: Final = "You have taken this call back before it began."
CALLED_BY_THEM: Final = "They are calling you at this moment."

# --- why the user cannot be called

CALLED_NOT_SIGNED_IN: Final = "The called user is not signed in."
CALLED_IN_TOO_MANY_CALLS: Final = "The called user is in too many calls."
CALLED_UNDISTURBED: Final = "The called user does not want to be disturbed."
CALLER_REFUSED: Final = "The called user takes no calls from this number."
CALLING_YOU: Final = "They are calling you."

# --- why nobody can call now

NO_ROOM: Final = "The gateway takes no new calls at the moment, because its disk is almost full. Try again later."
DRAINING: Final = "The gateway takes no new calls at the moment, because it is about to be restarted. Try again later."

# --- why calls end that nobody has ended

REGISTRATION_CANCELLED: Final = "The registration with the gateway was cancelled."
USER_REMOVED: Final = "The operator of the gateway has removed your registration."
CONNECTION_LOST: Final = "The SIP account lost its connection."
RESTARTED: Final = "The gateway was restarted."
STOPPING: Final = "The gateway is shutting down."

# --- why a text is not a valid address

NO_USER: Final = "The SIP address has no user part. It should look like alice@sip.example.org."
NO_DOMAIN: Final = "The SIP address has no domain. It should look like alice@sip.example.org."
BAD_DOMAIN: Final = "“{domain}” is not a valid SIP domain. It should look like sip.example.org."
CONTROL_CHARACTER: Final = "The SIP address contains a control character. Remove it."
GATEWAY_ITSELF: Final = "This is the gateway's own address. Call a contact at the gateway, such as alice%example.org."
NOT_IN_JID: Final = "The SIP address contains a character that is not allowed in a JID."
TOO_LONG: Final = "The SIP address is too long for a JID."
NOT_SIP: Final = "This is not a SIP address. It should look like alice@sip.example.org, or be a telephone number."
NOT_A_NUMBER: Final = "“{text}” is not a telephone number. It should look like +44 1632 960000."

# --- what is waited for until a deadline

USER_FORGOTTEN: Final = "the user to be forgotten"
CALL_DESCRIBED: Final = "call {sid} to be described"
END_HEARD: Final = "the end of session {sid} to be heard"
RELAY_ANSWER: Final = "call {call}: the media relay's answer"
CLIENT_HEARD: Final = "a sign of life of {client}"
CLIENT_ANSWER: Final = "call {call}: the XMPP client's answer"
TEXT_ANSWER: Final = "the answer to a text message"
SIP_ANSWER: Final = "call {call}: the SIP side's answer"
