"""`fargo calls`: list calls, as a table for people or as data for programs."""

import sys
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from time import time
from typing import Final

import click
import msgspec

from fargo.cli import texts
from fargo.cli.common import open_log, reads_log
from fargo.cli.csv_quoting import write_csv
from fargo.cli.times import as_time
from fargo.plain import plain, plain_json
from fargo.statemachine.address import bare
from fargo.statemachine.reason import Cause
from replay.drawing.record_text import audio, ending, peer, talked
from replay.drawing.text import clock
from replay.reading.records import COLUMNS, Record, Wanted, records, row

_CAUSES: Final = click.Choice([each.value for each in Cause])
_UNBOUNDED: Final = 10_000
"""Columns of output that is not a terminal."""
_TITLES: Final = ("BEGAN (UTC)", "CALL", "WITH", "TALKED", "AUDIO", "CALL-ID")
_ALIGNED: Final = ("<", "<", "<", ">", "<", "<")
_GAP: Final = "  "
_BELOW: Final = "    "


@click.command()
@reads_log
@click.option("--user", metavar="JID", help="Only this user's calls.")
@click.option("--since", metavar="TIME", callback=as_time, help="Only calls that began at this time or later.")
@click.option("--until", metavar="TIME", callback=as_time, help="Only calls that began before this time.")
@click.option(
    "--ended",
    metavar="CAUSE",
    type=click.Choice([each.value for each in Cause]),
    help="Only calls that ended for this cause.",
)
@click.option("--failed", is_flag=True, help="Only calls in which something failed.")
@click.option("--json", "form", flag_value="json", help="Print a JSON array.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header line.")
def calls(
    path: Path,
    user: str | None,
    since: float | None,
    until: float | None,
    ended: str | None,
    failed: bool,
    form: str | None,
) -> None:
    """List calls, with peer, talk time, audio path and outcome.

    The outcome is who ended the call, and why. Times are UTC. The Call-ID and codec are known with the SIP engine
    "sip".
    """
    wanted = Wanted(user and bare(user), since, until, Cause(ended) if ended else None, failed)
    with open_log(path) as log:
        found = [each for each in records(log.call_entries(wanted.user)) if wanted.has(each)]
    match form:
        case "json":
            click.echo(plain_json(msgspec.json.format(msgspec.json.encode([row(each) for each in found]))))
        case "csv":
            write_csv(COLUMNS, map(row, found))
        case _ if found:
            _print_table(found)
        case _:
            click.echo(texts.NO_MATCHING_CALL.format(path=path), err=True)


def _print_table(found: list[Record]) -> None:
    """Print a line for each call.

    If the terminal is too narrow, the end of each call is on a line of its own. Names are never truncated, because
    users copy them. There is no column for Call-IDs if no call has one.
    """
    columns = len(_TITLES) if any(each.call_ids for each in found) else len(_TITLES) - 1
    rows = [_TITLES[:columns], *(_cells(each, time())[:columns] for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ends = ["ENDED BY", *map(ending, found)]
    space = _columns() - sum(widths) - len(_GAP) * len(widths)
    beside = max(map(len, ends)) <= space
    for cells, end, failed in zip(rows, ends, [False, *(each.failed for each in found)], strict=True):
        line = _GAP.join(
            f"{cell:{align}{width}}" for cell, width, align in zip(cells, widths, _ALIGNED[:columns], strict=True)
        )
        shown = click.style(end if beside else _below(end), fg="red" if failed else None)
        click.echo(line + _GAP + shown if beside else line.rstrip() + "\n" + shown)


def _below(end: str) -> str:
    return fill(end, _columns(), initial_indent=_BELOW, subsequent_indent=_BELOW, break_on_hyphens=False)


def _columns() -> int:
    return get_terminal_size().columns if sys.stdout.isatty() else _UNBOUNDED


def _cells(record: Record, now: float) -> tuple[str, ...]:
    began = clock(record.began).partition(".")[0]
    call_id = plain(record.call_ids[-1]) if record.call_ids else ""
    return began, plain(str(record.name)), peer(record), talked(record, now), audio(record), call_id
