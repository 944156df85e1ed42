"""The sentences of the control socket, for the operator.

A text with names in braces is a template for `str.format`, or for Twisted's logger.
"""

from typing import Final

# --- what the gateway answers

TOO_MANY: Final = "The gateway answers too many commands at once. Try again."
NOT_THE_USER: Final = "Only the gateway's own user and root can ask it."
TOO_LONG: Final = "A question has at most {most} bytes."
UNREADABLE: Final = "The gateway does not understand the question. Is this command of the same version? ({why})"
BUG: Final = "The gateway cannot answer because of a bug. Its operational log has the details."

# --- in the operational log

BUG_LOG: Final = "A bug: a question at the control socket could not be answered"
NOT_OPENED: Final = "The control socket in {directory} cannot be opened, so “fargo status” will find no gateway: {why}"

# --- what the command says

SILENT: Final = "The gateway runs, and does not answer within {seconds} seconds."
NOT_UNDERSTOOD: Final = "The gateway gives no answer that this command understands. Is it of the same version?"
