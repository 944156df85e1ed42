"""`fargo log`: show how much is in a log, and delete old events from it."""

from collections.abc import Iterator
from pathlib import Path
from time import time

import click
import msgspec

from fargo.cli import texts
from fargo.cli.common import Refused, configured, opened, reads_log
from fargo.config import in_seconds
from fargo.store.database import FileError
from fargo.store.log import Counts, Log
from replay.drawing.text import clock

_KEEP = "How long to keep calls, such as 90d. Default: log.keep of the configuration."


@click.group()
def log() -> None:
    """Show how much is in a log, and delete old events from it."""


@log.command("stats")
@reads_log
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show_stats(path: Path, as_json: bool) -> None:
    """Show the number of users, calls and events, and the size."""
    with opened(path) as opened_log:
        counts = opened_log.count()
    size = _size(path)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({**msgspec.structs.asdict(counts), "bytes": size})))
        return
    for line in _told(counts, size):
        click.echo(line)


@log.command()
@reads_log
@click.option("--keep", metavar="DURATION", help=_KEEP)
@click.pass_context
def compact(context: click.Context, path: Path, keep: str | None) -> None:
    """Delete old events from a log, and shrink its file.

    The gateway may be running. Then the file keeps its size, and its free space is reused.
    """
    seconds = _seconds(keep, context.params["config"])
    with opened(path) as checked:
        if not isinstance(checked, Log):
            raise Refused(texts.GOLDEN_LOG_FIXED.format(path=path))
    size = _size(path)
    try:
        alone, left = _compact(Log.open(path), seconds)
    except FileError as error:
        raise Refused(str(error)) from None
    click.echo(texts.COMPACTED.format(count=left, before=_in_words(size), after=_in_words(_size(path))))
    if not alone:
        click.echo(texts.LOG_IN_USE)


def _seconds(keep: str | None, config: Path | None) -> float | None:
    """Return how long to keep calls, None for "forever"."""
    if keep is None:
        if config is None:
            raise click.UsageError(texts.KEEP_MISSING)
        keep = configured(config).log.keep
    try:
        return in_seconds(keep)
    except ValueError:
        raise click.BadParameter(texts.NOT_A_DURATION.format(value=keep)) from None


def _compact(opened_log: Log, keep: float | None) -> tuple[bool, int]:
    """Delete old events. Return whether no other process uses the log, and how many events were deleted."""
    from fargo.store.retention import retire  # here, because nothing else here needs Twisted

    try:
        alone = opened_log.claim()
        forget = (lambda user, _: opened_log.erase(user)) if alone else None
        left = sum(retire(opened_log, time() - keep, forget)) if keep is not None else 0
        opened_log.scrub()
        if alone:
            opened_log.shrink()
        return alone, left
    finally:
        opened_log.close()


def _told(counts: Counts, size: int) -> Iterator[str]:
    yield f"users   {counts.users:,}"
    yield f"calls   {counts.calls:,}"
    yield f"size    {_in_words(size)}"
    span = f" from {clock(counts.oldest)} to {clock(counts.newest)}" if counts.oldest and counts.newest else ""
    yield f"events  {counts.events:,}{span}"
    for name, number in sorted(counts.types.items(), key=lambda item: (-item[1], item[0])):
        yield f"{number:>12,}  {name}"


def _size(path: Path) -> int:
    """Return the size of the file and its write-ahead log, in bytes."""
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.exists())


def _in_words(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
