"""The way of an account of rakia through the edge to its provider."""

from fargo.edge.telepathy import texts
from fargo.edge.telepathy.settings import TelepathyEdgeSettings


def route_params(
    transport: str | None, host: str | None, port: int | None, rakia: str, settings: TelepathyEdgeSettings
) -> dict[str, str | int | bool]:
    """Return the connection parameters that lead an account of rakia through the edge to its provider.

    `rakia` is the name of this rakia, by which the edge knows whose calls are over when it has ended.
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
    hop = f"{transport}~{host}~{port or ''}~{rakia}"
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
