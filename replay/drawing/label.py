"""What an event or a command is called on a ladder, and how much it weighs."""

from enum import Enum, StrEnum
from typing import NamedTuple, TypeVar

_Number = TypeVar("_Number", bound=Enum)


class Tone(StrEnum):
    """How much a word weighs."""

    PLAIN = "plain"
    QUIET = "quiet"
    """It only acknowledges, or never left the machine."""
    ERROR = "error"
    """It refused something, or failed."""
    NOTE = "note"
    """A sentence for whoever reads the log."""


class Said(NamedTuple):
    """A word, or a few, and their tone. The other end may have chosen the words: hostile text."""

    label: str
    tone: Tone = Tone.PLAIN


def quiet(label: str) -> Said:
    """Said in a low voice."""
    return Said(label, Tone.QUIET)


def failed(label: str) -> Said:
    """Said as an error."""
    return Said(label, Tone.ERROR)


def number(kind: type[_Number], value: int) -> str:
    """The name of a protocol's number; one that is not known stands for itself."""
    try:
        return kind(value).name.lower().replace("_", " ")
    except ValueError:
        return str(value)
