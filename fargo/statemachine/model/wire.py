"""The names under which values stand in logs and golden logs.

Rules:

1. Every Struct that is logged and is a member of a union writes its name out: ``tag="…"`` in its class statement.
   Classes and modules can be renamed freely; a tag never changes and is never used for anything else.
"""

from functools import cache

from msgspec import Struct


@cache
def wire_name(kind: type[Struct]) -> str:
    """Return the tag of a logged Struct. Raise TypeError if the class has none."""
    tag = kind.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{kind.__name__} has no tag: it is not a member of a union that is logged.")
    return tag


def shown_name(kind: type) -> str:
    """Return the name under which people know a value: its wire name if it has one, else its class's name."""
    tag = kind.__struct_config__.tag if issubclass(kind, Struct) else None
    return tag if isinstance(tag, str) else kind.__name__
