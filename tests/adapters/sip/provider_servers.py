"""The servers of a provider: their addresses, and what asks for them."""

from edge.agents import Message
from msgspec.structs import replace

from fargo.statemachine.model.sip_values import Hop

from .commands import INVITE
from .name_server import NameServer, a, srv
from .rig import Rig

HOST = "provider.test"
FIRST, SECOND, THIRD = (f"udp:192.0.2.{number}:5060" for number in (1, 2, 3))
"""Its servers."""
NAMED = replace(INVITE, hop=Hop(HOST))


def hop(message: Message) -> str:
    return message["X-Fargo-Hop"]


async def servers_of(name_server: NameServer, *ips: str) -> Rig:
    """Return a rig, and let the provider have these addresses in this order."""
    name_server.records = [
        *(srv(f"_sip._udp.{HOST}", f"s{place}.test", priority=place) for place, _ in enumerate(ips)),
        *(a(f"s{place}.test", ip) for place, ip in enumerate(ips)),
    ]
    return Rig(name_servers=(name_server.address,))
