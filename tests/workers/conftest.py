"""The workers of a gateway, and a user of theirs."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from fargo.store.opening import open_store
from fargo.store.places import DatabaseAddress
from fargo.store.state import tables_in

from .several import AFTER_CALL, Workers, enter


@pytest.fixture
def workers(place: DatabaseAddress, tmp_path: Path) -> Iterator[Workers]:
    with ExitStack() as stack:
        with closing(open_store(place)):
            tables_in(tmp_path, place).close()
        yield Workers(stack, place, tmp_path)


@pytest.fixture
def alice(place: DatabaseAddress) -> str:
    """A registered user, whose log is that of a gateway that was one process."""
    with closing(open_store(place)) as log:
        return enter(log, AFTER_CALL)
