"""What one end says about the audio it wants: codecs, where to send it, how it is secured; and negotiation.

Rules:

1. A `Description` is the neutral value between Jingle (XEP-0167, 0176, 0177, 0293, 0294, 0320) and SDP (RFC 4566,
   3264). It knows neither: the adapters translate.
2. Codecs are the same if name (any case), clock rate and channels agree (RFC 3551 §6 fills in what a static payload
   type leaves out). The payload type number is only a label within one description.
3. An answer names only what the offer named (RFC 3264 §6.1).
4. SDES keys never get here: the adapter drops them and says only whether encryption was demanded.
"""

import ipaddress
import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media import texts

Senders: TypeAlias = Literal["both", "initiator", "responder", "none"]
Role: TypeAlias = Literal["initiator", "responder"]

# RFC 3551 §6, tables 4 and 5: what a static payload type means where nothing else is said.
_STATIC: Final = {
    0: ("PCMU", 8000, 1), 3: ("GSM", 8000, 1), 4: ("G723", 8000, 1), 5: ("DVI4", 8000, 1), 6: ("DVI4", 16000, 1),
    7: ("LPC", 8000, 1), 8: ("PCMA", 8000, 1), 9: ("G722", 8000, 1), 10: ("L16", 44100, 2), 11: ("L16", 44100, 1),
    12: ("QCELP", 8000, 1), 13: ("CN", 8000, 1), 14: ("MPA", 90000, 1), 15: ("G728", 8000, 1), 16: ("DVI4", 11025, 1),
    17: ("DVI4", 22050, 1), 18: ("G729", 8000, 1),
}  # fmt: skip
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Not a voice in themselves: tones, silence, redundancy.
_AUXILIARY: Final = frozenset({"telephone-event", "cn", "red"})


class MediaProfile(StrEnum):
    """How an end sends and receives audio."""

    PLAIN = "plain"
    """RTP to a written address (RTP/AVP)."""
    ICE = "ice"
    """RTP over ICE (RFC 8445)."""
    DTLS = "dtls"
    """SRTP keyed by DTLS, over ICE (RFC 5764)."""


class Parameter(Struct, frozen=True, gc=False):
    """A codec parameter; ``name`` is "" for one that has only a value, as red's "111/111"."""

    name: str
    value: str = ""


class Feedback(Struct, frozen=True, gc=False):
    """RTCP feedback that a codec, or the whole description, supports (XEP-0293, RFC 4585 §4.2)."""

    type: str
    subtype: str = ""
    interval: int = 0
    """For type trr-int: milliseconds."""


class Codec(Struct, frozen=True, gc=False, omit_defaults=True):
    """A payload type (XEP-0167 §4, RFC 4566 a=rtpmap, a=fmtp). ``ptime``, ``maxptime``: milliseconds, 0 if not said."""

    id: int
    name: str = ""
    clockrate: int = 0
    channels: int = 1
    ptime: int = 0
    maxptime: int = 0
    parameters: tuple[Parameter, ...] = ()
    feedback: tuple[Feedback, ...] = ()


class Extension(Struct, frozen=True, gc=False, omit_defaults=True):
    """An RTP header extension (XEP-0294, RFC 8285)."""

    id: int
    uri: str
    senders: Senders = "both"


class Source(Struct, frozen=True, gc=False, omit_defaults=True):
    """A synchronisation source and what is said about it (XEP-0339, RFC 5576)."""

    ssrc: str
    parameters: tuple[Parameter, ...] = ()


class Fingerprint(Struct, frozen=True, gc=False):
    """A DTLS certificate's hash and the end's role in the handshake (XEP-0320, RFC 5763)."""

    hash: str
    setup: str
    value: str


class Candidate(Struct, frozen=True, gc=False, omit_defaults=True):
    """An address where packets are expected. raw-udp (XEP-0177) uses the first four fields, ICE (XEP-0176) all."""

    component: int
    ip: str
    port: int
    id: str = ""
    generation: int = 0
    foundation: str = ""
    network: int = 0
    priority: int = 0
    protocol: str = "udp"
    type: str = ""
    tcptype: str = ""
    rel_addr: str = ""
    rel_port: int = 0


class RawUdp(Struct, frozen=True, gc=False, omit_defaults=True, tag="RawUdp"):
    """Plain addresses, no negotiation (XEP-0177)."""

    candidates: tuple[Candidate, ...] = ()


class IceUdp(Struct, frozen=True, gc=False, omit_defaults=True, tag="IceUdp"):
    """ICE (XEP-0176); DTLS if a fingerprint is given."""

    ufrag: str = ""
    pwd: str = ""
    candidates: tuple[Candidate, ...] = ()
    fingerprint: Fingerprint | None = None
    complete: bool = False
    """All candidates have been gathered (the client said so)."""


class UnknownTransport(Struct, frozen=True, gc=False, tag="UnknownTransport"):
    """A Jingle transport this program has no name for."""

    namespace: str


Transport: TypeAlias = RawUdp | IceUdp | UnknownTransport


