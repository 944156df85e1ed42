"""A real telepathy-rakia behind the edge. Without the edge, each message below crashed it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import dbus
import dbus.bus
import pytest
import pytest_asyncio
from world.process import Process, until

from fargo.edge.telepathy.routing import route_params

from ..agents import Agent
from .conftest import Line, RunningEdge
from .sdp import AUDIO, NO_VIDEO, VIDEO, sdp

pytestmark = pytest.mark.asyncio(loop_scope="module")

TELEPATHY = "org.freedesktop.Telepathy"
MANAGER = f"{TELEPATHY}.ConnectionManager.sofiasip"
CONNECTED = 0


@dataclass(frozen=True)
class Rakia:
    process: Process
    bus: dbus.bus.BusConnection
    connections: dict[str, dbus.Interface] = field(default_factory=dict)

    def connect(self, edge: RunningEdge, provider: Agent, user: str) -> dbus.Interface:
        """Start connecting an account to the provider."""
        ip, port = provider.address
        route = route_params("udp", ip, port, "rakia", edge.settings)
        params = {**route, "port": dbus.UInt16(route["port"]), "account": f"sip:{user}@example.net", "password": "x"}
        manager = self.bus.get_object(MANAGER, "/" + MANAGER.replace(".", "/"))
        name, path = manager.RequestConnection(
            "sip", dbus.Dictionary(params, signature="sv"), dbus_interface=f"{TELEPATHY}.ConnectionManager"
        )
        connection = dbus.Interface(self.bus.get_object(name, path), f"{TELEPATHY}.Connection")
        connection.Connect()
        self.connections[user] = connection
        return connection

    def call(self, user: str) -> None:
        """Send an INVITE with one audio line. The D-Bus calls need not wait for each other."""

        def at(path: str, interface: str) -> dbus.Interface:
            return dbus.Interface(self.bus.get_object(connection.requested_bus_name, path), f"{TELEPATHY}.{interface}")

        connection, description = self.connections[user], f"{TELEPATHY}.Call1.Content.MediaDescription"
        request = {
            f"{TELEPATHY}.Channel.ChannelType": f"{TELEPATHY}.Channel.Type.Call1",
            f"{TELEPATHY}.Channel.TargetHandleType": dbus.UInt32(1),
            f"{TELEPATHY}.Channel.TargetID": "sip:bob@example.net",
            f"{TELEPATHY}.Channel.Type.Call1.InitialAudio": True,
        }
        requests = at(connection.object_path, "Connection.Interface.Requests")
        channel, properties = requests.CreateChannel(dbus.Dictionary(request, signature="sv"))
        codec = (dbus.UInt32(0), "PCMU", dbus.UInt32(8000), dbus.UInt32(1), False, dbus.Dictionary({}, signature="ss"))
        answer = {
            f"{description}.Codecs": dbus.Array([codec], signature="(usuuba{ss})"),
            f"{description}.RemoteContact": dbus.UInt32(properties[f"{TELEPATHY}.Channel.TargetHandle"]),
        }
        offer = at(f"{channel}/Content1/InitialOffer", "Call1.Content.MediaDescription")
        offer.Accept(dbus.Dictionary(answer, signature="sv"))
        stream = at(f"{channel}/Content1/Stream", "Call1.Stream.Interface.Media")
        empty = dbus.Dictionary({}, signature="sv")
        candidates = [(dbus.UInt32(number), "127.0.0.1", dbus.UInt32(20000 + number), empty) for number in (1, 2)]
        stream.AddCandidates(dbus.Array(candidates, signature="(usua{sv})"))
        stream.FinishInitialCandidates()
        at(channel, "Channel.Type.Call1").Accept()
        stream.CompleteReceivingStateChange(dbus.UInt32(3))


@pytest.fixture(scope="module")
def patience() -> tuple[int, int]:
    """Longer than rakia is ever slow. It does not survive the end of a call that the edge has given up."""
    return 120, 120


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
    """An account that the real rakia has registered. The scripted `rakia` in it is not used."""
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
    "a caller that is not UTF-8": {"body": sdp(), "From": "<sip:\udcff@example.org>;tag=1"},
    "a caller in a dialog that is not UTF-8": {
        "body": sdp(),
        "From": "<sip:\udcff@x.org>;tag=1",
        "To": "<sip:b@x.org>;tag=2",
    },
}


async def alive(account: Line, telepathy: Rakia) -> None:
    """Check that rakia still answers: that there is no such call."""
    sent = account.incoming("BYE", headers=(("To", "<sip:b@x.org>;tag=2"),))
    assert (await account.provider.final(sent)).status == 481
    assert telepathy.process.running


@pytest.mark.parametrize("name", DEADLY)
async def test_rakia_survives(account: Line, telepathy: Rakia, name: str) -> None:
    headers = dict(DEADLY[name])
    method, body = headers.pop("method", "INVITE"), headers.pop("body")
    sent = account.incoming(method, headers=tuple(headers.items()), body=body)
    await account.provider.expect(lambda got: got.get("Call-ID") == sent["Call-ID"], "an answer")
    await alive(account, telepathy)


BASIC = ("WWW-Authenticate", 'Basic realm="x"')
NOT_UTF_8 = f"{AUDIO}\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:0 x=\udcff"
DEADLY_ANSWERS: dict[str, dict[str, Any]] = {
    "a bare 401": {"status": 401},
    "a 401 with nothing to answer": {"status": 401, "headers": [("WWW-Authenticate", "")]},
    "a second m-line": {"status": 200, "body": sdp(AUDIO, VIDEO)},
    "an RTCP port beyond 65535": {"status": 200, "body": sdp("m=audio 65535 RTP/AVP 0")},
    "a format that is not UTF-8": {"status": 200, "body": sdp(NOT_UTF_8)},
    "words that are not UTF-8": {"status": 486, "phrase": "\udcff"},
}


@pytest.mark.parametrize("name", DEADLY_ANSWERS)
async def test_rakia_survives_the_answer(account: Line, telepathy: Rakia, name: str) -> None:
    values = {"phrase": "So", **DEADLY_ANSWERS[name]}
    telepathy.call(account.user)
    arrived = await account.provider.request("INVITE")
    values["headers"] = [("Contact", account.provider.contact), *values.get("headers", [])]
    await account.provider.answer(arrived, **values)
    await account.provider.request("ACK")
    await alive(account, telepathy)


async def test_rakia_does_not_send_its_password_in_clear(edge: RunningEdge, provider: Agent, telepathy: Rakia) -> None:
    telepathy.connect(edge, provider, "nobody")
    await provider.answer(await provider.request("REGISTER"), 401, "Unauthorized", headers=[BASIC])
    leaving = await provider.request("REGISTER")
    assert leaving.get("Authorization") is None
    assert leaving["Expires"] == "0"
