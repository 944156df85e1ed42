"""`fargo run` and `fargo check`: run the gateway, and check its configuration."""

from pathlib import Path

import click

from fargo import preflight
from fargo.cli import texts
from fargo.cli.common import CONFIG, Refused, checked
from fargo.store.interface import StoreError


@click.command()
@CONFIG
def run(path: Path) -> None:
    """Run the gateway in the foreground, until SIGTERM or Ctrl-C."""
    config = checked(path)
    if busy := list(preflight.busy_ports(config)):
        raise Refused("\n".join(busy))
    from fargo import daemon  # here, because nothing else needs D-Bus

    try:
        raise SystemExit(daemon.run(config))
    except StoreError as error:
        raise Refused(str(error)) from None


@click.command()
@CONFIG
def check(path: Path) -> None:
    """Report all mistakes in a configuration. Nothing is started."""
    config = checked(path)
    for warning in (*preflight.busy_ports(config), *preflight.silent_relay(config)):
        click.echo(texts.WARNING.format(problem=warning), err=True)
    click.echo(texts.CONFIG_VALID.format(path=path))
