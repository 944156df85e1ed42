"""Session descriptions in SIP messages: several streams, of which one is the audio of the call (RFC 3264).

Rules:

1. The far end counts as "initiator" and the gateway as "responder", whoever calls. So the senders of a content mean the
   same in both directions: "initiator" is the far end alone, as when the gateway has put it on hold.
2. The audio is the first stream of plain RTP that is in use, else the first that is keyed by SDES, else the first
   encrypted one. ICE of a far end without DTLS is ignored: audio goes to the address in the m= and c= lines (RFC 8839
   §4.2.1).
3. The video is the first stream of plain RTP that is in use, if the audio is plain, too. A phone is offered it in the
   profile without feedback (RFC 3551), with the feedback as attributes: many take no other, and all have it so.
4. An answer has a media line for each one offered (RFC 3264 §6), of the same profile. All but the audio and the video
   are rejected.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from fargo.adapters.sdp import crypto
from fargo.adapters.sdp.grammar import SDES
from fargo.adapters.sdp.reading import (
    MalformedSdpError,
    Media,
    addresses,
    codecs,
    content,
    is_video,
    packet_time,
    senders,
    streams,
)
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sdp.writing import (
    default_address,
    media_lines,
    profile,
    rejected_line,
    session_lines,
    video_lines,
)
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Content, Description, IceUdp, RawUdp
from fargo.statemachine.model.sip_values import Sdp

_FAR_END: Final = "initiator"
_GATEWAY: Final = "responder"
_PLAIN: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
_SDES: Final = frozenset({SDES})
_ENCRYPTED: Final = frozenset({"RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})


def read_session(text: str, keys: SessionKeys) -> Sdp:
    """Return the session that the far end describes. Raise MalformedSdpError if it cannot be understood."""
    found = streams(text)
    place = _audio(found)
    seen, video = _video(found, keys) if place is not None and found[place].line[2] in _PLAIN else (None, None)
    return Sdp(
        None if place is None else _content(found[place], keys),
        tuple(" ".join(media.line) for media in found),
        place,
        video=video,
        video_place=seen,
    )


def write_session(sdp: Sdp, session: int, keys: SessionKeys) -> str:
    """Return the text of the gateway's own description, which has audio. ``session``: the id in its o= line.

    Raise UnwritableError if SDP cannot express it.
    """
    return "".join(f"{line}\r\n" for line in _lines(sdp, session, keys))


def _audio(found: Sequence[Media]) -> int | None:
    """Return the place of the audio (rule 2), None if there is none."""
    for profiles in (_PLAIN, _SDES, _ENCRYPTED):
        for place, media in enumerate(found):
            kind_of, port, profile, *_ = media.line
            if kind_of == "audio" and port.partition("/")[0] != "0" and profile in profiles:
                return place
    return None


def _video(found: Sequence[Media], keys: SessionKeys) -> tuple[int, Content] | tuple[None, None]:
    """Return the place of the video (rule 3), and the video; twice None if there is none that can be carried. What
    cannot be understood costs the video, and not the call.
    """
    for place, media in enumerate(found):
        if is_video(media) and media.line[2] in _PLAIN:
            with suppress(MalformedSdpError):
                read = _video_content(media, keys)
                if pictures.usable(read.description):
                    return place, read
    return None, None


def _video_content(media: Media, keys: SessionKeys) -> Content:
    """Return the video of a far end. ICE without DTLS is ignored (rule 2)."""
    found = content(media, _FAR_END, keys)
    assert found.description, "content() returns a description"
    plain = replace(found.description, transport=RawUdp(tuple(addresses(media))), crypto=())
    return replace(found, name="", description=plain)


def _content(media: Media, keys: SessionKeys) -> Content:
    if media.line[2] in _ENCRYPTED:
        return _encrypted(media, keys)
    description = Description(
        media=media.line[0],
        codecs=codecs(media),
        transport=RawUdp(tuple(addresses(media))),
        ptime=packet_time(media, "ptime"),
        maxptime=packet_time(media, "maxptime"),
        encryption_required=media.line[2] == SDES,
        crypto=crypto.read(media.all("crypto"), keys),
    )
    return Content("", senders=senders(media, _FAR_END), description=description)


def _encrypted(media: Media, keys: SessionKeys) -> Content:
    """Return the content of a stream that is encrypted in a way which phones are not offered."""
    read = content(media, _FAR_END, keys)
    assert read.description, "content() returns a description"
    transport = read.description.transport
    keyed = isinstance(transport, IceUdp) and transport.fingerprint is not None
    return replace(read, name="", description=replace(read.description, encryption_required=not keyed, crypto=()))


def _lines(sdp: Sdp, session: int, keys: SessionKeys) -> Iterator[str]:
    assert sdp.audio, "the gateway describes audio"
    assert sdp.audio.description, "the audio is described"
    description = sdp.audio.description
    host, port = default_address(description.transport)
    yield from session_lines(host, session, sdp.version)
    for place, media in enumerate(sdp.media or ("",)):
        as_offered = media.split(" ")[2] if media else profile(description)
        if sdp.video is not None and sdp.video.description is not None and place == sdp.video_place:
            yield from video_lines(sdp.video, sdp.video.description, _GATEWAY, as_offered, host, keys)
        elif sdp.media and place != sdp.place:
            yield rejected_line(media)
        else:
            yield from media_lines(sdp.audio, description, _GATEWAY, as_offered, port, keys)
