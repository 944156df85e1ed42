"""`script/generate-docs`: writes the pages that are generated from the source, or checks that they are up to date."""

import sys
from pathlib import Path

import click

sys.path.append(str(Path(__file__).resolve().parents[1]))

from documentation.options import options_page
from documentation.page import page

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {"statemachine.md": page, "options.md": options_page}


@click.command(
    help="Generate docs/statemachine.md by exploring the state machine, and docs/options.md from the schema."
)
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if a page is out of date.")
def main(check: bool) -> None:
    for name, made in PAGES.items():
        path, text = DOCS / name, made()
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"docs/{name} is out of date. Run script/generate-docs.", file=sys.stderr)
            sys.exit(1)


main()
