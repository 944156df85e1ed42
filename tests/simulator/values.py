"""What everyone in the simulated world says: the same few addresses, codecs and accounts."""

from typing import Final

from fargo.statemachine.media import Candidate, Codec, Content, Description, RawUdp

USER: Final = "alice@localhost"
GATEWAY: Final = "sip.localhost"
BOB: Final = "bob%sip.test@sip.localhost/fargo"
CALLER: Final = "sip:bob@sip.test;fg-name=Bob"
PASSWORD: Final = "canary-in-the-coal-mine"
"""Stands in the vault, and must never be seen anywhere else."""
ABLE: Final = (
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:transports:raw-udp:1",
)

JMI: Final = "urn:xmpp:jingle-message:0"

PCMU: Final = Codec(0, "PCMU", 8000)
PCMA: Final = Codec(8, "PCMA", 8000)
OPUS: Final = Codec(96, "opus", 48000, 2)
G722: Final = Codec(9, "G722", 8000)
CLIENT_MEDIA: Final = RawUdp((Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.1", 4001)))
PHONE_MEDIA: Final = (Candidate(1, "127.0.0.4", 5000), Candidate(2, "127.0.0.4", 5001))


def audio(*codecs: Codec) -> Content:
    """The audio of a client."""
    return Content("voice", description=Description("audio", codecs, CLIENT_MEDIA))
