"""The sentences that this package writes for the operator: why the edge cannot be started as it is configured.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

ADVICE: Final = (
    "Check that it is installed (apt-get install kamailio kamailio-tls-modules), that [programs] kamailio names it, "
    "and that no other program uses the addresses and ports in [sip]."
)
CONFIGURATION_UNWRITABLE: Final = "The configuration of kamailio cannot be written: {why}"
PORT_TAKEN: Final = "Another program uses port {port} of {address}. Find it (ss -ulnp) and end it, or change [sip]."
ADOPTED: Final = "The SIP edge of the previous run goes on (kamailio, process {pid})."
REPLACED: Final = "The SIP edge of the previous run has another configuration and is ended (kamailio, process {pid})."
ADOPTED_ENDED: Final = "kamailio, which a previous run had started, ended unexpectedly."
ADOPTED_LINE: Final = "kamailio: {line}"
NOT_ENDED: Final = "A kamailio of the previous run cannot be ended (process {pid})."

# --- settings that cannot be used

NOT_LOOPBACK: Final = "The inside address {address} is not a loopback address; use 127.0.0.1."
NOT_REACHABLE: Final = "The outside address {address} is not one that providers can reach; use an address they can."
SAME_ADDRESS: Final = "Inside and outside are both {address}; the outside needs an address of its own."
BAD_PORT: Final = "The {side} port {port} is not between 1 and 65535."
BAD_SECONDS: Final = "{name} is {seconds}; it must be between 1 and 3600."
SHORT_SECRET: Final = "The secret of the edge has fewer than 16 characters."
