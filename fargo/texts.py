"""The sentences about the configuration, this machine, the programs of the gateway and its calls, for the operator.

A text with names in braces is a template: Twisted's logger fills in log messages, `str.format` everything else.
"""

from typing import Final

from fargo.statemachine.reason import Cause

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
BAD_WORKER_NAME: Final = "The name of a worker is one of up to 20 letters (a to z), digits and hyphens."
NO_SUCH_WORKER: Final = "There is no worker {name} in this file. Its workers: {known}."
NONE: Final = "none"
NOT_A_WORKER_TABLE: Final = (
    "Expected a table, such as [workers.a.sip] with the options of [sip] that only worker a has."
)
WORKERS_NEED: Final = (
    'Workers share their log: [log] store has to be the address of a PostgreSQL database, and [sip] engine "sip".'
)
WRONG_SECTION: Final = "This option belongs in {sections}."

PATH_UNPRINTABLE: Final = "{path} has characters that cannot be shown. Choose another path."
PATH_TOO_LONG: Final = "The path is too long: it may have {limit} bytes, and each name in it {name}. Choose another."
NO_SUCH_HOME: Final = "{path} is in the home of a user who does not exist. Choose another path."
NO_SECRET: Final = (
    "Neither secret nor secret_file is given. Give one of them; the XMPP server must have the same secret."
)
TWO_SECRETS: Final = "Both secret and secret_file are given. Remove one of them."
BAD_DIAL_RULE: Final = "“{rule}” is no dial rule. {problem}"
OWN_DOMAIN: Final = "“{domain}” is the domain of the gateway itself. List the domains of its users."
LOOPBACK_ADDRESS: Final = "{address} is reserved for traffic inside the gateway. Use another address of this machine."
ONE_IPV4_ADDRESS: Final = (
    "The engine “telepathy” uses one IPv4 address. Give one, or set engine to “sip” for several or for IPv6."
)
OTHER_ENGINE: Final = "Only the engine “{engine}” has this option. Remove it, or set engine to “{engine}”."
CERTIFICATE_AND_KEY: Final = "TLS needs both tls_certificate and tls_key. Give both or neither."
RELAY_MISSING: Final = "Missing, although path is “relay”; expected {expected}."
EARLY_WITHOUT_RELAY: Final = (
    "Early audio needs the relay. Give relay and a path that uses it, or set early to “ringing”."
)
EARLY_OTHER_ENGINE: Final = "Only the engine “sip” has the option early. Remove it, or set engine to “sip”."

# --- a program that the gateway runs: why it could not be started, or how it ended

NO_PROGRAM: Final = "{program} cannot be started: {path} does not exist. {advice}"
NOT_SPAWNED: Final = "{program} cannot be started: {why}."
ENDED_EARLY: Final = "{program} ended before it was ready ({how}). {advice} {output}"
TOO_SLOW: Final = "{program} was not ready after {seconds} seconds. {advice} {output}"
OUTPUT: Final = "Its output:"
"""The program's last lines follow, each on a line of its own."""
NO_OUTPUT: Final = "It printed nothing."
ENDED_UNEXPECTEDLY: Final = "{program} ended unexpectedly ({how})."
ENDED: Final = "{program} ended ({how})."
PROGRAM_LINE: Final = "{program}: {line}"
LINES_LEFT_OUT: Final = "{program}: ({count} more lines within a second were left out)"

# --- a program that is restarted

RESTARTING: Final = "{name} has ended and is being restarted: {why}"
CANNOT_START: Final = "{name} cannot be started. {plan} {why}"
"""`plan` is one of the next two."""
LIMITED_ATTEMPTS: Final = "Fargo stops after {attempts} attempts."
ENDLESS_ATTEMPTS: Final = "Fargo tries again until it runs, at least every {minutes} minutes."
RUNNING_AGAIN: Final = "{name} is running again."
GIVEN_UP: Final = "{name} could not be started in {attempts} attempts. {why}"
OTHER_EDGE_ENDED: Final = (
    "The SIP edge in {directory} (kamailio, process {pid}) is ended: this gateway has left it from a time when it was "
    "another number of processes."
)
SUPERVISOR_BUG: Final = "A bug: {name} is not supervised any more"

# --- the engine

LOST_EVENT: Final = "Lost {event} of {user}: the log could not give it back."
COMMIT_FAILED: Final = "The log does not take any more, so all calls end and all accounts are signed out: {why}"
NOT_TAKEN_IN: Final = "{count} events of the spare log are lost, because others before them are."
FAULT_IN_CALL: Final = "A bug ended call “{call}” of {user}: {error} (event {id} in the log; {faults} since start)"
FAULT: Final = "A bug interrupted an event of {user}: {error} (event {id} in the log; {faults} since start)"
DEADLINES_BUG: Final = "A bug: the deadlines of {user} could not be determined. No timer is set for this user."
IDLE_BUG: Final = "A bug: it could not be determined if anything of {user} is open. The gateway assumes that it is."
DISPATCH_BUG: Final = "A bug kept command {id} for {user} from being sent."

# --- the room on the disk

NO_ROOM: Final = "New calls are refused: only {left} MB are left for {directory}. Make room, or change log.reserve_mb."
ROOM_AGAIN: Final = "New calls are taken again: {left} MB are left for {directory}."
ROOM_BUG: Final = "A bug: the room on the disk is not watched any more"

# --- old events in the log

RETIRED: Final = "{count} events were older than the log keeps, and have left it."
NOT_RETIRED: Final = "Old events stay in the log for now: {why}"
NOT_RETIRED_OF_ONE: Final = "The events of {user} cannot be condensed: {why}"
NOT_RETIRED_OF_SEVERAL: Final = "The events of {count} users cannot be condensed, for {user} because of this: {why}"
OTHER_STATE: Final = "The snapshot leads to another state, which is a bug."
RETENTION_BUG: Final = "A bug: old events do not leave the log any more"

