"""The SIP edge: the kamailio between telepathy-rakia and SIP providers. Its configuration is generated.

The rules of kamailio, with the reason for each, are in `kamailio.cfg` in this folder. This module adds what differs
between sites.

A connection of rakia reaches its provider through the edge when it is requested with the parameters that `route_params`
returns. They do not contain `account`, `password` and `auth-user`, which are the account's own.
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

from fargo.edge import texts
from fargo.processes import Child, ProcessError

READY_LINE = "fargo edge is ready"
"""The text that kamailio writes to its log when all its sockets are bound."""

MAX_SDP = 16000
"""The largest body of an INVITE, in bytes, that is processed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """The addresses of the edge and how it is run. A value that cannot be used raises ValueError with the reason."""

    outside_ip: str
    """The address that providers see. Not 0.0.0.0, because it is written into Contact."""
    outside_port: int = 5060
    inside_ip: str = "127.0.0.1"
    """The address for rakia. Nothing else uses it."""
    inside_port: int = 5070
    secret: str = field(repr=False)
    """The key that signs Contact URIs. With a new one, calls do not arrive until the registrations are refreshed."""
    ring_seconds: int = 180
    """The time for which a call may ring, in either direction."""
    silence_seconds: int = 8
    """The time for which a provider may be silent before it counts as unreachable."""
    run_dir: Path
    """A directory for the edge alone. It is created if it is missing."""
    kamailio: str = "kamailio"
    """The program."""

    def __post_init__(self) -> None:
        inside, outside = _address("inside", self.inside_ip), _address("outside", self.outside_ip)
        if not inside.is_loopback:
            raise ValueError(texts.NOT_LOOPBACK.format(address=inside))
        if outside.is_unspecified or outside.is_multicast:
            raise ValueError(texts.NOT_REACHABLE.format(address=outside))
        if inside == outside:
            raise ValueError(texts.SAME_ADDRESS.format(address=inside))
        for side, port in (("inside", self.inside_port), ("outside", self.outside_port)):
            if not 0 < port < 65536:
                raise ValueError(texts.BAD_PORT.format(side=side, port=port))
        for name, seconds in (("ring_seconds", self.ring_seconds), ("silence_seconds", self.silence_seconds)):
            if not 0 < seconds <= 3600:
                raise ValueError(texts.BAD_SECONDS.format(name=name, seconds=seconds))
        if len(self.secret) < 16:
            raise ValueError(texts.SHORT_SECRET)


def configuration(settings: EdgeSettings) -> str:
    """Return the configuration of kamailio. It contains the secret; write it only to a file of mode 0600."""
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
    """Write the configuration into the run directory, readable by our user only."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.run_dir / "kamailio.cfg"
    path.unlink(missing_ok=True)  # so that it does not keep the mode of an older file
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(configuration(settings))
    return path


def command(settings: EdgeSettings) -> list[str]:
    """Return the command that runs kamailio in the foreground, as our own user, with its log on stderr and its files in
    the run directory.
    """
    run_dir = str(settings.run_dir)
    return [settings.kamailio, "-f", f"{run_dir}/kamailio.cfg", "-DD", "-E", "-Y", run_dir, "-w", run_dir]


def route_params(
    transport: str | None, host: str | None, port: int | None, settings: EdgeSettings
) -> dict[str, str | int | bool]:
    """Return the connection parameters that lead an account of rakia through the edge to its provider.

    `transport` is "udp" or "tcp" (None: udp). `host` and `port` are those of the provider's proxy if the user gave
    them. Without them the account's domain and DNS decide. On D-Bus `port` has the type `q`. A transport or host that
    cannot be used raises ValueError with the reason.
    """
    transport = transport or "udp"
    if transport not in ("udp", "tcp"):
        raise ValueError(texts.BAD_TRANSPORT.format(transport=transport))
    host = host or ""
    if not all(character.isalnum() or character in "-._" for character in host) or not host.isascii():
        raise ValueError(texts.BAD_HOST.format(host=host))
    hop = f"{transport}~{host}~{port or ''}"
    return {
        "proxy-host": f"{hop}@{settings.inside_ip}",
        "port": settings.inside_port,
        "transport": "udp",  # as far as the edge
        "loose-routing": True,  # sends the proxy as a Route header, which contains the hop
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
            advice=texts.ADVICE,
            ready_line=lambda line: READY_LINE in line,
            ended=ended,
        )

    def start(self) -> Deferred[str]:
        """Write the configuration and start kamailio. The Deferred fires when it is ready; fails with ProcessError."""
        try:
            write_configuration(self._settings)
        except OSError as problem:
            return fail(ProcessError(texts.CONFIGURATION_UNWRITABLE.format(why=problem)))
        return self._child.start()

    def stop(self) -> Deferred[None]:
        """End kamailio and its workers. The Deferred fires when they are gone, and never fails."""
        return self._child.stop()


def _address(side: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise ValueError(texts.BAD_ADDRESS.format(side=side, address=text)) from None


def _forbidden(settings: EdgeSettings) -> str:
    """Return a regular expression for the addresses that the outside sockets never send to: loopback, and 0.0.0.0,
    which means the same.

    If the outside address itself is on loopback, the providers are too. Then only the inside address is forbidden.
    """
    if IPv4Address(settings.outside_ip).is_loopback:
        return settings.inside_ip.replace(".", "[.]")
    return "(127|0)[.].*"
