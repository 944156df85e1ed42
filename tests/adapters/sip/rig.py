"""An adapter between the tests and a scripted edge, on the tests' own event loop. Time passes when a test says so."""

import asyncio
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from itertools import count
from typing import Any, Self

from edge.agents import Address, Agent, Message, host_port, request, response, unique
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from fargo.adapters.sip.adapter import SipAdapter
from fargo.adapters.sip.names import Names
from fargo.adapters.sip.settings import SipSettings
from fargo.edge.sip.keys import EdgeKeys, is_authentic, message_key, token
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.sip_messages import EdgeRestarted
from fargo.store.codec import survives
from fargo.store.texts_under_way import TextsUnderWay

from ..sdp.keys import session_keys

USER, OTHER = "romeo@example.org", "mercutio@example.org"
SECRET = "a secret of the tests"
BOOT = "1700000000.000001"
PASSWORDS = {"vault-1": "xyzzy"}
EVERYBODY = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""Most tests are not about who may send requests."""
WAIT_SECONDS = 15
STEP = 0.125  # seconds; a float has it exactly


class TimedReactor:
    """A reactor with real sockets, whose time is a `Clock`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.clock = Clock()
        real: Any = AsyncioSelectorReactor(loop)
        self.listenUDP, self.connectTCP = real.listenUDP, real.connectTCP
        self.adoptDatagramPort = real.adoptDatagramPort
        self.callLater, self.seconds = self.clock.callLater, self.clock.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass in small steps, so that timers which follow from others come in their turn."""
        self.clock.pump([STEP] * round(seconds / STEP))


class ScriptedEdge(Agent):
    """The edge as the tests play it: it writes keys, and checks those that it gets."""

    keys: EdgeKeys
    gateway: Address
    boot: str

    @classmethod
    async def beside(cls) -> Self:
        edge = await cls.open("127.0.0.1")
        edge.keys, edge.boot = EdgeKeys.of(SECRET), BOOT
        return edge

    def put(self, message: Message) -> None:
        number, method, *_ = *message["CSeq"].split(), "", ""
        assert is_authentic(message["X-Fargo-Key"], self.keys.to_edge, message["Call-ID"], number, method)
        super().put(message)

    def send(self, message: Message, to: Address | None = None) -> Message:
        if message.get("X-Fargo-Key") is None:
            number, method = message["CSeq"].split()
            key = message_key(self.keys.to_gateway, message["Call-ID"], number, method)
            message.headers.append(("X-Fargo-Key", key))
        return super().send(message, to or self.gateway)

    def outside(self, peer: str, **more: str) -> tuple[str, str]:
        """Return the line about a message from outside. ``peer``: transport, address and port."""
        transport = peer.partition(":")[0]
        port = 5061 if transport == "tls" else 5060
        told = {"at": f"192.0.2.10:{port}", "boot": self.boot, **more}
        return "X-Fargo-From", ";".join([peer, *(f"{name}={value}" for name, value in told.items())])

    def response_from(
        self,
        peer: str,
        to: Message,
        status: int,
        phrase: str = "Phrase",
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: str = "",
        **more: str,
    ) -> Message:
        """Return a response from outside, as the edge passes it on."""
        return response(to, status, phrase, headers=[self.outside(peer, **more), *headers], body=body)

    def answer_from(self, peer: str, to: Message, status: int, phrase: str = "Phrase", **more: Any) -> Message:
        """Pass a response from outside on."""
        return self.send(self.response_from(peer, to, status, phrase, **more))

    def answer_itself(self, to: Message, status: int, phrase: str = "Phrase") -> Message:
        """Send a response that the edge makes itself."""
        return self.send(response(to, status, phrase, headers=[("X-Fargo-Local", "1")]))

    def request_from(
        self,
        peer: str,
        method: str,
        uri: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: str = "",
    ) -> Message:
        """Return a request from outside, as the edge passes it on."""
        message = request(method, uri, headers=[self.outside(peer), *headers], body=body)
        ip = peer.partition(":")[2].rpartition(":")[0]
        below = f"SIP/2.0/{peer.partition(':')[0].upper()} {ip}:5060;branch={unique('z9hG4bK-out')};received={ip}"
        own = f"SIP/2.0/UDP {host_port(self.address)};branch={unique('z9hG4bK-edge')}"
        message.headers[:0] = [("Via", own), ("Via", below)]
        return message

    def deliver(self, method: str, uri: str, peer: str = "udp:192.0.2.1:5060", **more: Any) -> Message:
        """Pass a request from outside on."""
        return self.send(self.request_from(peer, method, uri, **more))

    async def tell(self, name: str, value: str) -> Message:
        """Send an OPTIONS that the edge makes itself, and wait for the response."""
        host, port = self.gateway
        own = f"SIP/2.0/UDP {host_port(self.address)};branch={unique('z9hG4bK-edge')}"
        line = self.outside(f"udp:{host_port(self.address)}")
        message = request("OPTIONS", f"sip:{host}:{port}", headers=[line, (name, value)])
        message.headers.insert(0, ("Via", own))
        sent = self.send(message)
        assert (await self.final(sent)).status == 200
        return sent

    def taken(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Take all such messages that have come out of the inbox."""
        found = [each for each in self._messages if wanted(each)]
        self._messages = [each for each in self._messages if not wanted(each)]
        return found

    def acknowledge(self, invite: Message, final: Message) -> Message:
        """Send the ACK to the failure of an INVITE, as the edge makes it of that."""
        headers = [(name, value) for name, value in invite.headers if name not in ("To", "CSeq", "Content-Type")]
        number = invite["CSeq"].split()[0]
        start = invite.start.replace("INVITE", "ACK")
        return self.send(Message(start, [*headers, ("To", final["To"]), ("CSeq", f"{number} ACK")]))


