"""Trim descriptions to what SDP can say (RFC 4566 §9). One odd word costs a parameter, and not the call.

Rules:

1. White space at the ends of a text is no part of it, and within a text it is one space. Neither are semicolons at the
   ends of a codec's parameter.
2. A text that would break its line, or the grammar within it, is left out with what it describes: a parameter, a kind
   of feedback, a header extension, a source, a candidate. The same holds for a number that is too large. A role in the
   DTLS handshake and the name of the content are left out alone.
3. Which codecs are left out, `media.codecs.meaningful` says.
4. Nothing on which the safety of the audio depends is left out: what ICE and DTLS need is only trimmed.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, TypeVar, assert_never

from msgspec.structs import replace

from fargo.adapters.sdp.grammar import (
    BARE,
    BYTE,
    EVENTS,
    EVENTS_NAME,
    INTERVAL,
    NAME,
    PORT,
    TEXT,
    TOKEN,
    VALUE,
    WORD,
    complete,
    squeezed,
)
from fargo.statemachine.media.codecs import kind, meaningful
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Extension,
    Feedback,
    Fingerprint,
    IceUdp,
    Parameter,
    RawUdp,
    Source,
    Transport,
    UnknownTransport,
)

T = TypeVar("T")
_cached: Final = lru_cache(256)


def trimmed(content: Content, description: Description) -> tuple[Content, Description]:
    """Return a content and its description as SDP can say them."""
    name = squeezed(content.name)
    described = replace(
        description,
        codecs=_codecs(description.codecs),
        transport=_transport(description.transport),
        extensions=_kept(_extension, description.extensions),
        feedback=_kept(_feedback, description.feedback),
        sources=_kept(_source, description.sources),
        ptime=_limited(description.ptime),
        maxptime=_limited(description.maxptime),
    )
    return replace(content, name=name if TOKEN.fullmatch(name) else ""), described


def _kept(trim: Callable[[T], T | None], items: Iterable[T]) -> tuple[T, ...]:
    return tuple(fit for each in items if (fit := trim(each)) is not None)


def _is_within(number: int, most: int) -> bool:
    return 0 <= number <= most


def _limited(milliseconds: int) -> int:
    return milliseconds if _is_within(milliseconds, WORD) else 0


@_cached
def _codecs(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    return _kept(_codec, meaningful(codecs))


def _codec(codec: Codec) -> Codec | None:
    said = complete(codec)
    if not (_is_within(said.clockrate, WORD) and _is_within(said.channels, BYTE)):
        return None
    return replace(
        said,
        channels=max(said.channels, 1),
        ptime=_limited(codec.ptime),
        maxptime=_limited(codec.maxptime),
        parameters=_kept(lambda each: _parameter(codec, each), codec.parameters),
        feedback=_kept(_feedback, codec.feedback),
    )


def _parameter(codec: Codec, parameter: Parameter) -> Parameter | None:
    name, value = squeezed(parameter.name), squeezed(parameter.value).strip("; ")
    if not name or (name == EVENTS_NAME and kind(codec)[0] == EVENTS):
        return Parameter(name, value) if BARE.fullmatch(value) else None
    return Parameter(name, value) if NAME.fullmatch(name) and VALUE.fullmatch(value) else None


def _feedback(feedback: Feedback) -> Feedback | None:
    if feedback.type == INTERVAL:
        return Feedback(INTERVAL, "", feedback.interval) if _is_within(feedback.interval, WORD) else None
    type_of, subtype = squeezed(feedback.type), squeezed(feedback.subtype)
    fits = TOKEN.fullmatch(type_of) and type_of != INTERVAL and VALUE.fullmatch(subtype)
    return Feedback(type_of, subtype) if fits else None


def _extension(extension: Extension) -> Extension | None:
    uri = squeezed(extension.uri)
    return replace(extension, uri=uri) if TOKEN.fullmatch(uri) and _is_within(extension.id, WORD) else None


def _source(source: Source) -> Source | None:
    ssrc = squeezed(source.ssrc)
    return Source(ssrc, _kept(_of_source, source.parameters)) if TOKEN.fullmatch(ssrc) else None


def _of_source(parameter: Parameter) -> Parameter | None:
    name, value = squeezed(parameter.name), squeezed(parameter.value)
    return Parameter(name, value) if NAME.fullmatch(name) and TEXT.fullmatch(value) else None


def _transport(transport: Transport) -> Transport:
    match transport:
        case IceUdp(ufrag=ufrag, pwd=pwd, candidates=candidates, fingerprint=fingerprint):
            return replace(
                transport,
                ufrag=squeezed(ufrag),
                pwd=squeezed(pwd),
                candidates=_kept(_candidate, candidates),
                fingerprint=_fingerprint(fingerprint) if fingerprint else None,
            )
        case RawUdp() | UnknownTransport():
            return transport
        case _:
            assert_never(transport)


def _candidate(candidate: Candidate) -> Candidate | None:
    c = replace(
        candidate,
        ip=squeezed(candidate.ip),
        id=squeezed(candidate.id),
        foundation=squeezed(candidate.foundation),
        protocol=squeezed(candidate.protocol),
        type=squeezed(candidate.type),
        tcptype=squeezed(candidate.tcptype),
        rel_addr=squeezed(candidate.rel_addr),
    )
    texts = (c.ip, c.protocol, *filter(None, (c.id, c.foundation, c.type, c.tcptype, c.rel_addr)))
    ports, words = (c.port, c.rel_port), (c.priority, c.generation, c.network)
    fits = (
        all(map(TOKEN.fullmatch, texts))
        and _is_within(c.component, BYTE)
        and all(_is_within(each, PORT) for each in ports)
        and all(_is_within(each, WORD) for each in words)
    )
    return c if fits else None


def _fingerprint(fingerprint: Fingerprint) -> Fingerprint:
    setup = squeezed(fingerprint.setup)
    role = setup if TOKEN.fullmatch(setup) else ""
    return Fingerprint(squeezed(fingerprint.hash), role, squeezed(fingerprint.value))
