"""The commands of `script/bench` that put a load on real servers: their options, their course, and what they print."""

import asyncio
import json
import math
import os
import sys
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeVar

import click
from benchmarks.load import first_fargo, idle
from benchmarks.load.calibration import Machine, between, machine
from benchmarks.load.figures import Figures
from benchmarks.load.plot import picture
from benchmarks.load.running import load, run
from benchmarks.load.search import Search
from benchmarks.load.site import SERVERS, STORES, Plan, Site
from benchmarks.load.table import table
from end_to_end.engines import ENGINES

_WARM_UP: Final = 2.0
"""Seconds of load before a measurement."""
_WARM_RATE: Final = 10.0
_REST: Final = 1.5
"""Seconds between two runs, in which what was left undone is done."""
_STEP_SECONDS: Final = 0.2
"""The time between two looks at the progress."""
_ALL_FOR_MAX: Final = 1000
"""The users for a search of the highest rate whose attempts use an account each."""
_CALLERS: Final = 100
_TELLS: Final = (
    "Tells the times until an attempt has reached the other end and until it is done, and the processor time and the "
    "memory of each program; with --find-max also the highest rate at which nothing fails and 95 % are done in 100 ms."
)
_Result = TypeVar("_Result")

_ENGINE: Final = click.option(
    "--engine", default="sip", show_default=True, type=click.Choice(ENGINES), help="The SIP engine."
)
_SERVER: Final = click.option(
    "--server", default="prosody", show_default=True, type=click.Choice(list(SERVERS)), help="The XMPP server."
)
_STORE: Final = click.option(
    "--store", default="sqlite", show_default=True, type=click.Choice(STORES), help="Where the log is."
)
_WORKERS: Final = click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Workers, who share the users and the log: several need --server ejabberd and --store postgresql.",
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@dataclass(frozen=True)
class Kind:
    """A kind of load: what it measures, how long each attempt lasts unless told, and about how many times the fixed
    work (`calibration`) one takes of all processors together, from which the search for the highest rate begins.
    """

    name: str
    help: str
    hold: float
    about: float
    uses_account: bool = False


KINDS: Final = (
    Kind(
        "calls-out",
        "Calls from XMPP to SIP. A client calls a number, the phone answers at once, the client hangs up.",
        *(0.5, 0.2),
    ),
    Kind(
        "calls-in", "Calls from SIP to XMPP. A phone calls, the client answers at once, the phone hangs up.", 0.5, 0.2
    ),
    Kind(
        "calls-relayed",
        "Calls from XMPP to SIP through the media relay. The client offers ICE and DTLS, as browsers do.",
        *(0.5, 0.4),
    ),
    Kind("sign-ins", "Sign-ins of accounts, each when its user's client comes, until the client goes.", 1.0, 0.2, True),
    Kind("registrations", "Registrations of new accounts by form, each until it is removed.", 1.0, 0.25, True),
    Kind("messages", "Text messages from XMPP to SIP, until their receipts.", 0.0, 0.1),
)


@dataclass(frozen=True)
class Options:
    """The options of a load. `rate` is None for a search for the highest clean one."""

    rate: float | None
    seconds: float
    hold: float
    users: int
    engine: str
    server: str
    store: str
    workers: int


def commands() -> list[click.Command]:
    """Return the commands."""
    return [*(_command(each) for each in KINDS), measure_idle, measure_first_fargo]