# --- states of users that are kept for the next start

STATES_NOT_USED: Final = "The log does not go on where the state of {user} was kept, so all of it is read."
STATES_NOT_KEPT: Final = "The states of the users cannot be kept, so the next start takes longer: {why}"
STATES_NOT_REMOVED: Final = "{path} cannot be removed ({why}). Remove it before the next start: erased users are in it."

# --- passwords in the vault

UNUSED_FOUND: Final = "Passwords that belong to no account in the log: {count}. They are erased after {days} days."
UNUSED_ERASED: Final = "Passwords erased, because they have belonged to no account for {days} days: {count}."
VAULT_NOT_WRITTEN: Final = "Unused passwords stay in the vault, and its mark is not written: {why}"

# --- the gateway as a whole

EDGE: Final = "The SIP edge"
"""The `name` of a restarted program. Those of the SIP hosts are in the texts of its package."""
NO_TEXTS_NOW: Final = "The gateway has no connection to the XMPP server. Try again later."
READY: Final = "Fargo is ready: {domain} serves {users}; SIP is at {addresses} port {port}."
SIGNALLED: Final = "Fargo received {name} and stops."
SIGNALLED_TO_KEEP: Final = "Fargo received {name} and stops. Calls and the SIP edge go on."
STOPPING: Final = "Fargo stops: {why}"
STOPPED: Final = "Fargo has stopped, with exit code {code}."
START_OR_STOP_BUG: Final = "A bug: starting or stopping failed"
START_OR_STOP_FAILED: Final = "A bug prevents starting or stopping; the error is above."
NOT_SIGNED_OUT: Final = "{count} SIP accounts were not signed out in time."
ERASE_BUG: Final = "A bug: a password could not be erased"

# --- for the service manager

STATUS_WAITING: Final = "Waits for the XMPP server."
STATUS_SERVES: Final = "Users can register and call."
STATUS_STOPS: Final = "Stops."
MANAGER_SILENT: Final = "The service manager does not take what the gateway tells it: {why}"
MANAGER_BUG: Final = "A bug: the service manager gets no signs of life any more"

GATE_BUG: Final = "A bug: what is refused is not written any more"

# --- the clock

CLOCK_AHEAD: Final = (
    "The wall clock has jumped ahead by {seconds:.0f} s: it was set, or the machine was suspended. SIP registrations "
    "are renewed. The times in the log go on as before; they follow the clock after a restart."
)
CLOCK_BACK: Final = (
    "The wall clock was set back by {seconds:.0f} s. The times in the log go on as before; they follow the clock after "
    "a restart."
)
CLOCK_BUG: Final = "A bug: jumps of the clock are not noticed any more"

# --- the configuration is read again

RELOADED: Final = "The configuration was read again. Changed: {options}."
RELOADED_SAME: Final = "The configuration was read again. Nothing that can be changed at once has changed."
NEEDS_RESTART: Final = "{options}: needs a restart"
NOT_RELOADED: Final = "The configuration was not taken over, and the earlier one stays in use: {problems}"
"""Each mistake follows on a line of its own."""
RELOAD_BUG: Final = "A bug: the configuration could not be read again"

# --- the state of users and calls

STATE_BEGINS: Final = "State of all users and calls:"
STATE_ENDS: Final = "End of the state. Users: {users}. Calls: {calls}."
STATE_OF_USER: Final = "User {user}: {status} Clients online: {clients}."
NO_ACCOUNT: Final = "No account."
STATE_OF_REGISTRATION: Final = "  Registration {name} of {address}: {state}"
REGISTRATION_OPENING: Final = "not accepted yet"
REGISTRATION_UNTIL: Final = "until {until}"
REGISTRATION_AILING: Final = "until {until}, not renewed: {problem}"
REGISTRATION_LEAVING: Final = "being removed"
STATE_OF_CALL_OUT: Final = "  Call {call}: from {clients} to {phone}, {phases}, {age}, {path}"
STATE_OF_CALL_IN: Final = "  Call {call}: from {phone} to {clients}, {phases}, {age}, {path}"
NOW_WITH: Final = "{first}, now {now}"
AND_OTHERS: Final = "{count} others"
NOBODY: Final = "nobody"
THROUGH_RELAY: Final = "relay"
NOT_THROUGH_RELAY: Final = "direct"
STATE_BUG: Final = "A bug: the state could not be printed"

# --- for users: why a call failed

NO_RELAY: Final = "There is no media relay any more."

# --- calls

CAUSES: Final = {
    Cause.HUNG_UP: "hung up",
    Cause.CANCELLED: "cancelled",
    Cause.ELSEWHERE: "answered elsewhere",
    Cause.NOT_FOUND: "not found",
    Cause.UNAVAILABLE: "unavailable",
    Cause.NO_ANSWER: "no answer",
    Cause.BUSY: "busy",
    Cause.DECLINED: "declined",
    Cause.FORBIDDEN: "forbidden",
    Cause.MEDIA: "no common audio codec",
    Cause.APPLICATION: "not an audio call",
    Cause.TRANSPORT: "no usable transport",
    Cause.SECURITY: "no common encryption",
    Cause.NETWORK: "network error",
    Cause.CONGESTION: "no new calls",
    Cause.SERVER_ERROR: "server error",
    Cause.FAULT: "a bug",
}
NAMED: Final = "{name} ({address})"
THEN_TO: Final = ", then to "
"""Between the addresses of a call that was transferred more than once."""
