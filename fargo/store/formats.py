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


def _event_of_action(body: dict[str, Any]) -> dict[str, Any]:
    """Return a SessionModified, which had its Jingle action in a field, as the event of that action."""
    return {
        "type": _EVENT_OF_ACTION[body.pop("action")],
        **{name: each for name, each in body.items() if name != "type"},
    }


_EVENT_OF_ACTION: Final = {
    "content-accept": "ContentAccepted",
    "content-add": "ContentAdded",
    "content-modify": "ContentModified",
    "content-reject": "ContentRejected",
    "content-remove": "ContentRemoved",
    "description-info": "DescriptionInformed",
    "security-info": "SecurityInformed",
    "transport-accept": "TransportAccepted",
    "transport-info": "TransportInformed",
    "transport-reject": "TransportRejected",
    "transport-replace": "TransportReplaced",
}

UPCASTS: Final[Upcasts] = {"SessionModified": (_event_of_action,)}
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
