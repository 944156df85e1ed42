"""The lines of the programs that the gateway runs: how much each matters, and its text in our form.

Rules:

1. A program's own level counts. Below a warning a line is chatter: it is told at the level "debug" only.
2. A line without a level is chatter, unless it speaks of a failure: then it is a warning.
3. What a program says at each start or stop, although nothing is wrong, is chatter (`_HARMLESS`).
4. What the edge's own script says is a warning: it has no other way to be heard than kamailio's highest level.
"""

import re
from typing import Final, NamedTuple

from fargo.journal.levels import Level

# " 0(4711) WARNING: tls [tls_init.c:807]: tls_h_mod_init_f(): text": number and id of the process, level, module, place
_KAMAILIO: Final = re.compile(r"\s*\d+\(\d+\) (?P<level>[A-Z]+): (?P<module>\S+?):? (?:\[[^\]\s]*\]: )?(?P<text>.*)")
# GLib: "(telepathy-rakia:4711): tp-glib/params-WARNING **: 12:00:00.000: text", "** (process:4711): WARNING **: text",
# and "tp-glib-Message: 12:00:00.000: text". Kamailio has "ERROR: text" before it has a log.
_GLIB: Final = re.compile(
    r"(?:\*\* )?(?:\([\w./-]+:\d+\): )?(?:(?P<module>[\w./-]+)-)?(?P<level>ERROR|CRITICAL|WARNING|Message|INFO|DEBUG)"
    r"(?: \*\*)?: (?:\d\d:\d\d:\d\d\.\d+: )?(?P<text>.*)"
)
_DBUS: Final = re.compile(r"dbus(?:-daemon)?\[\d+\]: (?:\[[^\]]*\] )?(?P<text>.*)")

_LEVELS: Final = {
    "ALERT": Level.CRITICAL,
    "BUG": Level.CRITICAL,
    "CRITICAL": Level.CRITICAL,
    "ERROR": Level.ERROR,
    "WARNING": Level.WARNING,
}
"""The names of levels that are a warning or more, in the programs' own capitals."""
_SCRIPT: Final = "<script>"
_FAILURE: Final = re.compile(
    r"abort|assert|cannot|corrupt|could not|denied|error|fail|fatal|invalid|not found|overflow|panic|segmentation"
    r"|unable",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(
    r"receive_fd\(\): EOF on \d+"  # kamailio, at each stop: its processes notice that the others end
    r"|openssl bug #1491 .* workaround enabled"  # kamailio, at each start: it is prepared for too little memory
    r"|Failed to set fd limit to \d+"  # dbus-daemon, at each start: it needs no more descriptors than it has
)


class ProgramLine(NamedTuple):
    """A line: its level, and its text without what stands for that, and without the program's name and ids."""

    level: Level
    text: str

    @property
    def is_chatter(self) -> bool:
        """Return True if the line is below a warning."""
        return self.level > Level.WARNING


def read(line: str) -> ProgramLine:
    """Return what a program's line says."""
    found = _KAMAILIO.fullmatch(line) or _GLIB.fullmatch(line)
    if found:
        module = found["module"] or ""
        level = _LEVELS.get(found["level"].upper(), Level.DEBUG)
        if module == _SCRIPT:
            level = max(level, Level.WARNING)
        text = found["text"] if module in ("", "<core>", _SCRIPT) else f"{module}: {found['text']}"
    else:
        of_bus = _DBUS.fullmatch(line)
        text = of_bus["text"] if of_bus else line.strip()
        level = Level.WARNING if _FAILURE.search(text) else Level.DEBUG
    return ProgramLine(Level.DEBUG if _HARMLESS.search(text) else level, text)
