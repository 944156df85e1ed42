"""`fargo why`: what happened in a call, in words that can be passed on."""

from datetime import datetime, tzinfo
from functools import partial
from textwrap import fill
from typing import Final

import click
from dateutil import tz

from fargo.calls import Record, records
from fargo.cli import texts
from fargo.cli.common import InputError, known_user, open_log, reads_log, say
from fargo.cli.ladder import terminal_width
from fargo.cli.times import in_zone, offset, parse_time, shown, zone_name
from fargo.store.interface import Reader
from fargo.store.places import LogPlace
from replay.drawing.mermaid import mermaid
from replay.drawing.record_text import ending, peer
from replay.explaining import closest
from replay.explaining.closest import Closest
from replay.explaining.paragraph import facts, paragraph
from replay.reading.steps import replayed_call

_UNWRAPPED: Final = 10_000
"""Columns of output that is pasted elsewhere, and wrapped there."""
_FAR_SECONDS: Final = 86_400.0
"""A call that is further from the time that was given is hardly the one that was meant."""


@click.command()
@click.argument("user", metavar="USER")
@click.argument("hint", metavar="[TIME|PEER|CALL-ID]", required=False)
@reads_log
@in_zone
@click.option("--mermaid", "diagram", is_flag=True, help="Add a sequence diagram in Mermaid's language.")
def why(user: str, hint: str | None, path: LogPlace, zone: tzinfo | None, diagram: bool) -> None:
    """Tell what happened in a call of USER, whose side it was, and what to do next.

    The call is the one closest to a time, such as "yesterday 10:00", or the last one with a number, an address or a
    Call-ID; without a hint the last one that failed. Times are those of this machine's zone without --tz.
    """
    zone = zone or tz.tzlocal()
    with open_log(path) as log:
        user = known_user(log, user)
        found = _found(records(log.call_entries(user)), hint, zone)
        if found is None:
            raise InputError(_none(path, user, hint))
        say(_explained(found, zone))
        if diagram:
            _draw(log, found.meant)


def _found(calls: list[Record], hint: str | None, zone: tzinfo) -> Closest | None:
    if hint is None:
        return closest.last(calls)
    # A number is a number before it is a time: 2026 may be a year, but who gives one remembers whom they called.
    if found := closest.of(calls, hint):
        return found
    time = parse_time(hint, datetime.now(zone))
    return _closest(calls, time.timestamp(), zone) if time else None


def _closest(calls: list[Record], time: float, zone: tzinfo) -> Closest | None:
    """Return the calls that began closest to a time, and say so if that is not what was meant."""
    found = closest.at(calls, time)
    if found and abs(found.meant.began - time) > _FAR_SECONDS:
        say(texts.FAR_FROM_HINT.format(user=found.meant.name.user, time=_with_zone(time, zone)), err=True)
    return found


def _none(path: LogPlace, user: str, hint: str | None) -> str:
    if hint is None:
        return texts.NO_CALL_OF_USER.format(path=path, user=user)
    return texts.NO_CALL_AS_HINTED.format(path=path, user=user, hint=hint)


def _explained(found: Closest, zone: tzinfo) -> str:
    clock = partial(_with_zone, zone=zone)
    width = terminal_width() or _UNWRAPPED
    told = [fill(paragraph(found.meant, clock), width, break_on_hyphens=False, break_long_words=False)]
    told += ["", *(f"    {name}: {value}" for name, value in facts(found.meant, clock))]
    if others := [each for each in found.close if each is not found.meant]:
        told += ["", texts.OTHER_CALLS]
        told += [f"    {shown(each.began, zone)}  {each.name}  {peer(each)}  {ending(each)}" for each in others]
    return "\n".join(told)


def _with_zone(at: float, zone: tzinfo) -> str:
    return f"{shown(at, zone)} {zone_name(zone, at)}{offset(at, zone)}"


def _draw(log: Reader, call: Record) -> None:
    say("\n".join(("", "```mermaid", *mermaid(replayed_call(log, call.name), call.name, brief=True), "```")))
