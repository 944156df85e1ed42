"""The sentences that the commands print. `--help` texts stand beside their options.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- fargo --version

VERSION: Final = "{program} {version}"
NOT_INSTALLED: Final = "{program}: not installed"
NO_VERSION: Final = "{program}: unknown version"

# --- fargo check, fargo run

CONFIG_VALID: Final = "{path} is valid."
ALL_FINE: Final = "{path} is valid, and all that it needs is there."
CONFIG_PROBLEM: Final = "{path}: {problem}"
WARNING: Final = "Warning: {problem}"
REFUSED_AS_ROOT: Final = (
    "Fargo does not run as root: who takes over one of its programs would have the whole machine. Run it as a user of "
    "its own (packaging/fargo.service does), or add --as-root."
)
RUNS_AS_ROOT: Final = "This is root. Fargo should run, and be checked, as a user of its own; “fargo run” refuses root."

# --- fargo backup, fargo restore, fargo accept-log

BACKED_UP: Final = "{path} has the log, the passwords and the key."
BACKUP_SOUND: Final = "{path} is complete: log and passwords belong together."
PASSWORD_MISSING: Final = "{path} lacks a password of {user}, who must register again after a restore."
RESTORED: Final = "{path} has the state of the backup."
MOVED_ASIDE: Final = "The state that was there is in {path}."
LOG_BELONGS: Final = "The log and the passwords in {path} belong together. Nothing was changed."
LOG_ACCEPTED: Final = "The gateway goes on with {path}."

EDGE_LEFT: Final = (
    "The SIP edge of an earlier run goes on without a gateway (kamailio, process {pid}). “fargo run” takes it over, "
    "“fargo stop” ends it."
)

# --- fargo stop

SAYING_GOODBYE: Final = "Fargo (process {pid}) ends its calls and stops."
STOPPED: Final = "Fargo has stopped."
NOT_RUNNING: Final = "Fargo does not run with {path}."
STILL_RUNS: Final = "Fargo (process {pid}) still runs after {seconds} seconds."
EDGE_ENDED: Final = "The SIP edge that an earlier run had left was ended (kamailio, process {pid})."
EDGE_NOT_ENDED: Final = "The SIP edge cannot be ended (kamailio, process {pid})."

# --- fargo status

NOT_ENTERED: Final = "{path}: {why}. Run this as root or as the gateway's own user."
SERVING_STATUS: Final = "Fargo {version} serves {domain}"
AILING_STATUS: Final = "Fargo {version} runs, but cannot serve {domain} as it should"
STARTING_STATUS: Final = "Fargo {version} starts, and does not serve {domain} yet"
STOPPING_STATUS: Final = "Fargo {version} stops serving {domain}"
WAITING_STATUS: Final = "Fargo {version} waits until it is its turn to be worker {worker} of {domain}"
HOLDER: Final = "has another process ({holder})"
HOLDER_SINCE: Final = "has another process ({holder}), connected since {since}"
FOLLOWED_TO: Final = "followed: {users:,} users, up to position {position:,}, read to its end {seconds:.1f} s ago"
NOT_FOLLOWED: Final = "cannot be followed: {why}"
FOLLOWED_FIRST: Final = "not read to its end yet: {users:,} users so far"
SINCE: Final = "{phase} ({worker}process {process}, for {uptime})."
OF_WORKER: Final = "worker {worker}, "
FINE: Final = "ok"
RESTARTED: Final = "restarts: {count:,}"
NO_ACCOUNTS: Final = "none"
CALL_FIGURES: Final = (
    "{now:,} now, {minute:,} begun in the last minute and {hour:,} in the last hour, {failed:,} failed in the last hour"
)
LOG_FIGURES: Final = "{size}, since {oldest}, kept {keep}"
LOG_WITHOUT_EVENTS: Final = "{size}, no events"
FAULTS: Final = "{count:,} since the start; the operational log has them"

GIVEN_AND_TAKEN: Final = "{given:,} to other workers, {taken:,} from them; waiting: {waiting}"
NOTHING_WAITS: Final = "nothing"
WAITING_UNKNOWN: Final = "unknown, as the database does not say it now"
WAITING_FOR: Final = "{count:,} for worker {worker}, the first for {oldest:.0f} s"

DRAINED: Final = "no new calls begin, {count:,} go on"

# --- fargo drain

DRAINING: Final = "No new calls begin. Calls that go on: {calls:,}."
NOT_DRAINING: Final = "Calls can begin. Calls that go on: {calls:,}."
NO_CALL_LEFT: Final = "No call is left."
DRAIN_ENDED: Final = "Somebody has ended the drain: calls can begin. Calls that go on: {calls:,}."
WAIT_FOR_OFF: Final = "--wait is for a drain that begins, not for --off."

# --- fargo accounts

AS_IT_WAS: Final = "No gateway runs with {path}. This is what its log had last."
NOBODY_REGISTERED: Final = "{path} has no registered account."
NEVER_REGISTERED: Final = "{path} has no account of {user}."
NONE_REGISTERED: Final = "none"
SINCE_TITLE: Final = "SINCE ({zone})"

# --- fargo users remove, fargo announce

REMOVE: Final = "Remove {user}, with the account, the password and all calls? This cannot be undone."
REMOVED_WHILE_RUNNING: Final = (
    "{user} is removed: calls and account have ended, and the provider is told. The password is erased when the "
    "provider has answered, or after some minutes; the log forgets the user in ten minutes."
)
REMOVED_ELSEWHERE: Final = (
    "{user} is a user of worker {worker}, which is told to remove them, with the account if there is one. If that "
    "worker is away, it does so when it is back."
)
NO_ACCOUNT_REMOVED: Final = "{user}, who has no account, is removed: the log forgets the user in ten minutes."
REMOVED: Final = (
    "{user} is removed from the log and the vault. As no gateway runs, the provider was not told: if the account was "
    "signed in, calls to it reach nobody until its registration ends by itself, usually within an hour."
)
NOTHING_OF_USER: Final = "{path} has nothing of {user}."
GATEWAY_WITHOUT_SOCKET: Final = (
    "A gateway runs with {path} (process {pid}), and cannot be asked. If it does not just start or stop, stop it first."
)
ANNOUNCED: Final = "Recipients: {users:,}. The last of them gets it in about {seconds:g} seconds."
NOBODY_TOLD: Final = "Nobody is told: no user {which}."
REGISTERED_USER: Final = "is registered"
ONLINE_USER: Final = "who is registered is online"
EMPTY_TEXT: Final = "There is nothing to say. Give a text."
LONG_TEXT: Final = "The text has {length:,} characters, and can have {most:,} at most."

# --- finding calls and events

NO_MATCHING_CALL: Final = "{path} has no matching call."
LATEST_CALLS: Final = "These are the latest {shown:,} of {number:,} calls. `--latest {number}` lists all of them."
NO_MATCHING_EVENT: Final = "{path} has no matching event."
CALL_NAME_PROBLEM: Final = "{path}: {problem}"
NO_GOLDEN_LOG: Final = "{path} contains no golden log (*.jsonl)."
NOT_A_TIME: Final = "“{value}” is not a time. Use 2026-07-04, “4 July 12:00”, 12:00, 2h or “yesterday 10:00”."
NO_SUCH_ZONE: Final = "“{name}” is not a time zone. Use a name such as Europe/London."
NO_SUCH_USER: Final = "{path} has no user {user}."
USERS_MEANT: Final = " Did you mean {users}?"
BEGAN: Final = "BEGAN ({zone})"
NO_CALL_OF_USER: Final = "{path} has no call of {user}."
NO_CALL_AS_HINTED: Final = (
    "{path} has no call of {user} with “{hint}”, and that is not a time. Give a time such as “yesterday 10:00”, a "
    "number, an address or a Call-ID."
)
FAR_FROM_HINT: Final = "No call of {user} began within a day of {time}; the closest one follows."
OTHER_CALLS: Final = "Calls that could also be meant:"

# --- fargo inspect

SERVING: Final = "The calls in {path}: {address}\nPress Ctrl-C to stop."
PORT_UNUSABLE: Final = "Port {port} of this machine cannot be used: {why}."
PORT_TAKEN: Final = "Port {port} of this machine cannot be used ({why}): the address is another one than usual."
LINK_NOT_LASTING: Final = "{path} cannot be written ({why}): the address is another one at each start."

NOT_OF_DATABASE: Final = (
    "The log and the passwords are in {database}. Copy and restore them with PostgreSQL's pg_dump and pg_restore, and "
    "the keys from the state directory beside them."
)

# --- fargo log

COPYING: Final = "Copying"
COPIED: Final = "{entries:,} events and {passwords:,} passwords are in {target} now, as they were."
COMPACTED: Final = "Deleted {count:,} events. The log had {before} and now has {after}."
LOG_IN_USE: Final = "The log is in use, so its file could not be made smaller. Stop the gateway and run this again."
GOLDEN_LOG_FIXED: Final = "{path} is a golden log, which cannot be compacted."
KEEP_MISSING: Final = "Give --keep, such as --keep 90d, or -c FILE to use log.keep of the configuration."
NOT_A_DURATION: Final = "“{value}” is not a duration. Use 90d, 12w, 2y or forever."

# --- fargo replay export, import and ladder

NOT_WRITABLE: Final = "{path} cannot be written: {why}."
NOT_EXPORTED: Final = "{path}: {problem}"
EXPORTED: Final = "{path}: {count} events, names replaced by pseudonyms, times unchanged."
EXPORTED_WITH_NAMES: Final = "{path}: {count} events of {user}, with all names."
EXPORT_DIFFERS: Final = "For {count} of them the recorded commands differ; the file has those of this version."
ALREADY_EXISTS: Final = "{path} already exists. Give the name of a new log."
IMPORTED: Final = "{path}: {count} events."
NOT_IMPORTED: Final = "{path} cannot be imported: {problem}"
COMMANDS_MISNUMBERED: Final = "its commands are not numbered like commands of their events."

# --- fargo init

QUESTION: Final = "{what}{or_none} (--{option})"
OR_NONE: Final = ', or "none"'
EXPECTED: Final = "Expected: {what}"
OPTION_PROBLEM: Final = "--{option}: {problem}"
REPLACE: Final = "{path} is there already. Replace it?"
NOT_REPLACED: Final = "{path} is there already, and stays. To replace it, give --replace."
NO_DIRECTORY: Final = "There is no directory {path}. Make it, or name another file with -c."
NOT_WRITTEN: Final = "{path} cannot be written: {why}."
WRITTEN: Final = "{path} and {secret} are written."
FOR_PROSODY: Final = "\nFor prosody, in /etc/prosody/prosody.cfg.lua, then “systemctl restart prosody”:\n\n{lines}"
FOR_EJABBERD: Final = (
    "\nOr for ejabberd, in the list “listen” of /etc/ejabberd/ejabberd.yml, then “systemctl restart "
    "ejabberd”:\n\n{lines}"
)
FOR_RTPENGINE: Final = (
    "\nFor the media relay, /etc/rtpengine/rtpengine.conf, then “systemctl restart rtpengine-daemon” (behind a NAT, "
    "and for Dino, see docs/configuration.md):\n\n{lines}"
)
FOR_FIREWALL: Final = (
    "\nFor a firewall that lets in nothing else (fargo.iptables has what is to be refused, see docs/security.md):"
    "\n\n{lines}"
)
NEXT_STEPS: Final = (
    "\nDebian's kamailio has the port of the gateway: stop it with “systemctl disable --now kamailio”. Then, as the "
    "user that the gateway runs as, “fargo check -c {path}”, and “systemctl start fargo”."
)

# --- workers

WHICH_WORKER: Final = "This gateway is several workers: {workers}. Say which is meant, with --worker."
