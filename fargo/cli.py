"""The command line, described for people in docs/cli.md. What a user got wrong is told on stderr, with exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fargo import preflight
from fargo.config import Config, ConfigError, load, warnings
from fargo.database import FileError
from fargo.log import Log
from fargo.statemachine.address import bare
from replay.show import show
from replay.verify import report, verify

_CONFIG = click.option(
    "-c", "--config", "path", required=True, type=click.Path(path_type=Path), help="The configuration, a TOML file."
)
_LOG = click.argument("path", metavar="LOG", type=click.Path(path_type=Path))


class Refused(click.ClickException):
    """What was given cannot be used; the text says why."""

    exit_code = 2


@click.group()
@click.version_option(package_name="fargo")
def main() -> None:
    """Fargo lets XMPP users call, and be called, through their own SIP accounts."""


@main.command()
@_CONFIG
def run(path: Path) -> None:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C)."""
    config = _checked(path)
    if busy := list(preflight.busy_ports(config)):
        raise Refused("\n".join(busy))
    from fargo import daemon  # here, because nothing else needs D-Bus

    try:
        raise SystemExit(daemon.run(config))
    except FileError as error:
        raise Refused(str(error)) from None


@main.command()
@_CONFIG
def check(path: Path) -> None:
    """Name every mistake in a configuration, and start nothing."""
    config = _checked(path)
    for warning in preflight.busy_ports(config):
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"{path} is right.")


@main.group()
def replay() -> None:
    """Fold a recorded log again."""


@replay.command("verify")
@_LOG
def verify_log(path: Path) -> None:
    """Compare the commands in LOG with those that its events give now; exit code 1 if any differ."""
    with _log(path) as log:
        hidden = not sys.stderr.isatty()
        with click.progressbar(log.read(), len(log), "Folding", file=sys.stderr, hidden=hidden) as entries:
            verdict = verify(entries)
    for line in report(verdict):
        click.echo(line)
    raise SystemExit(1 if verdict.differences else 0)


@replay.command("show")
@_LOG
@click.option("--user", metavar="JID", help="Only this user's events.")
@click.option("--call", metavar="ID", help="Only this call: its number, its Jingle session or its SIP channel.")
def show_log(path: Path, user: str | None, call: str | None) -> None:
    """Print the events in LOG step by step, with what each changed and led to."""
    shown = False
    with _log(path) as log:
        for line in show(log.read(user and bare(user)), call):
            click.echo(line)
            shown = True
    if not shown:
        raise Refused(f"There is no such event in {path}.")


def _checked(path: Path) -> Config:
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
def _log(path: Path) -> Iterator[Log]:
    try:
        log = Log.open_read_only(path)
        try:
            yield log
        finally:
            log.close()
    except FileError as error:
        raise Refused(str(error)) from None
