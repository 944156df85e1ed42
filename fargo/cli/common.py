"""Shared by several commands: options, opening files, and errors about invalid input."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from fargo.backfill import backfill
from fargo.calls import CallName
from fargo.cli import texts
from fargo.config import Config, ConfigError, load
from fargo.config_sections import StateConfig
from fargo.plain import plain
from fargo.statemachine.address import bare
from fargo.store.interface import Reader, StoreError
from fargo.store.opening import log_in, open_reader
from fargo.store.places import BadPlaceError, DatabaseAddress, LogPlace, place_of
from replay.reading import golden
from replay.reading.call_name import CallNameError, find

CONFIGURATION: Final = Path("/etc/fargo/fargo.toml")
_Command = Callable[..., Any]


def _note_worker(ctx: click.Context, param: click.Parameter, name: str | None) -> None:
    ctx.meta[_WORKER] = name


def _with_worker(option: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Return an option for a configuration, and with it the one that says of which worker it is."""
    worker = click.option(
        *("--worker",), metavar="NAME", expose_value=False, callback=_note_worker,
        help="The worker, if the gateway is several.",
    )  # fmt: skip
    return lambda command: option(worker(command))


_WORKER: Final = "fargo.worker"
CONFIG = _with_worker(click.option(
    *("-c", "--config", "path"), metavar="FILE", default=CONFIGURATION, show_default=True,
    type=click.Path(path_type=Path), help="The configuration (TOML).",
))  # fmt: skip
OF_ALL_WORKERS = click.option(
    *("-c", "--config"), metavar="FILE", type=click.Path(path_type=Path),
    help=f"The gateway's configuration. Default: {CONFIGURATION}, if it is there.",
)  # fmt: skip
OF_GATEWAY = _with_worker(OF_ALL_WORKERS)


class PlaceOfLog(click.ParamType[LogPlace]):
    """The place of a log: the path of a file, or the address of a database."""

    name = "log"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> LogPlace:
        """Return the place. Fails if it is the address of a database that cannot be used."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            place = place_of(value)
        except BadPlaceError as error:
            self.fail(str(error), param, ctx)
        return place if isinstance(place, DatabaseAddress) else Path(_FILE.convert(value, param, ctx))


_FILE: Final = click.Path(path_type=Path)


LOG = click.argument("path", metavar="LOG", type=PlaceOfLog())
CALL = click.argument("name", metavar="CALL")
_MOST_USERS: Final = 5


class InputError(click.ClickException):
    """An argument or a file cannot be used; the text says why."""

    exit_code = 2

    def format_message(self) -> str:
        """Return the text, of which a part may be from a log."""
        return plain(self.message, kept="\n")


def say(text: str, err: bool = False) -> None:
    """Print a text of which a part may be from a log or from outside."""
    click.echo(plain(text, kept="\n"), err=err)


def load_config(path: Path) -> Config:
    """Load a configuration: that of a worker, if the command names one. Raises InputError if it is not valid."""
    try:
        return load(path, click.get_current_context().meta.get(_WORKER))
    except ConfigError as error:
        raise InputError(str(error)) from None


def of_one_process(config: Config) -> Config:
    """Return a configuration if it says of which process it is. Raises InputError if a worker has to be named."""
    if config.workers and config.worker is None:
        raise InputError(texts.WHICH_WORKER.format(workers=", ".join(config.workers)))
    return config


def reads_log(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select a log to a command, which gets its `path`."""
    kind = click.Path(path_type=Path)

    @click.option("--log", metavar="FILE", type=PlaceOfLog(), help="The log to read. Default: the log of the gateway.")
    @click.option("-c", "--config", metavar="FILE", type=kind, help="Read the log of the gateway configured there.")
    @wraps(command)
    def with_path(*args: Any, log: LogPlace | None, config: Path | None, **options: Any) -> None:
        command(*args, path=log or _log_of(config), **options)

    return with_path


def _log_of(config: Path | None) -> LogPlace:
    """Return where the log of the gateway with this configuration is, or with that of this machine."""
    return database_of(config) or log_in(state_directory(config))


def database_of(config: Path | None) -> DatabaseAddress | None:
    """Return the database that has the log of that gateway, None if it is in a file."""
    config = _that_is_there(config)
    return load_config(config).log.store if config else None


def state_directory(config: Path | None) -> Path:
    """Return the state directory of the gateway or worker with this configuration, or with that of this machine. If
    there is none, or we cannot enter its directory, it is the default one.
    """
    config = _that_is_there(config)
    state = of_one_process(load_config(config)).state if config else StateConfig.model_construct()
    return state.directory


def keys_directory(config: Path | None) -> Path:
    """Return the directory of the key of passwords in a database, which all workers of a gateway share."""
    config = _that_is_there(config)
    return load_config(config).keys if config else StateConfig.model_construct().directory


def directory_of_log(place: LogPlace) -> Path | None:
    """Return the directory of the gateway whose log a command reads, as its options say, None if it cannot be known."""
    options = click.get_current_context().params
    if options["log"] is None:
        config = _that_is_there(options["config"])
        several = config is not None and load_config(config).workers
        return None if several else state_directory(config)
    return place.parent if isinstance(place, Path) else None


def _that_is_there(config: Path | None) -> Path | None:
    """Return a configuration, or else that of this machine, if there is one that we can reach."""
    return config or (CONFIGURATION if os.access(CONFIGURATION, os.F_OK) else None)


@contextmanager
def open_log(path: LogPlace) -> Iterator[Reader]:
    """Open a log for reading: the log of a gateway, which may be running, or a golden log."""
    try:
        log = golden.GoldenLog(path) if golden.is_golden(path) else open_reader(path, backfill)
        with closing(log):
            yield log
    except StoreError as error:
        raise InputError(str(error)) from None


def find_call(log: Reader, name: str, user: str | None = None) -> CallName:
    """Find a call by its name, among the calls of this user or of all."""
    try:
        return find(log.call_entries(user), name)
    except CallNameError as error:
        raise InputError(texts.CALL_NAME_PROBLEM.format(path=log.name, problem=error)) from None


def known_user(log: Reader, name: str) -> str:
    """Return the bare JID of a user of the log, whatever its case and resource (RFC 7622 §3.3). Raises InputError, with
    the users of the log that could be meant.
    """
    user = bare(name).casefold()
    if log.version(user):
        return user
    local = user.partition("@")[0]
    users = {recorded.user for recorded, _ in log.call_entries()}
    others = sorted(each for each in users if local in each.partition("@")[0])[:_MOST_USERS]
    meant = texts.USERS_MEANT.format(users=", ".join(others)) if others else ""
    raise InputError(texts.NO_SUCH_USER.format(path=log.name, user=user) + meant)


def size_text(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
