"""The edge as far as the adapter asks it: whose turn it is to make a re-INVITE, and if it has calls of other rakias."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Address = tuple[str, int]
HOST = "127.0.0.1"


class ScriptedEdge(asyncio.DatagramProtocol):
    """Answers each question with `status`, or not at all if that is None. `asked` has the names of the calls, and
    `living` the names of the rakias, each time.
    """

    def __init__(self) -> None:
        self.status: int | None = 200
        self.asked: list[str] = []
        self.living: list[list[str]] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # of a datagram socket
        self._transport = transport

    @property
    def address(self) -> Address:
        host, port = self._transport.get_extra_info("sockname")
        return str(host), int(port)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        start, *headers = data.decode().split("\r\n")
        method, uri, _ = start.split()
        if method == "HOLD":
            self.asked.append(uri.partition(";fg-call=")[2])
        else:
            assert method == "HOSTS"
            self.living += [each.split()[1:] for each in headers if each.startswith("Fargo-Hosts:")]
        if self.status:
            repeated = [each for each in headers if each.partition(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
            self._transport.sendto("\r\n".join([f"SIP/2.0 {self.status} So", *repeated, "", ""]).encode(), addr)


@asynccontextmanager
async def scripted_edge() -> AsyncIterator[ScriptedEdge]:
    loop = asyncio.get_running_loop()
    transport, edge = await loop.create_datagram_endpoint(ScriptedEdge, local_addr=(HOST, 0))
    yield edge
    transport.close()
