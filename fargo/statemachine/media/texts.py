"""The sentences about audio for people. Most of them are part of commands, and so of every log.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- which way audio goes, and why

BOTH_PLAIN: Final = "Client and phone both use plain RTP."
END_TO_END: Final = "Client and phone both use DTLS-SRTP over ICE: audio is encrypted end to end."
WANTS_OTHER_PROFILE: Final = "The client requires {profile}, but phones support plain RTP only."
ICE: Final = "ICE"
DTLS: Final = "encryption (DTLS) over ICE"
RELAY_ALWAYS: Final = "The gateway is configured to relay every call."
NO_COMMON_CODEC_OFFERED: Final = "Neither PCMU nor PCMA is offered, so the relay transcodes."
OTHER_FAMILY: Final = "The relay translates between IPv4 and IPv6."
RELAY_FOR_VIDEO: Final = "The call may have video, which goes through the relay."
RELAY_ENCRYPTS: Final = "The audio to the SIP provider is to be encrypted, which the relay does."
NO_RELAY: Final = "The client offers no plain RTP address (raw-udp), and this gateway has no media relay."
RELAY_NOT_USED: Final = (
    "The client offers no plain RTP address (raw-udp), and this gateway does not use its media relay."
)

SRTP_NEEDS_RELAY: Final = (
    "Your SIP account requires encrypted audio (SRTP). The media relay would encrypt it, and this gateway uses none."
)
SRTP_NEEDS_TLS: Final = "Your SIP account requires encrypted audio (SRTP). That needs a SIP provider that uses TLS."

# --- why a description cannot be used

NO_RTP_AUDIO: Final = "This gateway carries voice calls only; the offer contains no RTP audio."
SDES_REQUIRED: Final = "Your client requires SDES encryption, which this gateway does not support."
NO_VOICE_CODEC: Final = "Your client's offer contains no voice codec."
NO_ADDRESS: Final = "The client's offer contains no address to send audio to."
CLIENT_UNREACHABLE: Final = (
    "This gateway sends audio to none of the addresses that your client names: they are reserved, or the operator has"
    " ruled them out."
)
CALLER_UNREACHABLE: Final = (
    "This gateway sends audio to none of the addresses that the caller names: they are reserved, or the operator has"
    " ruled them out."
)
PHONE_UNREACHABLE: Final = (
    "This gateway sends audio to none of the addresses that the phone names: they are reserved, or the operator has"
    " ruled them out."
)
OTHER_PROFILE: Final = "The client answered with another media profile ({answered}) than offered ({offered})."
UNKNOWN_TRANSPORT: Final = "The client offers a transport that this gateway does not support. Use raw-udp or ICE."
NO_COMMON_FAMILY: Final = (
    "One end of the call takes audio over IPv4 only and the other over IPv6 only. That requires a media relay with"
    " addresses of both."
)
NO_SHARED_CODEC: Final = "The two ends have no codec in common."
BAD_PORT: Final = "{port} is not a valid UDP port."
BAD_CREDENTIALS: Final = "Your client's user name fragment (ufrag) or password (pwd) for ICE is not valid."
BAD_FINGERPRINT: Final = "Your client's fingerprint of its certificate for DTLS is not valid."
