"""The sentences that the root of the core writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- faults

FAULT: Final = "The gateway made a mistake; it has been written down."
FAULT_IN_CALL: Final = "The gateway made a mistake in this call; it has been written down."

# --- why the user cannot call

NOT_SIGNED_IN: Final = "You are not signed in to SIP. {status}"
OWN_ADDRESS: Final = "This is your own SIP address; call somebody else's."
TOO_MANY_CALLS: Final = "You are in {most} calls already: end one first."
CALLED_BY_THEM: Final = "You are being called by them at this moment."

# --- why the user cannot be called

CALLED_NOT_SIGNED_IN: Final = "The called user is not signed in."
CALLED_IN_TOO_MANY_CALLS: Final = "The called user is in too many calls."
CALLING_YOU: Final = "They are calling you."

# --- why calls end that nobody has ended

REGISTRATION_CANCELLED: Final = "The registration with the gateway was cancelled."
CONNECTION_LOST: Final = "The SIP account lost its connection."
RESTARTED: Final = "The gateway was restarted."
STOPPING: Final = "The gateway is being stopped."

# --- why a text is not a valid address

NO_USER: Final = "The SIP address has no user part: it should look like alice@sip.example.org."
NO_DOMAIN: Final = "The SIP address has no domain: it should look like alice@sip.example.org."
BAD_DOMAIN: Final = "“{domain}” is not the name of a SIP domain: it should look like sip.example.org."
CONTROL_CHARACTER: Final = "The SIP address contains a control character; write it without."
GATEWAY_ITSELF: Final = "This address is the gateway itself; call a contact such as alice%example.org at it."
NOT_IN_JID: Final = "The SIP address has a character that no JID may have."
TOO_LONG: Final = "The SIP address is too long for a JID."
NOT_SIP: Final = "This is not a SIP URI."
