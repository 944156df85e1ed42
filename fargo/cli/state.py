"""`fargo backup`, `restore` and `accept-log`: copies of a gateway's state, and a log that does not belong to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from fargo.backfill import backfill
from fargo.cli import texts
from fargo.cli.common import OF_GATEWAY, InputError, database_of, open_log, say, state_directory
from fargo.store.copies import back_up, check_copy, names_of_passwords, restore
from fargo.store.interface import StoreError
from fargo.store.opening import log_in
from fargo.store.state import accept_log, why_not_together
from replay.verifying.report import report
from replay.verifying.secrets import referred_secrets
from replay.verifying.verify import verify

_COPY = click.argument("copy", metavar="DIR", type=click.Path(path_type=Path))


@click.command("backup")
@_COPY
@OF_GATEWAY
@click.option("--verify", "only_verify", is_flag=True, help="Verify an existing backup in DIR instead.")
def back_up_state(copy: Path, config: Path | None, only_verify: bool) -> None:
    """Copy log, passwords and key of a gateway to a new directory DIR.

    The gateway may be running.
    """
    if only_verify:
        raise SystemExit(0 if _is_sound(copy) else 1)
    _refuse_database(config)
    with _input_errors():
        back_up(state_directory(config), copy)
    click.echo(texts.BACKED_UP.format(path=copy))


@click.command("restore")
@_COPY
@OF_GATEWAY
@click.option("--replace", is_flag=True, help="Move the state that is there aside.")
def restore_state(copy: Path, config: Path | None, replace: bool) -> None:
    """Restore a backup in DIR to the state directory of a gateway.

    The gateway must not be running. What it has is never deleted.
    """
    _refuse_database(config)
    directory = state_directory(config)
    aside = f"{datetime.now(UTC):replaced-%Y-%m-%d}" if replace else None
    with _input_errors():
        moved = restore(copy, directory, aside)
    click.echo(texts.RESTORED.format(path=directory))
    if moved:
        click.echo(texts.MOVED_ASIDE.format(path=moved))


@click.command("accept-log")
@OF_GATEWAY
def accept_log_of_state(config: Path | None) -> None:
    """Go on with a log that is not the one to which the passwords belong, or with a new log.

    The gateway must not be running. No password is erased now.
    """
    _refuse_database(config)
    directory = state_directory(config)
    with _input_errors():
        if why_not_together(directory) is None:
            raise InputError(texts.LOG_BELONGS.format(path=directory))
        accept_log(directory, backfill)
    click.echo(texts.LOG_ACCEPTED.format(path=log_in(directory)))


def _refuse_database(config: Path | None) -> None:
    """Raise InputError if the log is in a database, which has means of its own for copies."""
    if database := database_of(config):
        raise InputError(texts.NOT_OF_DATABASE.format(database=database))


def _is_sound(copy: Path) -> bool:
    """Return True if a backup can be used, and print what is wrong otherwise."""
    with _input_errors():
        check_copy(copy)
        passwords = names_of_passwords(copy)
    with open_log(log_in(copy)) as log:
        verdict = verify(log.read())
        missing = [user for name, user in referred_secrets(log.read()).items() if name not in passwords]
    for line in report(verdict):
        say(line)
    for user in missing:
        say(texts.PASSWORD_MISSING.format(path=copy, user=user))
    sound = not (verdict.differences or missing)
    if sound:
        click.echo(texts.BACKUP_SOUND.format(path=copy))
    return sound


@contextmanager
def _input_errors() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise InputError(str(error)) from None
