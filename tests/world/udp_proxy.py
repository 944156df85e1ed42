"""A UDP proxy that is a bad network, or a NAT: it delays, loses, repeats and reorders packets, and forgets.

What is lost or late is drawn from a seeded generator, so a test meets the same network each time; only the order in
which packets of both directions arrive can differ. The kernel's own emulation (netem) is missing on many machines.
"""

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from .ports import free_port

Address = tuple[str, int]


@dataclass(frozen=True)
class Network:
    """Probabilities between 0 and 1 for each packet; delays in seconds. A reordered packet is delayed once more."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    seed: int = 0


GOOD = Network()


@dataclass(eq=False)
class _Mapping(asyncio.DatagramProtocol):
    """The socket with which the proxy stands for one client."""

    proxy: "UdpProxy"
    client: Address
    used: float
    transport: asyncio.DatagramTransport = field(init=False)

    def datagram_received(self, data: bytes, sender: Address) -> None:
        self.proxy.inward(self, data, sender)


class UdpProxy(asyncio.DatagramProtocol):
    """Passes packets between the clients that send to `address` and `port`, and a server.

    `forgets`: the seconds after which a client that has sent nothing gets another socket, and the old one is closed.
    `passed` counts packets by direction: "out" to the server and "in" from it; `lost` those that were dropped.
    """

    def __init__(
        self,
        server: Address,
        address: str,
        network: Network = GOOD,
        forgets: float | None = None,
        port: int | None = None,
    ) -> None:
        self.server = server
        self.address = address
        self.port = port or free_port(address)
        self.network = network
        self.passed = {"out": 0, "in": 0}
        self.lost = 0
        self.forgotten = 0
        self._forgets = forgets
        self._random = random.Random(network.seed)
        self._mappings: dict[Address, _Mapping] = {}
        self._opening: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._front, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._front.close()
        for mapping in self._mappings.values():
            mapping.transport.close()

    def datagram_received(self, data: bytes, sender: Address) -> None:
        """Take in a packet of a client."""
        client = sender[:2]
        mapping = self._mappings.get(client)
        if mapping and self._forgets is not None and self._loop.time() - mapping.used > self._forgets:
            self._forget(mapping)
            mapping = None
        if mapping:
            mapping.used = self._loop.time()
            self._carry("out", partial(mapping.transport.sendto, data, self.server))
        elif client in self._opening:
            self._opening[client].append(data)
        else:
            self._opening[client] = [data]
            task = self._loop.create_task(self._open(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def inward(self, mapping: _Mapping, data: bytes, sender: Address) -> None:
        """Take in a packet for a client."""
        if self._forgets is not None and self._loop.time() - mapping.used > self._forgets:
            self._forget(mapping)
            return
        self._carry("in", partial(self._front.sendto, data, mapping.client))

    async def _open(self, client: Address) -> None:
        mapping = _Mapping(self, client, self._loop.time())
        mapping.transport, _ = await self._loop.create_datagram_endpoint(lambda: mapping, local_addr=(self.address, 0))
        self._mappings[client] = mapping
        for data in self._opening.pop(client):
            self._carry("out", partial(mapping.transport.sendto, data, self.server))

    def _forget(self, mapping: _Mapping) -> None:
        if self._mappings.pop(mapping.client, None):
            self.forgotten += 1
        mapping.transport.close()

    def _carry(self, direction: str, send: "partial[None]") -> None:
        network, chance = self.network, self._random.random
        if chance() < network.loss:
            self.lost += 1
            return
        self.passed[direction] += 1
        delay = network.delay + chance() * network.jitter
        if chance() < network.reordering:
            delay += network.delay + network.jitter
        for _ in range(2 if chance() < network.duplication else 1):
            if delay:
                self._loop.call_later(delay, self._send, send)
            else:
                self._send(send)

    def _send(self, send: "partial[None]") -> None:
        if not self._front.is_closing():
            send()
