"""The sentences of this package for people. A text with names in braces is a template for `str.format`."""

from typing import Final

# --- a call that is looked for by its name

AMBIGUOUS_CALL: Final = "“{name}” is the name of several calls: {calls}."
UNKNOWN_CALL: Final = "There is no call “{name}”. {others}"
CALLS_IN_LOG: Final = "Calls in the log: {calls}."
NO_CALLS: Final = "The log has no call."
EARLIER_CALLS: Final = "{calls} and {number} earlier ones"

# --- a golden log that cannot be read

UNREADABLE: Final = "{path} cannot be read: {why}."
UNKNOWN_FORMAT: Final = "{path}, line {number}: {why}."
NOT_AN_ENTRY: Final = "{path}, line {number}, is not an entry of a golden log: {why}."
