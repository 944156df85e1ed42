"""`fargo replay ladder`: draw a call."""

from pathlib import Path
from shutil import get_terminal_size
from typing import Any, Final

import click

from fargo.cli import texts
from fargo.cli.common import CALL, InputError, find_call, open_log, reads_log
from fargo.private_file import write_private
from replay.drawing.label import Tone
from replay.drawing.ladder import NARROWEST, ladder
from replay.drawing.page_data import page_data
from replay.page import call_page
from replay.reading.steps import replayed_call

_LOOKS: Final[dict[Tone, dict[str, Any]]] = {
    Tone.PLAIN: {},
    Tone.QUIET: {"dim": True},
    Tone.ERROR: {"fg": "red", "bold": True},
    Tone.NOTE: {"fg": "cyan"},
}


@click.command("ladder")
@CALL
@reads_log
@click.option("--brief", is_flag=True, help="Omit acknowledgements and messages inside the gateway.")
@click.option("--color", is_flag=True, help="Use colour even if the output is not a terminal.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write a web page instead.")
def ladder_of_call(name: str, path: Path, brief: bool, color: bool, html: Path | None) -> None:
    """Draw CALL as a sequence diagram.

    The participants are the XMPP client, the gateway, the SIP side, and the media relay if the call uses it.
    """
    width = get_terminal_size((NARROWEST, 0)).columns
    with open_log(path) as log:
        call = find_call(log, name)
        steps = replayed_call(log, call)
        if html:
            _write(html, call_page(page_data(steps, call)))
            return
        for line in ladder(steps, call, width, brief, _painted):
            click.echo(line, color=color or None)


def _write(path: Path, page: str) -> None:
    """Write the page to a file that only its owner can read, like the log."""
    try:
        write_private(path, page)
    except OSError as error:
        raise InputError(texts.NOT_WRITABLE.format(path=path, why=error.strerror)) from None


def _painted(text: str, tone: Tone) -> str:
    return click.style(text, **_LOOKS[tone]) if _LOOKS[tone] else text
