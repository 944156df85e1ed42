"""The base of every XMPP server of the world.

It has accounts, a component for the gateway, and a second domain that the gateway rejects. It listens on loopback only,
without encryption, so it needs no certificate. What it has to know of the gateway are the lines that `fargo init`
prints.
"""

import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar, NamedTuple

from fargo.setup.server_lines import Surroundings

from . import GATEWAY_ADDRESS, XMPP_ADDRESS
from .ports import free_port
from .process import Server

DOMAIN = "localhost"
STRANGER_DOMAIN = "stranger.localhost"
COMPONENT = "sip.localhost"


class Account(NamedTuple):
    """An account of the server. Its texts consist of letters, digits and hyphens, so they need no quotes anywhere."""

    user: str
    domain: str
    password: str


class XmppServer(Server):
    """The server. `accounts` has the passwords by `user` or `user@domain`; there are no other accounts."""

    path: ClassVar[str]
    """The path of its WebSocket."""
    address = XMPP_ADDRESS
    domain = DOMAIN
    component = COMPONENT
    secret = "only-for-this-world"

    def __init__(self, accounts: Mapping[str, str], directory: Path | None = None) -> None:
        super().__init__(directory)
        self.accounts = dict(accounts)
        self.client_port = free_port(self.address)
        self.component_port = free_port(self.address)
        self.websocket_port = free_port(self.address)

    @property
    def websocket(self) -> str:
        """Return the WebSocket address for browsers (RFC 7395)."""
        return f"ws://{self.address}:{self.websocket_port}{self.path}"

    @property
    def gateway(self) -> Surroundings:
        """Return what is told of the gateway."""
        return Surroundings(
            self.component, self.secret, self.address, self.component_port, (GATEWAY_ADDRESS,), 5060, None
        )

    def account(self, name: str) -> Account:
        """Return an account by its name in `accounts`."""
        user, _, domain = name.partition("@")
        password = self.accounts[name]
        assert (user + password).replace("-", "").isalnum()
        return Account(user, domain or self.domain, password)

    async def listens(self) -> None:
        """Wait until it listens for clients, browsers and components."""
        ports = (self.client_port, self.component_port, self.websocket_port)
        await self.process.until(
            lambda: all(accepts(self.address, port) for port in ports),
            "it listens for clients, browsers and components",
        )


def accepts(address: str, port: int) -> bool:
    """Return whether a process listens on this TCP port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex((address, port)) == 0
