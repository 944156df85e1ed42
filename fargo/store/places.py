"""The place of a log: in a file, or in a database of PostgreSQL.

Rules:

1. The address of a database has no password. It stands in configurations, messages and lists of processes. libpq takes
   a password from a password file or a service file, and a server may need none, such as for a user of its machine
   (peer authentication).
2. No package is needed to know an address; one is needed to connect to it.
"""

from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from fargo.store import texts

_SCHEMES: Final = ("postgresql", "postgres")
_SECRETS: Final = frozenset({"password", "sslpassword"})
"""The parameters of libpq that are secret."""


class DatabaseAddress(Struct, frozen=True):
    """The address of a database of PostgreSQL, as libpq takes it: ``postgresql://user@host:port/database?parameters``,
    each part of which can be left out.
    """

    uri: str

    def __str__(self) -> str:
        """Return the address as it stands in messages."""
        return self.uri


LogPlace: TypeAlias = Path | DatabaseAddress
"""The place of a log."""


class BadPlaceError(ValueError):
    """A text is not the address of a database that can be used; the text of the error is a sentence that says why, and
    does not repeat the address.
    """


def place_of(text: str) -> LogPlace:
    """Return what a text means: the address of a database, or else the path of a file. Raises BadPlaceError."""
    scheme, colon, _ = text.partition("://")
    return database_address(text) if colon and scheme in _SCHEMES else Path(text)


def database_address(text: str) -> DatabaseAddress:
    """Return the address of a database. Raises BadPlaceError."""
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or not _SECRETS.isdisjoint(parse_qs(parts.query, keep_blank_values=True))
    except ValueError:
        raise BadPlaceError(texts.NO_ADDRESS) from None
    if parts.scheme not in _SCHEMES or not text.isprintable() or " " in text or parts.fragment:
        raise BadPlaceError(texts.NO_ADDRESS)
    if secret:
        raise BadPlaceError(texts.PASSWORD_IN_ADDRESS)
    return DatabaseAddress(text)
