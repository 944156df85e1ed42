"""`fargo replay`: fold a recorded log again."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import click
from click import progressbar

from fargo.cli import texts
from fargo.cli.common import CALL, LOG, InputError, PlaceOfLog, find_call, open_log, reads_log, say
from fargo.statemachine.address import bare
from fargo.store.entries import Entry
from fargo.store.places import LogPlace
from replay.drawing.debugger import Debugger
from replay.drawing.show import show
from replay.reading.golden import golden_logs
from replay.reading.steps import replayed, replayed_call
from replay.verifying.report import report
from replay.verifying.verify import Verdict, verify


@click.group()
def replay() -> None:
    """Fold a recorded log again, to show, verify or export it."""


@replay.command("verify")
@click.argument("paths", metavar="LOG...", nargs=-1, required=True, type=PlaceOfLog())
def verify_logs(paths: tuple[LogPlace, ...]) -> None:
    """Fold each LOG again and compare the commands with those recorded.

    Exit code 1 if any command differs and no listed change of the rules explains it. A directory stands for all golden
    logs in it.
    """
    verdict = Verdict()
    with ExitStack() as stack:
        logs = [stack.enter_context(open_log(path)) for path in _each(paths)]
        events = sum(map(len, logs))
        hidden = not sys.stderr.isatty()
        bar = stack.enter_context(progressbar(length=events, label="Folding", file=sys.stderr, hidden=hidden))
        for log in logs:
            verify(_counted(log.read(), bar.update), log.name if len(logs) > 1 else "", verdict)
    for line in report(verdict):
        say(line)
    raise SystemExit(1 if verdict.differences else 0)


def _each(paths: Iterable[LogPlace]) -> Iterator[LogPlace]:
    """Yield the logs, with directories replaced by the golden logs in them."""
    for path in paths:
        if not (isinstance(path, Path) and path.is_dir()):
            yield path
        elif found := golden_logs(path):
            yield from found
        else:
            raise InputError(texts.NO_GOLDEN_LOG.format(path=path))


def _counted(entries: Iterable[Entry], count: Callable[[int], None]) -> Iterator[Entry]:
    """Yield the entries and count each one."""
    for entry in entries:
        yield entry
        count(1)


@replay.command("show")
@LOG
@click.option("--user", metavar="JID", help="Only this user's events.")
@click.option(
    "--call", metavar="CALL", help="Only this call: JID/number, a Jingle session, a SIP channel or a Call-ID."
)
def show_log(path: LogPlace, user: str | None, call: str | None) -> None:
    """Print the events in LOG, with their state changes and commands."""
    shown = False
    user = user and bare(user)
    with open_log(path) as log:
        steps = replayed_call(log, find_call(log, call, user)) if call else replayed(log.read(user))
        for line in show(steps):
            say(line)
            shown = True
    if not shown:
        raise InputError(texts.NO_MATCHING_EVENT.format(path=path))


@replay.command("step")
@CALL
@reads_log
def step_call(name: str, path: LogPlace) -> None:
    """Step through CALL, forward and back.

    Commands are read from the terminal or a pipe; “help” lists them.
    """
    with open_log(path) as log:
        call = find_call(log, name)
        steps = tuple(replayed_call(log, call))
    with suppress(KeyboardInterrupt):
        Debugger(call, steps, sys.stdin, sys.stdout).cmdloop()
