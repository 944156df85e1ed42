"""A text that somebody writes to somebody, as events and commands name it."""

from msgspec import Struct


class KeptText(Struct, frozen=True, gc=False, omit_defaults=True, tag="KeptText"):
    """A text, or a part of one, that no event or command contains. ``name``: its name among the texts that are under
    way. ``length``: its bytes in UTF-8.
    """

    name: str
    length: int
