"""Another XMPP server: ejabberd.

Its program is the Erlang machine, without distribution: so it needs no epmd, and listens on nothing else.
"""

import sysconfig
from typing import ClassVar

from fargo.setup.server_lines import ejabberd

from .process import Process
from .xmpp_server import STRANGER_DOMAIN, XmppServer

LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
READY = "accounts are ready"

CONFIGURATION = """\
loglevel: info
hosts:
  - {domain}
  - {stranger}
{gateway}
  - module: ejabberd_c2s
    ip: {address}
    port: {client_port}
  - module: ejabberd_http
    ip: {address}
    port: {websocket_port}
    request_handlers:
      {path}: ejabberd_http_ws
modules:
  mod_roster: {{}}
  mod_disco: {{}}
  mod_ping: {{}}
  mod_carboncopy: {{}}
{modules}"""


class Ejabberd(XmppServer):
    """The server, which is ready two or three seconds after its start."""

    path = "/ws"
    modules: ClassVar = ""

    async def start(self) -> None:
        configuration = self.write(
            "ejabberd.yml",
            CONFIGURATION.format(
                address=self.address,
                client_port=self.client_port,
                websocket_port=self.websocket_port,
                path=self.path,
                domain=self.domain,
                stranger=STRANGER_DOMAIN,
                gateway=ejabberd(self.gateway),
                modules=self.modules,
            ),
        )
        self.process = await Process.start(
            "ejabberd",
            *("erl", "-noinput", "-mnesia", "dir", f'"{self.directory}/database"'),
            *("-s", "ejabberd", "-eval", self._registrations()),
            env={
                "ERL_LIBS": LIBRARIES,
                "ERL_CRASH_DUMP_SECONDS": "0",
                "EJABBERD_CONFIG_PATH": str(configuration),
                "EJABBERD_LOG_PATH": str(self.directory / "ejabberd.log"),
                "HOME": str(self.directory),
            },
        )
        await self.process.line(READY)
        await self.listens()

    def _registrations(self) -> str:
        """Return an Erlang program that makes the accounts which are not there yet."""
        accounts = (", ".join(f'<<"{text}">>' for text in self.account(name)) for name in self.accounts)
        made = (f"ejabberd_auth:try_register({account})" for account in accounts)
        return ", ".join((*made, f'io:format("{READY}~n")')) + "."


class MobileEjabberd(Ejabberd):
    """The server for mobile clients: it archives messages (XEP-0313), keeps those for nobody, and wakes clients
    (XEP-0357).
    """

    modules = """\
  mod_offline: {}
  mod_mam:
    default: always
  mod_push: {}
"""


class BalancingEjabberd(Ejabberd):
    """The server with several streams of one component, over which it spreads users by their bare JIDs."""

    modules = f"""\
domain_balancing:
  {XmppServer.component}:
    type: bare_source
    component_number: 2
"""
