"""`script/fuzz`: its options, its progress bar and its report."""

import subprocess
import sys
from pathlib import Path
from random import randrange
from time import monotonic

import click

# The simulator is that of the tests. The root comes first, because some folders of the tests have the names of
# packages.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "script", "tests"))

from simulator.fuzz import Failure, Fuzzed, fuzz

ROOT = Path(__file__).resolve().parents[2]
_Directory = click.Path(file_okay=False, path_type=Path)
_SEEDS = 1_000_000_000


@click.command(help="Search for failures of the call-state machine, with simulated clients, phones and faults.")
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(min=0), help="How long to search.")
@click.option("--seed", type=click.IntRange(min=0), help="The seed of the first run. Random by default.")
@click.option(
    "--logs",
    default=ROOT / ".run" / "fuzz",
    show_default=".run/fuzz",
    type=_Directory,
    help="The directory for the log of a failure.",
)
@click.option(
    "--stories",
    is_flag=True,
    help="Then draw a thousand stories for each property of the core, and break it in more states.",
)
def main(minutes: float, seed: int | None, logs: Path, stories: bool) -> None:
    """Search for failures. Exit code 0: all invariants and properties held; 1: one did not."""
    first = randrange(_SEEDS) if seed is None else seed
    click.echo(f"Simulating workers and runs from seed {first} on, then exploring all courses of a single call.")
    with click.progressbar(length=max(1, round(minutes * 60)), show_pos=False, item_show_func=_shown) as bar:
        start = monotonic()

        def progress(fuzzed: Fuzzed) -> None:
            bar.update(max(0, min(bar.length or 0, round(monotonic() - start)) - bar.pos), fuzzed)

        done = fuzz(minutes * 60, first, logs, progress)
    click.echo(_shown(done))
    if done.failure:
        click.echo(_described(done.failure))
        sys.exit(1)
    if stories:
        sys.exit(_draw_stories())


def _draw_stories() -> int:
    """Run the property tests of the core with more examples than `script/test` draws, the events that nobody expects at
    more times, and the faults in the core in more states. Return the exit code.
    """
    tests = ("tests/statemachine", "tests/simulator/test_coverage.py", "tests/simulator/test_faults.py")
    command = (sys.executable, "-m", "pytest", "-m", "slow", "--hypothesis-profile", "thorough", *tests)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _shown(fuzzed: Fuzzed | None) -> str:
    if fuzzed is None:
        return ""
    return (
        f"{fuzzed.stories:,} stories of workers; {fuzzed.runs:,} runs of {fuzzed.events:,} events; "
        f"{fuzzed.states:,} states explored by {fuzzed.transitions:,} transitions"
    )


def _described(failure: Failure) -> str:
    again = "the explorer always finds it" if failure.seed is None else f"script/fuzz --seed {failure.seed}"
    moves = "\n".join(f"  {' '.join(map(str, move)).rstrip()}" for move in failure.path)
    return f"\nBroken: {failure.broken}\n\nafter\n{moves}\n\nlog     {failure.golden}\nrepeat  {again}"


main()
