"""What several commands share: options, opening files, and telling what is wrong with what was given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from fargo import preflight
from fargo.config import Config, ConfigError, StateConfig, load, warnings
from fargo.store.database import FileError
from fargo.store.log import Log
from replay.reading.call_name import CallName, CallNameError, find
from replay.reading.golden import GoldenError, GoldenLog

CONFIG = click.option(
    "-c", "--config", "path", required=True, type=click.Path(path_type=Path), help="The configuration, a TOML file."
)
LOG = click.argument("path", metavar="LOG", type=click.Path(path_type=Path))


CALL = click.argument("name", metavar="CALL")


class Refused(click.ClickException):
    """What was given cannot be used; the text says why."""

    exit_code = 2


def configured(path: Path) -> Config:
    """The configuration, if it is right."""
    try:
        return load(path)
    except ConfigError as error:
        raise Refused(str(error)) from None


def checked(path: Path) -> Config:
    """The configuration, if it and this machine are right; warnings go to stderr."""
    config = configured(path)
    for warning in warnings(path, config):
        click.echo(f"Warning: {warning}", err=True)
    if problems := list(preflight.problems(config)):
        raise Refused("\n".join(f"{path}: {problem}" for problem in problems))
    return config


def reads_log(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options that say which log it reads; it gets the `path`."""
    kind = click.Path(path_type=Path)

    @click.option("--log", metavar="FILE", type=kind, help="A log; if none is given, the gateway's own.")
    @click.option("-c", "--config", metavar="FILE", type=kind, help="The configuration of the gateway that is meant.")
    @wraps(command)
    def with_path(*args: Any, log: Path | None, config: Path | None, **options: Any) -> None:
        command(*args, path=log or _log_of(config), **options)

    return with_path


def _log_of(config: Path | None) -> Path:
    """The log of the gateway with that configuration, or of one that leaves everything where it is by default."""
    return (configured(config).state if config else StateConfig.model_construct()).log


@contextmanager
def opened(path: Path) -> Iterator[Log | GoldenLog]:
    """A log to be read: SQLite's file, which may be growing at the same time, or a golden log, whose name ends so."""
    try:
        if path.suffix == ".jsonl":
            yield GoldenLog(path)
            return
        log = Log.open_read_only(path)
        try:
            yield log
        finally:
            log.close()
    except (FileError, GoldenError) as error:
        raise Refused(str(error)) from None


def found(log: Log | GoldenLog, name: str, user: str | None = None) -> CallName:
    """The call that was named, of that user or of any."""
    try:
        return find(log.noted(user), name)
    except CallNameError as error:
        raise Refused(f"{log.path}: {error}") from None
