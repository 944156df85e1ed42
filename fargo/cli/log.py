"""`fargo log`: show how much is in a log, and delete old events from it."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import time

import click
import msgspec
from click import progressbar

from fargo.backfill import backfill
from fargo.cli import texts
from fargo.cli.common import (
    OF_ALL_WORKERS,
    InputError,
    PlaceOfLog,
    keys_directory,
    load_config,
    open_log,
    reads_log,
    say,
    size_text,
)
from fargo.config_values import in_seconds
from fargo.plain import plain_json
from fargo.store.interface import Statistics, Store, StoreError, StoreInUseError
from fargo.store.opening import open_store
from fargo.store.places import LogPlace
from fargo.store.transfer import copy_log
from replay.drawing.text import clock
from replay.reading.golden import is_golden

_KEEP = "How long to keep calls, such as 90d. Default: log.keep of the configuration."


@click.group()
def log() -> None:
    """Show how much is in a log, and delete old events from it."""


@log.command("stats")
@reads_log
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show_stats(path: LogPlace, as_json: bool) -> None:
    """Show the number of users, calls and events, and the size."""
    with open_log(path) as reader:
        statistics, size = reader.statistics(), reader.size()
    if as_json:
        told = {**msgspec.structs.asdict(statistics), "bytes": size}
        click.echo(plain_json(msgspec.json.format(msgspec.json.encode(told))))
        return
    for line in _lines(statistics, size):
        say(line)


@log.command()
@reads_log
@click.option("--keep", metavar="DURATION", help=_KEEP)
@click.pass_context
def compact(context: click.Context, path: LogPlace, keep: str | None) -> None:
    """Delete old events from a log, and shrink its file.

    The gateway may be running. Then the file keeps its size, and its free space is reused.
    """
    seconds = _seconds(keep, context.params["config"])
    if is_golden(path):
        raise InputError(texts.GOLDEN_LOG_FIXED.format(path=path))
    with open_log(path) as before:
        size = before.size()
    try:
        left, smaller, size_now = _compact(path, seconds)
    except StoreError as error:
        raise InputError(str(error)) from None
    click.echo(texts.COMPACTED.format(count=left, before=size_text(size), after=size_text(size_now)))
    if not smaller:
        click.echo(texts.LOG_IN_USE)


@log.command("copy")
@click.argument("source", metavar="FROM", type=PlaceOfLog())
@click.argument("target", metavar="TO", type=PlaceOfLog())
@OF_ALL_WORKERS
def copy_log_and_passwords(source: LogPlace, target: LogPlace, config: Path | None) -> None:
    """Copy a log and its passwords FROM one place TO another: a file fargo.db, with the passwords beside it, or a
    database of PostgreSQL.

    No gateway may be running with either. Everything is read again and compared. FROM stays as it is. The key of
    passwords in a database is in the state directory.
    """
    try:
        with (
            open_log(source) as reader,
            progressbar(
                length=2 * len(reader), label=texts.COPYING, file=sys.stderr, hidden=not sys.stderr.isatty()
            ) as bar,
        ):
            copied = copy_log(source, target, keys_directory(config), backfill, bar.update)
    except StoreError as error:
        raise InputError(str(error)) from None
    click.echo(texts.COPIED.format(entries=copied.entries, passwords=copied.passwords, target=target))


def _seconds(keep: str | None, config: Path | None) -> float | None:
    """Return how long to keep calls, None for "forever"."""
    if keep is None:
        if config is None:
            raise click.UsageError(texts.KEEP_MISSING)
        keep = load_config(config).log.keep
    try:
        return in_seconds(keep)
    except ValueError:
        raise click.BadParameter(texts.NOT_A_DURATION.format(value=keep)) from None


def _compact(path: LogPlace, keep: float | None) -> tuple[int, bool, int]:
    """Delete old events. Return how many were deleted, whether the file could be shrunk, and its size now."""
    from fargo.retention import retire  # here, because nothing else here needs Twisted

    store, has_lock = _open_store(path)
    with closing(store):
        forget = (lambda user, _: store.erase(user)) if has_lock else None
        left = sum(retire(store, time() - keep, forget)) if keep is not None else 0
        store.purge()
        return left, store.shrink(), store.size()


def _open_store(path: LogPlace) -> tuple[Store, bool]:
    """Open the log, and return whether with the writer lock. Otherwise a gateway is running, and it alone may erase
    users, whose state it has in memory.
    """
    try:
        return open_store(path, backfill), True
    except StoreInUseError:
        return open_store(path, backfill, beside_writer=True), False


def _lines(statistics: Statistics, size: int) -> Iterator[str]:
    yield f"users   {statistics.users:,}"
    yield f"calls   {statistics.calls:,}"
    yield f"size    {size_text(size)}"
    oldest, newest = statistics.oldest, statistics.newest
    span = f" from {clock(oldest)} to {clock(newest)}" if oldest and newest else ""
    yield f"events  {statistics.events:,}{span}"
    if refused := sorted(statistics.refused.items()):
        yield f"refused {', '.join(f'{count:,} {limit}' for limit, count in refused)}"
    for name, number in sorted(statistics.types.items(), key=lambda item: (-item[1], item[0])):
        yield f"{number:>12,}  {name}"
