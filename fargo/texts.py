"""The sentences about the configuration and this machine, for the operator.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- a file that cannot be read: the configuration, or the file with the secret

UNREADABLE: Final = "{path} cannot be read: {why}."
NOT_UTF8: Final = "{path} is not UTF-8 text."
NOT_TOML: Final = "{path} is not valid TOML: {why}."
EMPTY_SECRET: Final = "{path} is empty. Write the secret into it."

# --- mistakes in the configuration; each follows the place where it is

MISSING: Final = "Missing; expected {expected}."
NOT_VALID: Final = "{value} is not valid; expected {expected}."
NOT_VALID_IN_LIST: Final = "{value} in the list is not valid; expected {expected}."
SECRET_VALUE: Final = "The value"
EMPTY_LIST: Final = "An empty list"
SECTION_VALUE: Final = "A section"

NOT_A_SECTION: Final = "This is a section, not an option. Write [{section}] on its own line and its options below it."
UNKNOWN_SECTION: Final = "There is no such section. {hint}"
UNKNOWN_OPTION: Final = "There is no such option. {hint}"
DID_YOU_MEAN: Final = "Did you mean {name}?"
VALID_NAMES: Final = "Valid names: {names}."
WRONG_SECTION: Final = "This option belongs in [{section}]."

NO_SECRET: Final = (
    "Neither secret nor secret_file is given. Give one of them; the XMPP server must have the same secret."
)
TWO_SECRETS: Final = "Both secret and secret_file are given. Remove one of them."
OWN_DOMAIN: Final = "“{domain}” is the domain of the gateway itself. List the domains of its users."
LOOPBACK_ADDRESS: Final = "{address} is reserved for traffic inside the gateway. Use another address of this machine."
RELAY_MISSING: Final = "Missing, although path is “relay”; expected {expected}."

# --- a warning about the configuration

SECRET_EXPOSED: Final = "{path} contains a secret and other users can read it. Run “chmod 600 {path}”."

# --- what this machine lacks; each follows the option that asks for it

NOT_EXECUTABLE: Final = "{program} is not an executable file. Install the program or correct the path."
NOT_A_DIRECTORY: Final = "{path} is not a directory. Choose another path."
NOT_WRITABLE: Final = "Fargo runs as user {uid}, which has no permission to write to {path}."
NOT_LOCAL: Final = "{socket} is not an address of this machine. Run “ip address” to list its addresses."
IN_USE: Final = "{socket} is in use by another program. Stop that program or choose another port."
RESERVED: Final = "{socket} is reserved for root. Choose a port above 1023 or give Fargo CAP_NET_BIND_SERVICE."
UNUSABLE: Final = "{socket} cannot be used: {why}."
RELAY_SILENT: Final = (
    "No media relay answers at {address} port {port}, so calls that need it will fail. Start rtpengine or correct the "
    "address."
)
