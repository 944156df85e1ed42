"""A request of ours on its way, as `sending` knows it, and where it goes."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from fargo.adapters.sip import marks
from fargo.adapters.sip.client_transactions import Key
from fargo.adapters.sip.names import Sent
from fargo.adapters.sip.wire.grammar import address
from fargo.adapters.sip.wire.message import MalformedSipError, SipRequest
from fargo.adapters.sip.wire.uri import HostUri, parse_uri
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest
from fargo.statemachine.model.sip_values import Endpoint, Hop

Request: TypeAlias = SendRequest | SendRegister

_MOST_ADDRESSES: Final = 8


def nothing() -> None:
    """Do nothing: what was sent may still be answered."""


class OutgoingRequest:
    """A request without a final response.

    ``id``: that of its command, or of the command that it repeats. ``endpoint``: the address that it is sent to.
    ``left``: addresses to try. ``known``: DNS has been asked for all of them. ``key``: its transaction, None if it was
    not sent to the address yet. ``heard``: that address has answered, with a 100 at least; ``early``: with more.
    ``otherwise``: what to do if DNS has no further address.
    """

    __slots__ = (
        *("attempt", "cancelled", "command", "early", "endpoint", "heard", "hop", "id", "key", "known", "left"),
        *("otherwise", "request", "searching", "timer", "tried", "user"),
    )

    def __init__(self, user: str, id: str, command: Request, hop: Hop) -> None:
        self.user = user
        self.id = id
        self.command = command
        self.hop = hop
        self.attempt = -1
        self.endpoint: Endpoint | None = None
        self.tried: list[Endpoint] = []
        self.left: list[Endpoint] = []
        self.known = False
        self.searching = False
        self.otherwise: Callable[[], None] = nothing
        self.key: Key | None = None
        self.request: SipRequest | None = None
        self.heard = False
        self.early = False
        self.cancelled = False
        self.timer: Any = None

    @property
    def sent(self) -> Sent:
        return Sent(self.user, self.id, self.attempt)

    @property
    def begins(self) -> bool:
        """True for a request outside a dialog."""
        return isinstance(self.command, SendRegister) or self.command.recipient.tag is None

    @property
    def is_awaited(self) -> bool:
        """True if the gateway waits for the response before it stops. Nothing follows from that to a SUBSCRIBE then."""
        return isinstance(self.command, SendRegister) or self.command.method != "SUBSCRIBE"

    @property
    def may_go_on(self) -> bool:
        """True if an address may be tried."""
        later = self.begins and not (self.early or self.cancelled) and self.attempt + 1 < _MOST_ADDRESSES
        return later or self.attempt < 0

    def clear(self) -> None:
        """Wait no longer for the server."""
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        self.timer = None


def hop_of(command: Request) -> Hop | None:
    """Return where a request goes: to its server, else to its first Route, if that is a loose router, else where its
    URI leads (RFC 3261 §8.1.2). Return None if that is nowhere.
    """
    if command.hop:
        return command.hop
    assert isinstance(command, SendRequest), "a REGISTER has a hop"
    try:
        first = parse_uri(address(command.routes[0]).uri) if command.routes else None
        target = first if isinstance(first, HostUri) and "lr" in first.parameters else parse_uri(command.uri)
    except MalformedSipError:
        return None
    if not isinstance(target, HostUri):
        return None
    host = (target.parameters.get("maddr") or target.host).strip("[]")
    told = (target.parameters.get("transport") or "").lower()
    if told and told not in marks.TRANSPORTS:
        return None
    return Hop(host, target.port, "tls" if target.scheme == "sips" else marks.TRANSPORTS.get(told))
