"""In which format the body of an event or a command is written, in a log or a golden one; and older formats as today's.

Rules:

1. Each type has formats of its own: 1, and one more for each of its upcasts. A new field that has a default makes no
   new format.
2. A format that is newer than ours is refused: what we would read is not what was written.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
Upcasts = Mapping[str, tuple[Upcast, ...]]

UPCASTS: Final[Upcasts] = {}
"""By type: the functions that turn a body of format 1 into format 2, 2 into 3, and so on."""


class NewerError(Exception):
    """A body is in a format that we do not know yet: a sentence about it, without its beginning and its end."""


def today(name: str, upcasts: Upcasts = UPCASTS) -> int:
    """The format in which bodies of a type are written."""
    return 1 + len(upcasts.get(name, ()))


def brought_up(name: str, format: int, body: dict[str, Any], upcasts: Upcasts = UPCASTS) -> dict[str, Any]:
    """A body of a type in today's format. Raises NewerError."""
    if format > today(name, upcasts):
        raise NewerError(f"its {name} was written by a newer Fargo (format {format}); use that version to read it")
    for upcast in upcasts.get(name, ())[format - 1 :]:
        body = upcast(body)
    return body
