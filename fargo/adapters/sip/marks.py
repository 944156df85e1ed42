"""The X-Fargo lines of the loopback hop, as the adapter reads and writes them. `fargo.edge.sip` defines them."""

from functools import lru_cache
from typing import Final, NamedTuple

from fargo.adapters.sip import texts
from fargo.adapters.sip.wire.grammar import CACHED, parameters
from fargo.adapters.sip.wire.message import Headers, MalformedSipError
from fargo.adapters.sip.wire.uri import host_and_port
from fargo.edge.sip import keys
from fargo.edge.sip.keys import EdgeKeys
from fargo.statemachine.model.sip_values import Endpoint, SipTransport

TRANSPORTS: Final[dict[str, SipTransport]] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}
"""The transports, by their names in lower case."""

_KEY: Final = "X-Fargo-Key"
_HOP: Final = "X-Fargo-Hop"
_NAME: Final = "X-Fargo-Name"
_FROM: Final = "X-Fargo-From"
_LOCAL: Final = "X-Fargo-Local"
_CLOSED: Final = "X-Fargo-Closed"
_STARTED: Final = "X-Fargo-Started"


class SourceMark(NamedTuple):
    """The edge's word on a message from outside: its sender, when the edge was started, and our address as the
    sender sees it, None if the sender has not told it.
    """

    sender: Endpoint
    boot: str
    seen: Endpoint | None


def is_authentic(headers: Headers, edge_keys: EdgeKeys) -> bool:
    """Return True if a message is from the edge."""
    claimed = headers.get(_KEY, ("",))[0]
    call_id, number, method = _place(headers)
    return keys.is_authentic(claimed, edge_keys.to_gateway, call_id, number, method)


def authenticate(headers: Headers, edge_keys: EdgeKeys) -> None:
    """Add the key to the headers of a message of ours."""
    headers[_KEY] = [keys.message_key(edge_keys.to_edge, *_place(headers))]


def _place(headers: Headers) -> tuple[str, str, str]:
    """Return the Call-ID, and the number and the method in CSeq, as they are written; "" for what is missing."""
    number, method, *_ = *headers.get("CSeq", ("",))[0].split(), "", ""
    return headers.get("Call-ID", ("",))[0], number, method


def route(headers: Headers, to: Endpoint, name: str | None) -> None:
    """Add the destination to the headers of a request of ours. ``name``: that of a server over TLS."""
    headers[_HOP] = [f"sip:{written(to)};transport={to.transport}"]
    if name:
        headers[_NAME] = [name]


def written(endpoint: Endpoint) -> str:
    """Return address and port as SIP writes them."""
    host = f"[{endpoint.ip}]" if ":" in endpoint.ip else endpoint.ip
    return f"{host}:{endpoint.port}"


def source(headers: Headers) -> SourceMark | None:
    """Return what the edge tells of a message from outside, None if the edge made the message itself."""
    return _source(headers[_FROM][0]) if _FROM in headers else None


@lru_cache(CACHED)
def _source(text: str) -> SourceMark:
    sender, _, rest = text.partition(";")
    told = parameters(rest)
    from_endpoint = _endpoint(sender)
    seen = told.get("seen")
    here = f"{from_endpoint.transport}:{told.get('at')}"
    return SourceMark(
        from_endpoint,
        told.get("boot") or "",
        _endpoint(f"{from_endpoint.transport}:{seen}", _endpoint(here).port) if seen else None,
    )


def closed(headers: Headers) -> Endpoint | None:
    """Return the address whose connection was closed, if the edge tells that."""
    return _endpoint(headers[_CLOSED][0]) if _CLOSED in headers else None


def is_of_edge(headers: Headers) -> bool:
    """Return True if the edge made this request itself, to tell something."""
    return _CLOSED in headers or _STARTED in headers


def is_local(headers: Headers) -> bool:
    """Return True if the edge made this response itself."""
    return _LOCAL in headers


def _endpoint(text: str, port: int | None = None) -> Endpoint:
    """Return the address in ``transport:IP:PORT``. ``port``: what counts if it has none."""
    transport, _, address = text.partition(":")
    host, found = host_and_port(address)
    used = port if found is None else found
    if transport not in TRANSPORTS or used is None:
        raise MalformedSipError(texts.BAD_MARK)
    return Endpoint(TRANSPORTS[transport], host, used)
