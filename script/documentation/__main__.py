"""`script/generate-docs`: writes the page that is made from the source, or says whether it is as it should be."""

import sys
from pathlib import Path

import click
from page import page

PAGE = Path(__file__).resolve().parents[2] / "docs/statemachine.md"


@click.command(help="Write docs/statemachine.md from what the state machine does.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the page is not what would be written.")
def main(check: bool) -> None:
    made = page()
    if not check:
        PAGE.write_text(made)
    elif not PAGE.exists() or PAGE.read_text() != made:
        print("docs/statemachine.md is not what the source gives: run script/generate-docs.", file=sys.stderr)
        sys.exit(1)


main()
