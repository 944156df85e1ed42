"""The ends of the sentences about an event or a command that cannot be decoded, without their full stop."""

from typing import Final

NEWER_FORMAT: Final = "its {name} was written by a newer Fargo (format {format}); use that version to read it"
UNREADABLE: Final = "its {name} cannot be decoded: {why}"
NO_KNOWN_ACTION: Final = "it has no known Jingle action"
