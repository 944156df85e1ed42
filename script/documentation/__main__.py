"""`script/generate-docs`: writes the page that is generated from the source, or checks that it is up to date."""

import sys
from pathlib import Path

import click

sys.path.append(str(Path(__file__).resolve().parents[1]))

from documentation.page import page

PAGE = Path(__file__).resolve().parents[2] / "docs/statemachine.md"


@click.command(help="Generate docs/statemachine.md by exploring the state machine.")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if the page is out of date.")
def main(check: bool) -> None:
    made = page()
    if not check:
        PAGE.write_text(made)
    elif not PAGE.exists() or PAGE.read_text() != made:
        print("docs/statemachine.md is out of date. Run script/generate-docs.", file=sys.stderr)
        sys.exit(1)


main()
