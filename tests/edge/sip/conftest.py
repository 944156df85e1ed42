"""One edge and one gateway per module. Each test has new agents outside."""

import signal
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from os import killpg
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio
from world.ports import free_port
from world.process import Process

from fargo.edge.run import command, write_configuration
from fargo.edge.settings import READY_LINE
from fargo.edge.sip.keys import EdgeKeys, is_authentic, message_key, token
from fargo.edge.sip.settings import SipEdgeSettings

from ..agents import Address, Agent, Message, host_port, request, response, unique

INSIDE, OUTSIDE, ALSO_OUTSIDE, OUTSIDE_6 = "127.0.0.1", "127.0.0.2", "127.0.0.4", "::1"
PROVIDER, PHONE, STRANGER = "127.0.0.3", "127.0.0.5", "127.0.0.9"
SILENCE_SECONDS = 3
IDLE_SECONDS = 5


class Gateway(Agent):
    """The scripted user agent in the place of the gateway. It adds the keys to what it sends, and checks the others."""

    keys: EdgeKeys
    edge: Address
    without_key: list[Message]
    seen: set[str]
    """All keys of messages in both directions."""

    @classmethod
    async def beside(cls, settings: SipEdgeSettings) -> Self:
        gateway = await cls.open(str(settings.gateway[0]), settings.gateway[1])
        gateway.keys = EdgeKeys.of(settings.secret)
        gateway.edge = (str(settings.inside[0]), settings.inside[1])
        gateway.without_key, gateway.seen = [], set()
        return gateway

    def put(self, message: Message) -> None:
        call, (number, method) = message["Call-ID"], message["CSeq"].split()
        keys = message.all("X-Fargo-Key")
        if len(keys) != 1 or not is_authentic(keys[0], self.keys.to_gateway, call, number, method):
            self.without_key.append(message)
        self.seen.update(keys)
        super().put(message)

    def key(self, message: Message) -> str:
        number, method = message["CSeq"].split()
        return message_key(self.keys.to_edge, message["Call-ID"], number, method)

    def send(self, message: Message, to: Address | None = None) -> Message:
        """Send a message to the edge, with its key unless it has one."""
        if message.get("X-Fargo-Key") is None:
            message.headers.append(("X-Fargo-Key", self.key(message)))
        self.seen.add(message["X-Fargo-Key"])
        return super().send(message, to or self.edge)

    def outgoing(
        self,
        method: str,
        hop: Address,
        transport: str = "udp",
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: str = "",
    ) -> Message:
        """Send a request to an address outside."""
        way = ("X-Fargo-Hop", f"sip:{host_port(hop)};transport={transport}")
        return self.send(request(method, "sip:bob@example.net", headers=[way, *headers], body=body))

    async def answer(
        self, to: Message, status: int, phrase: str, *, headers: Iterable[tuple[str, str]] = (), body: str = ""
    ) -> Message:
        return self.send(response(to, status, phrase, headers=headers, body=body))

    async def accepted_by(self, provider: Agent) -> None:
        """Register with a provider, which makes it a peer of the edge."""
        sent = self.outgoing("REGISTER", provider.address)
        await provider.answer(await provider.request("REGISTER", sent["Call-ID"]), 200, "OK")
        await self.final(sent)

    async def of_call(self, call: str) -> Message:
        """Return the next message with a Call-ID."""
        return await self.expect(lambda message: message["Call-ID"] == call, f"a message of {call}")

    def token(self) -> str:
        """Return a new token."""
        return token(self.keys.token, f"0123abcd.{unique('')}.1")


def of_fargo(message: Message) -> list[str]:
    """Return the names of the headers that exist only on the loopback hop."""
    return [name for name, _ in message.headers if name.lower().startswith("x-fargo")]


def source(message: Message) -> dict[str, str]:
    """Return the parts of X-Fargo-From; the address of the sender is "from"."""
    first, *params = message["X-Fargo-From"].split(";")
    return {"from": first, **{name: value for name, _, value in (each.partition("=") for each in params)}}


@dataclass
class RunningEdge:
    settings: SipEdgeSettings
    process: Process

    def at(self, transport: str = "udp", ip: str = OUTSIDE) -> Address:
        """Return the address of the edge outside."""
        return ip, self.settings.tls_port if transport == "tls" else self.settings.port

    async def restart(self) -> None:
        """Kill it without warning, and start it again."""
        killpg(self.process.pid, signal.SIGKILL)
        await self.process.stop()
        self.process = await started(self.settings)


async def started(settings: SipEdgeSettings) -> Process:
    write_configuration(settings)
    process = await Process.start("the edge", *command(settings))
    try:
        await process.line(READY_LINE)
    except BaseException:
        await process.stop()
        raise
    return process


@pytest.fixture(scope="module")
def more_settings() -> dict[str, Any]:
    """The settings in which the edge of a module differs."""
    return {}


@pytest.fixture(scope="module")
def settings(servers: None, more_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> SipEdgeSettings:
    values = {
        "addresses": (IPv4Address(OUTSIDE), IPv4Address(ALSO_OUTSIDE), IPv6Address(OUTSIDE_6)),
        "port": free_port(OUTSIDE),
        "tls_port": free_port(OUTSIDE),
        "inside": (IPv4Address(INSIDE), free_port(INSIDE)),
        "gateway": (IPv4Address(INSIDE), free_port(INSIDE)),
        "secret": "a secret of the tests",
        "silence_seconds": SILENCE_SECONDS,
        "away_seconds": SILENCE_SECONDS,
        "idle_seconds": IDLE_SECONDS,
        "run_dir": Path(tmp_path_factory.mktemp("edge")),
    }
    return SipEdgeSettings(**{**values, **more_settings})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(settings: SipEdgeSettings) -> AsyncIterator[Gateway]:
    gateway = await Gateway.beside(settings)
    yield gateway
    gateway.close()
    assert not gateway.without_key


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(settings: SipEdgeSettings, gateway: Gateway) -> AsyncIterator[RunningEdge]:
    edge = RunningEdge(settings, await started(settings))
    await gateway.answer(await gateway.request("OPTIONS"), 200, "OK")  # the edge says that it was started
    yield edge
    await edge.process.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def provider(edge: RunningEdge) -> AsyncIterator[Agent]:
    agent = await Agent.open(PROVIDER)
    yield agent
    agent.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(edge: RunningEdge) -> AsyncIterator[Agent]:
    """An agent outside from which no REGISTER was ever accepted."""
    agent = await Agent.open(STRANGER)
    yield agent
    agent.close()
