"""The SIP provider: a kamailio that registers accounts by digest and routes calls to them, or as a test specifies; and
a proxy that may stand before it.
"""

import json
import signal
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from os import killpg
from pathlib import Path
from typing import Any

from . import PROVIDER_ADDRESS, PROXY_ADDRESS
from .ports import free_port
from .process import Process, Server, until

DOMAIN = "sip.test"
CONTROL_SECONDS = 5


@dataclass(frozen=True)
class SipAccount:
    """The data that a provider gives a customer."""

    user: str
    password: str
    domain: str
    host: str
    port: int

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.domain}"


class Provider(Server):
    """The provider. `accounts` has the passwords by user. Its domain is not in the DNS, so clients need its address.

    It also takes TLS, at `tls_port`, if it has a certificate and its key.
    """

    domain = DOMAIN
    routing = Path(__file__).with_name("provider.cfg")

    def __init__(
        self,
        accounts: Mapping[str, str],
        directory: Path | None = None,
        address: str = PROVIDER_ADDRESS,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(directory)
        self.address = address
        self.port = free_port(address)
        self.tls_port = free_port(address)
        self._certificate = certificate
        self.passwords = dict(accounts)

    def account(self, user: str) -> SipAccount:
        return SipAccount(user, self.passwords[user], self.domain, self.address, self.port)

    def defines(self) -> dict[str, str | int | Path]:
        """Return the names that are defined for the routing."""
        names: dict[str, str | int | Path] = {
            "ADDRESS": self.address,
            "PORT": self.port,
            "DOMAIN": self.domain,
            "RUN_DIRECTORY": self.directory,
        }
        if self._certificate:
            certificate, key = self._certificate
            names |= {"SECURE_AT": self.tls_port, "CERTIFIED_BY": certificate, "SIGNED_BY": key}
        return names

    async def start(self) -> None:
        lines = [f"#!substdef '!{name}!{value}!g'".replace("'", '"') for name, value in self.defines().items()]
        if self._certificate:
            lines.append("#!define WITH_TLS")
        configuration = self.write("kamailio.cfg", "\n".join(["#!KAMAILIO", *lines, self.routing.read_text()]))
        self.process = await Process.start(
            *(f"kamailio ({self.domain})", "/usr/sbin/kamailio", "-DD", "-E", "-m", "32", "-M", "4"),
            *("-Y", self.directory, "-P", self.directory / "pid", "-w", self.directory, "-f", configuration),
        )
        await self.process.until(self._answers, "it answers its control socket")
        for user, password in self.passwords.items():
            self.set_password(user, password)

    async def stop(self) -> None:
        """Kill it with its workers. By SIGTERM it sometimes does not end, and nothing of it is needed later."""
        if self.process.running:
            killpg(self.process.pid, signal.SIGKILL)
            await self.process.ended()
        await super().stop()

    def set_password(self, user: str, password: str) -> None:
        """Create an account, or change its password."""
        self.passwords[user] = password
        self._control("htable.sets", "passwords", user, password)

    def refuse_registration(self, user: str, code: int, reason: str) -> None:
        """Answer every REGISTER for this user with a final response."""
        self._control("htable.sets", "refusals", user, f"{code} {reason}")

    def accept_registration(self, user: str) -> None:
        self._control("htable.delete", "refusals", user)

    def route(self, user: str, address: str, port: int) -> None:
        """Send calls for this user to a fixed address, registered or not."""
        self._control("htable.sets", "routes", user, f"{address}:{port}")

    def contacts(self, user: str) -> list[str]:
        """Return the contact URIs that are registered for a user."""
        try:
            record = self._control("ul.lookup", "location", user)
        except LookupError:
            return []
        return [contact["Contact"]["Address"] for contact in record["Contacts"]]

    async def registered(self, user: str, seconds: float = 20) -> None:
        """Wait until the user has a contact."""
        await until(lambda: bool(self.contacts(user)), f"{user} is registered at the SIP provider", seconds)

    async def unregistered(self, user: str, seconds: float = 20) -> None:
        """Wait until the user has no contact."""
        await until(lambda: not self.contacts(user), f"{user} is gone from the SIP provider", seconds)

    def _answers(self) -> bool:
        with suppress(OSError):
            self._control("core.uptime")
            return True
        return False

    def _control(self, method: str, *parameters: str) -> Any:
        """Make a JSON-RPC call and return its result. Raises LookupError if kamailio answers with an error."""
        ours = self.directory / "control-reply"
        ours.unlink(missing_ok=True)
        request = {"jsonrpc": "2.0", "method": method, "params": parameters, "id": 1}
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as control:
            control.settimeout(CONTROL_SECONDS)
            control.bind(str(ours))
            control.connect(str(self.directory / "control"))
            control.send(json.dumps(request).encode())
            reply = json.loads(control.recv(65536))
        if "error" in reply:
            raise LookupError(f"{method}: {reply['error']['message']}")
        return reply["result"]


class Proxy(Provider):
    """A proxy before a provider: it asks the provider's customers for the same password, in another realm."""

    domain = "proxy.test"
    routing = Path(__file__).with_name("proxy.cfg")

    def __init__(self, before: Provider, address: str = PROXY_ADDRESS) -> None:
        super().__init__(before.passwords, address=address)
        self.before = before

    def defines(self) -> dict[str, str | int | Path]:
        return {**super().defines(), "UPSTREAM": f"{self.before.address}:{self.before.port}"}