class Digits:
    """The digits that an adapter keeps."""

    def __init__(self, kept: dict[str, str]) -> None:
        self._kept = kept

    def keep(self, digit: str) -> str:
        name = f"digit-{len(self._kept)}"
        self._kept[name] = digit
        return name

    def take(self, name: str) -> str | None:
        return self._kept.pop(name, None)


class Driven:
    """An adapter that the tests give commands, and the events that it puts."""

    adapter: SipAdapter

    def __init__(self) -> None:
        self._logged: list[LogEvent] = []
        self._events: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()
        self._ids = count(40)
        self.broadcast: list[EdgeRestarted] = []
        self.digits: dict[str, str] = {}
        self.keys = session_keys()
        self.texts = TextsUnderWay(lambda *_: None)
        self.refusals: dict[str, str] = {}
        self.transfer_refusals: dict[str, int] = {}

    def start_adapter(self, settings: SipSettings, reactor: Any) -> None:
        """Start an adapter, which knows both users."""
        globalLogPublisher.addObserver(self._logged.append)  # type: ignore[arg-type] # zope's, not Python's
        self.adapter = SipAdapter(
            self._put,
            self.broadcast.append,
            PASSWORDS.get,
            Digits(self.digits),
            self.keys,
            self.texts,
            self.refusals.get,
            lambda user, refer_to: self.transfer_refusals.get(refer_to),
            settings,
            reactor,
        )
        for user in (USER, OTHER):
            self.adapter.know(user, {})
        self.adapter.start()
        self.adapter.listen()

    async def stop(self) -> None:
        """Stop the adapter. It must not have met a bug."""
        await self.adapter.stop().asFuture(asyncio.get_running_loop())
        globalLogPublisher.removeObserver(self._logged.append)  # type: ignore[arg-type]
        bugs = [formatEvent(each) for each in self._logged if each["log_level"] >= LogLevel.critical]
        assert bugs == []

    def do(self, command: Command, id: str | None = None, user: str = USER) -> str:
        """Give a command, and return its id."""
        id = id or f"{next(self._ids)}.0"
        self.adapter.do(Issued(user, id, command))
        return id

    async def event(self, user: str = USER) -> Any:
        """Return the next event, which has to be of this user."""
        whose, event = await self._next()
        assert whose == user
        return event

    async def any_event(self) -> Any:
        """Return the next event, whoever it is of."""
        return (await self._next())[1]

    def has_event(self) -> bool:
        return not self._events.empty()

    async def _next(self) -> tuple[str, Event]:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._events.get()

    def _put(self, user: str, event: Event) -> None:
        assert survives(event), event
        self._events.put_nowait((user, event))


class Rig(Driven):
    """An adapter with a scripted edge. `async with` starts and stops it. ``settings``: in which it differs."""

    edge: ScriptedEdge

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._given = settings

    async def __aenter__(self) -> Self:
        self.edge = await ScriptedEdge.beside()
        self.reactor = TimedReactor(asyncio.get_running_loop())
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.edge.close()

    async def start(self) -> None:
        """Start an adapter, with another port if there was one before."""
        self.edge.gateway = await _free_address()
        values = {
            "edge": self.edge.address,
            "gateway": self.edge.gateway,
            "secret": SECRET,
            "addresses": ("192.0.2.10", "2001:db8::10"),
            "port": 5060,
            "tls_port": 5061,
            "name_servers": (),
            "accept_from": EVERYBODY,
            **self._given,
        }
        self.start_adapter(SipSettings(**values), self.reactor)

    async def settled(self) -> None:
        """Return when the adapter has taken in all that was sent to it."""
        sent = self.edge.deliver("OPTIONS", f"sip:{self.token('settled')}@192.0.2.10")
        await self.edge.final(sent)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until a condition is true."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                self.pass_time(STEP)
                await asyncio.sleep(0.001)

    def token(self, name: str, user: str = USER) -> str:
        return token(self.edge.keys.token, f"{Names(SECRET).know(user)}.{name}")

    def pass_time(self, seconds: float) -> None:
        self.reactor.advance(seconds)


async def _free_address() -> Address:
    socket = await Agent.open("127.0.0.1")
    socket.close()
    await asyncio.sleep(0)
    return socket.address
