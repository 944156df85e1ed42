"""The video that goes with the audio of a call: which streams can be carried, and what two ends have in common.

Rules:

1. A stream of video is never carried alone. It is in the description of the audio that it belongs to, so that both go
   the same way: through the media relay, which nothing translates. Without a common codec the call is audio.
2. Two codecs of video are the same if their names, ignoring case, and clock rates are equal; of H.264, the
   packetization mode and the profile have to be equal, too (RFC 6184 §8.2.2), and of VP9 the profile (RFC 9628 §7).
3. Retransmission, redundancy and error correction are between an end and its next hop: no phone has them, so they are
   left out. Feedback (RFC 4585, RFC 5104) and header extensions (RFC 8285) are kept if both ends have them. Feedback
   for all codecs is said of each: some clients read no other.
4. Each end needs a transport of its own for video. What is only to be had in a BUNDLE group is not carried, as the
   relay receives each stream at a port of its own (RFC 9143 §7.3.3).
5. What an end does with video (`VideoFlow`) is told to the other end, and not to the relay, which passes on what comes.
"""

from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media.description import (
    Codec,
    Description,
    Feedback,
    IceUdp,
    RawUdp,
    Role,
    Senders,
    Transport,
    UnknownTransport,
    is_cut_off,
    profile,
    unusable,
)

VIDEO: Final = "video"
"""The type of media."""
_HELPERS: Final = frozenset({"rtx", "red", "ulpfec", "flexfec", "flexfec-03"})
_LOWEST, _HIGHEST = 24, 127  # of the payload types that RFC 3551 leaves for video
_BASELINE: Final = "42"
"""The profile of H.264 if none is named (RFC 6184 §8.1)."""
_cached: Final = lru_cache(256)


class VideoFlow(Struct, frozen=True, gc=False, omit_defaults=True):
    """The use that an end makes of the video of a call: it sends some, such as that of its camera, and takes some
    (XEP-0166 §7.2.6, RFC 3264 §5.1).
    """

    sends: bool = True
    takes: bool = True


BOTH_WAYS: Final = VideoFlow()
"""The flow of an end of which nothing else is known."""


def flow(senders: Senders, end: Role) -> VideoFlow:
    """Return what an end does, by who sends."""
    return VideoFlow(senders in ("both", end), senders not in (end, "none"))


def senders(initiator: bool, responder: bool) -> Senders:
    """Return who sends, by whether either end does."""
    if initiator:
        return "both" if responder else "initiator"
    return "responder" if responder else "none"


@lru_cache(1024)
def kind(codec: Codec) -> tuple[str, int, str]:
    """Return the identity of a codec of video: its name, its clock rate in Hz, and what has to be equal besides (rule
    2).
    """
    name = codec.name.strip().lower()
    told = {each.name.strip().lower(): each.value.strip().lower() for each in codec.parameters}
    match name:
        case "h264":
            profile = told.get("profile-level-id", "")[:2] or _BASELINE
            return name, codec.clockrate, f"{profile}/{told.get('packetization-mode', '0')}"
        case "vp9":
            return name, codec.clockrate, told.get("profile-id", "0")
        case _:
            return name, codec.clockrate, ""


@_cached
def _carried(codecs: tuple[Codec, ...], feedback: tuple[Feedback, ...]) -> tuple[Codec, ...]:
    first: dict[int, Codec] = {}
    for each in codecs:
        name = each.name.strip().lower()
        if name and name not in _HELPERS and each.clockrate and _LOWEST <= each.id <= _HIGHEST:
            first.setdefault(each.id, replace(each, feedback=tuple(dict.fromkeys((*each.feedback, *feedback)))))
    return tuple(first.values())


def usable(video: Description | None) -> Description | None:
    """Return a stream of video as it can be carried; None if it cannot (rules 3 and 4)."""
    if video is None or video.media != VIDEO or not _is_reached(video):
        return None
    codecs = _carried(video.codecs, video.feedback)
    return replace(video, codecs=codecs, feedback=(), ssrc="", sources=(), video=None) if codecs else None


def _is_reached(video: Description) -> bool:
    match video.transport:
        case IceUdp(ufrag=ufrag, pwd=pwd) as transport:
            return bool(ufrag and pwd) and unusable(transport) is None and not is_cut_off(video)
        case RawUdp(candidates):
            return bool(candidates) and not is_cut_off(video)
        case _:
            return False


def is_apart(video: Description, audio: Description) -> bool:
    """Return True if the video has the media profile of the audio, and may have a transport of its own (rule 4). A
    browser gives all contents of a BUNDLE group the same credentials, whether it could do without the group or not.
    """
    return profile(video) == profile(audio) and video.transport != RawUdp() != audio.transport


def is_located(transport: Transport) -> bool:
    """Return True if any address is named in a transport, whether it can be used or not."""
    return not isinstance(transport, UnknownTransport) and bool(transport.candidates or transport.refused)


def common(offer: Description | None, answer: Description | None) -> Description | None:
    """Return the answered video with only what was offered (RFC 3264 §6.1); None if no codec is left."""
    if offer is None or answer is None:
        return None
    codecs = _common(offer.codecs, answer.codecs)
    uris = {each.uri for each in offer.extensions}
    extensions = tuple(each for each in answer.extensions if each.uri in uris)
    return replace(answer, codecs=codecs, extensions=extensions) if codecs else None


@_cached
def _common(offered: tuple[Codec, ...], answered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    kinds = frozenset(map(kind, offered))
    return tuple(codec for codec in answered if kind(codec) in kinds)


def numbered_as(offer: Description | None, answer: Description | None) -> Description | None:
    """Return the answered video with the payload type numbers and extension numbers of the offer, and only what that
    has (RFC 3264 §6.1, RFC 8285 §6).
    """
    shared = common(offer, answer)
    if offer is None or shared is None:
        return None
    ids = {each.uri: each.id for each in offer.extensions}
    extensions = tuple(replace(each, id=ids[each.uri]) for each in shared.extensions)
    return replace(shared, codecs=_numbered_as(offer.codecs, shared.codecs), extensions=extensions)


@_cached
def _numbered_as(offered: tuple[Codec, ...], answered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    numbers: dict[tuple[str, int, str], int] = {}
    for codec in offered:
        numbers.setdefault(kind(codec), codec.id)
    found: dict[int, Codec] = {}
    for codec in answered:
        found.setdefault(numbers[kind(codec)], replace(codec, id=numbers[kind(codec)]))
    return tuple(found.values())


def without(description: Description) -> Description:
    """Return a description of audio alone."""
    return replace(description, video=None) if description.video is not None else description
