"""The settings of the XMPP adapter: the component, the users whom it serves, and what the gateway can do for them."""

from dataclasses import dataclass, field

from fargo.adapters.xmpp.stream import LONGEST_SILENCE
from fargo.languages.catalog import ENGLISH
from fargo.statemachine.address import bare, domain_of


@dataclass(frozen=True, slots=True)
class XmppSettings:
    """The component and the users that it serves."""

    domain: str
    """The domain of the component."""
    server: str
    """The host on which the XMPP server accepts components."""
    port: int
    secret: str = field(repr=False)
    """The secret that the server shares with the component."""
    allowed_domains: frozenset[str]
    """The domains whose users may use the gateway."""
    allowed_users: frozenset[str] = frozenset()
    """Further users who may (bare JIDs)."""
    denied_users: frozenset[str] = frozenset()
    """Users who may not (bare JIDs), whatever their domain is."""
    admins: frozenset[str] = frozenset()
    """Users who may ask about other users, and remove them (bare JIDs)."""
    language: str = ENGLISH
    """The language of users who say none (`languages`)."""
    relayed: bool = False
    """True if calls can go through a media relay."""
    video: bool = False
    """True if calls can have video."""
    secured: bool = False
    """True if every phone is offered what clients with DTLS offer."""
    texts: bool = False
    """True if the SIP engine carries text messages."""
    transfers: bool = False
    """True if users can transfer calls."""
    longest_silence: float = LONGEST_SILENCE
    """Seconds of silence after which the server counts as dead."""

    def serve(self, jid: str) -> bool:
        """Return True if a user (bare or full JID) may use the gateway."""
        user = bare(jid)
        return (domain_of(user) in self.allowed_domains or user in self.allowed_users) and user not in self.denied_users

    def is_admin(self, jid: str) -> bool:
        """Return True if a user (bare or full JID) is an admin."""
        return bare(jid) in self.admins
