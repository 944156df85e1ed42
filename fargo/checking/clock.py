"""The clock of this machine: if it can be right.

Registrations, certificates and the times in the log depend on it. It is behind if it is before what has happened
already: the installation of this program, or the last event in the log.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fargo.checking import texts
from fargo.checking.finding import Finding, problem, warning
from fargo.config import Config
from fargo.store.interface import StoreError
from fargo.store.opening import last_time_in, log_in

_TOLERANCE: Final = 60.0
"""Seconds by which clocks are corrected in normal operation."""
_DAY: Final = 86_400.0
"""The time of a file may be in another time zone."""


def findings(config: Config, now: float) -> Iterator[Finding]:
    """Find if the clock is behind. ``now``: what it says, in seconds since 1970."""
    installed = Path(__file__).stat().st_mtime
    if now < installed - _DAY:
        yield problem("", texts.CLOCK_BEFORE_PROGRAM.format(now=_shown(now), at=_shown(installed)))
        return
    try:
        last = last_time_in(log_in(config.state.directory))
    except StoreError:  # told elsewhere
        return
    if last is not None and now < last - _TOLERANCE:
        yield warning("", texts.CLOCK_BEFORE_LOG.format(now=_shown(now), at=_shown(last)))


def _shown(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
