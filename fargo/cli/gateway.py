"""`fargo run` and `fargo check`: run the gateway, and check its configuration."""

import os
from collections.abc import Iterable
from pathlib import Path

import click

from fargo.checking import connections, ports, relay, running_gateway
from fargo.checking.finding import Finding, Kind
from fargo.checking.machine import problems
from fargo.cli import texts
from fargo.cli.common import CONFIG, InputError, load_config, of_one_process
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
    config = of_one_process(load_config(path))
    refuse(path, problems(path, config))
    if config.worker is None:  # a worker waits until it is its turn
        _refuse_second(config.state.directory)
        refuse(path, map(str, ports.busy(config)))
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


def refuse(path: Path, found: Iterable[str]) -> None:
    """Raise InputError if a problem was found. The configuration is from `path`."""
    if lines := [texts.CONFIG_PROBLEM.format(path=path, problem=each) for each in found]:
        raise InputError("\n".join(lines))


@click.command()
@CONFIG
@click.option("--offline", is_flag=True, help="Look at this machine only: start no program, connect to no XMPP server.")
def check(path: Path, offline: bool) -> None:
    """Report all that keeps a gateway with this configuration from serving.

    Connects to the XMPP server as the gateway does, unless the gateway runs. Changes nothing.
    """
    config = of_one_process(load_config(path))
    # Before the rest: only root can tell of an exposed relay, but what the gateway uses belongs to its own user.
    found = list(relay.exposed(config))
    found += connections.here(config)
    if not offline:
        found += connections.elsewhere(config)
    for each in (warnings := _of(Kind.WARNING, found)):
        click.echo(texts.WARNING.format(problem=each), err=True)
    refuse(path, [*problems(path, config), *_of(Kind.PROBLEM, found)])
    if is_root():
        click.echo(texts.WARNING.format(problem=texts.RUNS_AS_ROOT), err=True)
    for each in _of(Kind.FINE, found):
        click.echo(each)
    if (edge := ports.left_edge(config)) and running_gateway.process_of(config) is None:
        click.echo(texts.EDGE_LEFT.format(pid=edge.pid))
    click.echo((texts.CONFIG_VALID if offline or warnings else texts.ALL_FINE).format(path=path))


def _of(kind: Kind, found: Iterable[Finding]) -> list[str]:
    return [str(each) for each in found if each.kind is kind]
