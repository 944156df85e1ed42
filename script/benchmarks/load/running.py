"""Run loads on a site, one or several at a time, and measure them."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypedDict

from benchmarks.load import programs
from benchmarks.load.figures import Figures, figures_of
from benchmarks.load.site import Site

_SETTLING: Final = 25.0
"""More seconds than the last attempts of a run take, if they fail."""


class Load(TypedDict):
    """A load: its kind, attempts a second, for how many seconds, how long each lasts, and the users in turn."""

    kind: str
    rate: float
    seconds: float
    hold: float
    users: Sequence[str]


def load(site: Site, kind: str, rate: float, seconds: float, hold: float) -> Load:
    """Return a load for the users of a site that it can use."""
    users = site.others if kind == "registrations" else site.registered
    return Load(kind=kind, rate=rate, seconds=seconds, hold=hold, users=users)


async def run(site: Site, *loads: Load) -> list[Figures]:
    """Run loads at the same time, and return the figures of each."""
    await asyncio.gather(site.generator.ask("reached"), site.far_side.ask("reached"))
    before = programs.seconds(site)
    told = await _told(site, loads)
    cpu = {program: used - before.get(program, 0.0) for program, used in programs.seconds(site).items()}
    by_phones, by_clients = await asyncio.gather(site.far_side.ask("reached"), site.generator.ask("reached"))
    memory = programs.memory(site)
    attempts = sum(len(each["rows"]) for each in told.values())
    return [
        figures_of(
            *(each, told[each["kind"]], by_clients if each["kind"] == "calls-in" else by_phones, cpu, memory, attempts)
        )
        for each in loads
    ]


async def _told(site: Site, loads: Sequence[Load]) -> dict[str, Any]:
    """Return what the processes tell of each load, by kind."""
    at_clients = [each for each in loads if each["kind"] != "calls-in"]
    at_phones = [each for each in loads if each["kind"] == "calls-in"]
    longest = max(each["seconds"] + each["hold"] for each in loads) + _SETTLING
    answers = await asyncio.gather(
        *(
            process.ask("run", longest, loads=some)
            for process, some in ((site.generator, at_clients), (site.far_side, at_phones))
            if some
        )
    )
    return {kind: each for answer in answers for kind, each in answer.items()}
