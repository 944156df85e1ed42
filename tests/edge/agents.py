"""Scripted SIP user agents: the test writes the messages that they send and waits for those that they receive.

They share no code with the gateway and do nothing automatically: no retransmission, no ACK, no dialog state. `Agent` is
a UDP socket, `Connection` one connection over TCP or TLS, and `Listener` accepts such connections.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Self

Address = tuple[str, int]
WAIT_SECONDS = 15
_numbers = count(1)


def unique(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"


@dataclass
class Message:
    """A request or a response. Header names keep their case; lookups ignore it."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        head, _, body = data.decode(errors="surrogateescape").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers = [(name.strip(), value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)]
        return cls(start, headers, body)

    def encode(self) -> bytes:
        body = self.body.encode(errors="surrogateescape")
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode(errors="surrogateescape") + body

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        assert values, f"no {name} in {self.start}: {self.headers}"
        return values[0]

    def replace(self, name: str, value: str) -> None:
        self.headers = [(each, value if each.lower() == name.lower() else old) for each, old in self.headers]

    @property
    def is_response(self) -> bool:
        return self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        return self.start.split()[0]

    @property
    def uri(self) -> str:
        return self.start.split()[1]

    @property
    def status(self) -> int:
        return int(self.start.split()[1])

    @property
    def phrase(self) -> str:
        return self.start.split(" ", 2)[2]

    @property
    def m_lines(self) -> list[str]:
        return re.findall(r"^m=.*", self.body.replace("\r", ""), re.M)


def request(method: str, uri: str, *, headers: Iterable[tuple[str, str]] = (), body: str = "") -> Message:
    """Return a request from alice to bob outside of a dialog, unless `headers` differ. `Agent.send` adds the Via."""
    values = {
        "Max-Forwards": "70",
        "From": f"<sip:alice@example.net>;tag={unique('from')}",
        "To": "<sip:bob@example.net>",
        "Call-ID": unique("call"),
        "CSeq": f"1 {method}",
        **({"Content-Type": "application/sdp"} if body else {}),
    }
    given = list(headers)
    names = {name.lower() for name, _ in given}
    kept = [(name, value) for name, value in values.items() if name.lower() not in names]
    return Message(f"{method} {uri} SIP/2.0", [*kept, *given], body)


def response(
    to: Message, status: int, phrase: str, *, headers: Iterable[tuple[str, str]] = (), body: str = ""
) -> Message:
    """Return a response with the headers that it must copy from the request, and a To tag."""
    repeated = [(name, value) for name, value in to.headers if name.lower() in {"via", "record-route"}]
    tag = "" if "tag=" in to["To"] or status == 100 else f";tag=tag-{to['Call-ID']}"
    repeated += [("From", to["From"]), ("To", to["To"] + tag), ("Call-ID", to["Call-ID"]), ("CSeq", to["CSeq"])]
    typed = [("Content-Type", "application/sdp")] if body and "Content-Type" not in dict(headers) else []
    return Message(f"SIP/2.0 {status} {phrase}", [*repeated, *headers, *typed], body)


class Inbox:
    """The messages that have arrived and that no test has taken yet."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._news = asyncio.Event()

    def put(self, message: Message) -> None:
        self._messages.append(message)
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @property
    def methods(self) -> list[str]:
        """The methods of the requests in the inbox."""
        return [message.method for message in self._messages if not message.is_response]

    async def expect(self, wanted: Callable[[Message], bool], what: str) -> Message:
        """Take the first message for which `wanted` is true out of the inbox; wait for it if needed."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    for position, message in enumerate(self._messages):
                        if wanted(message):
                            del self._messages[position]
                            return message
                    await self._news.wait()
        except TimeoutError:
            got = "\n".join(message.start for message in self._messages) or "(nothing)"
            raise AssertionError(f"{what} did not come within {WAIT_SECONDS} s; there came:\n{got}") from None

    async def request(self, method: str, call: str | None = None) -> Message:
        def wanted(message: Message) -> bool:
            ours = call is None or message.get("Call-ID") == call
            return not message.is_response and message.method == method and ours

        return await self.expect(wanted, f"a {method} request")

    async def final(self, to: Message) -> Message:
        """Return the final response to a request of this agent."""
        return await self.response(to, 200)

    async def response(self, to: Message, least: int = 101) -> Message:
        """Return the next response to a request of this agent with at least this status."""

        def wanted(message: Message) -> bool:
            if not message.is_response or message.status < least:
                return False
            return (message.get("Call-ID"), message.get("CSeq")) == (to["Call-ID"], to["CSeq"])

        return await self.expect(wanted, f"a response to {to.start}")

    def has(self, wanted: Callable[[Message], bool]) -> bool:
        """Return whether there is such a message in the inbox."""
        return any(wanted(message) for message in self._messages)


