"""What of a user goes on while nothing happens: how the account is connected, and which clients are online.

Values, and nothing that moves them: that is in `signing` and `contacts`. `events.Condensed` is made of them.
"""

from typing import TypeAlias

from msgspec import Struct, field

from fargo.statemachine.media.description import MediaProfile

# --- the connection of a registered account


class SignedOut(Struct, frozen=True, gc=False, omit_defaults=True, tag="SignedOut"):
    """No connection, and no trouble."""


class SigningIn(Struct, frozen=True, gc=False, omit_defaults=True, tag="SigningIn"):
    """Asked to sign in at `since`, for the attempt'th time in a row."""

    connection: str
    since: float
    attempt: int


class SignedIn(Struct, frozen=True, gc=False, omit_defaults=True, tag="SignedIn"):
    """The registrar has accepted the account. It stays so until `linger` even with no client online."""

    connection: str
    linger: float = 0.0


class SigningOut(Struct, frozen=True, gc=False, omit_defaults=True, tag="SigningOut"):
    """Asked to sign out at `since`."""

    connection: str
    since: float


class Waiting(Struct, frozen=True, gc=False, omit_defaults=True, tag="Waiting"):
    """Signing in has failed; the attempt'th try is due at `until`."""

    until: float
    attempt: int
    problem: str


class Refused(Struct, frozen=True, gc=False, omit_defaults=True, tag="Refused"):
    """The registrar refused the credentials, which are not tried again."""

    problem: str


Connection: TypeAlias = SignedOut | SigningIn | SignedIn | SigningOut | Waiting | Refused


# --- the clients


class Client(Struct, frozen=True, gc=False, omit_defaults=True):
    """An online client. ``profiles``: in which it can take a call, () if it cannot; ``asks_first``: before it is called
    (XEP-0353). ``doubted``: until when it is in doubt, None if it is not. ``asked``: in a `Snapshot` only, the id of
    our question about its capabilities, "" if it has answered that.
    """

    caps: str
    asked: str = ""
    profiles: tuple[MediaProfile, ...] = field(default=(), name="manners")
    asks_first: bool = False
    doubted: float | None = None
