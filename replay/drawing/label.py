"""The label of a message in a sequence diagram, and its tone."""

from enum import Enum, StrEnum
from typing import NamedTuple, TypeVar

_Number = TypeVar("_Number", bound=Enum)


class Tone(StrEnum):
    """The looks of a label."""

    PLAIN = "plain"
    QUIET = "quiet"
    """The message only acknowledges, or never left the machine."""
    ERROR = "error"
    """The message refused something, or something failed."""
    NOTE = "note"
    """A sentence for the readers of the log."""


class Label(NamedTuple):
    """A few words and their tone; ``details``: a line of further text, None if there is none. The other end may have
    chosen the words: hostile text.
    """

    text: str
    tone: Tone = Tone.PLAIN
    details: str | None = None


def quiet(text: str) -> Label:
    """Return the label of a quiet message."""
    return Label(text, Tone.QUIET)


def failed(text: str) -> Label:
    """Return the label of an error."""
    return Label(text, Tone.ERROR)


def number(kind: type[_Number], value: int) -> str:
    """Return the name of a protocol's number, or its digits if it has no name."""
    try:
        return kind(value).name.lower().replace("_", " ")
    except ValueError:
        return str(value)
