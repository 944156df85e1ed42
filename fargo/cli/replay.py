"""`fargo replay`: a recorded log, folded again."""

import sys
from pathlib import Path

import click

from fargo.cli.common import LOG, Refused, found, opened
from fargo.statemachine.address import bare
from replay.show import show
from replay.verify import report, verify


@click.group()
def replay() -> None:
    """Fold a recorded log again."""


@replay.command("verify")
@LOG
def verify_log(path: Path) -> None:
    """Compare the commands in LOG with those that its events give now; exit code 1 if any differ."""
    with opened(path) as log:
        hidden = not sys.stderr.isatty()
        with click.progressbar(log.read(), len(log), "Folding", file=sys.stderr, hidden=hidden) as entries:
            verdict = verify(entries)
    for line in report(verdict):
        click.echo(line)
    raise SystemExit(1 if verdict.differences else 0)


@replay.command("show")
@LOG
@click.option("--user", metavar="JID", help="Only this user's events.")
@click.option("--call", metavar="CALL", help="Only this call: JID/number, a Jingle session or a SIP channel.")
def show_log(path: Path, user: str | None, call: str | None) -> None:
    """Print the events in LOG step by step, with what each changed and led to."""
    shown = False
    user = user and bare(user)
    with opened(path) as log:
        for line in show(log.read(user), found(log, call, user) if call else None):
            click.echo(line)
            shown = True
    if not shown:
        raise Refused(f"There is no such event in {path}.")
