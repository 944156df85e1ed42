"""The connections of one process to its database.

Rules:

1. A result that is read row by row has a connection of its own until it is read to its end, so that other questions can
   be asked meanwhile. It is one statement, and so it shows the database as it was at one time.
2. A connection that is lost is replaced when the next one is needed. What was asked on it has failed.
3. Several threads may ask at the same time.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final, TypeAlias

from psycopg import capabilities
from psycopg.pq import TransactionStatus

from fargo.store.places import DatabaseAddress
from fargo.store.postgresql.connections import PatientConnection, connect, store_errors

_AT_ONCE: Final = 256 if capabilities.has_stream_chunked() else 1
"""So many rows come from the server at a time."""
_MOST_IDLE: Final = 2

SqlValues: TypeAlias = dict[str, Any]
"""The values of a statement, by the names that it has for them."""


class Sessions:
    """The connections; the first of them is made when it is needed. `what` names in messages what is in the database,
    ``patience`` is how many seconds an answer is waited for, None for ever. All methods raise StoreError.
    """

    def __init__(self, database: DatabaseAddress, what: str, patience: float | None = None) -> None:
        self.database = database
        self._what = what
        self._patience = patience
        self._idle: list[PatientConnection] = []

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()

    def rows(self, query: str, values: SqlValues | None = None) -> list[tuple[Any, ...]]:
        """Return all rows that a query gives."""
        with self._one() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def stream(self, query: str, values: SqlValues | None = None) -> Generator[tuple[Any, ...], None, None]:
        """Yield the rows that a query gives, however many they are (rule 1)."""
        with (
            self._one() as connection,
            connection.cursor() as cursor,
            closing(cursor.stream(query.encode(), values, size=_AT_ONCE)) as rows,  # type: ignore[type-var]
        ):
            yield from rows

    @contextmanager
    def transaction(self) -> Iterator[PatientConnection]:
        """Give a connection on which everything is committed in the end, or nothing."""
        with self._one() as connection, connection.transaction():
            yield connection

    @contextmanager
    def _one(self) -> Iterator[PatientConnection]:
        """Give a connection that nothing else uses."""
        with store_errors(self.database, self._what):
            connection = self._usable()
            try:
                yield connection
            finally:
                usable = connection.info.transaction_status is TransactionStatus.IDLE
                if not usable or len(self._idle) >= _MOST_IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)

    def _usable(self) -> PatientConnection:
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if not connection.closed:
                    return connection
        return connect(self.database, self._what, self._patience)
