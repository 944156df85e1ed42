"""What all tests share: the tiers that they are run in, a network of their own, servers, and golden logs.

A test is in the fast tier (`script/test --fast`) unless one of these holds:

1. It uses the fixture `servers`, by itself or through another fixture. Every fixture that starts a program which is not
   Python's uses it: the test gets the marker `servers`. Any other test finds no such program, even if it is installed.
2. It has the marker `slow`, which says why.

Several tests run at the same time, but of those in the group "screen" only one: a browser and the desktop clients want
so much of the machine that two would keep each other's sound from coming in time.
"""

import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import namespace
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from world.gateway import Gateway
    from world.world import World

    from fargo.store.log import Entry

# No test depends on how fast the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SESSIONS = Path(__file__).parents[1] / "replay/sessions"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-sessions",
        action="store_true",
        help="write the golden logs anew, one for each test",
    )


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        namespace.enter()


def pytest_itemcollected(item: pytest.Item) -> None:
    if "servers" in getattr(item, "fixturenames", ()):
        item.add_marker("servers")


@pytest.fixture(scope="session")
def servers() -> None:
    """Lets a test start servers and clients: see the rule above."""


@pytest.fixture(autouse=True)
def _no_programs_without_servers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "servers" not in request.fixturenames:
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))


@pytest.fixture
def record_session(request: pytest.FixtureRequest) -> "Callable[[Iterable[Entry]], None]":
    """Keeps a session as the golden log of this test, if that is asked for."""

    def record(entries: "Iterable[Entry]") -> None:
        if request.config.getoption("--record-sessions"):
            from replay.reading import golden

            names = (request.path.stem, request.node.name)
            told = "-".join(re.sub(r"\W+|_", "-", name.removeprefix("test_")).strip("-").lower() for name in names)
            golden.write(SESSIONS / f"{told}.jsonl", entries)

    return record


# The world is imported by those who use it: to collect a test of the core loads no server.


@pytest_asyncio.fixture
async def world(servers: None) -> "AsyncIterator[World]":
    """An XMPP server and a SIP provider; what their programs said is shown when the test fails. A world starts in a
    fifth of a second, so every test has its own.
    """
    from world.world import World

    async with World() as made:
        yield made
        print(made.report())


@pytest_asyncio.fixture
async def gateway(world: "World") -> "Gateway":
    """A gateway between the servers of `world`."""
    return await world.gateway()
