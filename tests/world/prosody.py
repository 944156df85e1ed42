"""The XMPP server: prosody with accounts, a component for the gateway, and a second domain that the gateway rejects."""

import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from . import XMPP_ADDRESS
from .ports import free_port
from .process import Process, Server

DOMAIN = "localhost"
STRANGER_DOMAIN = "stranger.localhost"
COMPONENT = "sip.localhost"

CONFIGURATION = """\
run_as_root = true
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
certificates = "{directory}"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}

-- Send each stanza at once, without waiting until the receiver has acknowledged the one before.
network_settings = {{ nagle = false }}
interfaces = {{ "{address}" }}
local_interfaces = {{ "{address}" }}
c2s_ports = {{ {client_port} }}
c2s_direct_tls_ports = {{ }}
component_ports = {{ {component_port} }}
http_interfaces = {{ "{address}" }}
http_ports = {{ {websocket_port} }}
https_ports = {{ }}
-- Whatever name or address a browser asks for.
http_default_host = "{domain}"

-- Loopback only, so no certificate is needed.
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"

modules_enabled = {{ "roster", "saslauth", "disco", "ping", "carbons", "websocket" }}
modules_disabled = {{ "s2s", "tls" }}

VirtualHost "{domain}"
VirtualHost "{stranger}"
Component "{component}"
    component_secret = "{secret}"
"""


class Prosody(Server):
    """The server. `accounts` has the passwords by `user` or `user@domain`; there are no other accounts."""

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
        return f"ws://{self.address}:{self.websocket_port}/xmpp-websocket"

    async def start(self) -> None:
        for account, password in self.accounts.items():
            self._write_account(account, password)
        configuration = self.write(
            "prosody.cfg.lua",
            CONFIGURATION.format(
                directory=self.directory,
                address=self.address,
                client_port=self.client_port,
                component_port=self.component_port,
                websocket_port=self.websocket_port,
                domain=self.domain,
                stranger=STRANGER_DOMAIN,
                component=self.component,
                secret=self.secret,
            ),
        )
        self.process = await Process.start("prosody", "prosody", "-F", "--config", configuration)
        await self.process.until(self._listens, "it listens for clients, browsers and components")

    def _listens(self) -> bool:
        ports = (self.client_port, self.component_port, self.websocket_port)
        return all(accepts(self.address, port) for port in ports)

    def _write_account(self, account: str, password: str) -> None:
        """Write the file that `prosodyctl register` would write, without its half second per account."""
        user, _, domain = account.partition("@")
        assert (user + password).replace("-", "").isalnum(), "written into prosody's file as they are"
        folder = (domain or self.domain).replace(".", "%2e")
        self.write(f"data/{folder}/accounts/{user}.dat", f'return {{ ["password"] = "{password}" }};\n')


def accepts(address: str, port: int) -> bool:
    """Return whether a process listens on this TCP port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex((address, port)) == 0
