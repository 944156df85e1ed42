"""What several commands share: options, opening files, and telling what is wrong with what was given."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fargo import preflight
from fargo.config import Config, ConfigError, load, warnings
from fargo.database import FileError
from fargo.log import Log

CONFIG = click.option(
    "-c", "--config", "path", required=True, type=click.Path(path_type=Path), help="The configuration, a TOML file."
)
LOG = click.argument("path", metavar="LOG", type=click.Path(path_type=Path))


class Refused(click.ClickException):
    """What was given cannot be used; the text says why."""

    exit_code = 2


def checked(path: Path) -> Config:
    """The configuration, if it and this machine are right; warnings go to stderr."""
    try:
        config = load(path)
    except ConfigError as error:
        raise Refused(str(error)) from None
    for warning in warnings(path, config):
        click.echo(f"Warning: {warning}", err=True)
    if problems := list(preflight.problems(config)):
        raise Refused("\n".join(f"{path}: {problem}" for problem in problems))
    return config


@contextmanager
def opened(path: Path) -> Iterator[Log]:
    """A log to be read, which may be growing at the same time."""
    try:
        log = Log.open_read_only(path)
        try:
            yield log
        finally:
            log.close()
    except FileError as error:
        raise Refused(str(error)) from None
