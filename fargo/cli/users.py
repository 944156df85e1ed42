"""`fargo users`: all that the gateway has about a user, for the user who asks for it, and its removal."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from fargo.backfill import backfill
from fargo.calls import records
from fargo.cli import texts
from fargo.cli.common import OF_GATEWAY, InputError, database_of, known_user, open_log, reads_log, say, state_directory
from fargo.cli.live import asked
from fargo.control.questions import RemoveUser
from fargo.operations.values import UserRemoval
from fargo.plain import plain, plain_json
from fargo.private_file import write_private
from fargo.statemachine.account.account_state import in_force
from fargo.statemachine.address import bare
from fargo.statemachine.machine import fold, new
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry
from fargo.store.interface import StoreError
from fargo.store.opening import last_time_in, log_of
from fargo.store.places import DatabaseAddress, LogPlace
from fargo.store.state import erase_user
from replay.reading import golden
from replay.reading.records import row

_USER: Final = click.argument("user", metavar="USER")


@click.group()
def users() -> None:
    """Export all that the gateway has about a user, or remove it."""


@users.command("export")
@_USER
@reads_log
@click.option("-o", "--output", metavar="OUTPUT", type=click.Path(path_type=Path), help="Write to this file.")
def export_user(user: str, path: LogPlace, output: Path | None) -> None:
    """Print all that the gateway has about USER as JSON, without the password.

    That is the account, the contacts, the calls, and each event with its commands.
    """
    with open_log(path) as log:
        user = known_user(log, user)
        told = plain_json(msgspec.json.format(msgspec.json.encode(_about(user, list(log.read(user))))))
    if output is None:
        click.echo(told)
        return
    try:
        write_private(output, f"{told}\n")
    except OSError as error:
        raise InputError(texts.NOT_WRITABLE.format(path=output, why=error.strerror)) from None


@users.command("remove")
@_USER
@OF_GATEWAY
@click.option("--yes", is_flag=True, help="Do not ask first.")
def remove_user(user: str, config: Path | None, yes: bool) -> None:
    """Remove USER: end the calls, cancel the registration, and erase all that the gateway has about the user.

    If the gateway runs, it does this itself, and tells the provider.
    """
    directory, database, user = state_directory(config), database_of(config), bare(user).casefold()
    if not yes:
        click.confirm(texts.REMOVE.format(user=plain(user)), abort=True)
    removal = asked(directory, RemoveUser(user), UserRemoval)
    if removal is None:
        _erase(directory, database, user)
    elif removal.worker:
        say(texts.REMOVED_ELSEWHERE.format(user=user, worker=removal.worker))
    elif removal.registered:
        say(texts.REMOVED_WHILE_RUNNING.format(user=user))
    else:
        say(texts.NO_ACCOUNT_REMOVED.format(user=user))


def _erase(directory: Path, database: DatabaseAddress | None, user: str) -> None:
    """Erase a user from the state of a gateway that does not run."""
    try:
        known = last_time_in(log_of(directory, database)) is not None and erase_user(
            directory, user, backfill, database
        )
    except StoreError as error:
        raise InputError(str(error)) from None
    if not known:
        raise InputError(texts.NOTHING_OF_USER.format(path=directory, user=user))
    say(texts.REMOVED.format(user=user))


def _about(user: str, entries: list[Entry]) -> dict[str, Any]:
    state = _state(user, entries)
    account = in_force(state.account)
    return {
        "user": user,
        "account": account and account.account,
        "clients": sorted(state.contacts.clients),
        "contacts": sorted(state.contacts.subscribed),
        "calls": [row(each) for each in records(entries)],
        "entries": [msgspec.Raw(line) for line in golden.written(entries).splitlines()],
    }


def _state(user: str, entries: Iterable[Entry]) -> User:
    state = new(user)
    for recorded, _ in entries:
        state, *_ = fold(state, recorded)
    return state
