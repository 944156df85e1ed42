"""The sentences about the state directory, its log, its vault and the spare log, for the operator."""

from typing import Final

# --- the directory is in use

IN_USE: Final = "Fargo runs already with this directory (process {holder}): {path}."
DIRECTORY: Final = "state directory"
UNKNOWN_HOLDER: Final = "unknown"

# --- log and vault do not belong together

LOG_MISSING: Final = "{vault} has passwords, but their log {log} is missing. {ways}"
OTHER_LOG: Final = "{log} is another log than the one to which the passwords in {vault} belong. {ways}"
OLDER_LOG: Final = (
    "{log} is older than the passwords in {vault}: it ends with event {position}, and had event {known}. {ways}"
)
LOG_NOT_COPIED: Final = (
    "{vault} has passwords of {log}, and there is no log in {database} yet. Copy both by “fargo log copy {log} "
    "{database}”, or move {vault} away to begin anew."
)
TWO_WAYS: Final = (
    "Restore the log that belongs to them, or run “fargo accept-log” to go on without it: users whom the log does not "
    "know must register again, and their passwords are erased after {days} days."
)

# --- copies of the state

NOT_EMPTY: Final = "{path} already exists and is not empty. Give the name of a new directory."
NO_BACKUP: Final = "{path} is not a directory with a backup of Fargo: it has no {name}."
STATE_EXISTS: Final = "{path} has a state already. Add --replace to move it aside."
DAMAGED: Final = "{path} is damaged: {why}."
NOT_COPIED: Final = "{path} cannot be written: {why}."

# --- an open log

ENTRY_UNREADABLE: Final = "{path}, event {position}: {problem}."
GAP: Final = "{path} has lost events: event {version} of {user} follows event {before}."

# --- an event or a command that cannot be decoded: the ends of sentences, without their full stop

NEWER_FORMAT: Final = "its {name} was written by a newer Fargo (format {format}); use that version to read it"
UNREADABLE: Final = "its {name} cannot be decoded: {why}"
NO_KNOWN_ACTION: Final = "it has no known Jingle action"

# --- the spare log

NO_SPARE: Final = "{path} cannot be used: {why}. It is needed to say goodbye when the disk is full."
SPARE_UNREADABLE: Final = "{path} cannot be read: {why}. Move it away to start without what it contains."
NOT_IN_SPARE: Final = "What is said from now on is in no log, as {path} does not take it: {why}"
SPARE_FULL: Final = "it is full"

# --- the address of a database

NO_ADDRESS: Final = "This is no address of a database, such as “postgresql://fargo@db.example.org/fargo”."
PASSWORD_IN_ADDRESS: Final = (
    "The address of a database must not have a password in it, because others can see addresses. Write the password "
    "into a password file (~/.pgpass, or “passfile” in the address) or a service file."
)
NOT_INSTALLED: Final = (
    "{database} cannot be used, as Python's package psycopg is missing: install Fargo as “fargo[postgresql]”."
)

# --- the key of passwords in a database

KEY_UNUSABLE: Final = "{path} cannot be used as the key of the passwords: {why}."
NO_KEY: Final = "it is not one"

# --- copying a log to another kind of store

NOT_NAMED: Final = "{path} is not the log of a gateway: that is called {name}, and its passwords are beside it."
LOG_EXISTS: Final = "There is a log already at {place}. Copy to a place without one."
COPY_DIFFERS: Final = "What was read from {target} is not what {source} has. Nothing was kept of the copy."
