"""A database for the workers of each test, and the key that they share."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from world.postgresql import PostgresqlServer

from fargo.store.places import DatabaseAddress


@pytest.fixture
def place(postgresql: PostgresqlServer) -> DatabaseAddress:
    return postgresql.new_address()


@pytest.fixture
def db(postgresql: PostgresqlServer, place: DatabaseAddress) -> Iterator[Any]:
    """A connection of another program."""
    with closing(postgresql.connect(place)) as connection:
        yield connection
