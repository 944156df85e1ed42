"""A user whose provider is reached over TLS, and a relay that encrypts the audio to it."""

from typing import Any

from msgspec.structs import replace

from fargo.statemachine.media.description import Crypto, Description, Srtp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.events import PolicyChanged, SipAccount
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed
from fargo.statemachine.model.sip_values import Endpoint, Sdp

from ..registering import REGISTRAR
from ..relayed import FOR_PHONE, PHONE_OFFER
from ..story import PCMU
from .phone import Phoning, sdp

SECURE = Endpoint("tls", REGISTRAR.ip, 5061)
WITH_RELAY = Policy(relay=True, engine="sip")

OF_RELAY = (Crypto(1, "AEAD_AES_256_GCM", "relay-1"), Crypto(2, "AES_CM_128_HMAC_SHA1_80", "relay-2"))
"""The relay's offer to a phone."""
OF_PHONE = (Crypto(4, "AES_CM_128_HMAC_SHA1_32", "phone-4"), Crypto(7, "AES_CM_128_HMAC_SHA1_80", "phone-7"))
"""The offer of a calling phone."""
CHOSEN = (Crypto(2, "AES_CM_128_HMAC_SHA1_80", "phone-2"),)
"""The answer of a called phone."""
NEW_KEY = (Crypto(1, "AES_CM_128_HMAC_SHA1_32", "new-1"), Crypto(5, "AES_CM_128_HMAC_SHA1_80", "new-5"))
"""The offer of a phone that changes its key."""
TAKEN = (Crypto(7, "AES_CM_128_HMAC_SHA1_80", "relay-7"),)
"""The relay's answer to a calling phone."""


class Encrypting(Phoning):
    """A user with a client of plain RTP, an account over TLS that uses SRTP in some way, and a relay."""

    def __init__(
        self,
        srtp: Srtp = "required",
        policy: Policy = WITH_RELAY,
        over: Endpoint = SECURE,
        address: str = "alice@sip.test",
    ) -> None:
        transport = "tls" if over is SECURE else None
        super().__init__(SipAccount(address, transport=transport, srtp=srtp), source=over)
        self.tell(PolicyChanged(policy))
        self.required = srtp == "required"

    def relay_offers(self, description: Description | None = None) -> list[Command]:
        """The relay answers an offer of the client."""
        offered = replace(FOR_PHONE, crypto=OF_RELAY, encryption_required=self.required)
        return self.described(OfferRelay, description or offered)

    def described(self, kind: type[OfferRelay | AnswerRelay], description: Description) -> list[Command]:
        """The relay answers the latest command of a kind."""
        return self.tell(RelayDescribed(self.id_of(kind), description))

    def phone_sdp(self, *crypto: Crypto, required: bool | None = None, **more: Any) -> Sdp:
        """A phone's description, in the profile that the account leads to unless said otherwise."""
        return sdp(PCMU, crypto=crypto, required=self.required if required is None else required, **more)

    def talks(self) -> "Encrypting":
        """A call out is answered with encryption."""
        self.calls()
        self.relay_offers()
        self.answers(self.phone_sdp(*CHOSEN))
        self.described(AnswerRelay, PHONE_OFFER)
        return self

    def is_talked_to(self, required: bool | None = None) -> "Encrypting":
        """A call in with encryption is answered."""
        self.invites(self.phone_sdp(*OF_PHONE, required=required))
        self.described(OfferRelay, PHONE_OFFER)
        self.accepts()
        required = self.required if required is None else required
        self.described(AnswerRelay, replace(FOR_PHONE, crypto=TAKEN, encryption_required=required))
        self.acknowledges()
        return self
