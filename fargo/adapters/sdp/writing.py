"""Descriptions to SDP (RFC 4566).

Rules:

1. Nothing is lost but what SDP cannot express: the id, type and generation of a plain address, all plain addresses of
   a component but the first, and the ptime of a single codec (SDP has one for all). Several sources with one SSRC
   become one (RFC 5576 §4.1).
2. What may be omitted in Jingle is filled in: the codec of a static payload type (RFC 3551 §6), and defaults for ICE.
3. No text can leave its place. Text that would break a line, or the grammar within it, is left out (`trimming`). If a
   description is of no use without it, `UnwritableError` is raised.
4. In an answer, the streams that are not carried are rejected with port 0 (RFC 3264 §6).
5. With video, the relay is told the profile with feedback (RFC 4585) for all streams, whatever an end names: between
   one with and one without it, the relay would take out the feedback that asks for a picture.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from msgspec.structs import replace

from fargo.adapters.sdp import crypto, texts
from fargo.adapters.sdp.grammar import (
    CACHED,
    DIRECTIONS,
    DTLS,
    EVENTS,
    EVENTS_NAME,
    FEEDBACK,
    HOST,
    INTERVAL,
    NOWHERE,
    PLAIN,
    PORT,
    SDES,
    TOKEN,
    is_address,
)
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sdp.trimming import trimmed
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Crypto,
    Description,
    Extension,
    Feedback,
    Fingerprint,
    IceUdp,
    Parameter,
    RawUdp,
    Role,
    Source,
    Transport,
    UnknownTransport,
)
from fargo.statemachine.media.pictures import VIDEO

_ANY_FORMAT: Final = 0
"""The format of a stream that is rejected: one has to be named."""


class UnwritableError(Exception):
    """A description that SDP cannot express. str() is a sentence."""


def write(content: Content, by: Role, keys: SessionKeys, closed: bool = False) -> str:
    """Return the SDP for a content that has a description, and for the video that goes with it.

    `by` is the party whose description it is, because directions in SDP are relative to it. `closed`: the session has a
    stream for video that is not used. Raise UnwritableError if SDP cannot express the content.
    """
    description = content.description
    assert description, "the content has a description"
    return "".join(f"{line}\r\n" for line in _lines(content, description, by, keys, closed))


def _lines(content: Content, description: Description, by: Role, keys: SessionKeys, closed: bool) -> Iterator[str]:
    host, port = default_address(description.transport)
    yield from session_lines(host, 0, 0)
    video = description.video
    named = profile(description, video is not None or closed)
    yield from media_lines(content, description, by, named, port, keys)
    if video is not None:
        yield from video_lines(replace(content, name=""), video, by, named, host, keys)
    elif closed:
        yield rejected_line(f"{VIDEO} {port} {named} {_ANY_FORMAT}")


def profile(description: Description, feedback: bool = False) -> str:
    """Return the profile of a description's media line; with ``feedback``, that which has it (rule 5)."""
    if _is_secured(description.transport):
        return DTLS
    if description.encryption_required:
        return SDES
    return FEEDBACK if feedback else PLAIN


def video_lines(
    content: Content, video: Description, by: Role, profile: str, host: str, keys: SessionKeys
) -> Iterator[str]:
    """Yield the media line of video, and its attributes. ``host``: the address of the session."""
    own, port = default_address(video.transport)
    first, *rest = media_lines(content, video, by, profile, port, keys)
    yield first
    if own != host:
        yield f"c={_network(own)}"
    yield from rest


def session_lines(host: str, session: int, version: int) -> Iterator[str]:
    """Yield the lines before the first media line: the id and version of the session, and its address."""
    yield "v=0"
    yield f"o=- {session} {version} {_network(host)}"
    yield "s=-"
    yield f"c={_network(host)}"
    yield "t=0 0"


def media_lines(
    content: Content, description: Description, by: Role, profile: str, port: int, keys: SessionKeys
) -> Iterator[str]:
    """Yield the media line of a content, and its attributes. Raise UnwritableError if SDP cannot express it."""
    content, d = trimmed(content, description)
    if not d.codecs:
        raise UnwritableError(texts.NO_CODEC)
    if d.encryption_required and not d.crypto and not _is_secured(d.transport):
        raise UnwritableError(texts.NO_KEYS)
    formats = " ".join(str(codec.id) for codec in d.codecs)
    yield f"m={_fit(TOKEN, d.media, texts.MEDIA_TYPE)} {port} {_fit(TOKEN, profile, texts.MEDIA_PROFILE)} {formats}"
    yield f"a={DIRECTIONS[by][content.senders]}"
    if content.name:
        yield f"a=mid:{content.name}"
    for codec in d.codecs:
        yield from _codec_lines(codec)
    if ptime := d.ptime or next((codec.ptime for codec in d.codecs if codec.ptime), 0):
        yield f"a=ptime:{ptime}"
    if maxptime := d.maxptime or next((codec.maxptime for codec in d.codecs if codec.maxptime), 0):
        yield f"a=maxptime:{maxptime}"
    yield from _feedback_lines("*", d.feedback)
    for extension in d.extensions:
        yield _extension_line(extension, by)
    for source in d.sources:
        yield from _source_lines(source)
    if d.mux:
        yield "a=rtcp-mux"
    if d.reduced_size:
        yield "a=rtcp-rsize"
    yield from _transport_lines(d.transport)
    for each in d.crypto:
        yield _crypto_line(each, keys)


