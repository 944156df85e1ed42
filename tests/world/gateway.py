"""The gateway as an operator runs it: `fargo run` with a configuration file."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copyfile

from fargo.config_sections import INSIDE
from fargo.edge.leftover import end, find, run_dir_in
from fargo.store.sealing import KEY_FILE

from . import GATEWAY_ADDRESS, PHONE_ADDRESS, prepared
from .name_server import NameServer
from .ports import free_port
from .process import Process, Server
from .wire import ADDRESS as WIRE_ADDRESS
from .xmpp_server import XmppServer

FARGO = Path(sys.executable).with_name("fargo")
READY = r"^Fargo is ready"
READY_SECONDS = 30

WIDE = {
    "stanzas_a_second": 10_000,
    "calls_an_hour": 100_000,
    "failed_registrations_an_hour": 1000,
    "failed_registrations_of_provider": 1000,
    "log_mb_a_day": 100_000,
}
"""Limits for tests and measurements, which do more than people. Those of the limits have others."""


class Gateway(Server):
    """The gateway. `settings` are changes of the configuration; `configuration` is its file, `log` the event log.

    It asks the `name_server` if there is one, and otherwise those of this machine. `program` is the command that runs
    it, by default `fargo`, which is then forked (prepared.py); `options` are those of `fargo run`. `limits` are other
    limits than WIDE; what they do not name has its default. With a `worker`, it is that one of a gateway; it has the
    key of `like`, another worker.
    """

    def __init__(
        self,
        server: XmppServer,
        allowed_domains: Sequence[str] | None = None,
        settings: Mapping[str, Mapping[str, object]] | None = None,
        directory: Path | None = None,
        address: str = GATEWAY_ADDRESS,
        engine: str = "sip",
        name_server: NameServer | None = None,
        program: Sequence[str | Path] = (),
        options: Sequence[str] = (),
        limits: Mapping[str, int] | None = None,
        worker: str | None = None,
        like: "Gateway | None" = None,
    ) -> None:
        super().__init__(directory)
        self.jid = server.component
        self.address = address
        self.name_server = name_server
        self.program = program
        self.options = (*options, *(("--worker", worker) if worker else ()))
        self.worker = worker
        self.port = free_port(address)
        keys = self.directory / "state"
        self.state = keys / worker if worker else keys
        self.log = self.state / "fargo.db"
        if like:
            keys.mkdir(mode=0o700)
            copyfile(like.directory / "state" / KEY_FILE, keys / KEY_FILE)
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
                "inside_port": free_port(INSIDE),
            },
            # Everybody in this world has an address of loopback, or that of a wire. baresip names one of its own, and
            # sends from 127.0.0.1.
            "media": {"allow": ["127.0.0.0/8", "::1", WIRE_ADDRESS], "learn": [PHONE_ADDRESS]},
            "state": {"directory": str(keys)},
            "limits": dict(WIDE if limits is None else limits),
        }
        if engine == "sip":
            self.tables["sip"] |= {"tls_port": free_port(address), "gateway_port": free_port(INSIDE)}
        if worker:
            self.tables[f"workers.{worker}"] = {}
        for table, values in (settings or {}).items():
            self.tables.setdefault(table, {}).update(values)

    async def start(self) -> None:
        await self.run()
        await self.ready()

    async def ready(self) -> None:
        """Return when users can register and call."""
        await self.process.line(READY, READY_SECONDS)

    async def run(self) -> None:
        """Start the process, which may have to wait for another."""
        self.write(self.configuration.name, toml(self.tables))
        arguments: tuple[str | Path, ...] = ("run", "--as-root", "-c", self.configuration, *self.options)
        names = self.write("resolv.conf", self.name_server.configuration) if self.name_server else None
        if self.program:
            program = (*(prepared.with_names(names) if names else ()), *self.program)
            self.process = await Process.start("fargo", *program, *arguments)
        else:
            self.process = Process("fargo", await prepared.start(FARGO, *arguments, resolv_conf=names))

    async def stop(self) -> None:
        """Stop it, and the edge that it has left if it was killed."""
        await super().stop()
        if edge := find(run_dir_in(self.state)):
            await asyncio.to_thread(end, edge)


def toml(tables: Mapping[str, Mapping[str, object]]) -> str:
    """Return tables as TOML. Their values are strings, numbers, booleans and lists, whose JSON is valid TOML."""
    lines = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)
