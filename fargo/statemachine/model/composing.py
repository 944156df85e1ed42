"""Typing, as somebody tells the other end of it (RFC 3994, XEP-0085), and what is known of who understands that."""

from msgspec import Struct

REFRESH_SECONDS = 120
"""After so long without news, somebody who was typing no longer is, unless they said otherwise (RFC 3994 §4)."""


class Composing(Struct, frozen=True, gc=False, omit_defaults=True, tag="Composing"):
    """Somebody types (``active``), or does not any more. ``seconds``: how long that is to be believed."""

    active: bool
    seconds: int = REFRESH_SECONDS


class Typing(Struct, frozen=True, gc=False, omit_defaults=True):
    """The contacts (bare JIDs) whose phones have shown that they understand who types, the latest last (``able``), and
    those among them who were told that the user does (``told``).
    """

    able: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