def rejected_line(media: str) -> str:
    """Return the media line that rejects an offered one (RFC 3264 §6): the same with port 0."""
    words = media.split(" ")
    if len(words) < 4 or not all(TOKEN.fullmatch(word) for word in words):
        raise UnwritableError(texts.NOT_WRITABLE.format(what=texts.MEDIA_TYPE))
    return f"m={words[0]} 0 {' '.join(words[2:])}"


def _fit(pattern: re.Pattern[str], text: str, what: str) -> str:
    """Return the text if it matches. The error does not repeat it, because it may be a secret."""
    if not pattern.fullmatch(text):
        raise UnwritableError(texts.NOT_WRITABLE.format(what=what))
    return text


def default_address(transport: Transport) -> tuple[str, int]:
    """Return the address for a party without ICE (RFC 8839 §4.2.1), which goes into the m= and c= lines."""
    match transport:
        case RawUdp(candidates):
            for candidate in _plain(candidates, 1):
                return candidate.ip, candidate.port
            raise UnwritableError(texts.NO_ADDRESS)
        case IceUdp(candidates=candidates):
            over_udp = [each for each in candidates if each.protocol.lower() == "udp"]
            return next(((each.ip, each.port) for each in _plain(over_udp, 1)), NOWHERE)
        case UnknownTransport():
            raise UnwritableError(texts.NO_SDP_TRANSPORT)


def _plain(candidates: Iterable[Candidate], component: int) -> list[Candidate]:
    """Return the first plain address of a component in a list, or []."""
    return [c for c in candidates if c.component == component and 0 < c.port <= PORT and is_address(c.ip)][:1]


@lru_cache(CACHED)
def _network(host: str) -> str:
    return f"IN IP{ip_address(host).version} {host}"


def _is_secured(transport: Transport) -> bool:
    return isinstance(transport, IceUdp) and transport.fingerprint is not None


def _codec_lines(codec: Codec) -> Iterator[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    yield f"a=rtpmap:{codec.id} {codec.name}/{codec.clockrate}{channels}"
    if codec.parameters:
        yield f"a=fmtp:{codec.id} {';'.join(_parameter(codec, each) for each in codec.parameters)}"
    yield from _feedback_lines(str(codec.id), codec.feedback)


def _parameter(codec: Codec, parameter: Parameter) -> str:
    name, value = parameter.name, parameter.value
    return value if not name or (name == EVENTS_NAME and kind(codec)[0] == EVENTS) else f"{name}={value}"


def _feedback_lines(payload_type: str, feedback: Iterable[Feedback]) -> Iterator[str]:
    for each in feedback:
        detail = str(each.interval) if each.type == INTERVAL else each.subtype
        yield f"a=rtcp-fb:{payload_type} {each.type}{f' {detail}' if detail else ''}"


def _extension_line(extension: Extension, by: Role) -> str:
    way = "" if extension.senders == "both" else f"/{DIRECTIONS[by][extension.senders]}"
    return f"a=extmap:{extension.id}{way} {extension.uri}"


def _source_lines(source: Source) -> Iterator[str]:
    if not source.parameters:
        yield f"a=ssrc:{source.ssrc}"
    for each in source.parameters:
        yield f"a=ssrc:{source.ssrc} {each.name}{f':{each.value}' if each.value else ''}"


def _crypto_line(of: Crypto, keys: SessionKeys) -> str:
    line = crypto.line(of, keys)
    if line is None:
        raise UnwritableError(texts.KEYS_GONE)
    return line


def _transport_lines(transport: Transport) -> Iterator[str]:
    match transport:
        case RawUdp(candidates):
            for candidate in _plain(candidates, 2):
                yield f"a=rtcp:{candidate.port} {_network(candidate.ip)}"
        case IceUdp(ufrag, pwd, candidates, fingerprint, complete):
            yield f"a=ice-ufrag:{_fit(TOKEN, ufrag, texts.ICE_UFRAG)}"
            yield f"a=ice-pwd:{_fit(TOKEN, pwd, texts.ICE_PWD)}"
            yield from map(_candidate_line, candidates)
            if complete:
                yield "a=end-of-candidates"
            if fingerprint:
                yield from _fingerprint_lines(fingerprint)


def _candidate_line(candidate: Candidate) -> str:
    """Return a candidate attribute (RFC 8839 §5.1). A related address that is withheld is written as 0.0.0.0:9."""
    c = candidate
    kind_of = c.type or HOST
    rel_addr, rel_port = (c.rel_addr, c.rel_port) if c.rel_addr else NOWHERE
    words = [
        *(c.foundation or "1", c.component, c.protocol, c.priority, c.ip, c.port, "typ", kind_of),
        *(("raddr", rel_addr, "rport", rel_port) if c.rel_addr or kind_of != HOST else ()),
        *(("tcptype", c.tcptype) if c.tcptype else ()),
        *("generation", c.generation),
        *(("network-id", c.network) if c.network else ()),
        *(("id", c.id) if c.id else ()),
    ]
    return "a=candidate:" + " ".join(map(str, words))


def _fingerprint_lines(fingerprint: Fingerprint) -> Iterator[str]:
    value = _fit(TOKEN, fingerprint.value, texts.FINGERPRINT)
    yield f"a=fingerprint:{_fit(TOKEN, fingerprint.hash, texts.FINGERPRINT_HASH)} {value}"
    if fingerprint.setup:
        yield f"a=setup:{fingerprint.setup}"
