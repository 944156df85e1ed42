"""Writes what is installed in /usr/share, all of it from the source: manual pages, completion for the shells, and a
configuration that shows every option.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

sys.path.append(str(Path(__file__).resolve().parents[1]))

from manuals import commands, options

from fargo.cli import main as fargo
from fargo.setup.config_file import example

COMPLETIONS: Final[dict[str, type[ShellComplete]]] = {
    "bash-completion/completions/fargo": BashComplete,
    "zsh/vendor-completions/_fargo": ZshComplete,
    "fish/vendor_completions.d/fargo.fish": FishComplete,
}


def files() -> Iterator[tuple[str, str]]:
    """Yield the path of each file, relative to /usr/share, and its content."""
    for name, page in commands.pages("fargo", fargo):
        yield f"man/man1/{name}.1", page
    yield "man/man5/fargo.toml.5", options.page()
    for path, shell in COMPLETIONS.items():
        yield path, shell(fargo, {}, "fargo", "_FARGO_COMPLETE").source()
    yield "doc/fargo/fargo.toml.example", example()


@click.command(help="Write manual pages, completions and the example of a configuration to DIRECTORY.")
@click.argument("directory", type=click.Path(path_type=Path))
def main(directory: Path) -> None:
    for name, content in files():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


main()
