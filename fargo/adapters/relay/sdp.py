"""Contents to SDP (RFC 4566) and back: the one media stream of a party, as the relay reads and writes it.

Rules:

1. Nothing is lost but what SDP cannot express: the id, type and generation of a plain address, all plain addresses of
   a component but the first, the ptime of a single codec (SDP has one for all), and the demand for encryption. Several
   sources with one SSRC become one (RFC 5576 §4.1).
2. Payload types that have no meaning, or that repeat a number with another meaning, are left out (`media.meaningful`).
   What may be omitted in Jingle is filled in: the codec of a static payload type (RFC 3551 §6), and defaults for ICE.
3. No text can leave its place. Text that would break a line, or the grammar within it, raises `UnwritableError`.
4. SDP that is read is untrusted. Reading returns a value or raises `MalformedSdpError`, and nothing else. It ignores
   every media line but the first, and attributes that the gateway has no use for, such as SDES keys.

No library is used, because those available do not keep texts as they are: an ICE password of digits becomes a number.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

from msgspec.structs import replace

from fargo.adapters.relay import texts
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
    Role,
    Senders,
    Source,
    Transport,
    UnknownTransport,
    kind,
    meaningful,
)

PLAIN: Final = "RTP/AVP"
"""The profile of plain RTP, with or without ICE (RFC 3551)."""
DTLS: Final = "UDP/TLS/RTP/SAVPF"
"""The profile of SRTP keyed by DTLS (RFC 5764)."""

_NOWHERE: Final = ("0.0.0.0", 9)  # the address of a party without candidates, RFC 8840 §4.1
_HOST: Final = "host"
_EVENTS: Final = "telephone-event"  # RFC 4733: its fmtp is a list without a name; clients name it "events"
_INTERVAL: Final = "trr-int"
_BYTE, _PORT, _WORD = 255, 65535, 2**32 - 1
_DIRECTIONS: Final[dict[Role, dict[Senders, str]]] = {
    "initiator": {"both": "sendrecv", "initiator": "sendonly", "responder": "recvonly", "none": "inactive"},
    "responder": {"both": "sendrecv", "initiator": "recvonly", "responder": "sendonly", "none": "inactive"},
}

# Characters that no line may contain: control characters, other line breaks and surrogates.
_BREAK: Final = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_TOKEN: Final = re.compile(rf"[^\s{_BREAK}]+")
_NAME: Final = re.compile(rf"[^\s{_BREAK}/;:=]+")
_VALUE: Final = re.compile(rf"[^ ;{_BREAK}]([^;{_BREAK}]*[^ ;{_BREAK}])?|")
_BARE: Final = re.compile(rf"[^ ;={_BREAK}]([^;={_BREAK}]*[^ ;={_BREAK}])?")
_TEXT: Final = re.compile(rf"[^{_BREAK}]*")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


class UnwritableError(Exception):
    """A description that SDP cannot express. str() is a sentence."""


class MalformedSdpError(Exception):
    """SDP that cannot be understood. str() is a sentence."""


# --- writing


def write(content: Content, by: Role) -> str:
    """Return the SDP for a content that has a description.

    `by` is the party whose description it is, because directions in SDP are relative to it. Raise UnwritableError if
    SDP cannot express the content.
    """
    description = content.description
    assert description, "the content has a description"
    return "".join(f"{line}\r\n" for line in _lines(content, description, by))


def _lines(content: Content, description: Description, by: Role) -> Iterator[str]:
    d = description
    codecs = _codecs_of(d)
    if not codecs:
        raise UnwritableError(texts.NO_CODEC)
    (host, port), secured = _default(d.transport), _is_secured(d.transport)
    if d.encryption_required and not secured:
        raise UnwritableError(texts.SDES_REQUIRED)
    yield "v=0"
    yield f"o=- 0 0 {_network(host)}"
    yield "s=-"
    yield f"c={_network(host)}"
    yield "t=0 0"
    formats = " ".join(str(codec.id) for codec in codecs)
    yield f"m={_fit(_TOKEN, d.media, texts.MEDIA_TYPE)} {port} {DTLS if secured else PLAIN} {formats}"
    yield f"a={_DIRECTIONS[by][content.senders]}"
    if content.name:
        yield f"a=mid:{_fit(_TOKEN, content.name, texts.CONTENT_NAME)}"
    for codec in codecs:
        yield from _codec_lines(codec)
    if ptime := d.ptime or next((codec.ptime for codec in codecs if codec.ptime), 0):
        yield f"a=ptime:{ptime}"
    if maxptime := d.maxptime or next((codec.maxptime for codec in codecs if codec.maxptime), 0):
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


def _codecs_of(description: Description) -> list[Codec]:
    return [_complete(codec) for codec in meaningful(description.codecs)]


def _complete(codec: Codec) -> Codec:
    """Return the codec with the values that a static payload type may omit (RFC 3551 §6)."""
    name, clockrate, channels = kind(codec)
    return replace(codec, name=codec.name or name.upper(), clockrate=clockrate, channels=channels)


def _fit(pattern: re.Pattern[str], text: str, what: str) -> str:
    """Return the text if it matches. The error does not repeat it, because it may be a secret."""
    if not pattern.fullmatch(text):
        raise UnwritableError(texts.NOT_WRITABLE.format(what=what))
    return text


def _default(transport: Transport) -> tuple[str, int]:
    """Return the address for a party without ICE (RFC 8839 §4.2.1), which goes into the m= and c= lines."""
    match transport:
        case RawUdp(candidates):
            for candidate in _plain(candidates, 1):
                return candidate.ip, candidate.port
            raise UnwritableError(texts.NO_ADDRESS)
        case IceUdp(candidates=candidates):
            fit = (c for c in candidates if c.component == 1 and c.protocol.lower() == "udp" and _is_address(c.ip))
            return next(((c.ip, c.port) for c in fit), _NOWHERE)
        case UnknownTransport():
            raise UnwritableError(texts.NO_SDP_TRANSPORT)


def _plain(candidates: Iterable[Candidate], component: int) -> list[Candidate]:
    """Return the first plain address of a component in a list, or []."""
    return [c for c in candidates if c.component == component and c.port and _is_address(c.ip)][:1]


def _is_address(text: str) -> bool:
    try:
        return bool(_TOKEN.fullmatch(text)) and bool(ip_address(text))
    except ValueError:
        return False


def _network(host: str) -> str:
    return f"IN IP{ip_address(host).version} {host}"


def _is_secured(transport: Transport) -> bool:
    return isinstance(transport, IceUdp) and transport.fingerprint is not None


def _codec_lines(codec: Codec) -> Iterator[str]:
    encoding = f"{_fit(_NAME, codec.name, texts.CODEC_NAME)}/{codec.clockrate}"
    yield f"a=rtpmap:{codec.id} {encoding}{f'/{codec.channels}' if codec.channels > 1 else ''}"
    if told := ";".join(filter(None, (_parameter(codec, each) for each in codec.parameters))):
        yield f"a=fmtp:{codec.id} {told}"
    yield from _feedback_lines(str(codec.id), codec.feedback)


def _parameter(codec: Codec, parameter: Parameter) -> str:
    name, value = parameter.name, parameter.value
    if not (name or value):
        return ""
    if not name or (name == "events" and kind(codec)[0] == _EVENTS):
        return _fit(_BARE, value, texts.CODEC_PARAMETER)
    return f"{_fit(_NAME, name, texts.CODEC_PARAMETER_NAME)}={_fit(_VALUE, value, texts.CODEC_PARAMETER)}"


def _feedback_lines(payload_type: str, feedback: Iterable[Feedback]) -> Iterator[str]:
    for each in feedback:
        detail = str(each.interval) if each.type == _INTERVAL else _fit(_VALUE, each.subtype, texts.FEEDBACK)
        yield f"a=rtcp-fb:{payload_type} {_fit(_TOKEN, each.type, texts.FEEDBACK)}{f' {detail}' if detail else ''}"


def _extension_line(extension: Extension, by: Role) -> str:
    way = "" if extension.senders == "both" else f"/{_DIRECTIONS[by][extension.senders]}"
    return f"a=extmap:{extension.id}{way} {_fit(_TOKEN, extension.uri, texts.EXTENSION_URI)}"


def _source_lines(source: Source) -> Iterator[str]:
    ssrc = _fit(_TOKEN, source.ssrc, texts.SOURCE)
    if not source.parameters:
        yield f"a=ssrc:{ssrc}"
    for each in source.parameters:
        name, value = _fit(_NAME, each.name, texts.SOURCE_PARAMETER), _fit(_TEXT, each.value, texts.SOURCE_PARAMETER)
        yield f"a=ssrc:{ssrc} {name}{f':{value}' if value else ''}"


def _transport_lines(transport: Transport) -> Iterator[str]:
    match transport:
        case RawUdp(candidates):
            for candidate in _plain(candidates, 2):
                yield f"a=rtcp:{candidate.port} {_network(candidate.ip)}"
        case IceUdp(ufrag, pwd, candidates, fingerprint, complete):
            yield f"a=ice-ufrag:{_fit(_TOKEN, ufrag, texts.ICE_UFRAG)}"
            yield f"a=ice-pwd:{_fit(_TOKEN, pwd, texts.ICE_PWD)}"
            yield from map(_candidate_line, candidates)
            if complete:
                yield "a=end-of-candidates"
            if fingerprint:
                yield from _fingerprint_lines(fingerprint)


def _candidate_line(candidate: Candidate) -> str:
    """Return a candidate attribute (RFC 8839 §5.1). A related address that is withheld is written as 0.0.0.0:9."""
    c = candidate
    kind_of = c.type or _HOST
    rel_addr, rel_port = (c.rel_addr, c.rel_port) if c.rel_addr else _NOWHERE
    words = [
        *(c.foundation or "1", c.component, c.protocol, c.priority, c.ip, c.port, "typ", kind_of),
        *(("raddr", rel_addr, "rport", rel_port) if c.rel_addr or kind_of != _HOST else ()),
        *(("tcptype", c.tcptype) if c.tcptype else ()),
        *("generation", c.generation),
        *(("network-id", c.network) if c.network else ()),
        *(("id", c.id) if c.id else ()),
    ]
    return "a=candidate:" + " ".join(_fit(_TOKEN, str(word), texts.CANDIDATE) for word in words)


def _fingerprint_lines(fingerprint: Fingerprint) -> Iterator[str]:
    value = _fit(_TOKEN, fingerprint.value, texts.FINGERPRINT)
    yield f"a=fingerprint:{_fit(_TOKEN, fingerprint.hash, texts.FINGERPRINT_HASH)} {value}"
    if fingerprint.setup:
        yield f"a=setup:{_fit(_TOKEN, fingerprint.setup, texts.DTLS_SETUP)}"


# --- reading


class _Line(NamedTuple):
    """An attribute: its name, and its value after the colon."""

    name: str
    value: str


class _Media(NamedTuple):
    """The first media line, its connection line, and the attributes of the session and of this media line."""

    line: list[str]
    connection: list[str]
    attributes: list[_Line]

    def all(self, name: str) -> list[str]:
        return [line.value for line in self.attributes if line.name == name]

    def one(self, name: str) -> str:
        """Return the last value of an attribute, "" if there is none. The media line's follow the session's."""
        return next(reversed(self.all(name)), "")

    def has(self, name: str) -> bool:
        return any(line.name == name for line in self.attributes)


def read(text: str, by: Role) -> Content:
    """Return the content for the first media line of an SDP; the inverse of `write`.

    Raise MalformedSdpError if the SDP cannot be understood.
    """
    media = _media(text)
    sources = _sources(media)
    description = Description(
        media=media.line[0],
        codecs=_codecs(media),
        transport=_transport(media),
        mux=media.has("rtcp-mux"),
        reduced_size=media.has("rtcp-rsize"),
        extensions=tuple(_extension(each, by) for each in media.all("extmap")),
        feedback=_feedback(media, "*"),
        ssrc=sources[0].ssrc if sources else "",
        sources=sources,
        ptime=_number(media.one("ptime") or "0", _WORD),
        maxptime=_number(media.one("maxptime") or "0", _WORD),
    )
    ways = {way: senders for senders, way in _DIRECTIONS[by].items()}
    told = [ways[line.name] for line in media.attributes if line.name in ways]
    return Content(media.one("mid"), senders=told[-1] if told else "both", description=description)


def _media(text: str) -> _Media:
    line, connection, attributes = list[str](), list[str](), list[_Line]()
    for each in text.split("\n"):
        mark, value = each[:2], each[2:].removesuffix("\r")
        if mark == "m=" and line:
            break
        if mark == "m=":
            line = value.split(" ")
        elif mark == "c=":
            connection = value.split(" ")
        elif mark == "a=":
            name, _, rest = value.partition(":")
            attributes.append(_Line(name, rest))
    if len(line) < 4:
        raise MalformedSdpError(texts.NO_MEDIA_LINE)
    return _Media(line, connection, attributes)


def _words(text: str, least: int, name: str) -> list[str]:
    found = text.split(" ")
    if len(found) < least or not all(found[:least]):
        raise MalformedSdpError(texts.INCOMPLETE.format(name=name))
    return found


def _number(text: str, most: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise MalformedSdpError(texts.NOT_A_NUMBER.format(limit=most))
    return int(text)


def _codecs(media: _Media) -> tuple[Codec, ...]:
    codecs = tuple(_codec(media, _number(each, _BYTE)) for each in media.line[3:])
    return tuple(_complete(codec) for codec in meaningful(codecs))


def _codec(media: _Media, number: int) -> Codec:
    encoding = (_told(media, "rtpmap", number) or [""])[-1]
    name, clockrate, channels, *_ = *encoding.split("/"), "", ""
    codec = Codec(number, name, _number(clockrate or "0", _WORD), _number(channels or "1", _BYTE))
    told = [each.strip(" ") for line in _told(media, "fmtp", number) for each in line.split(";")]
    parameters = tuple(_read_parameter(codec, each) for each in told if each)
    return replace(codec, parameters=parameters, feedback=_feedback(media, str(number)))


def _told(media: _Media, attribute: str, number: int) -> list[str]:
    """Return the values that the attributes of this name give to a payload type."""
    found = (each.partition(" ") for each in media.all(attribute))
    return [rest for which, _, rest in found if which == str(number)]


def _read_parameter(codec: Codec, text: str) -> Parameter:
    name, equals, value = text.partition("=")
    if equals:
        return Parameter(name, value)
    return Parameter("events" if kind(codec)[0] == _EVENTS else "", text)


def _feedback(media: _Media, payload_type: str) -> tuple[Feedback, ...]:
    found = (each.partition(" ") for each in media.all("rtcp-fb"))
    return tuple(_read_feedback(rest) for which, _, rest in found if which == payload_type)


def _read_feedback(text: str) -> Feedback:
    kind_of, _, detail = text.partition(" ")
    return Feedback(_INTERVAL, "", _number(detail, _WORD)) if kind_of == _INTERVAL else Feedback(kind_of, detail)


def _extension(text: str, by: Role) -> Extension:
    place, uri, *_ = _words(text, 2, "extmap")
    number, _, way = place.partition("/")
    ways = {way: senders for senders, way in _DIRECTIONS[by].items()}
    if way and way not in ways:
        raise MalformedSdpError(texts.BAD_DIRECTION)
    return Extension(_number(number, _WORD), uri, ways[way] if way else "both")


def _sources(media: _Media) -> tuple[Source, ...]:
    found: dict[str, list[Parameter]] = {}
    for each in media.all("ssrc"):
        ssrc, _, told = each.partition(" ")
        parameters = found.setdefault(ssrc, [])
        if told:
            name, _, value = told.partition(":")
            parameters.append(Parameter(name, value))
    return tuple(Source(ssrc, tuple(parameters)) for ssrc, parameters in found.items())


def _transport(media: _Media) -> Transport:
    if not media.has("ice-ufrag"):
        return RawUdp(tuple(_addresses(media)))
    return IceUdp(
        media.one("ice-ufrag"),
        media.one("ice-pwd"),
        tuple(_candidate(each) for each in media.all("candidate")),
        _fingerprint(media),
        media.has("end-of-candidates"),
    )


def _addresses(media: _Media) -> Iterator[Candidate]:
    """Yield the address for RTP, and that for RTCP if it differs (RFC 3605)."""
    if len(media.connection) < 3:
        raise MalformedSdpError(texts.NO_CONNECTION)
    host, port = media.connection[2].partition("/")[0], _number(media.line[1].partition("/")[0], _PORT)
    if not port or not _is_address(host):
        raise MalformedSdpError(texts.NO_SDP_ADDRESS)
    yield Candidate(1, host, port)
    if media.one("rtcp"):
        port_of, *network = media.one("rtcp").split(" ")
        other = network[2] if len(network) > 2 else host
        if _is_address(other) and (other, _number(port_of, _PORT)) != (host, port):
            yield Candidate(2, other, _number(port_of, _PORT))


def _candidate(text: str) -> Candidate:
    foundation, component, protocol, priority, host, port, _, kind_of, *rest = _words(text, 8, "candidate")
    more = dict(zip(rest[::2], rest[1::2], strict=False))
    secret = more.get("raddr", _NOWHERE[0]) == _NOWHERE[0]
    return Candidate(
        component=_number(component, _BYTE),
        ip=host,
        port=_number(port, _PORT),
        # Jingle requires an id (XEP-0176 §5.3); SDP has none.
        id=more.get("id", f"{foundation}-{component}"),
        generation=_number(more.get("generation", "0"), _WORD),
        foundation=foundation,
        network=_number(more.get("network-id", "0"), _WORD),
        priority=_number(priority, _WORD),
        protocol=protocol.lower(),
        type=kind_of,
        tcptype=more.get("tcptype", ""),
        rel_addr="" if secret else more["raddr"],
        rel_port=0 if secret else _number(more.get("rport", "0"), _PORT),
    )


def _fingerprint(media: _Media) -> Fingerprint | None:
    if not media.has("fingerprint"):
        return None
    algorithm, value, *_ = _words(media.one("fingerprint"), 2, "fingerprint")
    return Fingerprint(algorithm, media.one("setup"), value)