class Description(Struct, frozen=True, gc=False, omit_defaults=True):
    """All that one end says about one stream (XEP-0167 §4)."""

    media: str
    codecs: tuple[Codec, ...]
    transport: Transport
    mux: bool = False
    """RTP and RTCP on one port (RFC 5761)."""
    reduced_size: bool = False
    extensions: tuple[Extension, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    ssrc: str = ""
    sources: tuple[Source, ...] = ()
    ptime: int = 0
    maxptime: int = 0
    encryption_required: bool = False
    """SDES was demanded (XEP-0167 §7); its keys are not kept."""


class UnknownApplication(Struct, frozen=True, gc=False, tag="UnknownApplication"):
    """A Jingle application format other than RTP (XEP-0166 §9)."""

    namespace: str


class Content(Struct, frozen=True, gc=False, omit_defaults=True):
    """A Jingle content (XEP-0166 §7.3): a named stream of one creator. ``description`` is None where an action has
    none.
    """

    name: str
    creator: Role = "initiator"
    senders: Senders = "both"
    description: Description | None = None
    unknown: UnknownApplication | None = None
    transport: Transport | None = None
    """The transport of an action that has no description, such as transport-info."""


class Unusable(Struct, frozen=True, gc=False):
    """Why two ends cannot talk: a sentence for people."""

    problem: str


# Clients and phones of a make name the same codecs in every call: what follows from them is kept.
_kept: Final = lru_cache(256)


@lru_cache(4096)
def kind(codec: Codec) -> tuple[str, int, int]:
    """What makes two payload types the same codec: (lower-case name, clock rate in Hz, channels), RFC 3551 §6."""
    static = _STATIC.get(codec.id)
    if static and (not codec.name or codec.name.lower() == static[0].lower()):
        name, clockrate, channels = static
        return name.lower(), codec.clockrate or clockrate, max(codec.channels, channels)
    return codec.name.lower(), codec.clockrate, codec.channels


def is_voice(codec: Codec) -> bool:
    """Whether the codec carries voice, rather than tones, silence or redundancy."""
    return kind(codec)[0] not in _AUXILIARY


@_kept
def has_voice(codecs: tuple[Codec, ...]) -> bool:
    """Whether any of the codecs carries voice."""
    return any(map(is_voice, codecs))


@_kept
def meaningful(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """The payload types that mean something, each once.

    A number given twice keeps its first meaning (Pidgin gives 14 three times); a codec without name that is no static
    payload type has no meaning at all and is left out.
    """
    first: dict[int, Codec] = {}
    for codec in codecs:
        name, clockrate, _ = kind(codec)
        if name and clockrate:
            first.setdefault(codec.id, codec)
    return tuple(first.values())


def malformed(description: Description) -> str:
    """What makes a description unfit to be passed on, as a sentence; "" if nothing does.

    A line break in any text would become a line of its own in the SDP that the SIP side writes (RFC 4566 §5).
    """
    if problem := _malformed(description.codecs):
        return problem
    for candidate in getattr(description.transport, "candidates", ()):
        if not 0 < candidate.port < 65536 and candidate.protocol == "udp":
            return texts.BAD_PORT.format(port=candidate.port)
    return ""


@_kept
def _malformed(codecs: tuple[Codec, ...]) -> str:
    for codec in codecs:
        parts = [codec.name]
        for parameter in codec.parameters:
            parts += (parameter.name, parameter.value)
        if _CONTROL.search("".join(parts)):
            return texts.CONTROL_CHARACTER.format(id=codec.id)
        if not 0 <= codec.id <= 127:
            return texts.BAD_PAYLOAD_TYPE.format(id=codec.id)
    return ""


def profile(description: Description) -> MediaProfile | Unusable:
    """How the end that described itself sends and receives audio, or why it cannot be understood."""
    match description.transport:
        case RawUdp():
            if address(description) is None:
                return Unusable(texts.NO_ADDRESS)
            return MediaProfile.PLAIN
        case IceUdp(fingerprint=fingerprint):
            return MediaProfile.DTLS if fingerprint else MediaProfile.ICE
        case UnknownTransport():
            return Unusable(texts.UNKNOWN_TRANSPORT)
        case _:
            assert_never(description.transport)


def tidied(description: Description) -> Description:
    """The description without what has no meaning: plain RTP knows nothing but codecs and addresses."""
    codecs = meaningful(description.codecs)
    if isinstance(description.transport, RawUdp):
        return Description(description.media, codecs, description.transport)
    return replace(description, codecs=codecs)


def address(description: Description, component: int = 1) -> Candidate | None:
    """Where RTP (component 1) or RTCP (2) is expected: the first candidate with an IP address; None if there is
    none.
    """
    if isinstance(description.transport, UnknownTransport):
        return None
    for candidate in description.transport.candidates:
        if candidate.component == component and _is_host(candidate.ip):
            return candidate
    return None


@lru_cache(1024)
def _is_host(text: str) -> bool:
    try:
        parsed = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (parsed.is_multicast or parsed.is_unspecified)


def common(offer: Description, answer: Description) -> Description | Unusable:
    """The answer, cut down to what the offer named (RFC 3264 §6.1), or Unusable if no voice is left."""
    codecs = _common(offer.codecs, answer.codecs)
    if not has_voice(codecs):
        return Unusable(texts.NO_SHARED_CODEC)
    return replace(answer, codecs=codecs)


@_kept
def _common(offered: tuple[Codec, ...], answered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    kinds = frozenset(map(kind, offered))
    return tuple(codec for codec in answered if kind(codec) in kinds)


def numbered_as(offer: Description, answer: Description) -> Description:
    """The answer with the offer's payload type numbers and names: what SIP phones expect to be sent (RFC 3264 §6.1)."""
    return Description(answer.media, _numbered_as(offer.codecs, answer.codecs), answer.transport, answer.mux)


@_kept
def _numbered_as(offered: tuple[Codec, ...], answered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    by_kind: dict[tuple[str, int, int], Codec] = {}
    for codec in offered:
        by_kind.setdefault(kind(codec), codec)
    codecs: dict[int, Codec] = {}
    for codec in answered:
        if (same := by_kind.get(kind(codec))) and same.id not in codecs:
            codecs[same.id] = Codec(
                same.id, same.name, same.clockrate, same.channels, codec.ptime, codec.maxptime, codec.parameters
            )
    return tuple(codecs.values())
