"""`fargo accounts`: the users' SIP accounts, as the log has them: each change of an account is in it at once."""

from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final, NamedTuple

import click
import msgspec

from fargo.cli import texts
from fargo.cli.common import InputError, known_user, open_log, reads_log, say
from fargo.cli.times import in_zone, shown, zone_name
from fargo.plain import plain, plain_json
from fargo.running import gateway_of
from fargo.statemachine.model.call_records import RecordAccount
from fargo.store.interface import Reader
from replay.reading.golden import is_golden
from replay.reading.records import instant

LATEST: Final = 20
"""So many changes of a user's account are shown."""
_GAP: Final = "  "


class _Change(NamedTuple):
    """An account from a time (seconds since 1970) on."""

    user: str
    at: float
    account: RecordAccount


@click.command()
@click.argument("user", metavar="[USER]", required=False)
@reads_log
@in_zone
@click.option("--all", "every", is_flag=True, help=f"Show all changes of USER's account, not just the last {LATEST}.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def accounts(user: str | None, path: Path, zone: tzinfo | None, every: bool, as_json: bool) -> None:
    """List all SIP accounts with their state, since when, and the provider's last words; or the changes of USER's.

    Times are UTC without --local or --tz; in JSON they always are.
    """
    zone = zone or UTC
    with open_log(path) as log:
        if user:
            found = list(_changes(log, known_user(log, user)))
            found = found if every else found[-LATEST:]
        else:
            found = [each for each in _last_changes(log) if each.account.address]
    if not is_golden(path) and gateway_of(path.parent) is None:
        click.echo(texts.AS_IT_WAS.format(path=path.parent), err=True)
    if as_json:
        click.echo(plain_json(msgspec.json.format(msgspec.json.encode([_row(each) for each in found]))))
    elif found:
        _print(found, zone)
    else:
        template = texts.NEVER_REGISTERED if user else texts.NOBODY_REGISTERED
        raise InputError(template.format(path=path, user=user))


def _last_changes(log: Reader) -> Iterator[_Change]:
    for recorded, issued in log.accounts():
        *_, last = (each.command for each in issued if isinstance(each.command, RecordAccount))
        yield _Change(recorded.user, recorded.at, last)


def _changes(log: Reader, user: str) -> Iterator[_Change]:
    for recorded, issued in log.read(user):
        for each in issued:
            if isinstance(each.command, RecordAccount):
                yield _Change(user, recorded.at, each.command)


def _row(change: _Change) -> dict[str, object]:
    account = change.account
    return {
        "user": change.user,
        "account": account.address,
        "signed_in": account.signed_in,
        "since": instant(change.at),
        "status": account.status,
    }


def _print(found: list[_Change], zone: tzinfo) -> None:
    title = texts.SINCE_TITLE.format(zone=zone_name(zone, found[-1].at))
    rows = [("USER", "ACCOUNT", title), *((plain(each.user), _account(each), shown(each.at, zone)) for each in found)]
    ends = ["STATE", *(each.account.status or "" for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells, end in zip(rows, ends, strict=True):
        beginning = _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        say(f"{beginning}{_GAP}{end}".rstrip())


def _account(change: _Change) -> str:
    return plain(change.account.address) if change.account.address else texts.NONE_REGISTERED
