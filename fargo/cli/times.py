"""Times as people write them: a day, a time, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_AGO: Final = re.compile(r"(\d{1,6})\s*(m|h|d|w)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def as_time(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """An option's value in seconds since 1970: UTC, unless it says otherwise."""
    if value is None:
        return None
    found = parsed(value, datetime.now(UTC))
    if found is None:
        raise click.BadParameter(f"“{value}” is no time: write 2026-07-04, “2026-07-04 12:00”, 12:00, 2h or yesterday.")
    return found.timestamp()


def parsed(text: str, now: datetime) -> datetime | None:
    """What is meant at this moment; None if nothing that can be told."""
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
