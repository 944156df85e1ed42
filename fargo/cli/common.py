"""Shared by several commands: options, opening files, and errors about invalid input."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from fargo import preflight
from fargo.cli import texts
from fargo.config import Config, ConfigError, StateConfig, load, warnings
from fargo.store.database import FileError
from fargo.store.log import Log
from replay.reading.call_name import CallName, CallNameError, find
from replay.reading.golden import GoldenError, GoldenLog

CONFIG = click.option(
    "-c", "--config", "path", required=True, type=click.Path(path_type=Path), help="The configuration file (TOML)."
)
LOG = click.argument("path", metavar="LOG", type=click.Path(path_type=Path))
CALL = click.argument("name", metavar="CALL")


class Refused(click.ClickException):
    """An argument or a file cannot be used; the text says why."""

    exit_code = 2


def configured(path: Path) -> Config:
    """Load a configuration. Raises Refused if it is not valid."""
    try:
        return load(path)
    except ConfigError as error:
        raise Refused(str(error)) from None


def checked(path: Path) -> Config:
    """Load a configuration and check this machine. Raises Refused if either is not valid; prints warnings to stderr."""
    config = configured(path)
    for warning in warnings(path, config):
        click.echo(texts.WARNING.format(problem=warning), err=True)
    if problems := list(preflight.problems(config)):
        raise Refused("\n".join(texts.CONFIG_PROBLEM.format(path=path, problem=each) for each in problems))
    return config


def reads_log(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select a log to a command, which gets its `path`."""
    kind = click.Path(path_type=Path)

    @click.option("--log", metavar="FILE", type=kind, help="The log to read. Default: the log of the gateway.")
    @click.option("-c", "--config", metavar="FILE", type=kind, help="Read the log of the gateway configured there.")
    @wraps(command)
    def with_path(*args: Any, log: Path | None, config: Path | None, **options: Any) -> None:
        command(*args, path=log or _log_of(config), **options)

    return with_path


def _log_of(config: Path | None) -> Path:
    """Return the path of the log of the gateway with this configuration, or of one with a default configuration."""
    return (configured(config).state if config else StateConfig.model_construct()).log


@contextmanager
def opened(path: Path) -> Iterator[Log | GoldenLog]:
    """Open a log for reading: the file of a gateway, which may be running, or a golden log."""
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
    """Find a call by its name, among the calls of this user or of all."""
    try:
        return find(log.noted(user), name)
    except CallNameError as error:
        raise Refused(texts.CALL_NAME_PROBLEM.format(path=log.path, problem=error)) from None
