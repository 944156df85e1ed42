"""The XMPP server of most tests: prosody."""

from typing import ClassVar

from fargo.setup.server_lines import prosody

from .process import Process
from .xmpp_server import STRANGER_DOMAIN, Account, XmppServer

CONFIGURATION = """\
run_as_root = true
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
certificates = "{directory}"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}

{gateway}
interfaces = {{ "{address}" }}
local_interfaces = {{ "{address}" }}
c2s_ports = {{ {client_port} }}
c2s_direct_tls_ports = {{ }}
http_interfaces = {{ "{address}" }}
http_ports = {{ {websocket_port} }}
https_ports = {{ }}
-- Whatever name or address a browser asks for.
http_default_host = "{domain}"

c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"

modules_enabled = {{ {modules} }}
modules_disabled = {{ "s2s", "tls" }}

VirtualHost "{domain}"
VirtualHost "{stranger}"
{component}
"""


class Prosody(XmppServer):
    """The server, which is ready half a second after its start."""

    path = "/xmpp-websocket"
    modules: ClassVar[tuple[str, ...]] = ("roster", "saslauth", "disco", "ping", "carbons", "websocket")

    async def start(self) -> None:
        for name in self.accounts:
            self._write_account(self.account(name))
        of_all, component = prosody(self.gateway).split("-- At the end:\n")
        configuration = self.write(
            "prosody.cfg.lua",
            CONFIGURATION.format(
                directory=self.directory,
                address=self.address,
                client_port=self.client_port,
                websocket_port=self.websocket_port,
                domain=self.domain,
                stranger=STRANGER_DOMAIN,
                modules=", ".join(f'"{each}"' for each in self.modules),
                gateway=of_all,
                component=component,
            ),
        )
        self.process = await Process.start("prosody", "prosody", "-F", "--config", configuration)
        await self.listens()

    def _write_account(self, account: Account) -> None:
        """Write the file that `prosodyctl register` would write, without its half second per account."""
        folder = account.domain.replace(".", "%2e")
        self.write(f"data/{folder}/accounts/{account.user}.dat", f'return {{ ["password"] = "{account.password}" }};\n')


class MobileProsody(Prosody):
    """The server for mobile clients: it archives messages (XEP-0313), keeps those for nobody, and wakes clients
    (XEP-0357).
    """

    modules = (*Prosody.modules, "mam", "offline", "cloud_notify")
