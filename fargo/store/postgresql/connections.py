"""Connecting to a database of PostgreSQL, and what its errors mean.

Rules:

1. What a session commits has reached the server's disk: if the server is set up otherwise (synchronous_commit off), the
   session is not.
2. A session that is gone is noticed on both sides within SILENT_SECONDS, also if no packet says so: its locks must not
   outlive the machine of the gateway.
3. A connection with `patience` waits that many seconds for each answer. After that it cannot be used any more.
4. The server's own words say why something cannot be done. They name users and databases, and no secret.
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from fargo.store.interface import StoreAwayError, StoreError, StoreLockedError
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql import texts

SILENT_SECONDS: Final = 20
CONNECT_SECONDS: Final = 10
LOCK_SECONDS: Final = 5.0
"""The time for which a statement waits for the locks of others."""

PROGRAM: Final = "fargo, "
"""The beginning of the name of each session, in the server's list of them."""
_OLDEST_SERVER: Final = 140000
_OPTIONS: Final = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    r" -c extra_float_digits=1 -c jit=off -c statement_timeout=0 -c default_transaction_isolation=read\ committed"
)
"""The settings that a session needs whatever the server, the database or the user has set."""
_AWAY: Final = ("08", "40", "57P", "25006", "53300")
"""The beginnings of the SQLSTATEs that say that the server, or this connection to it, cannot be used now, or that it is
to be tried again: connections, conflicts, shutdown and start, a server that only reads after a failover, too many
connections.
"""
_SET_UP: Final = """
    select
        set_config('client_connection_check_interval', '5s', false), set_config('idle_session_timeout', '0', false),
        case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end
"""
"""The rest, which older servers that are refused do not know."""
_OF_PSYCOPG: Final = re.compile("^connection (failed|is bad): ")
_Result = TypeVar("_Result")


class PatientConnection(psycopg.Connection[TupleRow]):
    """A connection (rule 3). ``patience``: seconds, None for ever."""

    patience: float | None = None

    def wait(self, gen: PQGen[_Result], interval: float = 0.1, timeout: float | None = None) -> _Result:
        """Wait for an answer."""
        return super().wait(gen, interval, timeout or self.patience)


def connect(database: DatabaseAddress, what: str, patience: float | None = None) -> PatientConnection:
    """Connect to a database. Each statement is a transaction of its own, unless one was begun. Raises StoreError."""
    with store_errors(database, what):
        given = conninfo_to_dict(database.uri)
        wanted: dict[str, Any] = {
            "application_name": f"{PROGRAM}process {os.getpid()} on {socket.gethostname()}"[:63],
            "connect_timeout": min(CONNECT_SECONDS, ceil(patience or CONNECT_SECONDS)),
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": SILENT_SECONDS * 1000,
            **given,
            "client_encoding": "utf8",
            "options": f"{_OPTIONS} -c lock_timeout={LOCK_SECONDS:g}s {given.get('options') or ''}",
        }
        made = PatientConnection.connect(make_conninfo(**wanted), autocommit=True)
        try:
            _require_usable(made, database, what)
            made.execute(_SET_UP)
        except BaseException:
            made.close()
            raise
        made.patience = patience
        return made


def _require_usable(made: PatientConnection, database: DatabaseAddress, what: str) -> None:
    version = made.info.server_version
    if version < _OLDEST_SERVER:
        why = texts.OLD_SERVER.format(version=f"{version // 10000}")
        raise StoreError(texts.UNUSABLE.format(database=database, what=what, why=why))
    encoding = made.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        why = texts.OTHER_ENCODING.format(encoding=encoding)
        raise StoreError(texts.UNUSABLE.format(database=database, what=what, why=why))


@contextmanager
def store_errors(database: DatabaseAddress, what: str) -> Iterator[None]:
    """Turn the errors of psycopg about a database into StoreError."""
    try:
        yield
    except errors.LockNotAvailable as error:
        raise StoreLockedError(texts.LOCKED.format(database=database)) from error
    except psycopg.Error as error:
        kind = StoreAwayError if _is_away(error) else StoreError
        raise kind(texts.UNUSABLE.format(database=database, what=what, why=_why(error))) from error


def _is_away(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(_AWAY)


def _why(error: psycopg.Error) -> str:
    """Return the words for an error without their full stop."""
    if isinstance(error, errors._WaitTimeout):
        return texts.SILENT
    told = error.diag.message_primary or _OF_PSYCOPG.sub("", str(error).partition("\n")[0])
    return told.rstrip(".")
