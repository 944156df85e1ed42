"""The sentences of the checks, for the operator: what is wrong and what to do. Each follows the option that it is for.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- what other users of this machine could do

SECRET_EXPOSED: Final = "{path} contains a secret, and other users can read or change it. Run “chmod 600 {path}”."
CHANGEABLE: Final = "Other users can change {path}. Run “chmod go-w {path}”."
DIRECTORY_EXPOSED: Final = "Other users can read or change what is in {path}. Run “chmod 700 {path}”."
OF_ANOTHER_USER: Final = (
    "{path} belongs to user {owner}, who can change it. Fargo runs as user {uid}: correct the owner, or run Fargo as "
    "user {owner}."
)

# --- what this machine lacks

NOT_EXECUTABLE: Final = "{program} is not an executable file. Install the program or correct the path."
NOT_A_DIRECTORY: Final = "{path} is not a directory. Choose another path."
NOT_WRITABLE: Final = "Fargo runs as user {uid}, which has no permission to write to {path}."
NOT_READABLE: Final = "Fargo runs as user {uid}, which cannot read {path}. Correct the path or its permissions."
NOT_LOCAL: Final = "{socket} is not an address of this machine. Run “ip address” to list its addresses."
IN_USE: Final = (
    "{socket} is in use by another program. Stop that program, which “ss -tulpn” names, or choose another port."
)
RESERVED: Final = "{socket} is reserved for root. Choose a port above 1023 or give Fargo CAP_NET_BIND_SERVICE."
UNUSABLE: Final = "{socket} cannot be used: {why}."
RELAY_EXPOSED: Final = (
    "Any user of this machine can send commands to the media relay, and so hear and end all calls. Let the firewall "
    "keep port {port} for the gateway's user: see “The relay's port for commands” in docs/configuration.md."
)
RELAY_SILENT: Final = (
    "No media relay answers at {address} port {port}, so calls that need it will fail. Start rtpengine or correct the "
    "address."
)
RELAY_STRANGE: Final = (
    "What answers at {address} port {port} is no rtpengine, so calls that need the relay will fail. Give the address "
    "and port of its option listen-ng."
)
RELAY_ANSWERS: Final = "The media relay answers at {address} port {port}."
RELAY_ANSWERS_VERSION: Final = "The media relay answers at {address} port {port}. The rtpengine here is {version}."

# --- programs

VERSION: Final = "{program} is version {version}."
NO_VERSION: Final = (
    "{program} does not run, or is another program: “{program} {option}” tells no version. Correct the path."
)
EDGE_FINE: Final = "kamailio takes the configuration of the SIP edge."
MODULE_MISSING: Final = (
    "kamailio lacks its module {module}. Install its modules (apt-get install kamailio kamailio-tls-modules)."
)
EDGE_REFUSED: Final = (
    "kamailio does not take the configuration of the SIP edge: {why}. Install kamailio 5.6 or later, with its modules."
)
NO_END: Final = "it did not end within {seconds} seconds"
NO_WORDS: Final = "it printed nothing"

# --- the state directory

TOO_LONG_FOR_BUS: Final = (
    "{path} is too long for the sockets of the engine “telepathy”: it has {length} bytes, and may have {limit}. "
    "Choose a shorter path."
)
NOT_FOR_BUS: Final = (
    "The engine “telepathy” cannot use a path with these characters: {characters}. Choose one of letters, digits, and "
    "the characters - _ . / only, instead of {path}."
)
KEY_DAMAGED: Final = (
    "{path} has no key of the SIP edge, or cannot be read. Restore it from a backup, or delete it: then calls in "
    "arrive only after the next refresh of each registration."
)
NO_ROOM: Final = (
    "The disk of {path} has {left} MB left, and the gateway takes no new calls below {wanted}. Make room, or change "
    "log.reserve_mb."
)

# --- TLS

NO_CERTIFICATE: Final = "{path} has no certificate in PEM. Give the file with the certificate and its chain."
NO_KEY: Final = "{path} has no private key in PEM. Give the file with the key of the certificate."
KEY_LOCKED: Final = "The key in {path} is encrypted. Give a file with the key without a passphrase."
OTHER_KEY: Final = (
    "The key in {key} is not that of the certificate in {certificate}. Give the files that belong together."
)
CERTIFICATE_OVER: Final = "The certificate in {path} was valid until {at}. Renew it."
CERTIFICATE_EARLY: Final = (
    "The certificate in {path} is valid from {at} on only. Correct the clock, or the certificate."
)
CERTIFICATE_ENDS: Final = "The certificate in {path} is valid until {at} only. Renew it."

# --- the clock

CLOCK_BEFORE_PROGRAM: Final = (
    "The clock of this machine is wrong: it says {now}, but this Fargo is of {at}. Set it (timedatectl set-ntp true)."
)
CLOCK_BEFORE_LOG: Final = (
    "The clock of this machine says {now}, but the last event in the log is of {at}. Set it (timedatectl set-ntp true)."
)

# --- the XMPP server

SERVER_ACCEPTS: Final = "The XMPP server at {server} port {port} takes the component {domain}."

# --- a gateway that runs

RUNS: Final = (
    "Fargo runs with {path} (process {pid}), so neither its ports nor its place at the XMPP server were tried."
)
WAITS: Final = (
    "Fargo waits with {path} until it is its turn to be worker {worker} (process {pid}), so neither the port of its "
    "metrics nor its place at the XMPP server, which another process has, was tried."
)
SERVES: Final = "Fargo runs elsewhere ({holder}) with {database}, so its place at the XMPP server was not tried."
RUNS_BADLY: Final = "The gateway that runs says: {why}"

# --- the database

DATABASE_ANSWERS: Final = "The database {database} can be used."
