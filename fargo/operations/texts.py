"""The sentences about the parts of a running gateway, for the operator.

A text with names in braces is a template for `str.format`, or for Twisted's logger.
"""

from typing import Final

NO_STREAM: Final = "There is no stream to the XMPP server."
NO_EDGE: Final = "The SIP edge (kamailio) does not run."
NO_ENGINE: Final = "The SIP engine does not run."
NO_RELAY: Final = "The media relay does not answer."
LOG_FAILED: Final = "The log takes no more events."
NO_ROOM: Final = "The disk is almost full, so no call can begin."
