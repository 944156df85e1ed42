"""Any description that SDP can say, what is the same as it in SDP, and descriptions with any texts and numbers."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

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
)


def _texts(without: str = "", least: int = 1) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs"), exclude_characters=without)
    return st.text(characters, min_size=least, max_size=12)


def _few(each: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(each, min_size=least, max_size=3).map(tuple)


words = _texts()
maybe = _texts(least=0)
_names = _texts("/;:=")
_codec_names = st.text("AZaz09!#$%&'*+-.^_`{|}~", min_size=1, max_size=12)
# Two words, because a value may have a space in it.
_values = st.lists(_texts(";"), max_size=2).map(" ".join)
_bare = _texts(";=")
_byte, _port, _word = (st.integers(0, most) for most in (255, 65535, 2**32 - 1))
_ports = st.integers(1, 65535)
_senders = st.sampled_from(["both", "initiator", "responder", "none"])
_addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)

_parameters = _few(st.builds(Parameter, _names, _values) | st.builds(Parameter, st.just(""), _bare))
_feedback = _few(
    st.builds(Feedback, words.filter("trr-int".__ne__), _values)
    | st.builds(Feedback, st.just("trr-int"), st.just(""), _word)
)
_rates = st.integers(1, 2**32 - 1)
_codecs = st.builds(
    Codec, st.integers(0, 127), _codec_names, _rates, st.integers(1, 255), _word, _word, _parameters, _feedback
) | st.builds(Codec, st.sampled_from([0, 3, 8, 9]), st.just(""), feedback=_feedback)
_events = st.builds(
    Codec,
    st.integers(96, 127),
    st.just("telephone-event"),
    _rates,
    parameters=st.just(()) | st.tuples(st.builds(Parameter, st.just("events"), _bare)),
)
_sources = st.lists(
    st.builds(Source, words, _few(st.builds(Parameter, _names, _values))), max_size=3, unique_by=lambda each: each.ssrc
).map(tuple)
_ice_candidates = st.builds(
    Candidate,
    component=_byte,
    ip=_addresses | words,
    port=_port,
    id=maybe,
    generation=_word,
    foundation=maybe,
    network=_word,
    priority=_word,
    protocol=st.sampled_from(["udp", "tcp"]),
    type=st.sampled_from(["", "host", "srflx", "prflx", "relay"]),
    tcptype=st.sampled_from(["", "active", "passive", "so"]),
    rel_addr=st.just("") | _addresses,
    rel_port=_port,
)
_raw = st.builds(
    lambda first, others: RawUdp((first, *others)),
    st.builds(Candidate, st.just(1), _addresses, _ports),
    _few(st.builds(Candidate, _byte, _addresses, _ports, id=maybe)),
)
_ice = st.builds(
    IceUdp, words, words, _few(_ice_candidates), st.none() | st.builds(Fingerprint, words, maybe, words), st.booleans()
)
descriptions = st.builds(
    Description,
    media=words,
    codecs=_few(_codecs | _events, least=1),
    transport=_raw | _ice,
    mux=st.booleans(),
    reduced_size=st.booleans(),
    extensions=_few(st.builds(Extension, _word, words, _senders)),
    feedback=_feedback,
    sources=_sources,
    ptime=_word,
    maxptime=_word,
)
contents = st.builds(Content, maybe, senders=_senders, description=descriptions)


# --- with any texts and numbers, of which SDP cannot say some

_any = st.text(max_size=8) | st.text(" \t\r\n\0;:=/a\u00a0\u2028", max_size=8)
_integers = st.integers(-1, 2**40) | st.integers(0, 127)
_odd_parameters = _few(st.builds(Parameter, _any, _any))
_odd_feedback = _few(st.builds(Feedback, _any | st.just("trr-int"), _any, _integers))
_odd_codecs = st.builds(
    Codec, _integers, _any | _codec_names, _integers, _integers, _integers, _integers, _odd_parameters, _odd_feedback
)
_odd_candidates = st.builds(
    Candidate,
    *(_integers, _any | _addresses, _integers, _any, _integers, _any, _integers, _integers, _any | st.just("udp")),
    *(_any, _any, _any, _integers),
)
_odd_fingerprints = st.builds(Fingerprint, words, _any, words)
odd_contents = st.builds(
    Content,
    _any,
    senders=_senders,
    description=st.builds(
        Description,
        media=words,
        codecs=_few(_odd_codecs).map(lambda odd: (Codec(0), *odd)),
        transport=_raw | st.builds(IceUdp, words, words, _few(_odd_candidates), st.none() | _odd_fingerprints),
        extensions=_few(st.builds(Extension, _integers, _any, _senders)),
        feedback=_odd_feedback,
        ssrc=_any,
        sources=_few(st.builds(Source, _any, _odd_parameters)),
        ptime=_integers,
        maxptime=_integers,
    ),
)


# --- the same in SDP: rules 1 and 2 of writing.py


def normal(content: Content) -> Content:
    """A content as it comes back from SDP."""
    assert content.description
    return Content(content.name, senders=content.senders, description=_normal(content.description))


def _normal(d: Description) -> Description:
    codecs = meaningful(d.codecs)
    return replace(
        d,
        codecs=tuple(map(_normal_codec, codecs)),
        transport=_normal_transport(d.transport),
        ssrc=d.sources[0].ssrc if d.sources else "",
        sources=_normal_sources(d.sources),
        ptime=d.ptime or next((codec.ptime for codec in codecs if codec.ptime), 0),
        maxptime=d.maxptime or next((codec.maxptime for codec in codecs if codec.maxptime), 0),
        encryption_required=False,
    )


def _normal_sources(sources: Iterable[Source]) -> tuple[Source, ...]:
    merged: dict[str, tuple[Parameter, ...]] = {}
    for each in sources:
        merged[each.ssrc] = merged.get(each.ssrc, ()) + each.parameters
    return tuple(Source(ssrc, parameters) for ssrc, parameters in merged.items())


def _normal_codec(codec: Codec) -> Codec:
    name, clockrate, channels = kind(codec)
    said = {"name": codec.name or name.upper(), "clockrate": clockrate, "channels": channels, "ptime": 0, "maxptime": 0}
    parameters = [
        replace(each, name="events") if name == "telephone-event" and not each.name else each
        for each in codec.parameters
        if each.name or each.value
    ]
    return replace(codec, parameters=tuple(parameters), **said)


def _normal_transport(transport: Transport) -> Transport:
    match transport:
        case RawUdp(candidates):
            firsts = [next((c for c in candidates if c.component == each and c.port), None) for each in (1, 2)]
            plain = [Candidate(each.component, each.ip, each.port) for each in firsts if each]
            if len({(each.ip, each.port) for each in plain}) < len(plain):
                plain.pop()
            return RawUdp(tuple(plain))
        case IceUdp(candidates=candidates):
            return replace(transport, candidates=tuple(map(_normal_candidate, candidates)))
        case other:
            return other


def _normal_candidate(candidate: Candidate) -> Candidate:
    foundation = candidate.foundation or "1"
    known = candidate.rel_addr not in ("", "0.0.0.0")
    return replace(
        candidate,
        foundation=foundation,
        id=candidate.id or f"{foundation}-{candidate.component}",
        protocol=candidate.protocol.lower(),
        type=candidate.type or "host",
        rel_addr=candidate.rel_addr if known else "",
        rel_port=candidate.rel_port if known else 0,
    )
