"""A check that a value, with all that it holds, is what its type says. Structs do not look at what they are given.

A check is made once of each type, because every event of every story is followed by thousands of them.
"""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

Check = Callable[[object], str | None]
"""Says where in a value, and how, it is not of a type: a path from the value, and a sentence. None if it is."""


@cache
def check(hint: Any) -> Check:
    """Return the check of a type: a class, `Literal`, a union, a tuple of any length, or a mapping."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _of_union(hint, arguments)
    if origin is Literal:
        return lambda value: None if value in arguments else _told(value, hint)
    if origin is tuple:
        return _of_tuple(hint, arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _of_mapping(hint, *arguments)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _of_struct(hint)
    if hint in (int, str, float):
        return lambda value: None if isinstance(value, hint) and value is not True else _told(value, hint)
    return lambda value: None if type(value) is hint else _told(value, hint)


def _told(value: object, hint: Any) -> str:
    return f": {value!r} is no {hint}"


def _of_union(hint: Any, arguments: tuple[Any, ...]) -> Check:
    by_class = {each: each for each in arguments if isinstance(each, type)}
    others = tuple(each for each in arguments if each not in by_class or each in (int, str, float))

    def of_union(value: object) -> str | None:
        own = by_class.get(type(value))
        if own is not None and check(own)(value) is None:
            return None
        return None if any(check(each)(value) is None for each in others) else _told(value, hint)

    return of_union


def _of_tuple(hint: Any, item: Any) -> Check:
    def of_tuple(value: object) -> str | None:
        if not isinstance(value, tuple):
            return _told(value, hint)
        for number, each in enumerate(value):
            if (wrong := check(item)(each)) is not None:
                return f"[{number}]{wrong}"
        return None

    return of_tuple


def _of_mapping(hint: Any, key: Any, item: Any) -> Check:
    def of_mapping(value: object) -> str | None:
        if not isinstance(value, dict):
            return _told(value, hint)
        for name, each in value.items():
            if (wrong := check(key)(name) or check(item)(each)) is not None:
                return f"[{name}]{wrong}"
        return None

    return of_mapping


def _of_struct(hint: type[msgspec.Struct]) -> Check:
    hints = get_type_hints(hint)
    # Made at the first value, because a type may hold itself.
    fields: list[tuple[str, Check]] = []

    def of_struct(value: object) -> str | None:
        if type(value) is not hint:
            return _told(value, hint)
        if not fields:
            fields.extend((name, check(hints[name])) for name in hint.__struct_fields__)
        for name, of_field in fields:
            if (wrong := of_field(getattr(value, name))) is not None:
                return f".{name}{wrong}"
        return None

    return of_struct
