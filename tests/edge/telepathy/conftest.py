"""One edge per module. Each test has new scripted agents inside and outside."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from world.ports import free_port
from world.process import Process

from fargo.edge.run import command, write_configuration
from fargo.edge.settings import READY_LINE
from fargo.edge.telepathy.settings import TelepathyEdgeSettings

from ..agents import Address, Agent, Message, request, unique

INSIDE, OUTSIDE, PROVIDER, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.9"
RING_SECONDS, SILENCE_SECONDS = 3, 3
IDLE_SECONDS = 5
REALM = "example.net"
"""The realm in which the provider has accepted the account."""


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

    @property
    def within(self) -> str:
        """The Route of requests within a dialog."""
        return f"<sip:{self.settings.inside_key}@{self.inside[0]}:{self.inside[1]};lr>"


@pytest.fixture(scope="module")
def patience() -> tuple[int, int]:
    """The seconds for which the edge lets a call ring, and waits for a first response."""
    return RING_SECONDS, SILENCE_SECONDS


@pytest.fixture(scope="module")
def more() -> dict[str, Any]:
    """Further settings of the edge."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(
    servers: None, patience: tuple[int, int], more: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningEdge]:
    settings = TelepathyEdgeSettings(
        inside_port=free_port(INSIDE),
        outside_ip=OUTSIDE,
        outside_port=free_port(OUTSIDE),
        secret="a secret of the tests",
        ring_seconds=patience[0],
        margin_seconds=0,
        silence_seconds=patience[1],
        idle_seconds=IDLE_SECONDS,
        run_dir=Path(tmp_path_factory.mktemp("edge")),
        **more,
    )
    write_configuration(settings)
    process = await Process.start("the edge", *command(settings))
    try:
        await process.line(READY_LINE)
        yield RunningEdge(settings, process)
    finally:
        await process.stop()


class Rakia(Agent):
    """A scripted agent in the place of telepathy-rakia. It adds the key to its Routes, which `route_params` and the
    edge's Record-Route tell the real one.
    """

    edge: TelepathyEdgeSettings

    def send(self, message: Message, to: Address) -> Message:
        key, inside = self.edge.inside_key, f"{self.edge.inside_ip}:{self.edge.inside_port}"
        route = message.get("Route") or ""
        if not message.is_response and key not in route:
            hop = f"~{route.partition('sip:')[2].partition('@')[0]}" if "~" in route else ""
            first = ("Route", f"<sip:{key}{hop}@{inside};lr>")
            message.headers = [first, *(each for each in message.headers if not hop or each[0] != "Route")]
        return super().send(message, to)


@pytest_asyncio.fixture(loop_scope="module")
async def rakia(edge: RunningEdge) -> AsyncIterator[Rakia]:
    agent = await Rakia.open(INSIDE)
    agent.edge = edge.settings
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

    def is_contact_of_call(self, text: str) -> bool:
        """Return True for a Contact in a call of the account, which is another than that of its registration."""
        head, token = self.contact.split(";line=")
        port, tag, _, _ = token.split("-")
        return bool(re.fullmatch(f"<{re.escape(head)};line={port}-{tag}-d[0-9a-f]{{16}}-[0-9a-f]{{20}}>", text))

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
    login = ("Authorization", f'Digest username="{line.user}", realm="{REALM}", nonce="n", response="r"')
    sent = line.outgoing("REGISTER", headers=(("To", f"<sip:{line.user}@example.net>"), login))
    arrived = await provider.request("REGISTER")
    line.contact = arrived["Contact"].strip("<>")
    await provider.answer(arrived, 200, "OK", headers=[("Contact", f"<{line.contact}>;expires=600")])
    await rakia.final(sent)
    return line
