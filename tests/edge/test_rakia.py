"""A real telepathy-rakia behind the edge: each message below ended it when nothing stood before it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import dbus
import dbus.bus
import pytest
import pytest_asyncio
from world.process import Process, until

from fargo.edge import route_params

from .conftest import Line, RunningEdge
from .sdp import AUDIO, NO_VIDEO, sdp
from .sip import Agent, response

pytestmark = pytest.mark.asyncio(loop_scope="module")

TELEPATHY = "org.freedesktop.Telepathy"
MANAGER = f"{TELEPATHY}.ConnectionManager.sofiasip"
CONNECTED = 0


@dataclass(frozen=True)
class Rakia:
    process: Process
    bus: dbus.bus.BusConnection

    def connect(self, edge: RunningEdge, provider: Agent, user: str) -> dbus.Interface:
        """A connection on its way to the provider."""
        ip, port = provider.address
        route = route_params("udp", ip, port, edge.settings)
        params = {**route, "port": dbus.UInt16(route["port"]), "account": f"sip:{user}@example.net", "password": "x"}
        manager = self.bus.get_object(MANAGER, "/" + MANAGER.replace(".", "/"))
        name, path = manager.RequestConnection(
            "sip", dbus.Dictionary(params, signature="sv"), dbus_interface=f"{TELEPATHY}.ConnectionManager"
        )
        connection = dbus.Interface(self.bus.get_object(name, path), f"{TELEPATHY}.Connection")
        connection.Connect()
        return connection


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telepathy() -> AsyncIterator[Rakia]:
    daemon = await Process.start("the bus", "dbus-daemon", "--session", "--nofork", "--print-address=1")
    address = (await daemon.line("^unix:.*"))[0]
    environment = {"DBUS_SESSION_BUS_ADDRESS": address, "RAKIA_PERSIST": "1"}
    process = await Process.start("rakia", "/usr/lib/telepathy/telepathy-rakia", env=environment)
    bus = dbus.bus.BusConnection(address)
    bus.set_exit_on_disconnect(False)
    try:
        await process.until(lambda: bus.name_has_owner(MANAGER), "it is on the bus")
        yield Rakia(process, bus)
    finally:
        bus.close()
        await process.stop()
        await daemon.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def account(edge: RunningEdge, rakia: Agent, provider: Agent, telepathy: Rakia) -> AsyncIterator[Line]:
    """An account of the real rakia's, registered. The scripted `rakia` in it is of no use here."""
    user = f"user{provider.address[1]}"
    connection = telepathy.connect(edge, provider, user)
    arrived = await provider.request("REGISTER")
    contact = arrived["Contact"]
    await provider.answer(arrived, 200, "OK", headers=[("Contact", f"{contact};expires=600")])
    await until(lambda: connection.GetStatus() == CONNECTED, "rakia is registered")
    yield Line(edge, rakia, provider, user, contact.strip("<>"))
    connection.Disconnect()
    await provider.answer(await provider.request("REGISTER"), 200, "OK")


DEADLY: dict[str, dict[str, str]] = {
    "a second m-line at port 0": {"body": sdp(AUDIO, NO_VIDEO)},
    "an m-line at port 0 first": {"body": sdp("m=audio 0 RTP/AVP 0", AUDIO)},
    "a port beyond 65535": {"body": sdp("m=audio 99999 RTP/AVP 0")},
    "an RTCP port beyond 65535": {"body": sdp("m=audio 65535 RTP/AVP 0")},
    "another RTCP port beyond 65535": {"body": sdp(f"{AUDIO}\r\na=rtcp:70000")},
    "an address that is not UTF-8": {"body": sdp(ip="\udcff")},
    "a format that is not UTF-8": {"body": sdp(f"{AUDIO}\r\na=fmtp:0 x=\udcff")},
    "a caller that is not UTF-8": {"body": sdp(), "From": "<sip:\udcff@example.org>;tag=1"},
    "a charset that does not exist": {"method": "MESSAGE", "body": "hej", "Content-Type": "text/plain;charset=none"},
}


@pytest.mark.parametrize("name", DEADLY)
async def test_rakia_survives(account: Line, telepathy: Rakia, name: str) -> None:
    headers = dict(DEADLY[name])
    method, body = headers.pop("method", "INVITE"), headers.pop("body")
    sent = account.incoming(method, headers=tuple(headers.items()), body=body)
    await account.provider.expect(lambda got: got.get("Call-ID") == sent["Call-ID"], "an answer")
    text = account.incoming("MESSAGE", headers=(("Content-Type", "text/plain"),), body="hej")
    assert (await account.provider.final(text)).status == 200
    assert telepathy.process.running


async def test_rakia_survives_a_bare_401(edge: RunningEdge, provider: Agent, telepathy: Rakia) -> None:
    connection = telepathy.connect(edge, provider, "nobody")
    arrived = await provider.request("REGISTER")
    provider.send(response(arrived, 401, "Unauthorized"), edge.outside)

    def gone() -> bool:
        try:
            return bool(connection.GetStatus() == 2)
        except dbus.DBusException:
            return True

    await until(gone, "rakia has given up")
    assert telepathy.process.running
    assert telepathy.bus.name_has_owner(MANAGER)
