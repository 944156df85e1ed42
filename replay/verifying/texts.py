"""The sentences of this package for people. A text with names in braces is a template for `str.format`."""

from typing import Final

# --- the kind of a difference

KIND: Final = "{event}, {phases}: {changes}"
AND: Final = " and "
NO_CALL: Final = "no call"
ACCOUNT: Final = "account {phase}"
OTHER_IDS: Final = "other ids"
OTHER_CALL_OF_EVENT: Final = "event of another call"
COMMAND_MISSING: Final = "{command} missing"
COMMAND_ADDED: Final = "{command} added"
OTHER_FIELDS: Final = "{command} with other {fields}"
OTHER_CALL: Final = "{command} of another call"

# --- a log that is not verified

NEWER_RULES: Final = "{event} was written by a newer version of Fargo (rules {rules}); use that version to verify it."

# --- the report

CHANGE: Final = "Change of the rules (version {version}): {name}. {sentence}"
TIMES: Final = "   {times}, in"
FIRST: Final = "   The first:"
FIRST_IN_LOG: Final = "   The first, in {log}:"
EVENT: Final = "{user} event {version}"
EVENT_IN_LOG: Final = "{log}: {event}"
FOLLOWING: Final = "   {events} may differ only because of this, the first of them {first}."
COMMANDS: Final = "  commands (- as recorded, + as folded now)"
CALL_OF_EVENT: Final = "  call of the event: {then} as recorded, {now} as folded now"
COMMAND_OF_CALL: Final = "{id} (call {call})  "
NONE: Final = "none"
AS_RECORDED: Final = "{folded}: every command is as recorded."
EXPLAINED: Final = "{events} gave other commands because of a change of the rules: no failure."
OTHERS_AS_RECORDED: Final = "{folded}: every other command is as recorded."
FOLDED: Final = "{events} of {users} folded again"
IN_LOG: Final = "{log}: {events}"
DIFFERENT: Final = "{folded}: {events} gave other commands than recorded."
KINDS: Final = "{kinds} of difference; {following:,} of the events may differ only because an earlier one does."
"""`kinds` is one of the following, as `times`, `events` and `users` are above."""

ONE: Final = {"event": "1 event", "user": "1 user", "kind": "1 kind", "time": "1 time"}
SEVERAL: Final = {"event": "{:,} events", "user": "{:,} users", "kind": "{:,} kinds", "time": "{:,} times"}
