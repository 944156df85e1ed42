"""`script/soak`: its options, its course, and its figures as a table and as JSON."""

import asyncio
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

# The servers and the clients are those of the tests.
sys.path.extend(str(Path(__file__).resolve().parents[2] / each) for each in ("", "script", "tests"))

from end_to_end.engines import ENGINES
from soaking.calls import Load
from soaking.figures import SETTLED, Figures, Sample, figures, sample, table

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 120
LONGEST_PAUSE = 10.0
CALM = 2.0
"""Seconds after the last call before a pause is measured."""
SECONDS_PER_CALL = 6
"""More than a call takes on the average, so that there is always a user without a call."""


@click.command(help="Make calls each way for some time, and check that nothing grows, gets stuck or is left over.")
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(min=0.05), help="How long to call.")
@click.option("--rate", default=10.0, show_default=True, type=click.FloatRange(min=0.1), help="Calls per second.")
@click.option("--engine", default="sip", show_default=True, type=click.Choice(ENGINES), help="The SIP engine.")
@click.option("--seed", default=1, show_default=True, help="The seed from which the calls are drawn.")
@click.option(
    "--output",
    default=ROOT / ".run" / "soak.json",
    show_default=".run/soak.json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file for all figures and samples.",
)
def main(minutes: float, rate: float, engine: str, seed: int, output: Path) -> None:
    """Make calls. Exit code 0: all is within the limits; 1: something is not."""
    found, samples = asyncio.run(_soak(minutes * 60, rate, engine, seed))
    output.parent.mkdir(parents=True, exist_ok=True)
    grown = {what: {**asdict(each), "percent": each.percent} for what, each in found.growth.items()}
    told = {**asdict(found), "growth": grown, "rate": rate, "engine": engine, "samples": list(map(asdict, samples))}
    output.write_text(json.dumps(told, indent=1) + "\n")
    click.echo(table(found))
    sys.exit(1 if found.wrong else 0)


async def _soak(seconds: float, rate: float, engine: str, seed: int) -> tuple[Figures, list[Sample]]:
    async with Load(engine, max(4, round(rate * SECONDS_PER_CALL)), seed) as load:
        began = time.monotonic()
        samples: list[Sample] = []
        paused: list[Sample] = []
        first = min(SETTLED, seconds / 2)
        for until_then in (began + first, began + seconds):
            calling = asyncio.create_task(_call(load, rate))
            while (left := until_then - time.monotonic()) > 0:
                await asyncio.sleep(min(left, LONGEST_PAUSE, seconds / SAMPLES))
                samples.append(await sample(load, began))
                _show(samples[-1], seconds, len(load.stuck))
            calling.cancel()
            await load.settle()
            await asyncio.sleep(CALM)
            paused.append(await sample(load, began))
        await load.gateway.stop()
        return figures(paused, load), samples


async def _call(load: Load, rate: float) -> None:
    """Begin calls at this rate."""
    due = time.monotonic()
    while True:
        load.begin()
        due += 1 / rate
        await asyncio.sleep(max(0, due - time.monotonic()))


def _show(now: Sample, seconds: float, stuck: int) -> None:
    memory = ", ".join(f"{name} {kib / 1024:.1f}" for name, kib in now.memory.items())
    click.echo(
        f"{now.at / seconds:4.0%}  {now.calls} calls, {stuck} stuck, {now.sessions} relay sessions; MiB: {memory}",
        err=True,
    )


main()
