"""Parse times as people write them: a day, a time of day, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from fargo.cli import texts

_AGO: Final = re.compile(r"(\d{1,6})\s*(m|h|d|w)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def as_time(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Convert the value of an option to seconds since 1970. It is UTC unless it has an offset."""
    if value is None:
        return None
    found = parse_time(value, datetime.now(UTC))
    if found is None:
        raise click.BadParameter(texts.NOT_A_TIME.format(value=value))
    return found.timestamp()


def parse_time(text: str, now: datetime) -> datetime | None:
    """Return the time that a text means now, None if it is not a time."""
    text = text.strip()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if named := {"now": now, "today": midnight, "yesterday": midnight - timedelta(1)}.get(text.lower()):
        return named
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if re.fullmatch(r"\d?\d:\d\d(:\d\d)?", text):
            text = f"{now:%Y-%m-%d}T{text:0>{8 if text.count(':') == 2 else 5}}"
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
