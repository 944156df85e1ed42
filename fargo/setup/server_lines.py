"""The lines for the servers around a new gateway: XMPP server, media relay, and firewall."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from fargo.config_values import HostPort
from fargo.setup import texts

AUDIO_PORTS: Final = (30000, 40000)
"""The UDP ports of the relay for audio, first and last."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The facts that the servers around the gateway have to know of it."""

    domain: str
    secret: str
    server: str
    port: int
    addresses: tuple[str, ...]
    sip_port: int
    relay: HostPort | None


def prosody(gateway: Surroundings) -> str:
    """Return the lines for prosody.cfg.lua."""
    listen = "" if _is_here(gateway.server) else texts.PROSODY_INTERFACES
    ports = "" if gateway.port == 5347 else texts.PROSODY_PORTS.format(port=gateway.port)
    return texts.PROSODY.format(listen=listen, ports=ports, domain=gateway.domain, secret=gateway.secret)


def ejabberd(gateway: Surroundings) -> str:
    """Return the lines for the list `listen` in ejabberd.yml."""
    address = gateway.server if _is_here(gateway.server) else "::"
    return texts.EJABBERD.format(port=gateway.port, address=address, domain=gateway.domain, secret=gateway.secret)


def rtpengine(gateway: Surroundings) -> str:
    """Return rtpengine.conf, nothing if there is no relay."""
    if gateway.relay is None:
        return ""
    first, last = AUDIO_PORTS
    listen = f"{gateway.relay.host}:{gateway.relay.port}"
    return texts.RTPENGINE.format(interface=";".join(gateway.addresses), listen=listen, first=first, last=last)


def firewall(gateway: Surroundings) -> str:
    """Return the commands that let in from outside what the gateway and its relay need."""
    sip = [("udp", str(gateway.sip_port)), ("tcp", str(gateway.sip_port))]
    audio = [("udp", "{}:{}".format(*AUDIO_PORTS))] if gateway.relay else []
    return "\n".join(
        texts.LET_IN.format(
            command="ip6tables" if ":" in address else "iptables", protocol=protocol, address=address, ports=ports
        )
        for address in gateway.addresses
        for protocol, ports in (*sip, *audio)
    )


def _is_here(server: str) -> bool:
    """Return whether the XMPP server is on this machine."""
    try:
        return ip_address(server).is_loopback
    except ValueError:
        return server == "localhost"
