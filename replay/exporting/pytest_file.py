"""An export as a test: a Python file for pytest that folds a session, and compares event by event.

It needs nothing but the core. Each event is constructed in it, with its commands below.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from fargo.store.entries import Entry

_Parts: TypeAlias = list[tuple[str, object]]

_WIDTH: Final = 120
_HEAD: Final = '"""A recorded session and what it leads to, written by `fargo replay export --as-test`."""'
_TEST: Final = """

def test_every_event_leads_to_its_commands() -> None:
    user = new(USER)
    for version, at, event, commands in SESSION:
        user, issued, _ = fold(user, Recorded(USER, version, at, event))
        assert tuple(each.command for each in issued) == commands, f"event {version}"
"""


def written(entries: Iterable[Entry]) -> str:
    """Return the text of the file; the entries are those of one user."""
    entries = tuple(entries)
    steps = tuple((r.version, r.at, r.event, tuple(each.command for each in issued)) for r, issued in entries)
    user = f"USER = {_source(entries[0][0].user)}"
    session = [*_lines(steps, "", "SESSION: tuple[tuple[int, float, Event, tuple[Command, ...]], ...] = ", "")]
    long = [""] if max(map(len, (user, *session))) <= _WIDTH else ["", "# ruff: noqa: E501", ""]
    return "\n".join([_HEAD, *long, *_imports(steps), "", user, *session, _TEST])


def _imports(steps: object) -> Iterator[str]:
    """Yield the import statements, one for each module."""
    names: dict[str, set[str]] = {
        "fargo.statemachine.model.commands": {"Command"},
        "fargo.statemachine.model.events": {"Event", "Recorded"},
        "fargo.statemachine.machine": {"fold", "new"},
    }
    for kind in _types(steps):
        names.setdefault(kind.__module__, set()).add(kind.__name__)
    for module, imported in sorted(names.items()):
        ordered = sorted(imported, key=lambda name: (name.islower(), name))
        line = f"from {module} import {', '.join(ordered)}"
        yield from [line] if len(line) <= _WIDTH else _bracketed(f"from {module} import (", ordered, ")")


def _bracketed(head: str, parts: Iterable[str], tail: str) -> Iterator[str]:
    yield head
    yield from (f"    {part}," for part in parts)
    yield tail


def _types(value: object) -> Iterator[type]:
    """Yield the types of all values that are constructed by their name."""
    match value:
        case Enum():
            yield type(value)
        case Struct():
            yield type(value)
            for _, part in _fields(value):
                yield from _types(part)
        case tuple():
            for part in value:
                yield from _types(part)
        case Mapping():
            yield from _types(tuple(value.values()))
        case _:
            pass


def _fields(value: Struct) -> Iterator[tuple[str, object]]:
    """Yield the fields of a value that are not at their default."""
    defaults = dict(zip(reversed(value.__struct_fields__), reversed(value.__struct_defaults__), strict=False))
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if name not in defaults or defaults[name] != part:
            yield name, part


def _lines(value: object, indent: str, head: str, tail: str) -> Iterator[str]:
    """Yield the value's source behind a head, on one line if it fits, else with a line or more for each part."""
    line = f"{indent}{head}{_source(value)}{tail}"
    if len(line) <= _WIDTH or not isinstance(value, Struct | tuple | Mapping) or not value:
        yield line
        return
    title, parts, end = _opened(value)
    yield f"{indent}{head}{title}"
    for name, part in parts:
        yield from _lines(part, indent + "    ", name, ",")
    yield f"{indent}{end}{tail}"


def _opened(value: "Struct | tuple[object, ...] | Mapping[object, object]") -> tuple[str, _Parts, str]:
    """Return the beginning of a value's source, its parts, each behind its name, and the end."""
    match value:
        case Struct():
            return f"{type(value).__name__}(", [(f"{name}=", part) for name, part in _fields(value)], ")"
        case Mapping():
            return "{", [(f"{_source(name)}: ", part) for name, part in value.items()], "}"
        case _:
            return "(", [("", part) for part in value], ")"


def _source(value: object) -> str:
    """Return the value as Python constructs it."""
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case str():
            return msgspec.json.encode(value).decode()
        case Struct() | tuple() | Mapping():
            title, parts, end = _opened(value)
            inner = ", ".join(f"{name}{_source(part)}" for name, part in parts)
            return f"{title}{inner}{',' if isinstance(value, tuple) and len(value) == 1 else ''}{end}"
        case _:
            return repr(value)
