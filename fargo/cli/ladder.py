"""`fargo replay ladder`: draw a call."""

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, Final

import click

from fargo.cli import texts
from fargo.cli.common import CALL, InputError, find_call, open_log, reads_log
from fargo.private_file import write_private
from fargo.store.places import LogPlace
from replay.drawing.label import Tone
from replay.drawing.ladder import NARROWEST, ladder
from replay.drawing.mermaid import mermaid
from replay.drawing.page_data import page_data
from replay.drawing.plain_ascii import in_ascii
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
@click.option("--width", type=click.IntRange(min=NARROWEST), help="Columns. Default: those of the terminal.")
@click.option("--ascii", "only_ascii", is_flag=True, help="Draw with characters of ASCII only.")
@click.option("--color", is_flag=True, help="Use colour even if the output is not a terminal.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Print a sequence diagram for Mermaid instead.")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write a web page instead.")
def ladder_of_call(
    name: str,
    path: LogPlace,
    brief: bool,
    width: int | None,
    only_ascii: bool,
    color: bool,
    form: str | None,
    html: Path | None,
) -> None:
    """Draw CALL as a sequence diagram.

    The participants are the XMPP client, the gateway, the SIP side, and the media relay if the call uses it. On a
    terminal, what has no room stands below its arrow; otherwise the drawing is as wide as it needs.
    """
    with open_log(path) as log:
        call = find_call(log, name)
        steps = replayed_call(log, call)
        if html:
            _write(html, call_page(page_data(steps, call)))
            return
        drawn = mermaid(steps, call, brief) if form else ladder(steps, call, width or terminal_width(), brief, _painted)
        for line in drawn:
            click.echo(in_ascii(line) if only_ascii else line, color=color or None)


def terminal_width() -> int | None:
    """Return the columns of the terminal, None if the output is none."""
    return get_terminal_size((NARROWEST, 0)).columns if sys.stdout.isatty() else None


def _write(path: Path, page: str) -> None:
    """Write the page to a file that only its owner can read, like the log."""
    try:
        write_private(path, page)
    except OSError as error:
        raise InputError(texts.NOT_WRITABLE.format(path=path, why=error.strerror)) from None


def _painted(text: str, tone: Tone) -> str:
    return click.style(text, **_LOOKS[tone]) if _LOOKS[tone] else text
