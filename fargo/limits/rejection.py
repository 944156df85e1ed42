"""The reason for which something is not let in."""

from msgspec import Struct


class Rejection(Struct, frozen=True, gc=False):
    """An error's type, condition and text (RFC 6120 §8.3)."""

    kind: str
    condition: str
    text: str
