"""Values of the core as trees that JSON can hold, and the changes that make one tree another.

Rules:

1. A Struct becomes an object with its wire name, or else the name of its class, as ``type``. Fields at their defaults
   are left out of those Structs that are written without them. A mapping becomes an object, a tuple or a set an array.
2. A change is a path and the new value there; a path without a value removes what is there. Arrays of different lengths
   are not compared: the new one replaces the old one.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, TypeAlias

from msgspec import Struct

from fargo.statemachine.model.wire import shown_name
from replay.drawing.parts import Name, is_default, parts

Tree: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
Path: TypeAlias = tuple[Name, ...]
Change: TypeAlias = tuple[Path] | tuple[Path, Tree]


def tree(value: object) -> Tree:
    """Return the value as a tree."""
    match value:
        case Struct():
            return {"type": shown_name(type(value))} | {str(name): tree(part) for name, part in _shown(value).items()}
        case Mapping():
            return {str(name): tree(part) for name, part in _shown(value).items()}
        case tuple() | frozenset():
            return [tree(part) for part in _shown(value).values()]
        case Enum():
            return value.name.lower() if isinstance(value, int) else str(value.value)
        case None | str() | int() | float():
            return value
        case _:
            return str(value)


def changes(before: object, after: object, path: Path = ()) -> Iterator[Change]:
    """Yield the changes that make the tree of `before` that of `after`."""
    if before is after or before == after:
        return
    if not _comparable(before, after):
        yield path, tree(after)
        return
    old, new = _shown(before), _shown(after)
    for name, part in new.items():
        if name in old:
            yield from changes(old[name], part, (*path, name))
        else:
            yield (*path, name), tree(part)
    yield from (((*path, name),) for name in old if name not in new)


def _comparable(before: object, after: object) -> bool:
    """Return True if the trees of two values differ in some of their parts only."""
    match before, after:
        case Struct(), Struct():
            return type(before) is type(after)
        case Mapping(), Mapping():
            return True
        case tuple(), tuple():
            return len(before) == len(after)
        case _:
            return False


def _shown(value: object) -> dict[Name, Any]:
    """Return the parts that are in the tree (rule 1)."""
    found = parts(value) or {}
    if not (isinstance(value, Struct) and value.__struct_config__.omit_defaults):
        return found
    return {name: part for name, part in found.items() if not is_default(value, name, part)}
