"""`script/fuzz`: its options, its progress, and what it says in the end."""

import sys
from pathlib import Path
from random import randrange
from time import monotonic

import click

# The simulator is that of the tests. The root comes first: the tests have folders named as packages are.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "tests"))

from simulator.fuzz import Failure, Fuzzed, fuzz

ROOT = Path(__file__).resolve().parents[2]
_Directory = click.Path(file_okay=False, path_type=Path)
_SEEDS = 1_000_000_000


@click.command(help="Look for a way to break the call-state machine, with simulated clients, phones and failures.")
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(min=0), help="For how long.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the first run; drawn if not given.")
@click.option(
    "--logs",
    default=ROOT / ".run" / "fuzz",
    show_default=".run/fuzz",
    type=_Directory,
    help="Where the log of a failure goes.",
)
def main(minutes: float, seed: int | None, logs: Path) -> None:
    """Exit code 0: every invariant held; 1: one did not."""
    first = randrange(_SEEDS) if seed is None else seed
    click.echo(f"Runs from seed {first} on; then every way that one call can go.")
    with click.progressbar(length=max(1, round(minutes * 60)), show_pos=False, item_show_func=_told) as bar:
        start = monotonic()

        def progress(fuzzed: Fuzzed) -> None:
            bar.update(max(0, min(bar.length or 0, round(monotonic() - start)) - bar.pos), fuzzed)

        done = fuzz(minutes * 60, first, logs, progress)
    click.echo(_told(done))
    if done.failure:
        click.echo(_described(done.failure))
        sys.exit(1)


def _told(fuzzed: Fuzzed | None) -> str:
    if fuzzed is None:
        return ""
    return (
        f"{fuzzed.runs:,} runs of {fuzzed.events:,} events; "
        f"{fuzzed.states:,} states explored by {fuzzed.transitions:,} transitions"
    )


def _described(failure: Failure) -> str:
    again = "the explorer comes to it every time" if failure.seed is None else f"script/fuzz --seed {failure.seed}"
    moves = "\n".join(f"  {' '.join(move).rstrip()}" for move in failure.path)
    return f"\nBroken: {failure.broken}\n\nafter\n{moves}\n\nlog    {failure.golden}\nagain  {again}"


main()
