"""The constants and checks that reading and writing SDP share (RFC 4566 §9)."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import Codec, Role, Senders

PLAIN: Final = "RTP/AVP"
"""The profile of plain RTP, with or without ICE (RFC 3551)."""
FEEDBACK: Final = "RTP/AVPF"
"""The profile of plain RTP with feedback (RFC 4585)."""
SDES: Final = "RTP/SAVP"
"""The profile of SRTP keyed by SDES (RFC 3711, RFC 4568)."""
DTLS: Final = "UDP/TLS/RTP/SAVPF"
"""The profile of SRTP keyed by DTLS (RFC 5764)."""

CACHED: Final = 1024
"""The number of texts of which something is remembered."""
NOWHERE: Final = ("0.0.0.0", 9)  # the address of a party without candidates, RFC 8840 §4.1
HOST: Final = "host"
EVENTS: Final = "telephone-event"  # RFC 4733: its fmtp is a list without a name
EVENTS_NAME: Final = "events"
"""The name that clients give to that list."""
INTERVAL: Final = "trr-int"
BYTE, PORT, WORD = 255, 65535, 2**32 - 1
DIRECTIONS: Final[dict[Role, dict[Senders, str]]] = {
    "initiator": {"both": "sendrecv", "initiator": "sendonly", "responder": "recvonly", "none": "inactive"},
    "responder": {"both": "sendrecv", "initiator": "recvonly", "responder": "sendonly", "none": "inactive"},
}

# Characters that no line may contain: control characters, other line breaks and surrogates.
_BREAK: Final = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
TOKEN: Final = re.compile(rf"[^\s{_BREAK}]+")
NAME: Final = re.compile(rf"[^\s{_BREAK}/;:=]+")
VALUE: Final = re.compile(rf"[^ ;{_BREAK}]([^;{_BREAK}]*[^ ;{_BREAK}])?|")
BARE: Final = re.compile(rf"[^ ;={_BREAK}]([^;={_BREAK}]*[^ ;={_BREAK}])?")
TEXT: Final = re.compile(rf"[^{_BREAK}]*")
NUMBER: Final = re.compile(r"[0-9]{1,10}")
_BLANKS: Final = re.compile(r"[ \t]+")


def spaced(line: str) -> str:
    """Return a line with each run of spaces and tabs as one space. Many implementations write more than one."""
    return _BLANKS.sub(" ", line).strip(" ")


def squeezed(text: str) -> str:
    """Return a text with white space as it may be in a line: none at the ends, and no more than one space."""
    return _BLANKS.sub(" ", text).strip()


def complete(codec: Codec) -> Codec:
    """Return the codec with the values that a static payload type may omit (RFC 3551 §6)."""
    name, clockrate, channels = kind(codec)
    return replace(codec, name=codec.name or name.upper(), clockrate=clockrate, channels=channels)


@lru_cache(CACHED)
def is_address(text: str) -> bool:
    try:
        return bool(TOKEN.fullmatch(text)) and bool(ip_address(text))
    except ValueError:
        return False
