"""`fargo accounts`: the users' SIP accounts, as the log has them: each change of an account is in it at once."""

from datetime import UTC, tzinfo
from typing import Final

import click
import msgspec

from fargo.cli import texts
from fargo.cli.common import InputError, directory_of_log, known_user, open_log, reads_log, say
from fargo.cli.times import in_zone, shown, zone_name
from fargo.plain import plain, plain_json
from fargo.running import gateway_of
from fargo.store.places import LogPlace
from replay.reading.accounts import AccountChange, changes, states
from replay.reading.golden import is_golden
from replay.reading.records import instant

LATEST: Final = 20
"""So many changes of a user's account are shown."""
_GAP: Final = "  "


@click.command()
@click.argument("user", metavar="[USER]", required=False)
@reads_log
@in_zone
@click.option("--all", "every", is_flag=True, help=f"Show all changes of USER's account, not just the last {LATEST}.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def accounts(user: str | None, path: LogPlace, zone: tzinfo | None, every: bool, as_json: bool) -> None:
    """List all SIP accounts with their state, since when, and the provider's last words; or the changes of USER's.

    Times are UTC without --local or --tz; in JSON they always are.
    """
    zone = zone or UTC
    with open_log(path) as log:
        if user:
            found = list(changes(log.read(known_user(log, user))))
            found = found if every else found[-LATEST:]
        else:
            found = list(states(log.accounts()))
    directory = directory_of_log(path)
    if directory and not is_golden(path) and gateway_of(directory) is None:
        click.echo(texts.AS_IT_WAS.format(path=directory), err=True)
    if as_json:
        click.echo(plain_json(msgspec.json.format(msgspec.json.encode([_row(each) for each in found]))))
    elif found:
        _print(found, zone)
    else:
        template = texts.NEVER_REGISTERED if user else texts.NOBODY_REGISTERED
        raise InputError(template.format(path=path, user=user))


def _row(change: AccountChange) -> dict[str, object]:
    account = change.account
    return {
        "user": change.user,
        "account": account.address,
        "signed_in": account.signed_in,
        "since": instant(change.at),
        "status": account.status,
    }


def _print(found: list[AccountChange], zone: tzinfo) -> None:
    title = texts.SINCE_TITLE.format(zone=zone_name(zone, found[-1].at))
    rows = [("USER", "ACCOUNT", title), *((plain(each.user), _account(each), shown(each.at, zone)) for each in found)]
    ends = ["STATE", *(each.account.status or "" for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells, end in zip(rows, ends, strict=True):
        beginning = _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        say(f"{beginning}{_GAP}{end}".rstrip())


def _account(change: AccountChange) -> str:
    return plain(change.account.address) if change.account.address else texts.NONE_REGISTERED
