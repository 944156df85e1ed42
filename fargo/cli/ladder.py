"""`fargo replay ladder`: one call, drawn."""

from pathlib import Path
from shutil import get_terminal_size
from typing import Any, Final

import click

from fargo.cli.common import CALL, found, opened, reads_log
from replay.calls import steps
from replay.ladder import NARROWEST, ladder
from replay.said import Tone

_LOOKS: Final[dict[Tone, dict[str, Any]]] = {
    Tone.PLAIN: {},
    Tone.QUIET: {"dim": True},
    Tone.ERROR: {"fg": "red", "bold": True},
    Tone.NOTE: {"fg": "cyan"},
}


@click.command("ladder")
@CALL
@reads_log
@click.option("--brief", is_flag=True, help="Without what only acknowledges, or never left the machine.")
@click.option("--color", is_flag=True, help="In colour even where the output is no terminal.")
def ladder_of_call(name: str, path: Path, brief: bool, color: bool) -> None:
    """Draw CALL: each event and command as an arrow between XMPP client, gateway, SIP and relay."""
    width = get_terminal_size((NARROWEST, 0)).columns
    with opened(path) as log:
        call = found(log, name)
        for line in ladder(steps(log.read(call.user), call), call, width, brief, _painted):
            click.echo(line, color=color or None)


def _painted(text: str, tone: Tone) -> str:
    return click.style(text, **_LOOKS[tone]) if _LOOKS[tone] else text
