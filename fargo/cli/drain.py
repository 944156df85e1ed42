"""`fargo drain`: let the running gateway take no new calls, and wait for the end of those that go on.

Rules:

1. It is the gateway that drains, not this command: it goes on when the command is stopped, and ends with the gateway.
2. Waiting ends with exit code 0 once no call is left, 1 if somebody has ended the drain, 3 if the gateway has ended.
"""

from pathlib import Path
from time import sleep
from typing import Final

import click

from fargo.cli import texts
from fargo.cli.common import OF_GATEWAY, InputError, state_directory
from fargo.cli.live import asked
from fargo.control.questions import AskStatus, Drain
from fargo.operations.values import Draining, GatewayStatus

EVERY: Final = 1.0
"""Seconds between two questions of a command that waits."""
_DRAINED, _TAKES_CALLS, _NOT_RUNNING = 0, 1, 3


@click.command()
@OF_GATEWAY
@click.option("--off", is_flag=True, help="Let calls begin again.")
@click.option("--wait", is_flag=True, help="Return when no call is left.")
def drain(config: Path | None, off: bool, wait: bool) -> None:
    """Let the running gateway take no new calls. Those that go on are not ended.

    So it can be restarted without ending any. It takes calls again after the restart.
    """
    if off and wait:
        raise InputError(texts.WAIT_FOR_OFF)
    directory = state_directory(config)
    now = asked(directory, Drain(not off), Draining)
    if now is None:
        raise InputError(texts.NOT_RUNNING.format(path=directory))
    click.echo((texts.NOT_DRAINING if off else texts.DRAINING).format(calls=now.calls))
    if wait:
        raise SystemExit(_waited(directory, now))


def _waited(directory: Path, now: Draining) -> int:
    """Return the exit code once there is nothing to wait for any more."""
    while now.draining and now.calls:
        sleep(EVERY)
        found = asked(directory, AskStatus(), GatewayStatus)
        if found is None:
            click.echo(texts.NOT_RUNNING.format(path=directory), err=True)
            return _NOT_RUNNING
        now = Draining(found.draining, found.calls.now)
    if not now.draining:
        click.echo(texts.DRAIN_ENDED.format(calls=now.calls), err=True)
        return _TAKES_CALLS
    click.echo(texts.NO_CALL_LEFT)
    return _DRAINED
