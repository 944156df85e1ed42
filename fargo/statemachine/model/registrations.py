"""The registrations of our own user agent with SIP registrars (RFC 3261 §10), as a user's state and a `Snapshot` keep
them.

Values only. `account.binding` changes them. Times are in seconds since 1970.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from fargo.statemachine.address import SipUri
from fargo.statemachine.model.sip_values import DigestCredentials, Endpoint, Hop

ASKED_SECONDS: Final = 3600
"""The lifetime that is asked for, unless the registrar wants a longer one (RFC 3261 §10.2)."""


class _Value(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


class Awaited(_Value, frozen=True):
    """A REGISTER that has no final response yet. ``command``: its id. ``since``: when it was sent.

    ``expires``: the seconds asked for. ``remove``: other Contacts of ours that it removes. ``credentials``: those that
    it has. ``lengthened``: it follows a 423. ``tidying``: how many REGISTERs in a row, with this one, have only
    corrected our Contacts.
    """

    command: str
    since: float
    expires: int
    remove: tuple[str, ...] = ()
    credentials: tuple[DigestCredentials, ...] = ()
    lengthened: bool = False
    tidying: int = 0


# --- the phases of a registration


class Opening(_Value, frozen=True, tag="Opening"):
    """The registrar has not accepted it yet. ``wanted``: False if it is to be removed as soon as it is accepted."""

    wanted: bool = True


class Bound(_Value, frozen=True, tag="Bound"):
    """The registrar accepted it at ``since``, until ``until``. The next REGISTER is due at ``due``.

    ``routes``: the Service-Route. ``stale``: Contacts of ours that another registration, or another SIP engine, has
    left. ``flow``: the address to which the way is kept open, None if none is. ``closures``: how often in a row that
    way was closed soon after it was opened. ``failures``: how often in a row the registrar has not renewed the
    registration; ``problem``: why, as a sentence, None if there was no failure.
    """

    since: float
    until: float
    due: float
    routes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    flow: Endpoint | None = None
    closures: int = 0
    failures: int = 0
    problem: str | None = None


class Leaving(_Value, frozen=True, tag="Leaving"):
    """It is to be removed. The request for that is repeated at ``due``, and until ``until`` if it is not answered.
    ``failures``: how often that was in vain.
    """

    until: float
    due: float
    failures: int = 0


RegistrationPhase: TypeAlias = Opening | Bound | Leaving


class Registration(_Value, frozen=True):
    """One registration of an account. Its name is that of the account's connection.

    ``own``: the address-of-record. ``hop``: the account's server. ``user``, ``secret``: the user name for its
    challenges, and the password's name in the vault. ``cseq``: that of the latest REGISTER. ``expires``: the seconds to
    ask for. ``registrar``: the address of the server that answered last. ``seen``: our address as it saw it when it
    accepted us last. ``realms``: those of the challenges that were answered for that, twice if both a proxy and the
    registrar asked in its name. ``forget``: the password is to be erased with the registration.
    """

    own: SipUri
    hop: Hop
    user: str
    secret: str
    call_id: str
    tag: str
    phase: RegistrationPhase = Opening()
    awaited: Awaited | None = None
    cseq: int = 0
    expires: int = ASKED_SECONDS
    registrar: Endpoint | None = None
    seen: Endpoint | None = None
    realms: tuple[str, ...] = ()
    forget: bool = False


Registrations: TypeAlias = Mapping[str, Registration]
"""A user's registrations by name."""
