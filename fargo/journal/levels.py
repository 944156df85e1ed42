"""The levels of what is told, with the names that operators know, and their like in Twisted and in syslog(3)."""

from enum import IntEnum
from typing import Any, Final, Literal, TypeAlias

from twisted.logger import LogEvent, LogLevel

LevelName: TypeAlias = Literal["debug", "info", "warning", "error"]
"""The names of the levels that an operator can choose as the least."""


class Level(IntEnum):
    """The weight of a line, by its priority in syslog(3): the smaller, the more."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    INFO = 6
    DEBUG = 7

    @property
    def in_words(self) -> str:
        """The name for people and programs."""
        return self.name.lower()

    @property
    def of_twisted(self) -> Any:
        """Twisted's level that this is."""
        return _TO_TWISTED[self]


_TO_TWISTED: Final = {
    Level.DEBUG: LogLevel.debug,
    Level.INFO: LogLevel.info,
    Level.WARNING: LogLevel.warn,
    Level.ERROR: LogLevel.error,
    Level.CRITICAL: LogLevel.critical,
}
_FROM_TWISTED: Final = {theirs: ours for ours, theirs in _TO_TWISTED.items()}


def named(name: LevelName) -> Level:
    """Return the level of that name."""
    return Level[name.upper()]


def of_event(event: LogEvent) -> Level:
    """Return the level of an event of Twisted's log."""
    return _FROM_TWISTED[event.get("log_level", LogLevel.info)]
