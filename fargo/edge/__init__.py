"""The SIP edge: the kamailio between telepathy-rakia and the world, its configuration generated from ours.

`kamailio.cfg` beside this file holds the rules and says why each is there; this file adds what differs between sites.

A connection of rakia reaches its provider through the edge when it is requested with the parameters that `route_params`
gives. Nothing else of rakia's may be changed by them: `account`, `password` and `auth-user` are the account's own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail

from fargo.processes import Child, ProcessError

READY_LINE = "fargo edge is ready"
"""What kamailio writes to its log when all its sockets are bound."""

MAX_SDP = 16000
"""The largest body of an INVITE, in bytes, that is looked at."""

ADVICE = (
    "Check that it is installed (apt-get install kamailio), that [programs] kamailio names it, and that no other "
    "program uses the addresses and ports in [sip]."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """Where the edge listens and what it is run with. ValueError says which value cannot be used, and why."""

    outside_ip: str
    """The address that providers see; never 0.0.0.0, for it is written into Contact."""
    outside_port: int = 5060
    inside_ip: str = "127.0.0.1"
    """Where rakia is, and nothing else."""
    inside_port: int = 5070
    secret: str = field(repr=False)
    """What the way in is signed with. A new one makes registrations in force unreachable until they are refreshed."""
    ring_seconds: int = 180
    """How long a call may ring, either way."""
    silence_seconds: int = 8
    """How long a provider may be silent until it counts as out of reach."""
    run_dir: Path
    """A directory for the edge alone; made if missing."""
    kamailio: str = "kamailio"
    """The program."""

    def __post_init__(self) -> None:
        inside, outside = _address("inside", self.inside_ip), _address("outside", self.outside_ip)
        if not inside.is_loopback:
            raise ValueError(f"The inside address {inside} is not a loopback address; use 127.0.0.1.")
        if outside.is_unspecified or outside.is_multicast:
            raise ValueError(f"The outside address {outside} cannot be called; give the one that providers see.")
        if inside == outside:
            raise ValueError(f"Inside and outside are both {inside}; the outside needs an address of its own.")
        for name, port in (("inside", self.inside_port), ("outside", self.outside_port)):
            if not 0 < port < 65536:
                raise ValueError(f"The {name} port {port} is not between 1 and 65535.")
        for name, seconds in (("ring_seconds", self.ring_seconds), ("silence_seconds", self.silence_seconds)):
            if not 0 < seconds <= 3600:
                raise ValueError(f"{name} is {seconds}; it must be between 1 and 3600.")
        if len(self.secret) < 16:
            raise ValueError("The edge's secret is shorter than 16 characters.")


def configuration(settings: EdgeSettings) -> str:
    """kamailio's configuration. It holds the secret: for a file of mode 0600 only."""
    defines = {
        "INSIDE_IP": settings.inside_ip,
        "INSIDE_PORT": settings.inside_port,
        "OUTSIDE_IP": settings.outside_ip,
        "OUTSIDE_PORT": settings.outside_port,
        "EDGE_KEY": hashlib.sha256(settings.secret.encode()).hexdigest(),
        "SILENCE_MS": settings.silence_seconds * 1000,
        "RING_MS": settings.ring_seconds * 1000,
        "INVITE_MS": (settings.ring_seconds + 30) * 1000,
        "MAX_SDP": MAX_SDP,
        "READY_LINE": READY_LINE,
        "FORBIDDEN": _forbidden(settings),
    }
    head = "".join(f'#!substdef "!{name}!{value}!g"\n' for name, value in defines.items())
    return f"#!KAMAILIO\n{head}{files(__package__).joinpath('kamailio.cfg').read_text()}"


def write_configuration(settings: EdgeSettings) -> Path:
    """Write the configuration into the run directory, readable by us only."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.run_dir / "kamailio.cfg"
    path.unlink(missing_ok=True)  # so that an older file's mode does not stay
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(configuration(settings))
    return path


def command(settings: EdgeSettings) -> list[str]:
    """kamailio in the foreground, logging to stderr, with nothing below /run or /var and no user of its own."""
    run_dir = str(settings.run_dir)
    return [settings.kamailio, "-f", f"{run_dir}/kamailio.cfg", "-DD", "-E", "-Y", run_dir, "-w", run_dir]


def route_params(
    transport: str | None, host: str | None, port: int | None, settings: EdgeSettings
) -> dict[str, str | int | bool]:
    """The connection parameters that lead an account of rakia through the edge to its provider.

    `transport` is "udp" or "tcp" (None: udp). `host` and `port` are those of the provider's proxy if the user named
    them; without, the account's domain and DNS decide. On D-Bus `port` has the type `q`. ValueError says what is wrong
    with the transport or the host.
    """
    transport = transport or "udp"
    if transport not in ("udp", "tcp"):
        raise ValueError(f"The transport {transport} is not available; use udp or tcp.")
    host = host or ""
    if not all(character.isalnum() or character in "-._" for character in host) or not host.isascii():
        raise ValueError(f"{host!r} is not a host name or an IPv4 address.")
    hop = f"{transport}~{host}~{port or ''}"
    return {
        "proxy-host": f"{hop}@{settings.inside_ip}",
        "port": settings.inside_port,
        "transport": "udp",  # as far as the edge
        "loose-routing": True,  # makes the proxy a Route: header, which carries the hop
        "local-ip-address": settings.inside_ip,
        "discover-binding": False,
        "discover-stun": False,
        "keepalive-mechanism": "off",
    }


class Edge:
    """One run of kamailio. `ended` is called with a sentence if it ends by itself after `start()` has fired."""

    def __init__(self, settings: EdgeSettings, reactor: Any, ended: Callable[[str], None] = lambda why: None) -> None:
        self._settings = settings
        self._child = Child(
            "kamailio",
            command(settings),
            reactor,
            advice=ADVICE,
            ready_line=lambda line: READY_LINE in line,
            ended=ended,
        )

    def start(self) -> Deferred[str]:
        """Write the configuration and start kamailio. Fires when it is ready; fails with ProcessError."""
        try:
            write_configuration(self._settings)
        except OSError as problem:
            return fail(ProcessError(f"The configuration of kamailio cannot be written: {problem}"))
        return self._child.start()

    def stop(self) -> Deferred[None]:
        """End kamailio and its workers."""
        return self._child.stop()


def _address(which: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise ValueError(f"The {which} address {text!r} is not an IPv4 address.") from None


def _forbidden(settings: EdgeSettings) -> str:
    """Addresses the outside sockets never send to, as a regular expression: loopback, and its synonym 0.0.0.0.

    An edge whose outside is on loopback has its providers there too; then it is the inside address alone.
    """
    if IPv4Address(settings.outside_ip).is_loopback:
        return settings.inside_ip.replace(".", "[.]")
    return "(127|0)[.].*"
