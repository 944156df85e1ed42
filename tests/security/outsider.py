"""An outsider: a SIP socket that calls the users of a provider, or is called by them, and does what a phone should not.

The provider is the world's, a proxy: it passes on what the outsider says, and adds itself to the route.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from edge.agents import Address, Agent, Message, host_port, request, unique
from world import PROVIDER_ADDRESS
from world.gateway import Gateway
from world.provider import Provider
from world.world import World

from fargo.statemachine.model.call_records import RecordBegun
from fargo.store.opening import open_reader

ADDRESS = "127.0.0.4"
DOMAIN = "outside.test"
MEDIA_PORT = 9000
SDP = "".join(
    f"{line}\r\n"
    for line in (
        "v=0",
        f"o=- 1 1 IN IP4 {ADDRESS}",
        "s=-",
        f"c=IN IP4 {ADDRESS}",
        "t=0 0",
        f"m=audio {MEDIA_PORT} RTP/AVP 0 8",
    )
)
CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Outsider(Agent):
    """`given` has what was sent as credentials in messages to the outsider."""

    given: list[str]

    def put(self, message: Message) -> None:
        self.given.extend(value for name in CREDENTIALS for value in message.all(name))
        super().put(message)

    @property
    def host_port(self) -> str:
        return host_port(self.address)

    def behind(self, provider: Provider, user: str = "mallory") -> str:
        """Be the phone of a user of the provider."""
        provider.route(user, *self.address)
        return user

    def invites(self, target: str, to: Address, *headers: tuple[str, str]) -> Message:
        """Send an INVITE. `headers` are in the place of those that it would have, or further ones."""
        told = {
            "From": f"<sip:eve@{DOMAIN}>;tag={unique('eve')}",
            "To": f"<{target.partition(';')[0]}>",
            "Contact": self.contact,
            **dict(headers),
        }
        return self.send(request("INVITE", target, headers=told.items(), body=SDP), to)

    def calls(self, provider: Provider, user: str, *headers: tuple[str, str]) -> Message:
        """Call a user by way of the provider."""
        return self.invites(f"sip:{user}@{provider.domain}", (provider.address, provider.port), *headers)

    def acknowledge(self, invite: Message, ok: Message) -> None:
        """Send the ACK of a 200 by way of the provider."""
        routes = [("Route", each) for each in reversed(ok.all("Record-Route"))]
        own = invite.get("Record-Route")
        headers = [("From", ok["From"]), ("To", ok["To"]), ("Call-ID", ok["Call-ID"]), ("CSeq", "1 ACK")]
        target = ok["Contact"].strip("<>")
        hops = [each for each in routes if own is None or each[1] != own]
        self.send(request("ACK", target, headers=[*headers, *hops]), (PROVIDER_ADDRESS, _port(hops[0][1])))

    async def challenges(self, asked: Message, name: str, challenge: str) -> None:
        """Ask for a login, and wait until the response has arrived."""
        status = 407 if name.startswith("Proxy") else 401
        await self.answer(asked, status, "Login", headers=[(name, challenge)])
        if asked.method == "INVITE":
            await self.request("ACK", asked["Call-ID"])


def _port(route: str) -> int:
    return int(route.partition(";")[0].rpartition(":")[2].rstrip(">"))


@asynccontextmanager
async def _opened(address: str) -> AsyncIterator[Outsider]:
    outsider = await Outsider.open(address)
    outsider.given = []
    yield outsider
    outsider.close()


async def outsider(world: World, address: str = ADDRESS) -> Outsider:
    """Return an outsider who is there as long as the world."""
    return await world.add(_opened(address))


def shown(gateway: Gateway) -> list[tuple[str | None, str | None]]:
    """Return the address and the name of the other end of each call, as the log has them."""
    with closing(open_reader(gateway.log)) as reader:
        issued = [each.command for _, commands in reader.read() for each in commands]
    return [(each.peer, each.name) for each in issued if isinstance(each, RecordBegun)]
