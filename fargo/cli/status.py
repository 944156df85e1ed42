"""`fargo status`: how the running gateway is, for people, programs and health checks.

The exit code is 0 if it serves and nothing is wrong, 1 if it runs and something is wrong, 3 if no gateway runs (as a
service's status has it in the Linux Standard Base), and 4 if a process waits until it is its turn to be the worker.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Final

import click
import msgspec

from fargo.cli import texts
from fargo.cli.common import OF_GATEWAY, InputError, say, size_text, state_directory
from fargo.control.client import GatewayProblemError, NoGatewayError, SilentGatewayError, ask
from fargo.control.place import WAITING
from fargo.control.questions import AskStatus
from fargo.operations.values import Following, GatewayStatus, HandedOnFigures, PartStatus, WaitingStatus
from fargo.plain import plain_json

WATCH_SECONDS: Final = 2.0
_WELL, _UNWELL, _NOT_RUNNING, _WAITS = 0, 1, 3, 4
_PHASES: Final = {
    "starting": texts.STARTING_STATUS,
    "serving": texts.SERVING_STATUS,
    "stopping": texts.STOPPING_STATUS,
}
_NAME_WIDTH: Final = 9


@click.command()
@OF_GATEWAY
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--watch", is_flag=True, help="Print it again and again, until Ctrl-C.")
def status(config: Path | None, as_json: bool, watch: bool) -> None:
    """Show how the running gateway is: accounts, calls, the state of its parts, memory and log.

    The exit code is 0 if all is well, 1 if something is wrong, 3 if no gateway runs, 4 if a process waits to be the
    worker.
    """
    directory = state_directory(config)
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(directory, as_json)
    else:
        raise SystemExit(_show(directory, as_json))


def _watch(directory: Path, as_json: bool) -> None:
    while True:
        click.clear()
        _show(directory, as_json)
        sleep(WATCH_SECONDS)


def _show(directory: Path, as_json: bool) -> int:
    """Print the status. Return the exit code."""
    try:
        found = _found(directory)
    except NoGatewayError:
        click.echo(texts.NOT_RUNNING.format(path=directory), err=True)
        return _NOT_RUNNING
    except (SilentGatewayError, GatewayProblemError) as error:
        say(str(error), err=True)
        return _UNWELL
    except OSError as error:
        raise InputError(texts.NOT_ENTERED.format(path=directory, why=error.strerror)) from None
    if as_json:
        click.echo(plain_json(msgspec.json.format(msgspec.json.encode(found))))
    else:
        for line in _waits(found) if isinstance(found, WaitingStatus) else _lines(found):
            say(line)
    if isinstance(found, WaitingStatus):
        return _WAITS
    return _WELL if found.is_well else _UNWELL


def _found(directory: Path) -> GatewayStatus | WaitingStatus:
    """Return the status of the gateway that runs, or else of the process that waits. Raises as `ask` does."""
    try:
        return ask(directory, AskStatus(), GatewayStatus)
    except NoGatewayError:
        return ask(directory, AskStatus(), WaitingStatus, name=WAITING)


def _waits(found: WaitingStatus) -> Iterator[str]:
    phase = texts.WAITING_STATUS.format(version=found.version, worker=found.worker, domain=found.domain)
    uptime = timedelta(seconds=int(found.uptime))
    yield texts.SINCE.format(phase=phase, worker="", process=found.process, uptime=uptime)
    holder = texts.HOLDER_SINCE if found.held_since else texts.HOLDER
    rows = {
        "lease": holder.format(holder=found.holder, since=found.held_since) if found.holder else found.why,
        "log": _followed(found.following),
    }
    for name, row in rows.items():
        yield f"{name:<{_NAME_WIDTH}} {row}"


def _followed(found: Following) -> str:
    if found.problem:
        return texts.NOT_FOLLOWED.format(why=found.problem)
    told = texts.FOLLOWED_FIRST if found.read_ago is None else texts.FOLLOWED_TO
    return told.format(users=found.users, position=found.position, seconds=found.read_ago)


def _lines(found: GatewayStatus) -> Iterator[str]:
    ailing = found.phase == "serving" and not found.is_well
    phase = (texts.AILING_STATUS if ailing else _PHASES[found.phase]).format(version=found.version, domain=found.domain)
    uptime = timedelta(seconds=int(found.uptime))
    process = texts.OF_WORKER.format(worker=found.worker) if found.worker else ""
    yield texts.SINCE.format(phase=phase, worker=process, process=found.process, uptime=uptime)
    calls = found.calls
    rows = {
        "accounts": _accounts(found),
        "calls": texts.CALL_FIGURES.format(
            now=calls.now, minute=calls.begun_in_minute, hour=calls.begun_in_hour, failed=calls.failed_in_hour
        ),
        **({"drain": texts.DRAINED.format(count=calls.now)} if found.draining else {}),
        **{name: _part(part) for name, part in found.parts.items() if name != "log"},
        "log": _log(found),
    }
    if found.handed_on:
        rows["handed on"] = _handed_on(found.handed_on)
    if found.memory is not None:
        rows["memory"] = size_text(found.memory)
    if found.faults:
        rows["bugs"] = texts.FAULTS.format(count=found.faults)
    for name, told in rows.items():
        yield f"{name:<{_NAME_WIDTH}} {told}"


def _accounts(found: GatewayStatus) -> str:
    told = [f"{count:,} {state}" for state, count in found.accounts.items() if count]
    return ", ".join(told) or texts.NO_ACCOUNTS


def _handed_on(found: HandedOnFigures) -> str:
    if found.waiting is None:
        waiting = texts.WAITING_UNKNOWN
    else:
        told = [
            texts.WAITING_FOR.format(worker=worker, count=each.count, oldest=each.oldest)
            for worker, each in sorted(found.waiting.items())
        ]
        waiting = "; ".join(told) or texts.NOTHING_WAITS
    return texts.GIVEN_AND_TAKEN.format(given=found.given, taken=found.taken, waiting=waiting)


def _part(part: PartStatus) -> str:
    told = [part.problem.rstrip(".") if part.problem else texts.FINE]
    if part.memory is not None:
        told.append(size_text(part.memory))
    if part.restarts:
        told.append(texts.RESTARTED.format(count=part.restarts))
    return ", ".join(told)


def _log(found: GatewayStatus) -> str:
    log, size = found.log, size_text(found.log.size)
    if problem := found.parts["log"].problem:
        return f"{problem.rstrip('.')}, {size}"
    if log.oldest is None:
        return texts.LOG_WITHOUT_EVENTS.format(size=size)
    return texts.LOG_FIGURES.format(size=size, oldest=log.oldest, keep=log.keep)
