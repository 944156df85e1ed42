"""The finding of a check, as a sentence for the operator."""

from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    """The weight of a finding."""

    PROBLEM = auto()
    """The gateway cannot start, or cannot serve anybody."""
    WARNING = auto()
    """The gateway serves, but not everybody, or not safely."""
    FINE = auto()
    """Nothing is wrong."""


class Finding(NamedTuple):
    """A finding. `place` is the option or section that it is about, "" if there is none."""

    kind: Kind
    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}" if self.place else self.sentence


def problem(place: str, sentence: str) -> Finding:
    """Return what keeps the gateway from serving."""
    return Finding(Kind.PROBLEM, place, sentence)


def warning(place: str, sentence: str) -> Finding:
    """Return what should be mended."""
    return Finding(Kind.WARNING, place, sentence)


def fine(sentence: str) -> Finding:
    """Return what was found to be right."""
    return Finding(Kind.FINE, "", sentence)
