"""The sentences about databases of PostgreSQL, for the operator. `what` is what is in it: a log or a vault."""

from typing import Final

# --- a database that cannot be used

UNUSABLE: Final = "{database} cannot be used as a {what}: {why}."
SILENT: Final = "it does not answer"
OLD_SERVER: Final = "the server is PostgreSQL {version}; 14 is the first that Fargo works with"
OTHER_ENCODING: Final = "its encoding is {encoding}, and has to be UTF8"
FOREIGN: Final = "{database} has tables, but not those of Fargo. Give it a database or a schema of its own."
MISSING: Final = "There is no {what} in {database}."
NEWER: Final = "{database} was written by a newer Fargo ({migrations}); use that version to read it."
OLDER: Final = "{database} was written by an older Fargo. Start this version's gateway, so that it can convert it."

# --- an open log

IN_USE: Final = "Fargo runs already with {database} ({holder})."
UNKNOWN_HOLDER: Final = "an unknown process"
LEASE_LOST: Final = "Another process has taken this one's place in {database}."
LEASE_UNKNOWN: Final = "Another process may have taken this one's place. {why}"
LOCKED: Final = "{database} is locked by another process."
NOT_LOCKED: Final = "{database} was opened without its lock, so nothing can be written to it."

# --- a log beside a reactor

AWAY: Final = "The log is waited for: {why}"
LOST: Final = (
    "{database} is not as it was: its log ends with position {position}, and had {known}. Was it restored, or has "
    "another server taken its place that did not have everything?"
)
BACK: Final = "The log can be written again: {database}"
NOT_HANDED_ON: Final = (
    "{count} things that waited for workers which were away are dropped, as this gateway is one process now."
)
NO_FIGURES: Final = "How large the log is could not be found out: {why}"
NOT_PURGED: Final = "What has left the log could not be removed from its tables yet: {why}"

# --- the vault

KEY_MISSING: Final = (
    "{path} is missing, the key of the passwords in {database}. Copy it from a backup, or from another gateway with "
    "this database."
)
OTHER_KEY: Final = "{path} is not the key of the passwords in {database}. Copy that from where it is."
NOT_OPENED: Final = "A password of {user} in {database} is not as it was written."
