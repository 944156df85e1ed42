"""The tiers of the tests, a network namespace for each parallel worker, servers, and the recording of golden logs.

A test is in the fast tier (`script/test --fast`) unless one of these applies:

1. It uses the fixture `servers` or `postgresql`, directly or through another fixture, because it starts programs that
   are not written in Python, or looks for them. It then gets the marker `servers`. All other tests have a PATH without
   such programs, installed or not.
2. It has the marker `slow`, with the reason.

Tests marked `races` run only with `--races` (script/races).

Tests that use the fixture `pictures` take pictures for the documentation with `--pictures` (script/pictures).

Tests run in parallel, except those in the group "screen", which start a browser or a desktop client: two of these at a
time could delay each other's audio on a machine with two processors. The tests in the group "runs" need the same runs
of the simulator, which take as long as what is done with them. Groups begin first, then what is slow, so that no worker
goes on alone at the end.
"""

import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import namespace
import pytest
import pytest_asyncio
import thorough
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from world.gateway import Gateway
    from world.pictures import Pictures
    from world.postgresql import PostgresqlServer
    from world.world import World

    from fargo.store.entries import Entry
    from fargo.store.places import DatabaseAddress

# No test depends on how fast the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
settings.register_profile("thorough", settings.get_profile("untimed"), max_examples=thorough.EXAMPLES)

SESSIONS = Path(__file__).parents[1] / "replay/sessions"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-sessions",
        action="store_true",
        help="write the golden logs anew, one for each test",
    )
    parser.addoption("--pictures", type=Path, help="the directory for pictures of clients; without it, none are taken")
    parser.addoption("--races", action="store_true", help="run the tests marked `races`, and no others")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        namespace.enter()


def pytest_itemcollected(item: pytest.Item) -> None:
    for fixture, marker in (("servers", "servers"), ("postgresql", "servers"), ("pictures", "pictures")):
        if fixture in getattr(item, "fixturenames", ()):
            item.add_marker(marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    races = config.getoption("--races")
    config.hook.pytest_deselected(items=[item for item in items if bool(item.get_closest_marker("races")) != races])
    items[:] = [item for item in items if bool(item.get_closest_marker("races")) == races]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def servers() -> Iterator[None]:
    """Let a test start servers and clients (rule 1), and gateways in little time."""
    # Here, so that collecting a test of the core does not import the world.
    from world import prepared, shared_browser

    with prepared.template(), shared_browser.closing():
        yield


@pytest.fixture(scope="session")
def postgresql() -> "Iterator[PostgresqlServer]":
    """A server for all logs in PostgreSQL. Parameters of a test that need it have the marker `servers`."""
    from world.postgresql import postgresql_server

    with postgresql_server() as server:
        yield server


@pytest.fixture
def place(postgresql: "PostgresqlServer") -> "DatabaseAddress":
    """The address of an empty schema."""
    return postgresql.new_address()


@pytest.fixture
def db(postgresql: "PostgresqlServer", place: "DatabaseAddress") -> Iterator[Any]:
    """A connection of another program to that schema."""
    with closing(postgresql.connect(place)) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _no_programs_without_servers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.node.get_closest_marker("servers"):
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent))


@pytest.fixture
def record_session(request: pytest.FixtureRequest) -> "Callable[[Iterable[Entry]], None]":
    """Return what writes a session as the golden log of this test, if --record-sessions is given."""

    def record(entries: "Iterable[Entry]") -> None:
        if request.config.getoption("--record-sessions"):
            from replay.reading import golden

            golden.write(SESSIONS / f"{golden_name(request.path.stem, request.node.name)}.jsonl", entries)

    return record


def golden_name(module: str, test: str) -> str:
    """Return the name of a test's golden log. That of the engine "telepathy" is not in it."""
    engine = re.search(r"\bengine:(\w+)-?", test)
    names = (module, test.replace(engine[0], "") if engine else test)
    told = "-".join(re.sub(r"\W+|_", "-", name.removeprefix("test_")).strip("-").lower() for name in names)
    return f"{told}-sip" if engine and engine[1] == "sip" else told


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> "Pictures":
    """The taker of pictures for the documentation, if they are asked for."""
    from world.pictures import Pictures

    return Pictures(request.config.getoption("--pictures"))


@pytest.fixture
def names() -> Mapping[str, Any]:
    """The servers of the world, if they are to have other names than usual: arguments of `World`."""
    return {}


@pytest_asyncio.fixture
async def world(servers: None, names: Mapping[str, Any]) -> "AsyncIterator[World]":
    """An XMPP server and a SIP provider. If the test fails, their last output is shown.

    Each test has its own world, which starts in a fifth of a second.
    """
    # Imported here, so that collecting a test of the core does not import the world.
    from world.world import World

    async with World(**names) as made:
        yield made
        print(made.report())


@pytest_asyncio.fixture
async def gateway(world: "World") -> "Gateway":
    """A gateway between the servers of `world`."""
    return await world.gateway()
