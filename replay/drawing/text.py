"""Values of the core as lines for people: what is in one, and what is different between two.

Rules:

1. A value is a tree: the fields of a dataclass or a Struct, the items of a tuple, the values of a mapping. A place in
   it has a dotted path.
2. What fits on a line stands on one line; what does not is taken apart, part by part; a list of short values is
   wrapped. Fields at their default are left out, and a plain codec or address has a short form.
3. Hostile text stays on its line: what is not printable is escaped.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from textwrap import wrap
from typing import Any, Final, NamedTuple

import msgspec

from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.wire import shown_name

WIDTH: Final = 88
"""Characters that a value may take on its line."""
_SHORT: Final = 24
"""Characters that a value may have to be listed side by side with others."""
_LONG_AGO: Final = 1e9
"""A float above is a time, in seconds since 1970: the core has no other large ones."""


class Line(NamedTuple):
    """A place in a tree, and what is there."""

    path: str
    text: str


def clock(at: float) -> str:
    """A time of the log, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def text(value: object) -> str:
    """The value on one line, however long."""
    match value:
        case None:
            return "none"
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
        case _ if (parts := _parts(value)) is not None:
            inner = ", ".join(f"{name}={text(part)}" if name else text(part) for name, part in _told(value, parts))
            return f"{_title(value)}({inner})"
        case _:
            return str(value)


def lines(path: str, value: object) -> Iterator[Line]:
    """The value, on one line if it fits, else its parts below its title."""
    whole, parts = text(value), _parts(value)
    if len(whole) <= WIDTH or not parts or _is_list(value):
        yield Line(path, whole)
        return
    if _title(value):
        yield Line(path, _title(value))
    for name, part in parts.items():
        if not _is_default(value, name, part):
            yield from lines(_below(path, name), part)


def changes(path: str, before: object, after: object) -> Iterator[Line]:
    """What is different in `after`, as deep in the tree as the two are alike."""
    if before == after:
        return
    old, new = _parts(before), _parts(after)
    if old is None or new is None:
        yield from _replaced(path, before, after)
        return
    if type(before) is not type(after):
        yield Line(path, f"{_title(before)} -> {_title(after)}")
    for name, part in new.items():
        if name in old:
            yield from changes(_below(path, name), old[name], part)
        elif not _is_default(after, name, part):
            yield from (Line(place, f"= {told}") for place, told in lines(_below(path, name), part))
    if type(before) is type(after):
        yield from (Line(_below(path, name), "gone") for name in old.keys() - new.keys())


def place(value: object, path: str) -> object:
    """What is at a place in the tree. Raises LookupError with what there is instead, as far down as the path leads."""
    if not path:
        return value
    parts = _parts(value) or {}
    for name, part in parts.items():
        if f"{path}.".startswith(f"{name}."):
            return place(part, path[len(name) + 1 :])
    raise LookupError(", ".join(parts) or "nothing")


def aligned(rows: Iterable[Line], indent: str) -> Iterator[str]:
    """Paths in one column, texts in another."""
    rows = list(rows)
    width = max((len(row.path) for row in rows), default=0)
    for path, told in rows:
        head, *rest = wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
        yield f"{indent}{path:<{width}}  {head}".rstrip()
        yield from (f"{indent}{'':<{width}}  {each}" for each in rest)


def block(value: object, indent: str, label: str = "") -> Iterator[str]:
    """The value by itself, behind a label: on its line, or its title and below it its parts."""
    (_, head), *rest = lines("", value)
    yield f"{indent}{label}{head}"
    yield from aligned(rest, indent + " " * max(len(label), 2))


def _replaced(path: str, before: object, after: object) -> Iterator[Line]:
    whole = f"{text(before)} -> {text(after)}"
    if len(whole) <= WIDTH:
        yield Line(path, whole)
        return
    yield from (Line(place, f"= {told}") for place, told in lines(path, after))


def _parts(value: object) -> dict[str, Any] | None:
    """The value's parts by name; None if it has none, being no tree."""
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, tuple | frozenset):
        items = sorted(value, key=str) if isinstance(value, frozenset) else value
        return {str(number): part for number, part in enumerate(items)}
    return None


def _told(value: object, parts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    named = not isinstance(value, tuple | frozenset)
    return ((name if named else "", part) for name, part in parts.items() if not _is_default(value, name, part))


def _is_list(value: object) -> bool:
    return isinstance(value, tuple) and all(len(text(item)) <= _SHORT for item in value)


def _title(value: object) -> str:
    return "" if isinstance(value, tuple | frozenset | Mapping) else shown_name(type(value))


def _is_default(value: object, name: str, part: object) -> bool:
    if isinstance(value, msgspec.Struct):
        defaults = dict(zip(reversed(value.__struct_fields__), reversed(value.__struct_defaults__), strict=False))
        return name in defaults and bool(defaults[name] == part)
    if is_dataclass(value) and not isinstance(value, type):
        field = next(each for each in fields(value) if each.name == name)
        return field.default is not MISSING and bool(field.default == part)
    return False


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
