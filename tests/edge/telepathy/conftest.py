"""One edge per module. Each test has new scripted agents inside and outside."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from world.ports import free_port
from world.process import Process

from fargo.edge.run import command, write_configuration
from fargo.edge.settings import READY_LINE
from fargo.edge.telepathy.settings import TelepathyEdgeSettings

from ..agents import Agent, Message, request, unique

INSIDE, OUTSIDE, PROVIDER, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.9"
RING_SECONDS, SILENCE_SECONDS = 3, 3


@dataclass(frozen=True)
class RunningEdge:
    settings: TelepathyEdgeSettings
    process: Process

    @property
    def inside(self) -> tuple[str, int]:
        return self.settings.inside_ip, self.settings.inside_port

    @property
    def outside(self) -> tuple[str, int]:
        return self.settings.outside_ip, self.settings.outside_port


@pytest.fixture(scope="module")
def patience() -> tuple[int, int]:
    """The seconds for which the edge lets a call ring, and waits for a first response."""
    return RING_SECONDS, SILENCE_SECONDS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(
    servers: None, patience: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningEdge]:
    settings = TelepathyEdgeSettings(
        inside_port=free_port(INSIDE),
        outside_ip=OUTSIDE,
        outside_port=free_port(OUTSIDE),
        secret="a secret of the tests",
        ring_seconds=patience[0],
        margin_seconds=0,
        silence_seconds=patience[1],
        run_dir=Path(tmp_path_factory.mktemp("edge")),
    )
    write_configuration(settings)
    process = await Process.start("the edge", *command(settings))
    try:
        await process.line(READY_LINE)
        yield RunningEdge(settings, process)
    finally:
        await process.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def rakia() -> AsyncIterator[Agent]:
    """A scripted agent in the place of telepathy-rakia."""
    agent = await Agent.open(INSIDE)
    yield agent
    agent.close()


@pytest_asyncio.fixture(loop_scope="module")
async def provider() -> AsyncIterator[Agent]:
    agent = await Agent.open(PROVIDER)
    yield agent
    agent.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stranger() -> AsyncIterator[Agent]:
    """An agent outside that is not a provider of any account."""
    agent = await Agent.open(STRANGER)
    yield agent
    agent.close()


@dataclass
class Line:
    """An account that rakia has registered through the edge."""

    edge: RunningEdge
    rakia: Agent
    provider: Agent
    user: str
    contact: str
    """The URI that the provider has stored: the only one that the edge accepts."""
    name: str = ""
    """That of the rakia."""

    def route(self, transport: str = "udp", host: str | None = None, port: int | None = None) -> str:
        """Return the Route that results from rakia's parameter proxy-host."""
        ip, default = self.provider.address
        inside = f"{self.edge.inside[0]}:{self.edge.inside[1]}"
        return f"<sip:{transport}~{host or ip}~{port or default}~{self.name}@{inside};transport=udp;lr>"

    @property
    def rakia_contact(self) -> str:
        return f"<sip:{self.user}@{INSIDE}:{self.rakia.address[1]}>"

    def outgoing(self, method: str, *, headers: tuple[tuple[str, str], ...] = (), body: str = "") -> Message:
        """Send a request outside of a dialog, as rakia does."""
        own = [("Route", self.route()), ("Contact", self.rakia_contact)]
        own = [each for each in own if each[0] not in dict(headers)]
        message = request(method, "sip:bob@example.net", headers=[*own, *headers], body=body)
        return self.rakia.send(message, self.edge.inside)

    def incoming(self, method: str, *, headers: tuple[tuple[str, str], ...] = (), body: str = "") -> Message:
        """Send a request to the stored contact, as the provider does."""
        own = [("Contact", self.provider.contact)] if method == "INVITE" else []
        own = [each for each in own if each[0] not in dict(headers)]
        message = request(method, self.contact, headers=[*own, *headers], body=body)
        return self.provider.send(message, self.edge.outside)


@pytest_asyncio.fixture(loop_scope="module")
async def line(edge: RunningEdge, rakia: Agent, provider: Agent) -> Line:
    line = Line(edge, rakia, provider, unique("user"), "", unique("rakia"))
    sent = line.outgoing("REGISTER", headers=(("To", f"<sip:{line.user}@example.net>"),))
    arrived = await provider.request("REGISTER")
    line.contact = arrived["Contact"].strip("<>")
    await provider.answer(arrived, 200, "OK", headers=[("Contact", f"<{line.contact}>;expires=600")])
    await rakia.final(sent)
    return line
