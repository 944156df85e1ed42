"""The codecs of a description: which are the same, which mean anything, and which an answer may have.

Rules:

1. Two codecs are the same if their names (ignoring case), clock rates and numbers of channels are equal. RFC 3551 §6
   supplies what a static payload type omits, and what the RFC of a codec fixes is so whatever an end says: opus is
   opus/48000/2 (RFC 7587 §7), and the clock rate of G.722 is 8000 (RFC 3551 §4.5.2). A payload type number identifies a
   codec within one description only.
2. A codec that no description can name costs itself and not the call: it is left out. So is one without a clock rate,
   and one whose number is no payload type.
3. An answer contains only codecs that the offer contains (RFC 3264 §6.1).
"""

import re
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media import pictures, texts
from fargo.statemachine.media.description import Codec, Description, IceUdp, RawUdp, Unusable

# RFC 3551 §6, tables 4 and 5: name, clock rate in Hz and channels of the static payload types.
_STATIC: Final = {
    0: ("PCMU", 8000, 1), 3: ("GSM", 8000, 1), 4: ("G723", 8000, 1), 5: ("DVI4", 8000, 1), 6: ("DVI4", 16000, 1),
    7: ("LPC", 8000, 1), 8: ("PCMA", 8000, 1), 9: ("G722", 8000, 1), 10: ("L16", 44100, 2), 11: ("L16", 44100, 1),
    12: ("QCELP", 8000, 1), 13: ("CN", 8000, 1), 14: ("MPA", 90000, 1), 15: ("G728", 8000, 1), 16: ("DVI4", 11025, 1),
    17: ("DVI4", 22050, 1), 18: ("G729", 8000, 1),
}  # fmt: skip
# Clock rate in Hz and channels that the RFC of a codec fixes (rule 1).
_FIXED: Final = {"opus": (48000, 2), "g722": (8000, 1)}
# Codecs that carry no voice by themselves: tones, comfort noise, redundancy.
_AUXILIARY: Final = frozenset({"telephone-event", "cn", "red"})
_HIGHEST: Final = 127
_NAME: Final = re.compile(r"[!#-'*+.0-9A-Z^-~-]+")  # RFC 4566 §9: token

# A client or phone offers the same codecs in every call, so results that depend on codecs only are cached.
_cached: Final = lru_cache(256)


@lru_cache(4096)
def kind(codec: Codec) -> tuple[str, int, int]:
    """Return the identity of a codec: its name in lower case, clock rate in Hz, and channels (rule 1)."""
    name, clockrate, channels = codec.name.lower(), codec.clockrate, codec.channels
    static = _STATIC.get(codec.id)
    if static and name in ("", static[0].lower()):
        name, clockrate, channels = static[0].lower(), clockrate or static[1], max(channels, static[2])
    return name, *_FIXED.get(name, (clockrate, channels))


def is_voice(codec: Codec) -> bool:
    """Return True if the codec carries voice, and not tones, comfort noise or redundancy."""
    return kind(codec)[0] not in _AUXILIARY


@_cached
def has_voice(codecs: tuple[Codec, ...]) -> bool:
    """Return True if any of the codecs carries voice."""
    return any(map(is_voice, codecs))


@_cached
def meaningful(codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Return the usable payload types, each number once (rule 2).

    If a number occurs twice, the first codec counts (Pidgin sends 14 three times). White space around a name is no part
    of it.
    """
    first: dict[int, Codec] = {}
    for codec in codecs:
        trimmed = codec.name.strip()
        named = codec if trimmed == codec.name else replace(codec, name=trimmed)
        name, clockrate, _ = kind(named)
        if _NAME.fullmatch(name) and clockrate and 0 <= codec.id <= _HIGHEST:
            first.setdefault(codec.id, named)
    return tuple(first.values())


def tidied(description: Description) -> Description:
    """Return the description without unusable payload types and, for plain RTP, with only codecs and addresses."""
    codecs = meaningful(description.codecs)
    if isinstance(description.transport, RawUdp):
        return Description(description.media, codecs, description.transport, video=description.video)
    return replace(description, codecs=codecs)


# --- offer and answer


def common(offer: Description, answer: Description) -> Description | Unusable:
    """Return the answer with only the codecs that the offer contains (RFC 3264 §6.1); `Unusable` if none of them
    carries voice. Without a common codec of video there is no video.
    """
    codecs = _common(offer.codecs, answer.codecs)
    if not has_voice(codecs):
        return Unusable(texts.NO_SHARED_CODEC)
    return replace(answer, codecs=codecs, video=pictures.common(offer.video, answer.video))


@_cached
def _common(offered: tuple[Codec, ...], answered: tuple[Codec, ...]) -> tuple[Codec, ...]:
    kinds = frozenset(map(kind, offered))
    return tuple(codec for codec in answered if kind(codec) in kinds)


@_cached
def renumbered(offered: tuple[Codec, ...], answered: tuple[Codec, ...]) -> tuple[int, ...]:
    """Return the numbers that an answer gives to codecs which were offered under other numbers (RFC 3264 §6.1)."""
    numbers: dict[tuple[str, int, int], set[int]] = {}
    for codec in offered:
        numbers.setdefault(kind(codec), set()).add(codec.id)
    return tuple(codec.id for codec in answered if kind(codec) in numbers and codec.id not in numbers[kind(codec)])


def numbered_as(offer: Description, answer: Description) -> Description:
    """Return the answer with the payload type numbers and names of the offer, which SIP phones expect (RFC 3264
    §6.1).
    """
    return Description(
        answer.media,
        _numbered_as(offer.codecs, answer.codecs),
        answer.transport,
        answer.mux,
        isinstance(answer.transport, IceUdp) and offer.reduced_size and answer.reduced_size,
        encryption_required=answer.encryption_required,
        crypto=answer.crypto,
        video=pictures.numbered_as(offer.video, answer.video),
    )


@_cached
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
