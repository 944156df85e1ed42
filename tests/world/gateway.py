"""The gateway as an operator runs it: `fargo run` with a configuration file."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import GATEWAY_ADDRESS
from .ports import free_port
from .process import Process, Server
from .prosody import Prosody

FARGO = Path(sys.executable).with_name("fargo")
READY = r"^Fargo is ready"
READY_SECONDS = 30


class Gateway(Server):
    """The gateway. `settings` are changes of the configuration; `configuration` is its file, `log` the event log."""

    def __init__(
        self,
        server: Prosody,
        allowed_domains: Sequence[str] | None = None,
        settings: Mapping[str, Mapping[str, object]] | None = None,
        directory: Path | None = None,
        address: str = GATEWAY_ADDRESS,
        engine: str = "telepathy",
    ) -> None:
        super().__init__(directory)
        self.jid = server.component
        self.address = address
        self.port = free_port(address)
        self.state = self.directory / "state"
        self.log = self.state / "fargo.db"
        self.configuration = self.directory / "fargo.toml"
        self.tables: dict[str, dict[str, object]] = {
            "xmpp": {
                "domain": server.component,
                "server": server.address,
                "port": server.component_port,
                "secret": server.secret,
                "allowed_domains": list(allowed_domains or [server.domain]),
            },
            "sip": {
                "engine": engine,
                "address": address,
                "port": self.port,
                "inside_port": free_port("127.0.0.1"),
            },
            "state": {"directory": str(self.state)},
        }
        if engine == "sip":
            self.tables["sip"] |= {"tls_port": free_port(address), "gateway_port": free_port("127.0.0.1")}
        for table, values in (settings or {}).items():
            self.tables.setdefault(table, {}).update(values)

    async def start(self) -> None:
        self.write(self.configuration.name, toml(self.tables))
        self.process = await Process.start("fargo", FARGO, "run", "-c", self.configuration)
        await self.process.line(READY, READY_SECONDS)


def toml(tables: Mapping[str, Mapping[str, object]]) -> str:
    """Return tables as TOML. Their values are strings, numbers, booleans and lists, whose JSON is valid TOML."""
    lines = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)
