"""Parse times as people write them, in the time zone that they mean: a day, a time of day, or how long ago.

Rules:

1. A text without a zone means the zone that the command was given, UTC by default.
2. Numbers with dots are a day, a month and a year (3.7.2026); with slashes dateutil reads the month first.
3. A day of the week is the last one, as a log has no future.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import wraps
from typing import Any, Final

import click
from dateutil import parser, tz

from fargo.cli import texts

_AGO: Final = re.compile(r"(\d{1,6})\s*(m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?|w(?:eeks?)?)(\s+ago)?", re.IGNORECASE)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NAMED_DAYS: Final = {"today": 0, "yesterday": 1}
_DAY_OF_THE_WEEK: Final = re.compile(r"\b(mon|tue|wed|thu|fri|sat|sun)", re.IGNORECASE)
_LAST: Final = re.compile(r"last (?=mon|tue|wed|thu|fri|sat|sun)", re.IGNORECASE)
_TIMES_OF_DAY: Final = {"noon": "12:00", "midday": "12:00", "midnight": "0:00"}
_DAY_FIRST: Final = re.compile(r"\d{1,2}\.\d{1,2}\.")


def in_zone(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select a time zone to a command, which gets it as `zone`; None if neither is given."""

    @click.option("--local", is_flag=True, help="Read and show times in the time zone of this machine.")
    @click.option("--tz", "zone", metavar="ZONE", callback=_zone, help="Read and show times in this zone.")
    @wraps(command)
    def with_zone(*args: Any, local: bool, zone: tzinfo | None, **options: Any) -> None:
        command(*args, zone=zone or (tz.tzlocal() if local else None), **options)

    return with_zone


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> tzinfo | None:
    found = tz.gettz(name) if name else None
    if name and found is None:
        raise click.BadParameter(texts.NO_SUCH_ZONE.format(name=name))
    return found


def as_time(option: str, value: str | None, zone: tzinfo) -> float | None:
    """Convert the value of an option to seconds since 1970. Raises BadParameter, which names the option."""
    if value is None:
        return None
    found = parse_time(value, datetime.now(zone))
    if found is None:
        raise click.BadParameter(texts.NOT_A_TIME.format(value=value), param_hint=option)
    return found.timestamp()


def parse_time(text: str, now: datetime) -> datetime | None:
    """Return the time that a text means now, None if it is not a time. Its zone is that of `now`."""
    text = _LAST.sub("", " ".join(_TIMES_OF_DAY.get(word.lower(), word) for word in text.split()))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        if text.lower() == "now":
            return now
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2][0].lower()]: int(ago[1])})
        day, rest = _named_day(text, midnight)
        return _parsed(rest, day, now) if rest else day
    except (ValueError, OverflowError):
        return None


def _named_day(text: str, midnight: datetime) -> tuple[datetime, str]:
    """Return the beginning of the day that the text names in words, today if it does not, and the rest of the text."""
    words = text.split()
    for word, days in _NAMED_DAYS.items():
        for place in (0, -1):
            if words and words[place].lower() == word:
                del words[place]
                return midnight - timedelta(days), " ".join(words)
    if not words:
        raise ValueError(text)
    return midnight, text


def _parsed(text: str, day: datetime, now: datetime) -> datetime:
    found: datetime = parser.parse(text, default=day, dayfirst=bool(_DAY_FIRST.match(text)))
    if found > now and _DAY_OF_THE_WEEK.search(text):
        return found - timedelta(7)
    return found


def shown(at: float, zone: tzinfo) -> str:
    """Return a time (seconds since 1970) to the second, in a zone that the reader knows."""
    return f"{datetime.fromtimestamp(int(at), zone):%Y-%m-%d %H:%M:%S}"


def offset(at: float, zone: tzinfo) -> str:
    """Return how far a zone is from UTC at a time, such as " (UTC+0200)"; "" if it is UTC."""
    local = datetime.fromtimestamp(at, zone)
    return f" (UTC{local:%z})" if local.utcoffset() else ""


def zone_name(zone: tzinfo, at: float) -> str:
    """Return the name of a zone at a time, such as "CEST"."""
    return "UTC" if zone is UTC else datetime.fromtimestamp(at, zone).tzname() or str(zone)
