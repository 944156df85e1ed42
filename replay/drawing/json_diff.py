"""Values of the core as trees that JSON can hold, and what has to be put into one to make it another.

Rules:

1. A Struct becomes an object with the name of its class as ``type``; a field of a value that is written without its
   defaults is left out at its default. A mapping becomes an object, a tuple or a set an array.
2. A change is a path and what is there now; a path without a value means that nothing is. Two arrays of different
   lengths are not compared: the later one is there now.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, TypeAlias

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from fargo.statemachine.model.wire import shown_name

Tree: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]
Change: TypeAlias = tuple[Path] | tuple[Path, Tree]


def tree(value: object) -> Tree:
    """The value as a tree."""
    match value:
        case Struct():
            return {"type": shown_name(type(value))} | {name: tree(part) for name, part in _parts(value).items()}
        case Mapping():
            return {str(name): tree(part) for name, part in value.items()}
        case tuple():
            return [tree(part) for part in value]
        case frozenset():
            return [tree(part) for part in sorted(value, key=str)]
        case Enum():
            return value.name.lower() if isinstance(value, int) else str(value.value)
        case None | str() | int() | float():
            return value
        case _:
            return str(value)


def changes(before: object, after: object, path: Path = ()) -> Iterator[Change]:
    """What makes the tree of `before` that of `after`."""
    if before is after or before == after:
        return
    pairs = _pairs(before, after)
    if pairs is None:
        yield path, tree(after)
        return
    old, new = pairs
    for name, part in new.items():
        if name in old:
            yield from changes(old[name], part, (*path, name))
        else:
            yield (*path, name), tree(part)
    yield from (((*path, name),) for name in old if name not in new)


def _pairs(before: object, after: object) -> tuple[dict[Any, object], dict[Any, object]] | None:
    """The parts of both by their names, if they are alike."""
    match before, after:
        case Struct(), Struct() if type(before) is type(after):
            return _parts(before), _parts(after)
        case Mapping(), Mapping():
            return dict(before), dict(after)
        case tuple(), tuple() if len(before) == len(after):
            return dict(enumerate(before)), dict(enumerate(after))
        case _:
            return None


def _parts(value: Struct) -> dict[str, object]:
    """The fields that the tree has (rule 1)."""
    told = {each.name: getattr(value, each.name) for each in fields(value)}
    if not value.__struct_config__.omit_defaults:
        return told
    defaults = {each.name: each.default for each in fields(value) if each.default is not NODEFAULT}
    return {name: part for name, part in told.items() if name not in defaults or defaults[name] != part}
