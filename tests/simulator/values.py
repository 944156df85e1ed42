"""The few addresses, codecs and accounts that everyone in the simulated world uses."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Fingerprint,
    IceUdp,
    MediaProfile,
    RawUdp,
    Senders,
    Transport,
)
from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.model.ng import Quality
from fargo.statemachine.model.requests import (
    AddRule,
    AskBusy,
    AskCall,
    AskConference,
    AskForward,
    AskKeep,
    AskRemoval,
    AskRules,
    AskStay,
    AskTransfer,
    CallNumber,
    DeleteRule,
    DialRule,
    EndCalls,
    GiveUp,
    KeepContact,
    NotUnderstood,
    Register,
    RuleRefused,
    SetBusy,
    SetForward,
    SetStay,
    ShowCalls,
    ShowHelp,
    ShowRules,
    ShowStatus,
    TransferCall,
    TryNumber,
)
from fargo.statemachine.model.sip_values import Endpoint, Sdp

USER: Final = "alice@localhost"
GATEWAY: Final = "sip.localhost"
BOB: Final = "bob@sip.localhost/fargo"
CALLER: Final = "sip:bob@sip.test;fg-name=Bob"
PASSWORD: Final = "canary-in-the-coal-mine"
"""Stands in the vault, and must never be seen anywhere else."""
_RTP: Final = ("urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio")
_ICE: Final = "urn:xmpp:jingle:transports:ice-udp:1"
FEATURES: Final = {
    MediaProfile.PLAIN: (*_RTP, "urn:xmpp:jingle:transports:raw-udp:1"),
    MediaProfile.ICE: (*_RTP, _ICE),
    MediaProfile.DTLS: (*_RTP, _ICE, "urn:xmpp:jingle:apps:dtls:0"),
}
ABLE: Final = FEATURES[MediaProfile.PLAIN]
JMI: Final = "urn:xmpp:jingle-message:0"
SEES: Final = "urn:xmpp:jingle:apps:rtp:video"
ROSTERX: Final = "http://jabber.org/protocol/rosterx"

REQUESTS: Final = (
    *(Register("alice@sip.test"), AddRule(DialRule("s/^0/+44/")), TryNumber("01"), ShowRules()),
    KeepContact("+44 1632 960222", "Carol"),
    *(ShowHelp(), ShowStatus(), ShowCalls(), SetForward("+44 1632 960111"), SetForward(None), NotUnderstood()),
    *(AskStay(), AskForward(), AskBusy(), AskCall(), SetBusy(True), SetBusy(False), SetStay(True), SetStay(False)),
    *(GiveUp(), Register("nobody"), AskRemoval(), EndCalls()),
    *(AskRules(), RuleRefused("It has no end."), AddRule(DialRule("s/.*//", Direction.IN))),
    *(TryNumber("+1900", Direction.IN, DialRule("s/[*]/#/")), DeleteRule(2), DeleteRule(1)),
    *(CallNumber("+44 1632 960222"), KeepContact(), AskKeep()),
    *(TransferCall("+44 1632 960333"), TransferCall(), AskTransfer(), AskConference()),
)
"""The user's requests to the gateway in a chat."""
NEW_RULE: Final = DialRule(r"s/^\+9[0]?//")
"""A dial rule that no run has compiled."""

PCMU: Final = Codec(0, "PCMU", 8000)
PCMA: Final = Codec(8, "PCMA", 8000)
OPUS: Final = Codec(96, "opus", 48000, 2)
HEARD: Final = Quality(1.5, 4, 4.2, 30)
G722: Final = Codec(9, "G722", 8000)
TONES: Final = Codec(101, "telephone-event", 8000)

CLIENT: Final = "127.0.0.1"
PHONE: Final = "127.0.0.4"
AWAY: Final = "127.0.0.6"
"""The addresses to which a phone may move."""
RELAY: Final = "127.0.0.9"
REGISTRAR: Final = Endpoint("tcp", "127.0.0.2", 5060)
"""The provider's server, as our own user agent reaches it."""
THERE: Final = Endpoint("udp", PHONE, 5060)
"""A phone that sends SIP past the provider."""
_PRINT: Final = Fingerprint("sha-256", "actpass", "AB:CD")


def client_media(profile: MediaProfile, ufrag: str = "client") -> Transport:
    """Return the transport of a client."""
    if profile is MediaProfile.PLAIN:
        return RawUdp((Candidate(1, CLIENT, 4000), Candidate(2, CLIENT, 4001)))
    return IceUdp(ufrag, "pwd", (Candidate(1, CLIENT, 4000, "c1", type="host"),), _print(profile))


VIDEO: Final = Codec(96, "VP8", 90000)


def client_video(profile: MediaProfile) -> Description:
    """Return the video of a client."""
    transport = client_media(profile, "seen")
    assert isinstance(transport, IceUdp), "only clients with ICE have video"
    there = replace(transport, candidates=(Candidate(1, CLIENT, 4010, "c2", type="host"),))
    return Description("video", (VIDEO,), there, mux=profile is MediaProfile.DTLS)


def with_video(sdp: Sdp, at: str = PHONE, senders: Senders = "both") -> Sdp:
    """Return the session description of a phone with video, too."""
    description = Description("video", (VIDEO,), RawUdp((Candidate(1, at, 5010), Candidate(2, at, 5011))))
    media = (sdp.media[0], "video 5010 RTP/AVP 96")
    return replace(sdp, media=media, video=Content("", senders=senders, description=description), video_place=1)


def phone_media(ip: str = PHONE) -> tuple[Candidate, ...]:
    """Return the candidates of a phone at this address."""
    return Candidate(1, ip, 5000), Candidate(2, ip, 5001)


def relay_media(profile: MediaProfile, port: int, ufrag: str = "relay") -> Transport:
    """Return the transport of the relay for an end with this profile."""
    if profile is MediaProfile.PLAIN:
        return RawUdp((Candidate(1, RELAY, 30000 + port), Candidate(2, RELAY, 40000 + port)))
    return IceUdp(ufrag, "pwd", (Candidate(1, RELAY, 30000 + port, type="host"),), _print(profile))


def _print(profile: MediaProfile) -> Fingerprint | None:
    return _PRINT if profile is MediaProfile.DTLS else None


def audio(*codecs: Codec, profile: MediaProfile = MediaProfile.PLAIN) -> Content:
    """The audio of a client."""
    description = Description("audio", codecs, client_media(profile), mux=profile is MediaProfile.DTLS)
    return Content("voice", description=description)


def secured_sdp(*codecs: Codec, senders: Senders = "both", at: str = PHONE, ufrag: str = "phone", setup: str) -> Sdp:
    """Return the session description of a phone with DTLS. ``setup``: its role in the handshake."""
    transport = IceUdp(ufrag, "pwd", phone_media(at)[:1], Fingerprint("sha-256", setup, "CD:EF"))
    description = Description("audio", codecs, transport, mux=True)
    return Sdp(Content("", senders=senders, description=description), ("audio 5000 UDP/TLS/RTP/SAVPF 0",), 0)


def phone_sdp(*codecs: Codec, senders: Senders = "both", at: str = PHONE) -> Sdp:
    """Return the session description of a phone at this address. ``senders``: the phone is the initiator."""
    description = Description("audio", codecs, RawUdp(phone_media(at)))
    return Sdp(Content("", senders=senders, description=description), ("audio 5000 RTP/AVP 0",), 0)
