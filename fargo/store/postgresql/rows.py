"""The statements of PostgreSQL that write entries, and their values.

A batch is one statement with a list for each column, so that it takes one turn to the server and back. All lists are of
texts, which the server casts: so the statement is the same for every batch, and is prepared once.
"""

from typing import Any, Final

from fargo.store.entries import Entry
from fargo.store.rows import command_rows, event_row, size_of_rows

APPEND: Final = b"""
with numbered as (
    update log set position = position + cardinality(%(jid)s::text[]) returning position
), added as (
    insert into events (id, jid, version, at, call, rules, type, format, body)
    select
        position - cardinality(%(jid)s::text[]) + n, each.jid, each.version::bigint, each.at::double precision,
        each.call, each.rules::integer, each.type, each.format::integer, each.body
    from numbered, unnest(
        %(jid)s::text[], %(version)s::text[], %(at)s::text[], %(call)s::text[], %(rules)s::text[], %(type)s::text[],
        %(format)s::text[], %(body)s::text[]
    ) with ordinality as each (jid, version, at, call, rules, type, format, body, n)
), issued as (
    insert into commands (event, place, call, type, format, body)
    select
        position - cardinality(%(jid)s::text[]) + each.event::bigint, each.place::integer, each.call, each.type,
        each.format::integer, each.body
    from numbered, unnest(
        %(c_event)s::text[], %(c_place)s::text[], %(c_call)s::text[], %(c_type)s::text[], %(c_format)s::text[],
        %(c_body)s::text[]
    ) as each (event, place, call, type, format, body)
)
select position from numbered
"""
"""Appends entries after all others, and gives the position of the last."""

INSERT_EVENT: Final = b"""
    insert into events (id, jid, version, at, call, rules, type, format, body)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
INSERT_COMMANDS: Final = b"""
    insert into commands (event, place, call, type, format, body) values (%s, %s, %s, %s, %s, %s)
"""

_EVENT: Final = ("version", "at", "call", "rules", "type", "format", "body")
_COMMAND: Final = ("c_event", "c_place", "c_call", "c_type", "c_format", "c_body")


def values_of(entries: list[Entry]) -> tuple[dict[str, Any], list[int]]:
    """Return the values for APPEND, and about how many bytes each of the entries takes."""
    events, commands, sizes = [], [], []
    for number, (recorded, issued) in enumerate(entries, 1):
        event, its = event_row(number, recorded), command_rows(number, issued)
        events.append(event[1:])
        commands += its
        sizes.append(size_of_rows(event, its))
    return _columns(("jid", *_EVENT), events) | _columns(_COMMAND, commands), sizes


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    columns: list[Any] = [*zip(*rows, strict=True)] if rows else [()] * len(names)
    return {
        name: [None if value is None else str(value) for value in column]
        for name, column in zip(names, columns, strict=True)
    }
