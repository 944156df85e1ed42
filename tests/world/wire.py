"""An address other than loopback, because clients that use libnice (Dino, Gajim, Pidgin over ICE) ignore loopback.

Both ends of the interface are on this machine. Packets to its address pass through loopback, so nothing is sent
anywhere. Needs root, in the network namespace that script/test creates.
"""

from typing import Self

from .process import Process

ADDRESS = "192.0.2.1"  # for documentation (RFC 5737)
ENDS = ("fargo0", "fargo1")


class Wire:
    """The interface. Its `address` exists while the context is entered."""

    address = ADDRESS

    async def __aenter__(self) -> Self:
        near, far = ENDS
        await _ip("link", "add", near, "type", "veth", "peer", "name", far)
        for end in ENDS:
            # No IPv6: clients would try its addresses too.
            await _ip("link", "set", end, "addrgenmode", "none", "up")
        await _ip("address", "add", f"{self.address}/24", "dev", near)
        return self

    async def __aexit__(self, *_: object) -> None:
        await _ip("link", "delete", ENDS[0])


async def _ip(*arguments: str) -> None:
    tool = await Process.start("ip", "ip", *arguments)
    if await tool.ended():
        raise tool.failure(f"{' '.join(arguments)} failed")
