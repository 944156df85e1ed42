"""`script/faults`: its options, its progress and its table."""

import asyncio
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click

# The servers and the clients are those of the tests.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "script", "tests"))

from faults import matrix, page
from faults.cells import REPRESENTATIVE, Cell, cells


@click.command(help="Let each part die, hang or be full in each phase of a call, and check what becomes of it.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Cells at a time.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Run cells with such names: --only 'edge.*.sip'.")
@click.option("--representative", is_flag=True, help="Run the cells that script/test runs.")
@click.option("--short", is_flag=True, help="Let what lasts for 30 or 60 seconds last for 3.")
@click.option("--list", "listed", is_flag=True, help="Print the names of the cells, and run none.")
def main(workers: int, only: tuple[str, ...], representative: bool, short: bool, listed: bool) -> None:
    """Run cells. Exit code 0: none failed; 1: one did. The page is written anew, unless `short`."""
    chosen = [each for each in cells() if not only or any(fnmatch(each.name, pattern) for pattern in only)]
    chosen = [each for each in chosen if not representative or each.name in REPRESENTATIVE]
    if listed:
        click.echo("\n".join(each.name for each in chosen))
        return
    found = asyncio.run(_run(chosen, workers, short))
    click.echo(page.summary(found))
    if not short:
        matrix.write(page.RESULTS, found)
        page.PAGE.write_text(page.with_results(page.PAGE.read_text()))
    if any(each["status"] == "failed" for each in found):
        sys.exit(1)


async def _run(chosen: list[Cell], workers: int, short: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async for each in matrix.results(chosen, workers, short):
        found.append(each)
        click.echo(f"{len(found):3}/{len(chosen)} {each['status']:8} {' | '.join([each['cell'], *each['why']])}")
    return found


main()
