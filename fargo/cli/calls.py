"""`fargo calls`: list calls, as a table for people or as data for programs."""

import sys
from datetime import UTC, tzinfo
from shutil import get_terminal_size
from textwrap import fill
from time import time
from typing import Final

import click
import msgspec
from msgspec.structs import replace

from fargo.calls import Record, records
from fargo.cli import texts
from fargo.cli.common import known_user, open_log, reads_log
from fargo.cli.csv_quoting import write_csv
from fargo.cli.times import as_time, in_zone, shown, zone_name
from fargo.plain import plain, plain_json
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.reason import Cause
from fargo.store.interface import Reader
from fargo.store.places import LogPlace
from replay.drawing.record_text import audio, ending, peer, talked
from replay.reading.records import COLUMNS, Wanted, row

MOST_SHOWN: Final = 1000
"""Calls in a table, if it is not said how many."""
_UNBOUNDED: Final = 10_000
"""Columns of output that is not a terminal."""
_TITLES: Final = ("CALL", "WITH", "TALKED", "AUDIO", "CALL-ID")
_ALIGNED: Final = ("<", "<", "<", ">", "<", "<")
_GAP: Final = "  "
_BELOW: Final = "    "


@click.command()
@reads_log
@in_zone
@click.option("--user", metavar="JID", help="Only this user's calls.")
@click.option("--since", metavar="TIME", help="Only calls that began at this time or later.")
@click.option("--until", metavar="TIME", help="Only calls that began before this time.")
@click.option("--with", "peer", metavar="TEXT", help="Only calls with this address, name or number, or a part of it.")
@click.option("--call-id", metavar="ID", help="Only the call with this SIP Call-ID.")
@click.option("--by", type=click.Choice([each.value for each in Side]), help="Only calls that this side ended.")
@click.option(
    "--ended",
    metavar="CAUSE",
    type=click.Choice([each.value for each in Cause]),
    help="Only calls that ended for this cause.",
)
@click.option("--failed", is_flag=True, help="Only calls in which something failed.")
@click.option(
    "--latest",
    metavar="NUMBER",
    type=click.IntRange(1),
    help=f"Only so many calls, the latest ones. [default: {MOST_SHOWN} in a table, else all]",
)
@click.option("--json", "form", flag_value="json", help="Print a JSON array.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header line.")
def calls(
    path: LogPlace,
    zone: tzinfo | None,
    user: str | None,
    since: str | None,
    until: str | None,
    peer: str | None,
    call_id: str | None,
    by: str | None,
    ended: str | None,
    failed: bool,
    latest: int | None,
    form: str | None,
) -> None:
    """List calls, with peer, talk time, audio path and outcome.

    The outcome is who ended the call, and why. Times are UTC without --local or --tz; those for programs always are.
    The Call-ID and codec are known with the SIP engine "sip".
    """
    zone = zone or UTC
    wanted = Wanted(
        since=as_time("--since", since, zone),
        until=as_time("--until", until, zone),
        cause=Cause(ended) if ended else None,
        failed=failed,
        peer=peer,
        call_id=call_id,
        by=Side(by) if by else None,
    )
    with open_log(path) as log:
        wanted = replace(wanted, user=user and known_user(log, user))
        found, number = _found(log, wanted, latest if form else latest or MOST_SHOWN)
    match form:
        case "json":
            click.echo(plain_json(msgspec.json.format(msgspec.json.encode([row(each) for each in found]))))
        case "csv":
            write_csv(COLUMNS, map(row, found))
        case _ if found:
            _print_table(found, zone)
            if latest is None and number > len(found):
                click.echo(texts.LATEST_CALLS.format(shown=len(found), number=number), err=True)
        case _:
            click.echo(texts.NO_MATCHING_CALL.format(path=path), err=True)


def _found(log: Reader, wanted: Wanted, latest: int | None) -> tuple[list[Record], int]:
    """Return the latest calls that are asked for, and the number of all of them. Without any condition the others are
    not read.
    """
    if wanted == Wanted() and latest:
        number = log.count_calls()
        found = records(log.call_entries(after=log.position_before_calls(latest)))
    else:
        found = [each for each in records(log.call_entries(wanted.user)) if wanted.has(each)]
        number = len(found)
    return found[-(latest or number) :], number


def _print_table(found: list[Record], zone: tzinfo) -> None:
    """Print a line for each call.

    If the terminal is too narrow, the end of each call is on a line of its own. Names are never truncated, because
    users copy them. There is no column for Call-IDs if no call has one.
    """
    titles = (texts.BEGAN.format(zone=zone_name(zone, found[-1].began)), *_TITLES)
    columns = len(titles) if any(each.call_ids for each in found) else len(titles) - 1
    rows = [titles[:columns], *(_cells(each, time(), zone)[:columns] for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ends = ["ENDED BY", *map(ending, found)]
    space = _columns() - sum(widths) - len(_GAP) * len(widths)
    beside = max(map(len, ends)) <= space
    for cells, end, failed in zip(rows, ends, [False, *(each.failed for each in found)], strict=True):
        line = _GAP.join(
            f"{cell:{align}{width}}" for cell, width, align in zip(cells, widths, _ALIGNED[:columns], strict=True)
        )
        told = end if beside else _below(end)
        told = click.style(told, fg="red") if failed else told
        click.echo(line + _GAP + told if beside else line.rstrip() + "\n" + told)


def _below(end: str) -> str:
    return fill(end, _columns(), initial_indent=_BELOW, subsequent_indent=_BELOW, break_on_hyphens=False)


def _columns() -> int:
    return get_terminal_size().columns if sys.stdout.isatty() else _UNBOUNDED


def _cells(record: Record, now: float, zone: tzinfo) -> tuple[str, ...]:
    began = shown(record.began, zone)
    return began, plain(str(record.name)), peer(record), talked(record, now), audio(record), plain(record.call_id)
