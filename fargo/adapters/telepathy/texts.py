"""The sentences that this package writes for people, in the log or in the text of an event.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

# --- for the operator, in the log

SIGN_IN_REFUSED: Final = "Signing {user} in was refused: {why}"
SIGN_IN_BUG: Final = "A bug: signing {user} in failed"
SIGNAL_BUG: Final = "A bug: handling the signal {interface}.{member} failed"
CALL_BUG: Final = "A bug: call {name} of {user} failed"
CALL_UNREADABLE: Final = "An incoming call for {user} could not be read: {why}"
CODEC_OMITTED: Final = "Call {name} of {user} goes without {what}"
"""`what` is one of the next two."""
UNNAMED_CODEC: Final = "payload type {id}, which has no valid name"
BAD_PARAMETER: Final = "a malformed parameter of payload type {id}"
HOLD_REFUSED: Final = "Call {name} keeps its hold state: {why}"

WATCH_BUG: Final = "A bug: SIP hosts that have grown are not replaced any more"
DRAINED: Final = (
    "{name} uses {mib} MiB of memory, which is more than {limit}. It takes no more accounts, those without a call move "
    "to other hosts, and it is stopped when it is empty."
)
MOVE_FAILED: Final = "{user} stays on a SIP host that is to be stopped: {why}"

# --- for the operator, as the reason why a SIP host cannot start or has ended

HOST: Final = "SIP host {number}"
BUS_ADVICE: Final = "Check that the package dbus-daemon is installed and that the state directory is writable."
RAKIA_ADVICE: Final = "Check that the package telepathy-rakia is installed and that its path in [programs] is correct."
BUS_UNUSABLE: Final = "The private message bus cannot be used: {problem}"
BUS_CLOSED: Final = "The message bus closed the connection."
RAKIA_LEFT: Final = "telepathy-rakia left the message bus."
SOCKET_PATH_TOO_LONG: Final = "{socket} is too long for the path of a socket. Choose a shorter state directory."
DIRECTORY_UNUSABLE: Final = "The directory of a SIP host cannot be used: {problem}"

# --- for users: why an account is signed out

HOST_ENDED: Final = "The gateway's SIP service stopped unexpectedly and is being restarted."
NO_PASSWORD: Final = "The gateway does not have the password of this account. Register again."
CONTROL_CHARACTER: Final = "The user name or the password contains a control character, which is not allowed."
COLON: Final = "The user name or the password contains a colon, which rakia cannot use"
SIGN_IN_FAILED: Final = "The gateway could not sign in to this account. Its log has the details."

# --- for users: why a call failed, after a colon

NOT_SIGNED_IN: Final = "the SIP account is not signed in"
NO_SIP_URI: Final = "the target of the call is not a SIP URI"
ALREADY_DESCRIBED: Final = "the media of the call has already been described"
CALL_FAILED: Final = "the gateway could not continue this call; its log has the details"
