"""`fargo stop`: end all calls of a gateway and stop it, and end a SIP edge that an earlier run has left.

Rules:

1. The gateway is asked with SIGQUIT, which would kill other processes (`fargo.running`).
2. An edge is ended only while the lock is held here, so that no gateway can adopt it at that time.
"""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

import click

from fargo.cli import texts
from fargo.cli.common import OF_GATEWAY, InputError, state_directory
from fargo.edge.leftover import Leftover, end, find, run_dir_in
from fargo.operations.waiting import waiting_in
from fargo.running import gateway_of
from fargo.store.interface import StoreError
from fargo.store.state import take_lock

STOP_SECONDS = 30


@click.command()
@OF_GATEWAY
@click.option(
    "--seconds", default=STOP_SECONDS, show_default=True, type=click.IntRange(1), help="How long to wait for its end."
)
def stop(config: Path | None, seconds: int) -> None:
    """End all calls of the running gateway and stop it.

    A SIP edge that goes on without a gateway is ended.
    """
    directory = state_directory(config)
    if stopped := (pid := _gateway_of(directory)) is not None:
        _stop_gateway(directory, pid, seconds)
    edge = _end_edge(directory)
    if edge:
        click.echo(texts.EDGE_ENDED.format(pid=edge.pid))
    elif not stopped:
        click.echo(texts.NOT_RUNNING.format(path=directory))


def _gateway_of(directory: Path) -> int | None:
    """Return the id of the gateway that runs with a state directory, or that waits until it is its turn to be a worker,
    None if none does.
    """
    try:
        if (pid := gateway_of(directory)) is not None:
            return pid
        return waits.process if directory.exists() and (waits := waiting_in(directory)) else None
    except OSError as error:
        raise InputError(texts.NOT_ENTERED.format(path=directory, why=error.strerror)) from None


def _stop_gateway(directory: Path, pid: int, seconds: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _gateway_of(directory) != pid:  # it has ended, and the id may be that of another process
            return
        click.echo(texts.SAYING_GOODBYE.format(pid=pid))
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGQUIT)
        if not select.select([descriptor], [], [], seconds)[0]:
            click.echo(texts.STILL_RUNS.format(pid=pid, seconds=seconds), err=True)
            raise SystemExit(1)
    finally:
        os.close(descriptor)
    click.echo(texts.STOPPED)


def _end_edge(directory: Path) -> Leftover | None:
    """End the edge of a directory in which no gateway runs, and return it, None if there is none (rule 2)."""
    if not directory.exists():
        return None
    try:
        lock = take_lock(directory)
    except StoreError as error:
        raise InputError(str(error)) from None
    try:
        edge = find(run_dir_in(directory))
        if edge:
            end(edge)
            if find(run_dir_in(directory)):
                click.echo(texts.EDGE_NOT_ENDED.format(pid=edge.pid), err=True)
                raise SystemExit(1)
        return edge
    finally:
        lock.release()
