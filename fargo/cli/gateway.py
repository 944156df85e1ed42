"""`fargo run` and `fargo check`: run the gateway, and check its configuration."""

import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import click

from fargo import preflight
from fargo.cli import texts
from fargo.cli.common import CONFIG, InputError, load_config, refuse_problems
from fargo.cli.stop import gateway_of
from fargo.store.interface import StoreError
from fargo.store.state import take_lock


@click.command()
@CONFIG
@click.option("--keep-calls", is_flag=True, help="At SIGTERM or Ctrl-C, let calls go on until the next run.")
@click.option("--json-log", is_flag=True, help="Write each line of output as a JSON object.")
@click.option("--as-root", is_flag=True, help="Run even as root, which is not safe.")
def run(path: Path, keep_calls: bool, json_log: bool, as_root: bool) -> None:
    """Run the gateway in the foreground, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again, and SIGUSR1 prints the state of all users and calls.
    """
    if is_root() and not as_root:
        raise InputError(texts.REFUSED_AS_ROOT)
    config = load_config(path)
    refuse_problems(path, config)
    _refuse_second(config.state.directory)
    if busy := list(preflight.busy_ports(config)):
        raise InputError("\n".join(busy))
    from fargo import daemon  # here, because nothing else needs D-Bus

    try:
        raise SystemExit(daemon.run(config, path, keep_calls, json_log))
    except StoreError as error:
        raise InputError(str(error)) from None


def is_root() -> bool:
    """Return whether this is root, whom nothing keeps from doing anything if a program is taken over."""
    return os.geteuid() == 0


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
    config = load_config(path)
    # Before the rest: only root can tell of an exposed relay, but what the gateway uses belongs to its own user.
    _warn(preflight.exposed_relay(config))
    refuse_problems(path, config)
    _warn([texts.RUNS_AS_ROOT] if is_root() else [], preflight.busy_ports(config), preflight.silent_relay(config))
    if (edge := preflight.left_edge(config)) and gateway_of(config.state.directory) is None:
        click.echo(texts.EDGE_LEFT.format(pid=edge.pid))
    click.echo(texts.CONFIG_VALID.format(path=path))


def _warn(*warnings: Iterable[str]) -> None:
    for warning in chain(*warnings):
        click.echo(texts.WARNING.format(problem=warning), err=True)
