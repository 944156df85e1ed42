"""`fargo log`: how much is in a log, and taking out what is old."""

from collections.abc import Iterator
from pathlib import Path
from time import time

import click
import msgspec

from fargo.cli.common import Refused, configured, opened, reads_log
from fargo.config import in_seconds
from fargo.store.database import FileError
from fargo.store.log import Counts, Log
from replay.drawing.text import clock

_KEEP = "How long calls stay, such as 90d; if not given, what the configuration says."


@click.group()
def log() -> None:
    """See how much is in a log, and take out what is old."""


@log.command("stats")
@reads_log
@click.option("--json", "as_json", is_flag=True, help="For programs: a JSON object.")
def show_stats(path: Path, as_json: bool) -> None:
    """Tell how much is in a log, from when, and how large it is."""
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
    """Take out of a log what is older than it is to be kept, and make the file smaller.

    The gateway may be running; then the file keeps its size, and its empty room is used for what comes.
    """
    seconds = _seconds(keep, context.params["config"])
    with opened(path) as checked:
        if not isinstance(checked, Log):
            raise Refused(f"{path} is a golden log: nothing leaves it.")
    size = _size(path)
    try:
        alone, left = _compact(Log.open(path), seconds)
    except FileError as error:
        raise Refused(str(error)) from None
    click.echo(f"{left:,} events have left. The log had {_in_words(size)}, and has {_in_words(_size(path))}.")
    if not alone:
        click.echo("It is in use, so its file is no smaller for it; do this while the gateway is stopped, and it is.")


def _seconds(keep: str | None, config: Path | None) -> float | None:
    """How long calls stay, None for ever."""
    if keep is None:
        if config is None:
            raise click.UsageError("Say how much to keep: --keep 90d, or -c FILE with the configuration that says it.")
        keep = configured(config).log.keep
    try:
        return in_seconds(keep)
    except ValueError:
        raise click.BadParameter(f"“{keep}” is no duration: write 90d, 12w, 2y or forever.") from None


def _compact(opened_log: Log, keep: float | None) -> tuple[bool, int]:
    """Whether nobody else has the log, and how many events left it."""
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
    """Bytes of the file and of its journal."""
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.exists())


def _in_words(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
