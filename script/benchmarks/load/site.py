"""Everything that a load needs on loopback: XMPP server, gateway, relay, far side and generator, with their users.

Rules:

1. Users who are `registered` have an account at the far side. Their clients are available, so they are signed in. The
   others are logged in, and neither registered nor available.
2. The state of the gateway is in a temporary directory, so on the disk that has it: what the log costs depends on it.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Self

from benchmarks.load.helpers import Helper
from world import PHONE_ADDRESS
from world.ejabberd import BalancingEjabberd, Ejabberd
from world.gateway import WIDE, Gateway
from world.ports import free_port
from world.prosody import Prosody
from world.rtpengine import Rtpengine
from world.sip_agent import ADDRESS as FAR_ADDRESS
from world.xmpp_server import XmppServer

SERVERS: Final[dict[str, type[XmppServer]]] = {"prosody": Prosody, "ejabberd": Ejabberd}
SIP_DOMAIN: Final = "load.test"
STORES: Final = ("sqlite", "postgresql")
MEDIA_PORTS: Final = 8000
_LIMITS: Final = {**WIDE, "texts_a_minute": 100_000}
_PROVIDER_RATE: Final = 10_000
"""All calls in come from one address. Its default is enough for 166 a second, and this measures what else is."""
_SECONDS_PER_USER: Final = 0.5
"""More than a login or a registration takes."""


@dataclass(frozen=True)
class Plan:
    """The parts to start: the XMPP server, the SIP engine and the store by name, whether calls go through a relay, and
    how many users there are of each kind. ``media_ports``: those of the relay. ``workers``: more than one share the
    component's domain, which ejabberd can, and the log, which has to be in PostgreSQL.
    """

    server: str
    engine: str
    relayed: bool
    registered: int
    others: int = 0
    store: str = "sqlite"
    media_ports: int = MEDIA_PORTS
    workers: int = 1


class Site:
    """The servers and processes of a plan, until the context is left. `registered` and `others` name the users."""

    server: XmppServer
    gateways: list[Gateway]
    far_side: Helper
    generator: Helper
    relay: Rtpengine | None = None
    database: int | None = None
    """The process of the database, None if the log is in a file."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        names = [f"user{number}" for number in range(plan.registered + plan.others)]
        self.registered, self.others = names[: plan.registered], names[plan.registered :]
        self._parts = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()

    async def _start(self) -> None:
        plan, names = self.plan, self.registered + self.others
        kind = SERVERS[plan.server] if plan.workers == 1 else BalancingEjabberd
        self.server = await self._parts.enter_async_context(kind({name: name for name in names}))
        if plan.relayed:
            self.relay = await self._parts.enter_async_context(Rtpengine(media_ports=plan.media_ports))
        media = {"path": "relay", "relay": f"{self.relay.address}:{self.relay.port}"} if self.relay else {}
        port = free_port(FAR_ADDRESS)
        told = {"host": FAR_ADDRESS, "port": port, "media": PHONE_ADDRESS, "domain": SIP_DOMAIN}
        self.far_side = await self._parts.enter_async_context(Helper("far_side", told))
        settings: dict[str, dict[str, object]] = {
            "sip": {"provider_rate": _PROVIDER_RATE},
            "media": {**media},
            "log": self._log(),
        }
        self.gateways = []
        for worker in _workers(plan.workers):
            like = self.gateways[0] if self.gateways else None
            gateway = Gateway(
                *(self.server, None, settings), engine=plan.engine, limits=_LIMITS, worker=worker, like=like
            )
            self.gateways.append(await self._parts.enter_async_context(gateway))
        self.generator = await self._parts.enter_async_context(Helper("generator", self._surroundings(port)))
        await self._ask_for("log_in", names)
        await self.sign_in(self.registered)

    def _log(self) -> dict[str, object]:
        """Return where the log is, and start a database if it is to be there."""
        if self.plan.store == "sqlite":
            return {}
        from world.postgresql import postgresql_server  # here, as it needs a package that a gateway can do without

        database = self._parts.enter_context(postgresql_server(safe=True))
        self.database = database.pid
        return {"store": database.new_address().uri}

    async def sign_in(self, users: Sequence[str]) -> None:
        """Register users. Raises ConnectionRefusedError with what the gateway says."""
        if users:
            await self._ask_for("available", users)
            if wrong := await self._ask_for("register", users):
                raise ConnectionRefusedError(wrong)

    async def leave(self, users: Sequence[str]) -> None:
        """Let the clients of users become unavailable."""
        await self._ask_for("unavailable", users)

    async def _ask_for(self, what: str, users: Sequence[str]) -> str:
        answer: str = await self.generator.ask(what, _SECONDS_PER_USER * len(users), users=users)
        return answer

    def _surroundings(self, port: int) -> dict[str, object]:
        return {
            "address": self.server.address,
            "client_port": self.server.client_port,
            "domain": self.server.domain,
            "gateway": self.server.component,
            "sip_domain": SIP_DOMAIN,
            "sip_host": FAR_ADDRESS,
            "sip_port": port,
        }


def _workers(count: int) -> list[str | None]:
    """Return the names of so many workers; a gateway that is one process has none."""
    return [None] if count == 1 else [f"w{number}" for number in range(count)]
