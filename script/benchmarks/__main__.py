"""`script/bench`: its commands, and their figures as text or JSON."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

# The servers and the clients are those of the tests.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "script", "tests"))

from benchmarks import core, engines, flood, relay, strangers
from benchmarks.load.commands import commands

_Directory = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(help="Measure the speed of Fargo on this machine.")
def main() -> None:
    pass


@main.command("core")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--calls", default=1000, show_default=True, type=click.IntRange(8), help="Live calls at any time.")
@click.option(
    "--runs",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Runs of each measurement; the best one counts.",
)
@click.option("--directory", type=_Directory, help="Write the temporary logs here, to measure this disk.")
def measure_core(as_json: bool, calls: int, runs: int, directory: Path | None) -> None:
    """Measure the call-state machine, its log and its engine, in events per second.

    Each user has one live call. The events are those of complete calls, as clients and phones signal them.

    fold: the pure function alone. replay: reading, decoding and folding a log, as at the start of the gateway. append:
    the engine folds the events and commits them with their commands, many in one transaction.
    """
    with TemporaryDirectory(dir=directory) as scratch:
        figures = core.measured(calls, runs, Path(scratch))
    print(json.dumps(asdict(figures)) if as_json else _core_text(calls, figures))


def _core_text(calls: int, figures: core.Figures) -> str:
    costs = ", ".join(f"{cost:.1f} µs with {each}" for each, cost in figures.fold_us_by_calls.items())
    return "\n".join(
        (
            f"{calls:,} live calls, events per second:",
            f"  fold    {figures.fold_events_per_s:9,}",
            f"  replay  {figures.replay_events_per_s:9,}",
            f"  append  {figures.append_events_per_s:9,}",
            f"Time to fold an event, by live calls of its user: {costs}.",
        )
    )


@main.command("relay")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--rounds", default=20, show_default=True, type=click.IntRange(1), help="Calls to set up, direct and relayed each."
)
@click.option("--calls", default=10, show_default=True, type=click.IntRange(1), help="Simultaneous calls.")
@click.option(
    "--seconds", default=10.0, show_default=True, type=click.FloatRange(1), help="Duration of the measurement."
)
def measure_relay(as_json: bool, rounds: int, calls: int, seconds: float) -> None:
    """Measure the cost of a media relay, with real servers on loopback.

    setup: the time until a call is answered, alternating between direct and relayed calls. passing and translating: the
    CPU and memory that the relay needs for a call with a common codec, and for one between opus and PCMU.
    """
    figures = asyncio.run(relay.measured(rounds, calls, seconds))
    print(json.dumps(asdict(figures)) if as_json else _relay_text(rounds, calls, figures))


def _relay_text(rounds: int, calls: int, figures: relay.Figures) -> str:
    setup, passing, translating = figures.setup, figures.passing, figures.translating
    return "\n".join(
        (
            f"Milliseconds until a call is answered, of {rounds} direct and {rounds} relayed calls:",
            f"  direct             {setup.direct_ms_p50:7} median  {setup.direct_ms_max:7} maximum",
            f"  through the relay  {setup.relay_ms_p50:7} median  {setup.relay_ms_max:7} maximum",
            f"Cost of one call at the relay, with {calls} simultaneous calls:",
            f"  common codec       {passing.cpu_percent:7} % of a core  {passing.memory_kib:7} KiB",
            f"  opus to PCMU       {translating.cpu_percent:7} % of a core  {translating.memory_kib:7} KiB",
        )
    )


@main.command("engines")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--calls", default=200, show_default=True, type=click.IntRange(20), help="Calls with each engine at each rate."
)
def measure_engines(as_json: bool, calls: int) -> None:
    """Measure the cost of a call out with each SIP engine, with real servers on loopback.

    CPU: that of the gateway and of the programs that it has started, at 10 and at 100 calls a second. setup: the time
    until a call is answered by a phone that answers at once, at 10 calls a second.
    """
    costs = asyncio.run(engines.measured(calls))
    print(json.dumps({engine: asdict(cost) for engine, cost in costs.items()}) if as_json else _engines_text(costs))


def _engines_text(costs: dict[str, engines.Cost]) -> str:
    return "\n".join(
        f"{engine}: {cost.setup_ms_p50} ms (median) and {cost.setup_ms_p95} ms (95 %) until a call is answered; "
        f"CPU for a call at {engines.SETUP_RATE} calls a second {_in_all(cost.cpu_ms)}, "
        f"at {engines.BUSY_RATE} calls a second {_in_all(cost.busy_cpu_ms)}."
        for engine, cost in costs.items()
    )


@main.command("flood")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(1), help="Duration of the flood.")
@click.option("--rate", default=500, show_default=True, type=click.IntRange(1), help="Stanzas a second.")
def measure_flood(as_json: bool, minutes: float, rate: int) -> None:
    """Measure what a client that floods costs the others, with real servers on loopback.

    setup: the time until a call of another user is answered. log: what the log grows by because of the client.
    """
    figures = asyncio.run(flood.measured(minutes * 60, rate))
    print(json.dumps(asdict(figures)) if as_json else _flood_text(figures))


def _flood_text(figures: flood.Flooded) -> str:
    return "\n".join(
        (
            f"{figures.usual_ms_p95} ms (95 %) until a call is answered; during the flood {figures.flooded_ms_p95} ms.",
            f"Calls that failed: {figures.failed_calls}. Stanzas sent: {figures.sent:,}.",
            f"The log grew by {figures.log_at_once / 1e6:.2f} MB at once, and after that by "
            f"{figures.log_grown / 1e6:.2f} MB, which is {figures.log_in_a_day / 1e6:.1f} MB in a day.",
        )
    )


@main.command("strangers")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--engine", default="sip", show_default=True, type=click.Choice(["sip", "telepathy"]))
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.1), help="Duration of the flood.")
@click.option("--calls", default=50, show_default=True, type=click.IntRange(1), help="Calls in that time.")
def measure_strangers(as_json: bool, engine: str, minutes: float, calls: int) -> None:
    """Measure what strangers cost who flood the SIP port, with real servers on loopback."""
    figures = asyncio.run(strangers.measured(engine, minutes * 60, calls))
    print(json.dumps(asdict(figures)) if as_json else _strangers_text(figures, calls))


def _strangers_text(figures: strangers.Strangers, calls: int) -> str:
    return (
        f"Calls that failed: {figures.failed_calls} of {calls}; the slowest other one took {figures.longest_ms} ms. "
        f"Requests of strangers: {figures.sent:,}. They took {figures.memory / 1e6:.1f} MB of the edge's memory."
    )


def _in_all(cpu_ms: dict[str, float]) -> str:
    by_program = ", ".join(f"{program} {spent}" for program, spent in cpu_ms.items())
    return f"{sum(cpu_ms.values()):.2f} ms ({by_program})"


for each in commands():
    main.add_command(each)
main(prog_name="script/bench")
