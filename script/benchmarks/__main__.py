"""`script/bench`: what is measured, and the figures as text or as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from core import Figures, measured

_Directory = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(help="Measure Fargo on this machine.")
def main() -> None:
    pass


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--calls", default=1000, show_default=True, type=click.IntRange(8), help="Live calls at any time.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1), help="A figure is the best of so many.")
@click.option("--directory", type=_Directory, help="Put the logs below it, for the disk that it is on.")
def core(as_json: bool, calls: int, runs: int, directory: Path | None) -> None:
    """Measure the call-state machine, its log and its engine, in events per second.

    Each user has one live call. Every event is one of a whole call, as clients and phones signal it.

    fold: the pure function. replay: a log is read, decoded and folded, as the gateway does it when it starts. append:
    events go through the engine, which folds them and commits them with their commands, many in one transaction.
    """
    with TemporaryDirectory(dir=directory) as scratch:
        figures = measured(calls, runs, Path(scratch))
    print(json.dumps(asdict(figures)) if as_json else _in_words(calls, figures))


def _in_words(calls: int, figures: Figures) -> str:
    costs = ", ".join(f"{cost:.1f} µs with {each}" for each, cost in figures.fold_us_by_calls.items())
    return "\n".join(
        (
            f"{calls:,} live calls, events per second:",
            f"  fold    {figures.fold_events_per_s:9,}",
            f"  replay  {figures.replay_events_per_s:9,}",
            f"  append  {figures.append_events_per_s:9,}",
            f"Folding an event costs, by live calls of its user: {costs}.",
        )
    )


main()
