"""The form of the gateway's output: lines for a terminal or a file, for systemd's journal, or for programs.

Rules:

1. On a terminal and in a file a line is time, level and text. The journal notes the time itself, and takes the level
   from a number before the text (sd-daemon(3)). For programs a line is a JSON object: ``time`` (UTC), ``level``,
   ``text``, and the fields that the event has been given.
2. Further lines of a text are indented, so that none of them looks like an event of its own, and no terminal obeys what
   came from outside (`fargo.plain`).
3. What matters less than the least level is left out. So is what Twisted notes about itself and about each socket, such
   as one for each question to a name server, unless it is a warning.
"""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Final, assert_never

import msgspec
from twisted.logger import LogEvent, Logger, eventAsText, formatTime

from fargo.journal import texts
from fargo.journal.levels import Level, of_event
from fargo.plain import plain, plain_json

FIELDS: Final = "fields"
"""The name of a log event's fields for programs: a mapping whose values are texts, numbers, booleans or None."""

_OF_OTHERS: Final = ("log_legacy", "twisted", "wokkel")
"""The namespaces of what others than Fargo log."""


class Form(Enum):
    """The form of a line (rule 1)."""

    LINES = auto()
    JOURNAL = auto()
    JSON = auto()


def form_of(descriptor: int, environment: Mapping[str, str]) -> Form:
    """Return the form for an output: whether systemd's journal reads it (JOURNAL_STREAM in systemd.exec(5))."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return Form.LINES
    of_journal = environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return Form.JOURNAL if of_journal else Form.LINES


class JournalOutput:
    """Prints events to standard error: an observer of Twisted's log. `least` can be changed."""

    _logger = Logger()

    def __init__(self, form: Form, least: Level) -> None:
        self.least = least
        self._form = form

    def __call__(self, event: LogEvent) -> None:
        """Print an event, if it is to be told."""
        level = of_event(event)
        if level > min(self.least, _least_of(event)):
            return
        if text := plain(_text(event).rstrip(), kept="\n"):
            print(self._line(event, level, text), file=sys.stderr, flush=True)

    def ready(self, line: str) -> None:
        """Tell that the gateway is ready: whoever has started it waits for this line on standard output. Programs that
        read JSON find it among the other lines.
        """
        if self._form is Form.JSON:
            self._logger.info(texts.LINE, line=line)
        else:
            print(line, flush=True)

    def _line(self, event: LogEvent, level: Level, text: str) -> str:
        match self._form:
            case Form.LINES:
                at = _local_time(int(event["log_time"]))
                return _indented(f"{at} {level.in_words:<8} {text}")
            case Form.JOURNAL:
                return _indented(f"<{level:d}>{text}", f"<{level:d}>")
            case Form.JSON:
                at = f"{datetime.fromtimestamp(event['log_time'], UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
                told = {"time": at, "level": level.in_words, "text": text, **event.get(FIELDS, {})}
                return plain_json(msgspec.json.encode(told))
            case _:
                assert_never(self._form)


def _text(event: LogEvent) -> str:
    """Return what an event says. Most say one line, which need not go through Twisted's formatter."""
    if event.get("log_format") == texts.LINE:
        return str(event["line"])
    return eventAsText(event, includeTimestamp=False, includeSystem=False)


@lru_cache(1)
def _local_time(second: int) -> str:
    return formatTime(second, "%Y-%m-%d %H:%M:%S")


def _indented(text: str, beginning: str = "") -> str:
    return text.replace("\n", f"\n{beginning}    ")


def _least_of(event: LogEvent) -> Level:
    namespace = str(event.get("log_namespace", "")).partition(".")[0]
    return Level.WARNING if namespace in _OF_OTHERS else Level.DEBUG
