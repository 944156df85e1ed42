"""The phases of a SIP leg in which no engine has the call: before it is placed, and after its end."""

from typing import ClassVar

from msgspec import Struct

from fargo.statemachine.address import SipUri, server
from fargo.statemachine.dial_rules.rewriting import Rewritten
from fargo.statemachine.legs.sip.referral import Referral
from fargo.statemachine.media.description import IPV4, Family, Srtp, family
from fargo.statemachine.media.paths import RING_SECONDS, EarlyChoice
from fargo.statemachine.model.sip import SipEngine
from fargo.statemachine.model.sip_values import Diversion, Endpoint, Hop


class Trunk(Struct, frozen=True, gc=False):
    """The part of a registration that its calls need, with an engine whose registrations the core keeps.

    ``own``: the account's address-of-record. ``hop``: the account's server. ``registrar``: the address of that server
    which answered last, None if none has. ``routes``: the Service-Route (RFC 3608 §6.1). ``realms``: those
    of the challenges that were answered for the registration (`Registration`). ``user``, ``secret``: the user name for
    challenges, and the password's name in the vault.
    """

    own: SipUri
    hop: Hop
    registrar: Endpoint | None
    routes: tuple[str, ...]
    realms: tuple[str, ...]
    user: str
    secret: str

    @property
    def secure(self) -> bool:
        """Return True if the account's server is reached over TLS."""
        return (self.registrar or self.hop).transport == "tls"


class Forwarding(Struct, frozen=True, gc=False):
    """The facts of forwarding that the called end learns. ``caller``: who calls, for people; ``diversion``: who has
    forwarded it; ``max_forwards``: see `SipHeaders`.
    """

    caller: str
    diversion: tuple[Diversion, ...]
    max_forwards: int | None


class Line(Struct, frozen=True, gc=False):
    """The engine, connection and target of an outgoing call.

    ``nonce`` makes the names that are derived from it unlike those of other users. ``trunk``: None if the engine keeps
    its registrations to itself. ``srtp``: the encryption that the phone is offered. ``direct``: the call goes to the
    server of the target's domain, not to the account's own. ``speaker``: the domain whose server the call goes to, and
    whose words its responses are. Who else has spoken behind that server is not known. ``rewritten``: what dial rules
    have made of the target. ``forwards``: the call that is forwarded, None if none is. ``dtls``: a client with DTLS is
    offered to the phone as it is. ``refers``: the transfer that the call is for, None if it is for none.
    """

    engine: SipEngine
    connection: str
    target: SipUri
    nonce: str
    speaker: str
    trunk: Trunk | None = None
    ring_seconds: int = RING_SECONDS
    early: EarlyChoice = "ringing"
    srtp: Srtp = "off"
    direct: bool = False
    forwards: Forwarding | None = None
    rewritten: Rewritten | None = None
    dtls: bool = False
    refers: Referral | None = None

    @property
    def family(self) -> Family:
        """Return the address family in which a phone is expected to take audio: that of the server of the call."""
        if self.trunk is None:
            return IPV4
        hop, registrar = self.hop, self.trunk.registrar
        return family(registrar.ip if registrar and not self.direct else hop.host) or IPV4

    @property
    def hop(self) -> Hop:
        """Return the server that the call goes to."""
        if self.trunk and not self.direct:
            return self.trunk.hop
        return Hop(*(server(self.target.domain) or (self.target.domain, None)))


class Access(Struct, frozen=True, gc=False):
    """The part of an account that a call needs.

    ``nonce``: as in `Line`, "" if nobody has the account. ``own``: the account's SIP domain, None likewise. ``trunk``:
    None if the account takes no calls, or its engine keeps its registrations to itself. ``ring_seconds``: how long a
    call may ring. ``early``: see `Policy`. ``srtp``: the encryption that a caller may offer, or must.
    """

    nonce: str = ""
    trunk: Trunk | None = None
    ring_seconds: int = RING_SECONDS
    early: EarlyChoice = "ringing"
    srtp: Srtp = "off"
    own: str | None = None


class Preparing(Struct, frozen=True, gc=False):
    """The call is placed as soon as it is known what to offer. ``until``: when the client that is called first must
    have taken the call (`calling_back`), None if the client calls.
    """

    name: ClassVar[None] = None
    line: Line
    until: float | None = None


class Over(Struct, frozen=True, gc=False):
    """Nothing is left of the call on the SIP side."""

    name: ClassVar[None] = None
