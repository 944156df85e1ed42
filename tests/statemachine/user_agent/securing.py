"""A user whose client has DTLS, and phones that have it, or have not: what each of them says."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.description import (
    Candidate,
    Content,
    Description,
    Fingerprint,
    IceUdp,
    MediaProfile,
    Senders,
)
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import AskFeatures, Command, InitiateSession
from fargo.statemachine.model.events import FeaturesLearned, PolicyChanged, ResourceAvailable
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInitiated, TransportInformed
from fargo.statemachine.model.sip_values import Sdp

from ..relayed import FEATURES, OPUS
from ..story import BOB, DESK, GATEWAY, PCMU
from .phone import Phoning

ALONE: Final = Policy(engine="sip")
WITH_RELAY: Final = Policy(relay=True, engine="sip")

HOST: Final = Candidate(1, "192.0.2.1", 4000, "h", foundation="1", priority=9, type="host")
REFLEXIVE: Final = Candidate(1, "198.51.100.1", 4002, "s", foundation="2", priority=8, type="srflx")
OF_CLIENT: Final = IceUdp(
    "client", "of-the-client", (HOST, REFLEXIVE), Fingerprint("sha-256", "actpass", "AA:BB"), True
)
OF_PHONE: Final = IceUdp(
    "phone",
    "of-the-phone",
    (Candidate(1, "192.0.2.7", 5000, "1-1", foundation="1", priority=5, type="host"),),
    Fingerprint("sha-256", "actpass", "CC:DD"),
)


def client_says(transport: IceUdp = OF_CLIENT, setup: str = "actpass") -> Description:
    return Description("audio", (OPUS, PCMU), in_role(transport, setup), mux=True)


def in_role(transport: IceUdp, setup: str) -> IceUdp:
    assert transport.fingerprint
    return replace(transport, fingerprint=replace(transport.fingerprint, setup=setup))


def phone_says(setup: str = "active", transport: IceUdp = OF_PHONE, senders: Senders = "both", mux: bool = True) -> Sdp:
    described = Description("audio", (OPUS, PCMU), in_role(transport, setup), mux=mux)
    return Sdp(Content("", senders=senders, description=described), ("audio 5000 UDP/TLS/RTP/SAVPF 111 0",), 0)


class Securing(Phoning):
    """A user with one client, which has DTLS."""

    def __init__(self, policy: Policy = ALONE) -> None:
        super().__init__()
        self.tell(PolicyChanged(policy))
        self.tell(ResourceAvailable(DESK, GATEWAY, "secured#1"))
        self.tell(FeaturesLearned(self.id_of(AskFeatures), DESK, FEATURES[MediaProfile.DTLS]))

    def calls_out(self, transport: IceUdp = OF_CLIENT) -> list[Command]:
        """The client calls Bob."""
        content = Content("voice", description=client_says(transport))
        return self.tell(SessionInitiated(self.iq(BOB), "s1", (content,)))

    def takes(self, transport: IceUdp = OF_CLIENT, setup: str = "active") -> list[Command]:
        """The client accepts Bob's call."""
        content = Content("voice", description=client_says(transport, setup))
        return self.tell(SessionAccepted(self.iq(BOB), self.sid, (content,)))

    def informs(self, transport: IceUdp, sid: str = "s1") -> list[Command]:
        """The client says more of its transport."""
        return self.tell(TransportInformed(self.iq(BOB), sid, (Content("voice", transport=transport),)))

    @property
    def invited(self) -> Description:
        """The latest offer to the client."""
        said = [each.command for each in self.issued if isinstance(each.command, InitiateSession)]
        assert said[-1].content.description
        return said[-1].content.description

    def said(self, sdp: object) -> Description:
        """The audio in a description of the gateway."""
        assert isinstance(sdp, Sdp)
        assert sdp.audio
        assert sdp.audio.description
        return sdp.audio.description
