"""Times as text in UTC, as the operator is told them: to a second, such as ``2026-07-04T12:00:03Z``."""

from datetime import UTC, datetime
from typing import overload


@overload
def instant(at: float) -> str: ...
@overload
def instant(at: None) -> None: ...
def instant(at: float | None) -> str | None:
    """Return a time (seconds since 1970) as text, None for None."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}Z"
