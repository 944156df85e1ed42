"""Values of the core as lines for people: what is in a value, and what differs between two.

Rules:

1. A value is a tree: the fields of a Struct, the items of a tuple, the values of a mapping. A place in it has a dotted
   path.
2. A value that fits on a line stands on one line. One that does not is taken apart, part by part; a list of short
   values is wrapped. Fields at their default are left out, and a plain codec or address has a short form.
3. Hostile text stays on its line: characters that cannot be printed are escaped.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from textwrap import wrap
from typing import Final, NamedTuple

from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.wire import shown_name
from replay.drawing import texts
from replay.drawing.parts import Name, is_default, parts

WIDTH: Final = 88
"""The number of characters that a value may take on its line."""
_SHORT: Final = 24
"""The number of characters that a value may have to be listed side by side with others."""
_LONG_AGO: Final = 1e9
"""A float above is a time, in seconds since 1970: the core has no other large ones."""


class Row(NamedTuple):
    """A place in a tree, and what is there."""

    path: str
    text: str


def clock(at: float) -> str:
    """Return a time of the log, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def text(value: object) -> str:
    """Return the value on one line, however long."""
    match value:
        case None:
            return texts.NONE
        case Enum():
            return value.name.lower() if isinstance(value, int) else str(value.value)
        case str():
            plain = value.isprintable() and value and not set(value) & set(" ,()=\"'")
            return value if plain else repr(value)
        case float() if value > _LONG_AGO:
            return clock(value)
        case Codec(id, name, clockrate) if value == Codec(id, name, clockrate):
            return f"{id}={text(name)}/{clockrate}"
        case Candidate(component, ip, port) if value == Candidate(component, ip, port):
            return f"{component}={text(ip)}:{port}"
        case _ if parts(value) is not None:
            named = not isinstance(value, tuple | frozenset)
            told = (f"{name}={text(part)}" if named else text(part) for name, part in _shown(value).items())
            return f"{_title(value)}({', '.join(told)})"
        case _:
            return str(value)


def rows(path: str, value: object) -> Iterator[Row]:
    """Yield the value, on one line if it fits, else its parts below its title."""
    whole = text(value)
    if len(whole) <= WIDTH or not parts(value) or _is_list(value):
        yield Row(path, whole)
        return
    if _title(value):
        yield Row(path, _title(value))
    for name, part in _shown(value).items():
        yield from rows(_below(path, name), part)


def differences(path: str, before: object, after: object) -> Iterator[Row]:
    """Yield what differs in `after`, as deep in the tree as the two are alike."""
    if before == after:
        return
    old, new = parts(before), parts(after)
    if old is None or new is None:
        yield from _replaced(path, before, after)
        return
    if type(before) is not type(after):
        yield Row(path, texts.REPLACED.format(before=_title(before), after=_title(after)))
    for name, part in new.items():
        if name in old:
            yield from differences(_below(path, name), old[name], part)
        elif not is_default(after, name, part):
            yield from _added(_below(path, name), part)
    if type(before) is type(after):
        yield from (Row(_below(path, name), texts.REMOVED) for name in old.keys() - new.keys())


def value_at(value: object, path: str) -> object:
    """Return what is at a place in the tree. Raises LookupError with what there is instead, as far down as the path
    leads.
    """
    if not path:
        return value
    found = parts(value) or {}
    for name, part in found.items():
        if f"{path}.".startswith(f"{name}."):
            return value_at(part, path[len(str(name)) + 1 :])
    raise LookupError(", ".join(map(str, found)) or texts.NOTHING)


def aligned(rows: Iterable[Row], indent: str) -> Iterator[str]:
    """Yield lines with the paths in one column and the texts in another."""
    rows = list(rows)
    width = max((len(row.path) for row in rows), default=0)
    for path, told in rows:
        head, *rest = wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
        yield f"{indent}{path:<{width}}  {head}".rstrip()
        yield from (f"{indent}{'':<{width}}  {each}" for each in rest)


def block(value: object, indent: str, label: str = "") -> Iterator[str]:
    """Yield the lines of a value behind a label: all of it on one line, or its title and below it its parts."""
    (_, head), *rest = rows("", value)
    yield f"{indent}{label}{head}"
    yield from aligned(rest, indent + " " * max(len(label), 2))


def _replaced(path: str, before: object, after: object) -> Iterator[Row]:
    whole = texts.REPLACED.format(before=text(before), after=text(after))
    if len(whole) <= WIDTH:
        yield Row(path, whole)
        return
    yield from _added(path, after)


def _added(path: str, value: object) -> Iterator[Row]:
    return (Row(place, texts.ADDED.format(value=told)) for place, told in rows(path, value))


def _shown(value: object) -> dict[Name, object]:
    """Return the parts of a value that are not at their default."""
    return {name: part for name, part in (parts(value) or {}).items() if not is_default(value, name, part)}


def _is_list(value: object) -> bool:
    return isinstance(value, tuple) and all(len(text(item)) <= _SHORT for item in value)


def _title(value: object) -> str:
    return "" if isinstance(value, tuple | frozenset | Mapping) else shown_name(type(value))


def _below(path: str, name: Name) -> str:
    return f"{path}.{name}" if path else str(name)
