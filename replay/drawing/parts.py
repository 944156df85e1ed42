"""Values of the core taken apart: what a value consists of, by name, and which of it is at its default."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

Name: TypeAlias = str | int


def parts(value: object) -> dict[Name, Any] | None:
    """Return the fields of a Struct by their names, the values of a mapping by their keys as text, or the items of a
    tuple or a set by their places; None if the value is none of these.
    """
    match value:
        case Struct():
            return {name: getattr(value, name) for name in value.__struct_fields__}
        case Mapping():
            return {str(key): part for key, part in value.items()}
        case tuple():
            return dict(enumerate(value))
        case frozenset():
            return dict(enumerate(sorted(value, key=str)))
        case _:
            return None


def is_default(value: object, name: Name, part: object) -> bool:
    """Return True if a value is a Struct whose field of that name has this default."""
    defaults = _defaults(type(value)) if isinstance(value, Struct) else {}
    return name in defaults and bool(defaults[name] == part)


@cache
def _defaults(kind: type[Struct]) -> dict[Name, object]:
    return {each.name: each.default for each in fields(kind) if each.default is not NODEFAULT}
