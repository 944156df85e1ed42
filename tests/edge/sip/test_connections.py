"""Connections over TCP and TLS: what is told of certificates, and of connections that are closed."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio

from ..agents import Connection, Listener, Message, host_port, request
from .certificates import Certificate, authorities, authority, certified, expired
from .conftest import OUTSIDE, OUTSIDE_6, PROVIDER, STRANGER, Gateway, RunningEdge, source

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trusted(servers: None, directory: Path) -> Certificate:
    """The authority that the edge trusts, and that has certified the edge."""
    return await authority(directory, "trusted")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["file", "directory"])
async def more_settings(directory: Path, trusted: Certificate, request: pytest.FixtureRequest) -> dict[str, Any]:
    ours = await certified(directory, trusted, "gateway.test")
    ca = trusted.certificate if request.param == "file" else await authorities(directory / "authorities", trusted)
    return {"ca": ca, "certificate": ours.certificate, "key": ours.key}


async def answered(gateway: Gateway, listener: Listener, *headers: tuple[str, str]) -> Message:
    """Return the response, as the gateway gets it, of a server to an OPTIONS over TLS."""
    sent = gateway.outgoing("OPTIONS", listener.address, "tls", headers=headers)
    connection = await listener.connection()
    await connection.answer(await connection.request("OPTIONS"), 200, "OK")
    return await gateway.final(sent)


@pytest.mark.parametrize("ip", [PROVIDER, OUTSIDE_6])
async def test_a_certificate_of_a_trusted_authority(
    edge: RunningEdge, gateway: Gateway, directory: Path, trusted: Certificate, ip: str
) -> None:
    names = ("sip.example.net", "example.net", "example.org")
    server = await certified(directory, trusted, *names)
    listener = await Listener.open(ip, server.server())
    got = await answered(gateway, listener)
    assert got["X-Fargo-Tls"] == "verified=1;expired=0;self=0"
    shown = unquote(got["X-Fargo-Certificate"])
    assert ssl.PEM_cert_to_DER_cert(shown) == ssl.PEM_cert_to_DER_cert(server.certificate.read_text())
    ours = OUTSIDE_6 if ":" in ip else OUTSIDE
    told = source(got)
    assert (told["from"], told["at"]) == (f"tls:{host_port(listener.address)}", host_port(edge.at("tls", ours)))
    await listener.close()


async def test_a_certificate_that_is_not_valid(
    edge: RunningEdge, gateway: Gateway, directory: Path, trusted: Certificate
) -> None:
    """The connection stands all the same, so that the gateway can tell why it sends nothing else on it."""
    other = await authority(directory, "other")
    for server, how in (
        (await certified(directory, other, "other.test"), "verified=0;expired=0;self=0"),
        (await authority(directory, "self.test"), "verified=0;expired=0;self=1"),
        (await expired(directory, trusted, "old.test"), "verified=0;expired=1;self=0"),
    ):
        listener = await Listener.open(PROVIDER, server.server())
        assert (await answered(gateway, listener))["X-Fargo-Tls"] == how
        await listener.close()


async def test_the_server_is_told_its_name(
    edge: RunningEdge, gateway: Gateway, directory: Path, trusted: Certificate
) -> None:
    asked: list[str | None] = []
    context = (await certified(directory, trusted, "named.test")).server()
    context.sni_callback = lambda connection, name, context: asked.append(name)
    listener = await Listener.open(PROVIDER, context)
    await answered(gateway, listener, ("X-Fargo-Name", "named.test"))
    assert asked == ["named.test"]
    await listener.close()


async def test_others_connect_to_us(edge: RunningEdge, gateway: Gateway, trusted: Certificate) -> None:
    caller = await Connection.open(PROVIDER, edge.at("tls"), trusted.trusting())
    sent = caller.send(request("INVITE", f"sip:{gateway.token()}@{OUTSIDE};transport=tls"))
    got = await gateway.request("INVITE", sent["Call-ID"])
    assert source(got)["from"] == f"tls:{host_port(caller.address)}"
    await gateway.answer(got, 200, "OK")
    assert (await caller.final(sent)).status == 200
    await caller.close()


async def registered(gateway: Gateway, listener: Listener, transport: str, status: int = 200) -> Connection:
    """Return the connection on which a server has answered our REGISTER."""
    sent = gateway.outgoing("REGISTER", listener.address, transport)
    connection = await listener.connection()
    await connection.answer(await connection.request("REGISTER"), status, "Answered")
    await gateway.final(sent)
    return connection


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("ip", [PROVIDER, OUTSIDE_6])
async def test_a_closed_connection_to_a_registrar_is_told(
    edge: RunningEdge, gateway: Gateway, trusted: Certificate, transport: str, ip: str
) -> None:
    listener = await Listener.open(ip, trusted.server() if transport == "tls" else None)
    connection = await registered(gateway, listener, transport)
    await connection.close()
    told = await gateway.request("OPTIONS")
    assert told["X-Fargo-Closed"] == f"{transport}:{host_port(listener.address)}"
    await gateway.answer(told, 200, "OK")
    await registered(gateway, listener, transport)  # on a new connection
    await listener.close()
    await gateway.answer(await gateway.request("OPTIONS"), 200, "OK")


async def test_other_connections_close_silently(edge: RunningEdge, gateway: Gateway) -> None:
    """That of a stranger, and that of a server that has refused our REGISTER."""
    stranger = await Connection.open(STRANGER, edge.at("tcp"))
    sent = stranger.send(request("OPTIONS", f"sip:alice@{OUTSIDE}"))
    assert (await stranger.final(sent)).status == 404
    await stranger.close()
    listener = await Listener.open("127.0.0.6")
    refusing = await registered(gateway, listener, "tcp", 403)
    await refusing.close()
    await listener.close()
    listener = await Listener.open(PROVIDER)
    accepting = await registered(gateway, listener, "tcp")
    await accepting.close()
    told = await gateway.request("OPTIONS")
    assert told["X-Fargo-Closed"] == f"tcp:{host_port(listener.address)}"
    await gateway.answer(told, 200, "OK")
    await listener.close()
