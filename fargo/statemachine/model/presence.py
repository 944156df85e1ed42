"""The parts of a user's state that a `Snapshot` keeps: the SIP connection and the online clients.

Values only. `account.connection` changes the connection, `account.roster` the clients.
"""

from typing import TypeAlias

from msgspec import Struct, field

from fargo.statemachine.media.description import MediaProfile

# --- the connection of a registered account (times in seconds since 1970)


class SignedOut(Struct, frozen=True, gc=False, omit_defaults=True, tag="SignedOut"):
    """There is no connection, and no sign-in has failed."""


class SigningIn(Struct, frozen=True, gc=False, omit_defaults=True, tag="SigningIn"):
    """A sign-in was requested at ``since``. ``attempt``: the number of attempts in a row that failed before.
    ``problem``: why the latest one failed, None if none has.
    """

    connection: str
    since: float
    attempt: int
    problem: str | None = None


class SignedIn(Struct, frozen=True, gc=False, omit_defaults=True, tag="SignedIn"):
    """The registrar has accepted the account. Until ``linger`` it stays signed in even if no client is online. None: it
    signs out with the last client.
    """

    connection: str
    linger: float | None = None


class SigningOut(Struct, frozen=True, gc=False, omit_defaults=True, tag="SigningOut"):
    """A sign-out was requested at ``since``."""

    connection: str
    since: float


class Waiting(Struct, frozen=True, gc=False, omit_defaults=True, tag="Waiting"):
    """A sign-in failed, or the connection was lost; the next sign-in is due at ``until``.

    ``attempt``: the number of failures in a row, including the loss of a connection.
    """

    until: float
    attempt: int
    problem: str


class SignInRefused(Struct, frozen=True, gc=False, omit_defaults=True, tag="Refused"):
    """The account cannot be used as it is, and is not tried again until the user changes it or comes online again."""

    problem: str


Connection: TypeAlias = SignedOut | SigningIn | SignedIn | SigningOut | Waiting | SignInRefused


# --- the clients


class Client(Struct, frozen=True, gc=False, omit_defaults=True):
    """An online client. ``caps``: its announced ``node#ver`` (XEP-0115), None if it announced none.

    ``profiles``: the media profiles in which it can take a call, () if it cannot take one. ``asks_first``: it wants a
    proposal before the session-initiate (XEP-0353). ``bundles``: it understands BUNDLE groups (XEP-0338). ``sees``: it
    takes video (XEP-0167). ``doubted``: the time until which it must be seen again, None if its presence is certain.
    ``asked``: in a `Snapshot` only, the id of our pending disco#info request, None if there is none. ``dnd``: it does
    not ring. ``strangers``: the contacts (bare JIDs) that it has been shown although the user has not subscribed to
    them. ``takes_contacts``: it asks its user whether to add contacts that it is sent (XEP-0144).
    """

    caps: str | None
    asked: str | None = None
    profiles: tuple[MediaProfile, ...] = field(default=(), name="manners")
    asks_first: bool = False
    doubted: float | None = None
    bundles: bool = False
    dnd: bool = False
    strangers: tuple[str, ...] = ()
    takes_contacts: bool = False
    sees: bool = False
