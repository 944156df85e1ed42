"""The X-Fargo lines of the loopback hop, as the adapter reads and writes them. `fargo.edge.sip` defines them."""

from typing import Final, NamedTuple

from fargo.adapters.sip import texts
from fargo.adapters.sip.wire.grammar import parameters
from fargo.adapters.sip.wire.message import Headers, MalformedSipError
from fargo.adapters.sip.wire.uri import host_and_port
from fargo.edge.sip import keys
from fargo.edge.sip.keys import EdgeKeys
from fargo.statemachine.model.sip_messages import Endpoint, SipTransport

_KEY: Final = "X-Fargo-Key"
_HOP: Final = "X-Fargo-Hop"
_NAME: Final = "X-Fargo-Name"
_FROM: Final = "X-Fargo-From"
_LOCAL: Final = "X-Fargo-Local"
_CLOSED: Final = "X-Fargo-Closed"
_TRANSPORTS: Final[dict[str, SipTransport]] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}


class Source(NamedTuple):
    """What the edge tells of a message from outside: its sender, our address on that transport, when the edge was
    started, and our address as the sender sees it.
    """

    sender: Endpoint
    at: Endpoint
    boot: str
    seen: Endpoint | None


def is_authentic(headers: Headers, edge_keys: EdgeKeys, method: str) -> bool:
    """Return True if the message is from the edge. ``method`` is that of its CSeq."""
    claimed, cseq = headers.get(_KEY, [""])[0], headers["CSeq"][0].split()[0]
    return keys.is_authentic(claimed, edge_keys.to_gateway, headers["Call-ID"][0], cseq, method)


def marked(headers: Headers, edge_keys: EdgeKeys, method: str) -> Headers:
    """Return the headers of a message of ours with its key."""
    cseq = headers["CSeq"][0].split()[0]
    return {**headers, _KEY: [keys.message_key(edge_keys.to_edge, headers["Call-ID"][0], cseq, method)]}


def routed(headers: Headers, to: Endpoint, name: str | None) -> Headers:
    """Return the headers of a request of ours with its destination. ``name``: that of a server over TLS."""
    hop = {**headers, _HOP: [f"sip:{written(to)};transport={to.transport}"]}
    return {**hop, _NAME: [name]} if name else hop


def written(endpoint: Endpoint) -> str:
    """Return address and port as SIP writes them."""
    host = f"[{endpoint.ip}]" if ":" in endpoint.ip else endpoint.ip
    return f"{host}:{endpoint.port}"


def source(headers: Headers) -> Source | None:
    """Return what the edge tells of a message from outside, None if the edge made the message itself."""
    if _FROM not in headers:
        return None
    sender, _, rest = headers[_FROM][0].partition(";")
    told = parameters(rest)
    transport, _, address = sender.partition(":")
    if transport not in _TRANSPORTS:
        raise MalformedSipError(texts.BAD_MARK.format(name=_FROM))
    at, seen = told.get("at") or "", told.get("seen")
    here = _endpoint(transport, at)
    return Source(
        _endpoint(transport, address), here, told.get("boot") or "", _endpoint(transport, seen, here) if seen else None
    )


def closed(headers: Headers) -> Endpoint | None:
    """Return the address whose connection was closed, if the edge tells that."""
    if _CLOSED not in headers:
        return None
    transport, _, address = headers[_CLOSED][0].partition(":")
    return _endpoint(transport, address)


def is_local(headers: Headers) -> bool:
    """Return True if the edge made this response itself."""
    return _LOCAL in headers


def transport(name: str) -> SipTransport:
    """Return the transport of a Via, UDP if it is an unknown one."""
    return _TRANSPORTS.get(name, "udp")


def _endpoint(transport: str, text: str, default: Endpoint | None = None) -> Endpoint:
    host, port = host_and_port(text)
    return Endpoint(_TRANSPORTS[transport], host, port or (default.port if default else 5060))
