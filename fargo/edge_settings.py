"""The settings of the SIP edge, from the configuration."""

from ipaddress import IPv4Address, ip_address
from typing import Final

from fargo.config import Config
from fargo.config_sections import INSIDE
from fargo.edge.leftover import run_dir_in
from fargo.edge.sip.settings import SipEdgeSettings
from fargo.edge.telepathy.settings import TelepathyEdgeSettings

SILENCE_SECONDS: Final = 8
"""Seconds that a SIP server may be silent before it counts as unreachable."""


def edge_settings(config: Config, secret: str) -> SipEdgeSettings | TelepathyEdgeSettings:
    """Return those of the edge of the configured engine."""
    return sip_edge(config, secret) if config.sip.engine == "sip" else telepathy_edge(config, secret)


def telepathy_edge(config: Config, secret: str) -> TelepathyEdgeSettings:
    """Return those of the edge in front of rakia."""
    return TelepathyEdgeSettings(
        outside_ip=config.sip.address[0],
        outside_port=config.sip.port,
        inside_ip=INSIDE,
        inside_port=config.sip.inside_port,
        secret=secret,
        ring_seconds=config.sip.ring_seconds,
        direct=config.sip.foreign == "direct",
        accept_from=config.sip.accept_from,
        stranger_rate=config.sip.stranger_rate,
        provider_rate=config.sip.provider_rate,
        run_dir=run_dir_in(config.state.directory),
        kamailio=str(config.programs.kamailio),
    )


def sip_edge(config: Config, secret: str) -> SipEdgeSettings:
    """Return those of the edge of our own user agent."""
    sip = config.sip
    return SipEdgeSettings(
        addresses=tuple(map(ip_address, sip.address)),
        port=sip.port,
        public_address=ip_address(sip.public_address) if sip.public_address else None,
        tls_port=sip.tls_port,
        certificate=sip.tls_certificate,
        key=sip.tls_key,
        ca=sip.tls_ca,
        inside=(IPv4Address(INSIDE), sip.inside_port),
        gateway=(IPv4Address(INSIDE), sip.gateway_port),
        secret=secret,
        ring_seconds=sip.ring_seconds,
        silence_seconds=SILENCE_SECONDS,
        hep=(IPv4Address(sip.hep.host), sip.hep.port) if sip.hep else None,
        stranger_rate=sip.stranger_rate,
        provider_rate=sip.provider_rate,
        run_dir=run_dir_in(config.state.directory),
        kamailio=str(config.programs.kamailio),
    )
