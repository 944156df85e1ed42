"""A SIP phone for text messages: linphonec, registered with the provider and controlled by what it would be typed.

It uses the first address that is not one of loopback, so the world needs a `Wire`.
"""

import os
from pathlib import Path

from .pipe import write_line
from .ports import free_port
from .process import Process, Server
from .provider import Provider

CONFIGURATION = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
use_ipv6=0
default_proxy=0
[proxy_0]
reg_proxy=<sip:{host}:{server_port}>
reg_route=<sip:{host}:{server_port};lr>
reg_identity={uri}
reg_sendregister=1
[auth_info_0]
username={user}
realm={domain}
passwd={password}
"""
TYPED = 'exec linphonec -c "$0" <>"$1"'
"""It reads from a pipe that never ends."""


class Linphone(Server):
    """The phone; ready when the provider has accepted its registration."""

    def __init__(self, provider: Provider, user: str, address: str, directory: Path | None = None) -> None:
        super().__init__(directory)
        self.provider = provider
        self.account = provider.account(user)
        self.port = free_port(address)
        self._pipe = self.directory / "pipe"

    async def start(self) -> None:
        account = self.account
        # Without this directory it starts no SIP.
        (self.directory / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        configuration = self.write(
            "linphonerc",
            CONFIGURATION.format(
                port=self.port,
                host=account.host,
                server_port=account.port,
                uri=account.uri,
                user=account.user,
                domain=account.domain,
                password=account.password,
            ),
        )
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe)
        home = {"HOME": str(self.directory), "LC_ALL": "C.UTF-8"}
        self.process = await Process.start("linphonec", "sh", "-c", TYPED, configuration, self._pipe, env=home)
        await self.provider.registered(account.user)

    def write_text(self, uri: str, text: str) -> None:
        """Send a text message of one line."""
        write_line(self._pipe, f"chat {uri} {text}", self.process)

    async def text(self) -> str:
        """Return the first text message that it shows."""
        told = await self.process.line(r"Message received from .*?: (.*)")
        return told[1]
