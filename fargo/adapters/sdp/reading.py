"""SDP to descriptions (RFC 4566): the inverse of `writing`.

Rules:

1. SDP is untrusted. Reading returns a value or raises `MalformedSdpError`, and nothing else.
2. Tabs and more than one space are white space like one space.
3. Attributes that the gateway has no use for are ignored. Keys (a=crypto) are kept in memory; only their names are in
   the result.

No library is used, because those available do not keep texts as they are: an ICE password of digits becomes a number.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from fargo.adapters.sdp import crypto, texts
from fargo.adapters.sdp.grammar import (
    BYTE,
    DIRECTIONS,
    EVENTS,
    EVENTS_NAME,
    INTERVAL,
    NOWHERE,
    NUMBER,
    PORT,
    SDES,
    WORD,
    complete,
    is_address,
    spaced,
)
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.statemachine.media import pictures
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
    Role,
    Senders,
    Source,
    Transport,
)

_HASHES: Final = ("sha-1", "sha-224", "sha-256", "sha-384", "sha-512")
"""Hash functions of fingerprints, the best last."""
MOST_STREAMS: Final = 32
"""The number of media lines that are read."""


class MalformedSdpError(Exception):
    """SDP that cannot be understood. str() is a sentence."""


class _Line(NamedTuple):
    """An attribute: its name, and its value after the colon."""

    name: str
    value: str


class Media(NamedTuple):
    """A media line, its connection line, and the attributes of the session and of this media line."""

    line: list[str]
    connection: list[str]
    attributes: list[_Line]

    def all(self, name: str) -> list[str]:
        """Return the values of an attribute, those of the session first."""
        return [line.value for line in self.attributes if line.name == name]

    def one(self, name: str) -> str:
        """Return the last value of an attribute, "" if there is none. The media line's follow the session's."""
        return next(reversed(self.all(name)), "")

    def has(self, name: str) -> bool:
        """Return True if there is such an attribute."""
        return any(line.name == name for line in self.attributes)


def read(text: str, by: Role, keys: SessionKeys) -> Content:
    """Return the content for the first media line of an SDP, with the video of the second; the inverse of `write`.

    `by` is the party whose description it is. Raise MalformedSdpError if the SDP cannot be understood.
    """
    first, *others = streams(text)
    found = content(first, by, keys)
    assert found.description, "content() returns a description"
    if others and is_video(others[0]):
        video = content(others[0], by, keys).description
        found = replace(found, description=replace(found.description, video=pictures.usable(video)))
    return found


def is_video(media: Media) -> bool:
    """Return True if a media line is of video that is in use."""
    return media.line[0] == pictures.VIDEO and media.line[1].partition("/")[0] != "0"


def content(media: Media, by: Role, keys: SessionKeys) -> Content:
    """Return the content for one media line. Raise MalformedSdpError if it cannot be understood."""
    sources = _sources(media)
    description = Description(
        media=media.line[0],
        codecs=codecs(media),
        transport=_transport(media),
        mux=media.has("rtcp-mux"),
        reduced_size=media.has("rtcp-rsize"),
        extensions=tuple(_extension(each, by) for each in media.all("extmap")),
        feedback=_feedback(media, "*"),
        ssrc=sources[0].ssrc if sources else "",
        sources=sources,
        ptime=packet_time(media, "ptime"),
        maxptime=packet_time(media, "maxptime"),
        encryption_required=media.line[2] == SDES,
        crypto=crypto.read(media.all("crypto"), keys),
    )
    return Content(media.one("mid"), senders=senders(media, by), description=description)


def senders(media: Media, by: Role) -> Senders:
    """Return who sends. Directions in SDP are relative to the party that wrote it."""
    ways = {way: senders for senders, way in DIRECTIONS[by].items()}
    told = [ways[line.name] for line in media.attributes if line.name in ways]
    return told[-1] if told else "both"


def packet_time(media: Media, name: str) -> int:
    """Return the milliseconds of "ptime" or "maxptime", 0 if absent."""
    return _number(media.one(name) or "0", WORD)


def streams(text: str) -> list[Media]:
    """Return all media lines, with what the session says for each. Raise MalformedSdpError if there is none."""
    session = Media([], [], [])
    found: list[Media] = []
    for each in text.split("\n"):
        mark, value = each[:2], spaced(each[2:].removesuffix("\r"))
        current = found[-1] if found else session
        if mark == "m=":
            line = value.split()
            if len(line) < 4 or len(found) == MOST_STREAMS:
                raise MalformedSdpError(texts.NO_MEDIA_LINE if len(line) < 4 else texts.TOO_MANY_STREAMS)
            found.append(Media(line, list(session.connection), list(session.attributes)))
        elif mark == "c=":
            current.connection[:] = value.split(" ")
        elif mark == "a=":
            name, _, rest = value.partition(":")
            current.attributes.append(_Line(name.rstrip(" "), rest.lstrip(" ")))
    if not found:
        raise MalformedSdpError(texts.NO_MEDIA_LINE)
    return found


def _words(text: str, least: int, name: str) -> list[str]:
    found = text.split(" ")
    if len(found) < least or not all(found[:least]):
        raise MalformedSdpError(texts.INCOMPLETE.format(name=name))
    return found


def _number(text: str, most: int) -> int:
    if not NUMBER.fullmatch(text) or int(text) > most:
        raise MalformedSdpError(texts.NOT_A_NUMBER.format(limit=most))
    return int(text)


def codecs(media: Media) -> tuple[Codec, ...]:
    """Return the codecs of a media line (rule 3 of `trimming`)."""
    found = tuple(_codec(media, _number(each, BYTE)) for each in media.line[3:])
    return tuple(complete(codec) for codec in meaningful(found))


def _codec(media: Media, number: int) -> Codec:
    encoding = (_told(media, "rtpmap", number) or [""])[-1]
    name, clockrate, channels, *_ = *encoding.split("/"), "", ""
    codec = Codec(number, name, _number(clockrate or "0", WORD), _number(channels or "1", BYTE))
    told = [each.strip(" ") for line in _told(media, "fmtp", number) for each in line.split(";")]
    parameters = tuple(_read_parameter(codec, each) for each in told if each)
    return replace(codec, parameters=parameters, feedback=_feedback(media, str(number)))


def _told(media: Media, attribute: str, number: int) -> list[str]:
    """Return the values that the attributes of this name give to a payload type."""
    found = (each.partition(" ") for each in media.all(attribute))
    return [rest for which, _, rest in found if which == str(number)]


def _read_parameter(codec: Codec, text: str) -> Parameter:
    name, equals, value = text.partition("=")
    if equals:
        return Parameter(name.rstrip(" "), value.lstrip(" "))
    return Parameter(EVENTS_NAME if kind(codec)[0] == EVENTS else "", text)


def _feedback(media: Media, payload_type: str) -> tuple[Feedback, ...]:
    found = (each.partition(" ") for each in media.all("rtcp-fb"))
    return tuple(_read_feedback(rest) for which, _, rest in found if which == payload_type)


def _read_feedback(text: str) -> Feedback:
    kind_of, _, detail = text.partition(" ")
    return Feedback(INTERVAL, "", _number(detail, WORD)) if kind_of == INTERVAL else Feedback(kind_of, detail)


def _extension(text: str, by: Role) -> Extension:
    place, uri, *_ = _words(text, 2, "extmap")
    number, _, way = place.partition("/")
    ways = {way: senders for senders, way in DIRECTIONS[by].items()}
    if way and way not in ways:
        raise MalformedSdpError(texts.BAD_DIRECTION)
    return Extension(_number(number, WORD), uri, ways[way] if way else "both")


def _sources(media: Media) -> tuple[Source, ...]:
    found: dict[str, list[Parameter]] = {}
    for each in media.all("ssrc"):
        ssrc, _, told = each.partition(" ")
        parameters = found.setdefault(ssrc, [])
        if told:
            name, _, value = told.partition(":")
            parameters.append(Parameter(name, value))
    return tuple(Source(ssrc, tuple(parameters)) for ssrc, parameters in found.items())


def _transport(media: Media) -> Transport:
    if not media.has("ice-ufrag"):
        return RawUdp(tuple(addresses(media)))
    return IceUdp(
        media.one("ice-ufrag"),
        media.one("ice-pwd"),
        tuple(_candidate(each) for each in media.all("candidate")),
        _fingerprint(media),
        media.has("end-of-candidates"),
    )


def addresses(media: Media) -> Iterator[Candidate]:
    """Yield the address for RTP, and that for RTCP if it differs (RFC 3605)."""
    if len(media.connection) < 3:
        raise MalformedSdpError(texts.NO_CONNECTION)
    host, port = media.connection[2].partition("/")[0], _number(media.line[1].partition("/")[0], PORT)
    if not port or not is_address(host):
        raise MalformedSdpError(texts.NO_SDP_ADDRESS)
    yield Candidate(1, host, port)
    if media.one("rtcp"):
        port_of, *network = media.one("rtcp").split(" ")
        other = network[2] if len(network) > 2 else host
        if is_address(other) and (other, _number(port_of, PORT)) != (host, port):
            yield Candidate(2, other, _number(port_of, PORT))


def _candidate(text: str) -> Candidate:
    foundation, component, protocol, priority, host, port, _, kind_of, *rest = _words(text, 8, "candidate")
    more = dict(zip(rest[::2], rest[1::2], strict=False))
    secret = more.get("raddr", NOWHERE[0]) == NOWHERE[0]
    return Candidate(
        component=_number(component, BYTE),
        ip=host,
        port=_number(port, PORT),
        # Jingle requires an id (XEP-0176 §5.3); SDP has none.
        id=more.get("id", f"{foundation}-{component}"),
        generation=_number(more.get("generation", "0"), WORD),
        foundation=foundation,
        network=_number(more.get("network-id", "0"), WORD),
        priority=_number(priority, WORD),
        protocol=protocol.lower(),
        type=kind_of,
        tcptype=more.get("tcptype", ""),
        rel_addr="" if secret else more["raddr"],
        rel_port=0 if secret else _number(more.get("rport", "0"), PORT),
    )


def _fingerprint(media: Media) -> Fingerprint | None:
    """Return the fingerprint, of several that by the best hash function (RFC 8122 §5)."""
    told = [_words(each, 2, "fingerprint")[:2] for each in media.all("fingerprint")]
    if not told:
        return None
    algorithm, value = max(told, key=lambda each: _rank(each[0].lower()))
    return Fingerprint(algorithm, media.one("setup"), value)


def _rank(algorithm: str) -> int:
    return _HASHES.index(algorithm) if algorithm in _HASHES else -1
