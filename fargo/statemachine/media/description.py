"""Media descriptions: the codecs, addresses and encryption that one end offers or answers.

Rules:

1. A `Description` is a neutral value between Jingle (XEP-0167, 0176, 0177, 0293, 0294, 0320, 0339) and SDP (RFC 4566,
   RFC 3264). The adapters translate it to and from both.
2. The core never sees SDES keys. The adapters keep those of phones and of the relay in memory and report their names
   (`Crypto`). Those of clients are dropped; only the demand for encryption is reported.
3. Plain RTP needs an address family that both ends have. Where an end has both, IPv4 is preferred unless something
   else is known of the other end. A link-local address of IPv6 means nothing without its interface, and one that
   contains an address of IPv4 belongs to no network; neither counts.
4. Audio must not go everywhere (`reach`). What is refused is taken out of the candidates before the event is logged, so
   that nothing which reads them can send it on. An end that is left without any address is told the reason.
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
Family: TypeAlias = Literal[4, 6]
"""An address family: the version of IP."""
Srtp: TypeAlias = Literal["off", "optional", "required"]
"""The use of SRTP with SDES (RFC 4568) between gateway and SIP provider."""
Suite: TypeAlias = Literal[
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
]
"""A suite of SRTP that encrypts and authenticates (RFC 4568 §6.2, RFC 6188, RFC 7714)."""

IPV4: Final[Family] = 4
IPV6: Final[Family] = 6
FAMILIES: Final[tuple[Family, ...]] = (IPV4, IPV6)
"""Both address families, the preferred one first (rule 3)."""

_WORD: Final = re.compile(r"[!-~]+")


class MediaProfile(StrEnum):
    """The transport and encryption with which an end sends and receives audio."""

    PLAIN = "plain"
    """RTP to the address in the description (RTP/AVP, RFC 3551)."""
    ICE = "ice"
    """RTP over ICE (RFC 8445)."""
    DTLS = "dtls"
    """SRTP keyed by DTLS, over ICE (RFC 5764)."""


class Parameter(Struct, frozen=True, gc=False):
    """A parameter of a codec. ``name`` is "" for one that has only a value, such as "111/111" of red (RFC 2198)."""

    name: str
    value: str = ""


class Feedback(Struct, frozen=True, gc=False):
    """A kind of RTCP feedback that a codec or the whole description supports (XEP-0293, RFC 4585 §4.2)."""

    type: str
    subtype: str = ""
    interval: int = 0
    """For the type "trr-int" only: the minimal interval in milliseconds."""


class Codec(Struct, frozen=True, gc=False, omit_defaults=True):
    """A payload type (XEP-0167 §4; a=rtpmap and a=fmtp, RFC 4566 §6). ``clockrate`` is in Hz, ``ptime`` and
    ``maxptime`` in milliseconds; 0 if absent.
    """

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
    """A synchronization source and its attributes (XEP-0339, RFC 5576)."""

    ssrc: str
    parameters: tuple[Parameter, ...] = ()


class Fingerprint(Struct, frozen=True, gc=False):
    """The fingerprint of a DTLS certificate (XEP-0320). ``hash``: the hash function. ``setup``: the end's role in the
    handshake (RFC 5763 §5).
    """

    hash: str
    setup: str
    value: str


class Unreachable(StrEnum):
    """The reason for which audio must not go to an address (`media.reach`)."""

    NO_ADDRESS = "no address"
    NOT_UDP = "not UDP"
    PORT = "reserved port"
    CONTROL = "control port of the media relay"
    DENIED = "denied by the operator"
    LOOPBACK = "loopback"
    UNSPECIFIED = "unspecified"
    LINK_LOCAL = "link-local"
    MULTICAST = "multicast"
    BROADCAST = "broadcast"
    RESERVED = "reserved"
    OWN = "this machine or the media relay"
    PRIVATE = "private network"


_NOT_MEANT: Final = frozenset({Unreachable.NO_ADDRESS, Unreachable.NOT_UDP})
"""Addresses that no audio would go to anyway."""


class RefusedAddress(Struct, frozen=True, gc=False):
    """An address that an end named, and that audio must not go to."""

    component: int
    ip: str
    port: int
    why: Unreachable


class Candidate(Struct, frozen=True, gc=False, omit_defaults=True):
    """An address for receiving packets. ICE (XEP-0176) uses all fields, raw-udp (XEP-0177) ``component``, ``ip``,
    ``port``, ``id``, ``generation`` and ``type``.

    ``hidden``: its owner may be behind a NAT, so that its packets come from another address.
    """

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
    hidden: bool = False


class RawUdp(Struct, frozen=True, gc=False, omit_defaults=True, tag="RawUdp"):
    """Plain addresses without connectivity checks (XEP-0177). ``refused``: those that are left out (rule 4)."""

    candidates: tuple[Candidate, ...] = ()
    refused: tuple[RefusedAddress, ...] = ()


class IceUdp(Struct, frozen=True, gc=False, omit_defaults=True, tag="IceUdp"):
    """ICE (XEP-0176), with DTLS if there is a fingerprint (XEP-0320). ``refused``: see `RawUdp`."""

    ufrag: str = ""
    pwd: str = ""
    candidates: tuple[Candidate, ...] = ()
    fingerprint: Fingerprint | None = None
    complete: bool = False
    """The end announced that it has sent all its candidates."""
    refused: tuple[RefusedAddress, ...] = ()


class UnknownTransport(Struct, frozen=True, gc=False, tag="UnknownTransport"):
    """A Jingle transport that the gateway does not support."""

    namespace: str


Transport: TypeAlias = RawUdp | IceUdp | UnknownTransport


class Crypto(Struct, frozen=True, gc=False):
    """A key for SRTP that an end offers, or has accepted (a=crypto, RFC 4568 §4).

    ``tag``: the number of the line, which an answer repeats. ``key``: the name of its key parameters (rule 2).
    """

    tag: int
    suite: Suite
    key: str


class Description(Struct, frozen=True, gc=False, omit_defaults=True):
    """One end's description of one RTP stream (XEP-0167 §4). ``ptime`` and ``maxptime``: milliseconds, 0 if absent."""

    media: str
    codecs: tuple[Codec, ...]
    transport: Transport
    mux: bool = False
    """RTP and RTCP share one port (RFC 5761)."""
    reduced_size: bool = False
    """The end accepts reduced-size RTCP (RFC 5506)."""
    extensions: tuple[Extension, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    ssrc: str = ""
    sources: tuple[Source, ...] = ()
    ptime: int = 0
    maxptime: int = 0
    encryption_required: bool = False
    """The end requires SDES encryption: XEP-0167 §7, or the profile RTP/SAVP of SDP (RFC 4568)."""
    crypto: tuple[Crypto, ...] = ()
    """The keys of a phone or the relay, by preference. Without ``encryption_required``, encryption is optional (RFC
    8643).
    """
    video: "Description | None" = None
    """The video that goes with audio (`media.pictures`); None if there is none, or none that the call can carry."""


class UnknownApplication(Struct, frozen=True, gc=False, tag="UnknownApplication"):
    """A Jingle application format other than RTP (XEP-0166 §12.1)."""

    namespace: str


class Content(Struct, frozen=True, gc=False, omit_defaults=True):
    """A Jingle content (XEP-0166 §7.3). ``description`` is None if the action has none, or one in ``unknown``."""

    name: str
    creator: Role = "initiator"
    senders: Senders = "both"
    description: Description | None = None
    unknown: UnknownApplication | None = None
    transport: Transport | None = None
    """The transport, if the action has no description, such as transport-info."""


class Unusable(Struct, frozen=True, gc=False):
    """A description cannot be used. ``problem``: the reason, as a sentence for people."""

    problem: str


def malformed(description: Description) -> str | None:
    """Return the reason why a description must not be passed on, as a sentence; None if there is none."""
    for candidate in getattr(description.transport, "candidates", ()):
        if not 0 < candidate.port < 65536 and candidate.protocol == "udp":
            return texts.BAD_PORT.format(port=candidate.port)
    return None


def unusable(transport: IceUdp) -> str | None:
    """Return what a client has named for ICE or DTLS that is of no use, as a sentence; None if there is nothing.

    What it has not named yet may still come (XEP-0176 §5.3, XEP-0320 §2).
    """
    if not all(_WORD.fullmatch(each.strip()) for each in (transport.ufrag, transport.pwd) if each):
        return texts.BAD_CREDENTIALS
    fingerprint = transport.fingerprint
    if fingerprint and not (_WORD.fullmatch(fingerprint.hash.strip()) and _WORD.fullmatch(fingerprint.value.strip())):
        return texts.BAD_FINGERPRINT
    return None


def profile(description: Description) -> MediaProfile | Unusable:
    """Return the media profile of a description, or the reason why it cannot be used."""
    match description.transport:
        case RawUdp():
            if address(description) is None:
                return Unusable(texts.CLIENT_UNREACHABLE if is_cut_off(description) else texts.NO_ADDRESS)
            return MediaProfile.PLAIN
        case IceUdp() if is_cut_off(description):
            return Unusable(texts.CLIENT_UNREACHABLE)
        case IceUdp(fingerprint=fingerprint):
            return MediaProfile.DTLS if fingerprint else MediaProfile.ICE
        case UnknownTransport():
            return Unusable(texts.UNKNOWN_TRANSPORT)
        case _:
            assert_never(description.transport)


def is_secured(description: Description) -> bool:
    """Return True if an end takes SRTP that is keyed by DTLS, over ICE, and has said all that this needs."""
    transport = description.transport
    if not isinstance(transport, IceUdp) or transport.fingerprint is None:
        return False
    return bool(transport.ufrag and transport.pwd and transport.candidates)


def end_to_end(description: Description) -> Description:
    """Return what another end is told of one with DTLS without a relay between them: what a call needs. Header
    extensions, sources and feedback of its own are left out, as is what only the signalling of candidates knows. Some
    write the hash function in capitals, which others do not understand.
    """
    assert isinstance(description.transport, IceUdp), "it is secured"
    assert description.transport.fingerprint, "it is secured"
    printed = description.transport.fingerprint
    own = tuple([each for each in description.transport.candidates if each.component == 1])
    candidates = tuple([replace(each, id="", generation=0, network=0, hidden=False) for each in own])
    codecs = tuple([replace(each, feedback=()) if each.feedback else each for each in description.codecs])
    fingerprint = replace(printed, hash=printed.hash.lower())
    transport = replace(
        description.transport, candidates=candidates, fingerprint=fingerprint, complete=False, refused=()
    )
    return Description(description.media, codecs, transport, mux=True, reduced_size=description.reduced_size)


def address(description: Description, component: int = 1, within: tuple[Family, ...] = FAMILIES) -> Candidate | None:
    """Return the first candidate with a unicast address for RTP (component 1) or RTCP (2), None if there is none.

    ``within``: the address families that count, the preferred one first.
    """
    if isinstance(description.transport, UnknownTransport):
        return None
    for wanted in within:
        for candidate in description.transport.candidates:
            if candidate.component == component and family(candidate.ip) == wanted:
                return candidate
    return None


def is_cut_off(description: Description) -> bool:
    """Return True if all addresses that an end named for RTP are refused (rule 4)."""
    match description.transport:
        case RawUdp(refused=refused):
            return _are_addresses(refused) and address(description) is None
        case IceUdp(candidates=candidates, refused=refused):
            return _are_addresses(refused) and not any(each.component == 1 for each in candidates)
        case UnknownTransport():
            return False
        case _:
            assert_never(description.transport)


def _are_addresses(refused: tuple[RefusedAddress, ...]) -> bool:
    """Return True if RTP was to go to any of these. A client with ICE may name none at first, or hide it (mDNS)."""
    return any(each.component == 1 and each.why not in _NOT_MEANT for each in refused)


def families(description: Description) -> tuple[Family, ...]:
    """Return the address families in which an end takes RTP, the preferred one first."""
    if isinstance(description.transport, UnknownTransport):
        return ()
    found = [family(candidate.ip) for candidate in description.transport.candidates if candidate.component == 1]
    return tuple([each for each in FAMILIES if each in found])  # a list is quicker than a generator here


def takes(description: Description, within: tuple[Family, ...]) -> bool:
    """Return True if an end takes RTP in one of these address families."""
    return address(description, 1, within) is not None


def is_ipv6_only(description: Description) -> bool:
    """Return True if an end takes RTP over IPv6 and not over IPv4."""
    return not takes(description, (IPV4,)) and takes(description, (IPV6,))


def shares_family(one: Description, other: Description) -> bool:
    """Return True if two ends have an address family in common."""
    return takes(one, families(other))


def narrowed(description: Description, within: tuple[Family, ...]) -> Description:
    """Return a plain description with only the addresses of one family, the first of these that it has."""
    rtp = address(description, 1, within)
    if rtp is None or not isinstance(description.transport, RawUdp) or len(families(description)) == 1:
        return description
    same = tuple(each for each in description.transport.candidates if family(each.ip) == family(rtp.ip))
    return replace(description, transport=RawUdp(same))


def rtp_and_rtcp(description: Description, within: tuple[Family, ...] = FAMILIES) -> tuple[Candidate, ...]:
    """Return the address for RTP, and that for RTCP in the same family; none if there is no address for RTP.

    ``within``: as in `address`. An end that names no address for RTCP takes it at the next port (RFC 3550 §11).
    """
    rtp = address(description, 1, within)
    if rtp is None or (same := family(rtp.ip)) is None:
        return ()
    rtcp = address(description, 2, (same,))
    return (
        Candidate(1, rtp.ip, rtp.port, hidden=rtp.hidden),
        Candidate(2, rtcp.ip, rtcp.port, hidden=rtcp.hidden)
        if rtcp
        else Candidate(2, rtp.ip, min(rtp.port + 1, 65535), hidden=rtp.hidden),
    )


@lru_cache(1024)
def family(text: str) -> Family | None:
    """Return the family of a unicast address that audio can be sent to, None if the text is no such address."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if parsed.is_multicast or parsed.is_unspecified:
        return None
    if isinstance(parsed, ipaddress.IPv4Address):
        return IPV4
    return None if parsed.is_link_local or parsed.ipv4_mapped or parsed.scope_id else IPV6