@click.command("idle")
@click.option("--users", default=500, show_default=True, type=click.IntRange(1), help="Accounts, all signed in.")
@click.option("--calls", default=100, show_default=True, type=click.IntRange(0), help="Calls in which nothing happens.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5), help="How long to look on.")
@_ENGINE
@_SERVER
@_JSON
def measure_idle(users: int, calls: int, seconds: float, engine: str, server: str, as_json: bool) -> None:
    """Measure what accounts cost that nobody uses, and calls in which nothing happens: memory, and time at rest."""
    figures = asyncio.run(idle.measured(server, engine, users, calls, seconds))
    click.echo(json.dumps(asdict(figures)) if as_json else idle.table(figures))


@click.command("first-fargo")
@click.option(
    "--minutes", default=10.0, show_default=True, type=click.FloatRange(0.01), help="How long the load lasts."
)
@click.option(
    "--most", default=first_fargo.MOST, show_default=True, type=click.IntRange(1), help="When to stop doubling."
)
@_ENGINE
@_JSON
def measure_first_fargo(minutes: float, most: int, engine: str, as_json: bool) -> None:
    """Show what the first Fargo could do: two sign-ins and two calls of ten seconds a second, with ejabberd, on one
    core; and how many times that today's can do, with everything, the load too, on that core.
    """
    before = machine()
    tried = asyncio.run(_first_fargo(minutes * 60, engine, most))
    now = between(before, machine())
    held = max((times for times, found in tried if not any(each.failures for each in found)), default=0)
    clean = max((times for times, found in tried if all(each.clean for each in found)), default=0)
    if as_json:
        runs = [{"times": times, "runs": [asdict(each) for each in found]} for times, found in tried]
        click.echo(json.dumps({"held": held, "clean": clean, "engine": engine, "machine": asdict(now), "tried": runs}))
    else:
        click.echo(table([each for _, found in tried for each in found], now))
        click.echo(
            f"The load of the first Fargo: {held} times without a failure, {clean} times with 95 % within 100 ms."
        )


async def _first_fargo(seconds: float, engine: str, most: int) -> list[tuple[int, list[Figures]]]:
    steps = first_fargo.measured(seconds, engine, most)
    tried: list[tuple[int, list[Figures]]] = []
    longest = max(seconds, first_fargo.STEP_SECONDS) + first_fargo.CALL_SECONDS
    while step := await shown(anext(steps, None), longest, f"{2 ** len(tried)} times the load of the first Fargo"):
        tried.append(step)
    return tried


def _command(kind: Kind) -> click.Command:
    @click.command(kind.name, help=f"{kind.help}\n\n{_TELLS}")
    @click.option("--rate", type=click.FloatRange(0.1), help="Attempts a second. [default: 10]")
    @click.option("--find-max", is_flag=True, help="Search for the highest rate that is clean, in place of --rate.")
    @click.option(
        "--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5), help="Duration of each rate."
    )
    @click.option("--hold", default=kind.hold, show_default=True, type=click.FloatRange(0), help="How long each lasts.")
    @click.option("--users", type=click.IntRange(1), help="Users, who take turns. [default: as many as are needed]")
    @_ENGINE
    @_SERVER
    @_STORE
    @_WORKERS
    @_JSON
    @click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw times and costs by rate (SVG).")
    def command(
        rate: float | None,
        find_max: bool,
        seconds: float,
        hold: float,
        users: int | None,
        engine: str,
        server: str,
        store: str,
        workers: int,
        as_json: bool,
        plot: Path | None,
    ) -> None:
        if rate and find_max:
            raise click.UsageError("Give either --rate or --find-max.")
        if workers > 1 and (server, store) != ("ejabberd", "postgresql"):
            raise click.UsageError("Several workers need --server ejabberd and --store postgresql.")
        wanted = None if find_max else rate or 10.0
        needed = users or _users(kind, wanted, hold)
        options = Options(wanted, seconds, hold, needed, engine, server, store, workers)
        runs, best, now = asyncio.run(_measured(kind, options))
        if plot:
            with_workers = "" if workers == 1 else f", {workers} workers"
            title = f"{kind.name}, engine {engine}, {server}, {store}, {options.users} users{with_workers}"
            plot.write_text(picture(runs, title))
        told = {**asdict(options), "load": kind.name, "max": best, "machine": asdict(now)}
        click.echo(json.dumps({**told, "runs": [asdict(each) for each in runs]}) if as_json else table(runs, now))
        if find_max and not as_json:
            click.echo(f"Highest clean rate: {best:g} a second." if best else "No rate was clean.")

    return command


def _users(kind: Kind, rate: float | None, hold: float) -> int:
    """Return how many users a load needs: a call uses its user only in part, other attempts have one for themselves."""
    if not kind.uses_account:
        return _CALLERS
    return _ALL_FOR_MAX if rate is None else max(20, math.ceil(rate * (hold + 3)))


async def _measured(kind: Kind, options: Options) -> tuple[list[Figures], float | None, Machine]:
    """Return the figures of each rate, the highest clean one if it was searched for, and the machine meanwhile."""
    before = machine()
    new = kind.name == "registrations"
    plan = Plan(
        *(options.server, options.engine, kind.name == "calls-relayed"),
        *((0, options.users) if new else (options.users, 0)),
        store=options.store,
        workers=options.workers,
    )
    async with Site(plan) as site:
        if kind.name == "sign-ins":
            await site.leave(site.registered)
        await asyncio.sleep(_REST)
        await run(site, load(site, kind.name, _WARM_RATE, min(_WARM_UP, options.seconds), options.hold))
        if options.rate:
            found, best = [await _rate(site, kind, options, options.rate)], None
        else:
            found, best = await _search(site, kind, options, before)
    return found, best, between(before, machine())


async def _search(site: Site, kind: Kind, options: Options, now: Machine) -> tuple[list[Figures], float | None]:
    found = []
    cores = len(os.sched_getaffinity(0))
    search = Search(cores * 1000 / (kind.about * now.loop_ms) / 2)
    while search.rate is not None:
        await asyncio.sleep(_REST)
        found.append(await _rate(site, kind, options, search.rate))
        search.heard(found[-1].clean)
    return found, search.best


async def _rate(site: Site, kind: Kind, options: Options, rate: float) -> Figures:
    wanted = load(site, kind.name, rate, options.seconds, options.hold)
    [figures] = await shown(run(site, wanted), options.seconds + options.hold, f"{kind.name} at {rate:g} a second")
    return figures


async def shown(work: Awaitable[_Result], seconds: float, what: str) -> _Result:
    """Wait for work that takes about so long, and show its progress on a terminal."""
    task = asyncio.ensure_future(work)
    begun = shown_until = time.monotonic()
    with click.progressbar(
        length=round(seconds * 10), label=what, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        while not task.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(task), _STEP_SECONDS)
            now = min(time.monotonic(), begun + seconds)
            bar.update(round((now - begun) * 10) - round((shown_until - begun) * 10))
            shown_until = now
    return task.result()
