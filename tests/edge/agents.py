"""Scripted SIP user agents: the test writes the messages that they send and waits for those that they receive.

They share no code with the gateway and do nothing automatically: no retransmission, no ACK, no dialog state.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
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
        headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
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


class Agent(asyncio.DatagramProtocol):
    """A UDP socket that speaks SIP."""

    address: Address
    _transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self._inbox: list[tuple[Message, Address]] = []
        self._news = asyncio.Event()

    @classmethod
    async def open(cls, ip: str, port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        transport, agent = await loop.create_datagram_endpoint(cls, local_addr=(ip, port))
        agent._transport = transport
        agent.address = transport.get_extra_info("sockname")
        return agent

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data.strip():
            self._inbox.append((Message.parse(data), addr))
            self._news.set()
            self._news = asyncio.Event()

    def close(self) -> None:
        self._transport.close()

    @property
    def contact(self) -> str:
        return f"<sip:{self.address[0]}:{self.address[1]}>"

    def send_bytes(self, data: bytes, to: Address) -> None:
        self._transport.sendto(data, to)

    def send(self, message: Message, to: Address) -> Message:
        """Send a message. A request without a Via gets one."""
        if not message.is_response and message.get("Via") is None:
            via = f"SIP/2.0/UDP {self.address[0]}:{self.address[1]};branch={unique('z9hG4bK-')};rport"
            message.headers.insert(0, ("Via", via))
        self.send_bytes(message.encode(), to)
        return message

    async def answer(
        self, to: Message, status: int, phrase: str, *, headers: Iterable[tuple[str, str]] = (), body: str = ""
    ) -> Message:
        """Send a response to the address of the topmost Via, which here is always the edge."""
        ip, _, port = to["Via"].split(" ", 1)[1].split(";")[0].partition(":")
        return self.send(response(to, status, phrase, headers=headers, body=body), (ip, int(port)))

    async def expect(self, wanted: Callable[[Message], bool], what: str) -> Message:
        """Take the first message for which `wanted` is true out of the inbox; wait for it if needed."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    for position, (message, _) in enumerate(self._inbox):
                        if wanted(message):
                            del self._inbox[position]
                            return message
                    await self._news.wait()
        except TimeoutError:
            got = "\n".join(message.start for message, _ in self._inbox) or "(nothing)"
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
        return any(wanted(message) for message, _ in self._inbox)
