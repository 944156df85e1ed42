"""`fargo announce`: say something to the users of the running gateway."""

import sys
from pathlib import Path

import click

from fargo.cli import texts
from fargo.cli.common import OF_GATEWAY, InputError, state_directory
from fargo.cli.live import asked
from fargo.control.questions import LONGEST_TEXT, Announce
from fargo.operations.values import Announcement


@click.command()
@click.argument("text", metavar="TEXT")
@OF_GATEWAY
@click.option("--all", "everyone", is_flag=True, help="Also tell users who are offline.")
def announce(text: str, config: Path | None, everyone: bool) -> None:
    """Send TEXT as a chat message to all registered users who are online.

    With "-" as TEXT it is read from stdin.
    """
    text = (sys.stdin.read() if text == "-" else text).strip()
    if not text:
        raise InputError(texts.EMPTY_TEXT)
    if len(text) > LONGEST_TEXT:
        raise InputError(texts.LONG_TEXT.format(length=len(text), most=LONGEST_TEXT))
    directory = state_directory(config)
    told = asked(directory, Announce(text, everyone), Announcement)
    if told is None:
        raise InputError(texts.NOT_RUNNING.format(path=directory))
    if told.users:
        click.echo(texts.ANNOUNCED.format(users=told.users, seconds=round(told.seconds, 1)))
    else:
        click.echo(texts.NOBODY_TOLD.format(which=texts.REGISTERED_USER if everyone else texts.ONLINE_USER))
