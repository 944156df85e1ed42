"""`script/bench`: what is measured, and the figures as text or as JSON."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

# The servers and the clients are those of the tests.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "tests"))

import core as cores
import relay as relays

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
        figures = cores.measured(calls, runs, Path(scratch))
    print(json.dumps(asdict(figures)) if as_json else _in_words(calls, figures))


def _in_words(calls: int, figures: cores.Figures) -> str:
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


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(1), help="Calls to set up, each way.")
@click.option("--calls", default=10, show_default=True, type=click.IntRange(1), help="Calls that talk at once.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(1), help="How long they are watched.")
def relay(as_json: bool, rounds: int, calls: int, seconds: float) -> None:
    """Measure what a media relay costs, with real servers on loopback.

    setup: until a call is answered, directly and through the relay, by turns. passing and translating: the relay's CPU
    and memory for a call whose ends have a codec in common, and for one between opus and PCMU.
    """
    figures = asyncio.run(relays.measured(rounds, calls, seconds))
    print(json.dumps(asdict(figures)) if as_json else _relay_in_words(rounds, calls, figures))


def _relay_in_words(rounds: int, calls: int, figures: relays.Figures) -> str:
    setup, passing, translating = figures.setup, figures.passing, figures.translating
    return "\n".join(
        (
            f"Until a call is answered, of {rounds} each way, milliseconds:",
            f"  directly           {setup.direct_ms_p50:7} median  {setup.direct_ms_max:7} longest",
            f"  through the relay  {setup.relay_ms_p50:7} median  {setup.relay_ms_max:7} longest",
            f"The relay's share of a call, with {calls} at once:",
            f"  passing on         {passing.cpu_percent:7} % of a core  {passing.memory_kib:7} KiB",
            f"  opus to PCMU       {translating.cpu_percent:7} % of a core  {translating.memory_kib:7} KiB",
        )
    )


main()
