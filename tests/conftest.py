"""Fixtures of the tests with real servers, where a world starts in a fifth of a second, so every test has its own; and
how a test's session becomes a golden log.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest
import pytest_asyncio
from world.gateway import Gateway
from world.world import World

from fargo.store.log import Entry
from replay.reading import golden

SESSIONS = Path(__file__).parents[1] / "replay/sessions"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-sessions",
        action="store_true",
        help="write the golden logs anew, one for each test",
    )


@pytest.fixture
def record_session(request: pytest.FixtureRequest) -> Callable[[Iterable[Entry]], None]:
    """Keeps a session as the golden log of this test, if that is asked for."""

    def record(entries: Iterable[Entry]) -> None:
        if request.config.getoption("--record-sessions"):
            names = (request.path.stem, request.node.name)
            told = "-".join(re.sub(r"\W+|_", "-", name.removeprefix("test_")).strip("-").lower() for name in names)
            golden.write(SESSIONS / f"{told}.jsonl", entries)

    return record


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """An XMPP server and a SIP provider; what their programs said is shown when the test fails."""
    async with World() as made:
        yield made
        print(made.report())


@pytest_asyncio.fixture
async def gateway(world: World) -> Gateway:
    """A gateway between the servers of `world`."""
    return await world.gateway()
