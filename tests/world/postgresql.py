"""A PostgreSQL server on a Unix socket in a temporary directory. Each log of the tests has a schema of its own."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from urllib.parse import quote

import psycopg

from fargo.store.places import DatabaseAddress

PROGRAMS = Path("/usr/lib/postgresql")
OWNER = "fargo"
DATABASE = "postgres"
AS_ANOTHER_USER = ("unshare", "--user", "--map-user", "1000", "--map-group", "1000", "--")
"""Runs a program as another user than root, whom PostgreSQL refuses, to whom root's files belong."""
_FAST = (
    *("fsync=off", "full_page_writes=off", "synchronous_commit=on", "autovacuum=off"),
    *("shared_buffers=16MB", "min_wal_size=2MB", "max_wal_size=32MB", "max_connections=40"),
)
"""Nothing survives a power cut, and little memory is taken: each process of the tests has a server."""
_SAFE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on", "autovacuum=on")
_READY = "database system is ready to accept connections"


class PostgresqlServer:
    """A running server."""

    def __init__(self, directory: Path, process: subprocess.Popen[str]) -> None:
        self.directory = directory
        self._process = process
        self._numbers = count(1)

    @property
    def pid(self) -> int:
        return self._process.pid

    def new_address(self) -> DatabaseAddress:
        """Return the address of an empty schema."""
        schema = f"test_{next(self._numbers)}"
        with closing(self.connect()) as connection:
            connection.execute(f"create schema {schema}".encode())
        return self.address(f"options={quote(f'-csearch_path={schema}')}")

    def address(self, *parameters: str, user: str = OWNER, database: str = DATABASE) -> DatabaseAddress:
        """Return the address of a database, with parameters of libpq."""
        given = "&".join((f"host={quote(str(self.directory))}", f"user={user}", *parameters))
        return DatabaseAddress(f"postgresql:///{database}?{given}")

    def connect(self, to: DatabaseAddress | None = None) -> "psycopg.Connection[tuple[object, ...]]":
        """Connect to a database of the server, as its owner."""
        return psycopg.connect((to or self.address()).uri, autocommit=True)

    def stop(self) -> None:
        """End the server; it does not wait for its clients. It may have ended already."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@contextmanager
def postgresql_server(directory: Path | None = None, safe: bool = False) -> Iterator[PostgresqlServer]:
    """Start a server, and end it. With a directory, that of an earlier server, whose data it has. One that is `safe`
    waits for the disk, as those of operators do.
    """
    with ExitStack() as stack:
        place = directory or Path(stack.enter_context(TemporaryDirectory(prefix="pg-")))
        programs = max(PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name))
        data = place / "data"
        if not data.exists():
            small = () if safe else ("--wal-segsize=1",)
            options = ("--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
            made = (*AS_ANOTHER_USER, programs / "initdb", "--pgdata", data, *options, *small)
            subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        settings = (f"unix_socket_directories={place}", "listen_addresses=", *(_SAFE if safe else _FAST))
        arguments = [each for setting in settings for each in ("-c", setting)]
        ended_with_us = ("setpriv", "--pdeathsig", "INT", "--")
        command = [*AS_ANOTHER_USER, *ended_with_us, str(programs / "postgres"), "-D", str(data), *arguments]
        process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        server = PostgresqlServer(place, process)
        stack.callback(server.stop)
        assert process.stderr
        told = process.stderr
        if not any(_READY in line for line in told):
            raise OSError("PostgreSQL has not started")
        reading = Thread(target=lambda: [None for _ in told], daemon=True)
        reading.start()
        yield server
        server.stop()
        reading.join()
