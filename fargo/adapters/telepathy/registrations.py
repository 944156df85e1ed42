"""The connections of the core, and the registration of each on a SIP host.

Rules:

1. A registration is a Telepathy connection: one account on one host. Its path is unique on the bus of that host only,
   so it is known by its host and its path together. Neither is in the log.
2. A connection has one registration, and a second one while it moves to another host. Calls go over the newest one that
   the registrar has accepted. A call stays on its registration until it ends.
"""

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from fargo.adapters.telepathy.host import Host
from fargo.adapters.telepathy.pool import PooledHost
from fargo.statemachine.address import SipUri
from fargo.statemachine.model.commands import SignIn
from fargo.statemachine.model.events import SipTrouble


@dataclass(eq=False)
class HostRegistration:
    """An account on a host, from the moment when it gets a place there."""

    connection: "SipConnection"
    place: PooledHost[Host]
    waiting: Deferred[Host]
    """The host that it waits for, or has waited for."""
    host: Host | None = None
    """The run of the host that it has been requested from; None if it has not been requested yet."""
    path: str | None = None
    registered: bool = False
    """True once the registrar has accepted it."""
    leaving: bool = False
    """True once it is to be closed, which may be before it has a path."""
    channels: int = 0
    quiet_since: float | None = None
    """The time at which its last channel was closed; None if it has had none."""

    def is_settled(self, now: float, seconds: float) -> bool:
        """Return True if it has had no channel for so long."""
        return not self.channels and (self.quiet_since is None or now - self.quiet_since >= seconds)


@dataclass(eq=False)
class SipConnection:
    """A SIP account that is signing in, signed in, or signing out."""

    user: str
    name: str
    uri: SipUri
    command: SignIn
    registrations: list[HostRegistration] = field(default_factory=list)
    """In the order in which they were begun."""
    signed_in: bool = False
    lost: tuple[SipTrouble, str] | None = None
    """The reason of its end, once it has lost its last registration that was not told to leave."""
    calls: int = 0
    """The number of incoming calls that it has had."""
    stays_until: float = 0
    """It is not moved before."""

    @property
    def registration(self) -> HostRegistration | None:
        """The registration for calls, None if the registrar has accepted none."""
        return next((each for each in reversed(self.registrations) if each.registered), None)

    def is_movable(self, place: PooledHost[Host], now: float, settled_seconds: float) -> bool:
        """Return True if it is on this host only, and ready to leave it."""
        match self.registrations:
            case [registration] if registration.registered and not registration.leaving and registration.place is place:
                return self.stays_until <= now and registration.is_settled(now, settled_seconds)
        return False
