"""The sentences about files of SQLite, for the operator. `what` is the kind of file: log or vault."""

from typing import Final

# --- a file that cannot be opened

MISSING: Final = "There is no {what} at {path}."
UNUSABLE: Final = "{path} cannot be used as a {what}: {why}."
FOREIGN: Final = "{path} is an SQLite file, but not a {what} of Fargo."
NEWER: Final = "{path} was written by a newer Fargo ({migrations}); use that version to read it."
IN_USE_BY_OLDER: Final = (
    "{path} is in use by an older Fargo. Stop that first, so that this version can convert the {what}."
)
NOT_COMPLETED: Final = "{path} was written by an older Fargo, and there is no function to complete it."

# --- an open log

LOCKED: Final = "{path} is locked by another process."
NOT_LOCKED: Final = "{path} was opened without the lock of its directory, so nothing can be written to it."