def with_via(message: Message, transport: str, sent_by: Address, params: str = ";rport") -> Message:
    """Give a request without a Via one."""
    if not message.is_response and message.get("Via") is None:
        via = f"SIP/2.0/{transport} {host_port(sent_by)};branch={unique('z9hG4bK-')}{params}"
        message.headers.insert(0, ("Via", via))
    return message


def host_port(address: Address) -> str:
    ip, port = address
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def sent_by(message: Message) -> Address:
    """Return the address in the topmost Via."""
    ip, _, port = re.split("[; ]", message["Via"])[1].rpartition(":")
    return ip.strip("[]"), int(port)


class Agent(Inbox, asyncio.DatagramProtocol):
    """A UDP socket that speaks SIP."""

    address: Address
    senders: list[Address]
    """The address that each message has come from, also of those taken out of the inbox."""
    _transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, ip: str, port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        transport, agent = await loop.create_datagram_endpoint(cls, local_addr=(ip, port))
        agent._transport = transport
        agent.senders = []
        agent.address = transport.get_extra_info("sockname")[:2]
        return agent

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data.strip():
            self.senders.append(addr[:2])
            self.put(Message.parse(data))

    def close(self) -> None:
        self._transport.close()

    @property
    def contact(self) -> str:
        return f"<sip:{host_port(self.address)}>"

    def send_bytes(self, data: bytes, to: Address) -> None:
        self._transport.sendto(data, to)

    def send(self, message: Message, to: Address) -> Message:
        """Send a message. A request without a Via gets one."""
        self.send_bytes(with_via(message, "UDP", self.address).encode(), to)
        return message

    async def answer(
        self, to: Message, status: int, phrase: str, *, headers: Iterable[tuple[str, str]] = (), body: str = ""
    ) -> Message:
        """Send a response to the address of the topmost Via, which here is always the edge."""
        return self.send(response(to, status, phrase, headers=headers, body=body), sent_by(to))


class Connection(Inbox):
    """One connection over TCP or TLS that speaks SIP. `closed` is set when the other end has closed it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transport: str) -> None:
        super().__init__()
        self.transport = transport
        self.closed = asyncio.Event()
        self.address: Address = writer.get_extra_info("sockname")[:2]
        self.peer: Address = writer.get_extra_info("peername")[:2]
        self._reader, self._writer = reader, writer
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, ip: str, to: Address, tls: ssl.SSLContext | None = None) -> Self:
        """Connect from an IP address."""
        reader, writer = await asyncio.open_connection(*to, local_addr=(ip, 0), ssl=tls)
        return cls(reader, writer, "TLS" if tls else "TCP")

    def send(self, message: Message, via: Address | None = None) -> Message:
        """Send a message. A request without a Via gets one, with this connection's address or that in `via`."""
        message = with_via(message, self.transport, via or self.address, "" if via else ";rport")
        self._writer.write(message.encode())
        return message

    async def answer(
        self, to: Message, status: int, phrase: str, *, headers: Iterable[tuple[str, str]] = (), body: str = ""
    ) -> Message:
        """Send a response on this connection."""
        return self.send(response(to, status, phrase, headers=headers, body=body))

    async def close(self) -> None:
        self._writer.close()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await self._reader.readuntil(b"\r\n\r\n")
                message = Message.parse(head)
                if head.strip():
                    message.body = (await self._reader.readexactly(int(message["Content-Length"]))).decode()
                    self.put(message)
        self._writer.close()
        self.closed.set()


class Listener:
    """A socket that accepts connections over TCP or TLS."""

    address: Address
    _server: asyncio.Server

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self._all: list[Connection] = []

    @classmethod
    async def open(cls, ip: str, tls: ssl.SSLContext | None = None) -> Self:
        listener = cls(tls)
        listener._server = await asyncio.start_server(listener._accept, ip, 0, ssl=tls)
        listener.address = listener._server.sockets[0].getsockname()[:2]
        return listener

    async def connection(self) -> Connection:
        """Return the next connection; wait for it if needed."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._accepted.get()

    async def close(self) -> None:
        self._server.close()
        for connection in self._all:
            await connection.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, "TLS" if self._tls else "TCP")
        self._all.append(connection)
        self._accepted.put_nowait(connection)
