"""The XMPP server of most tests: prosody."""

from .process import Process
from .xmpp_server import STRANGER_DOMAIN, Account, XmppServer

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


class Prosody(XmppServer):
    """The server, which is ready half a second after its start."""

    path = "/xmpp-websocket"

    async def start(self) -> None:
        for name in self.accounts:
            self._write_account(self.account(name))
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
        await self.listens()

    def _write_account(self, account: Account) -> None:
        """Write the file that `prosodyctl register` would write, without its half second per account."""
        folder = account.domain.replace(".", "%2e")
        self.write(f"data/{folder}/accounts/{account.user}.dat", f'return {{ ["password"] = "{account.password}" }};\n')
