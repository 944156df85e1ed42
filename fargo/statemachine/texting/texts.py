"""The sentences about text messages that the core writes for people. A text with names in braces is a template for
`str.format`.
"""

from typing import Final

NO_TEXTS: Final = "This gateway carries calls only. Your message was not delivered."
OWN_ADDRESS: Final = "This is your own SIP address. Write to a different one."
NO_FOREIGN_TEXTS: Final = "Only SIP addresses at {domain} can be written to from here."
NO_EMERGENCY_TEXTS: Final = "Messages to emergency numbers are not possible here. Call them by another phone at once."
TOO_MANY_WAITING: Final = "Your earlier messages have not been delivered yet. Try again in a minute."
NO_ROOM: Final = "The gateway takes no messages at the moment, because its disk is almost full. Try again later."
RESTARTED: Final = "The gateway was restarted. It is not known whether your message has arrived."
STOPPING: Final = "The gateway is shutting down. It is not known whether your message has arrived."
UNANSWERED: Final = "The SIP server does not respond. It is not known whether your message has arrived."
IN_PART: Final = "Only the first {sent} of {count} parts of your message were delivered. {why}"
