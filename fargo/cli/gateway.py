"""`fargo run` and `fargo check`: run the gateway, and check its configuration."""

from pathlib import Path

import click

from fargo import preflight
from fargo.cli import texts
from fargo.cli.common import CONFIG, InputError, load_checked_config
from fargo.cli.stop import gateway_of
from fargo.store.interface import StoreError
from fargo.store.state import take_lock


@click.command()
@CONFIG
@click.option("--keep-calls", is_flag=True, help="At SIGTERM or Ctrl-C, let calls go on until the next run.")
def run(path: Path, keep_calls: bool) -> None:
    """Run the gateway in the foreground, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again, and SIGUSR1 prints the state of all users and calls.
    """
    config = load_checked_config(path)
    _refuse_second(config.state.directory)
    if busy := list(preflight.busy_ports(config)):
        raise InputError("\n".join(busy))
    from fargo import daemon  # here, because nothing else needs D-Bus

    try:
        raise SystemExit(daemon.run(config, path, keep_calls))
    except StoreError as error:
        raise InputError(str(error)) from None


def _refuse_second(directory: Path) -> None:
    """Raise InputError if a gateway runs with this directory. Otherwise its ports would be said to be in use."""
    try:
        if directory.exists():
            take_lock(directory).release()
    except StoreError as error:
        raise InputError(str(error)) from None


@click.command()
@CONFIG
def check(path: Path) -> None:
    """Report all mistakes in a configuration. Nothing is started."""
    config = load_checked_config(path)
    for warning in (*preflight.busy_ports(config), *preflight.silent_relay(config)):
        click.echo(texts.WARNING.format(problem=warning), err=True)
    if (edge := preflight.left_edge(config)) and gateway_of(config.state.directory) is None:
        click.echo(texts.EDGE_LEFT.format(pid=edge.pid))
    click.echo(texts.CONFIG_VALID.format(path=path))
