"""The quality of the audio of one end, from the relay's statistics about it, and what that sounds like.

Rules:

1. The relay reports to both ends what it receives (RTCP, RFC 3550 §6.4), and hears their reports. It has statistics of
   an end once it knows a round trip: after five to ten seconds, and if any of the ends takes part. Without them there
   is no `Quality`: nothing says 0.
2. The score is that of the E-model (ITU-T G.107 (06/2015)), with its default values for all but delay, loss and codec:
   R = 93.2 - Id - Ie,eff. Id follows R. G. Cole and J. H. Rosenbluth, "Voice over IP performance monitoring" (ACM
   SIGCOMM Computer Communication Review 31(2), 2001); Ie,eff is equation 7-29 with losses at random; the MOS of R is
   Annex B. It is an estimate: nobody has heard the audio.
3. What is no number, or cannot be right, counts as unknown.
"""

from typing import Any, Final, NamedTuple

from fargo.adapters.relay.ng import NgReply
from fargo.statemachine.model.ng import Quality

_MOST_LOST: Final = 0x7FFFFF
"""Packets: a report has 24 bits, with a sign (RFC 3550 §6.4.1)."""
_LONGEST: Final = 60_000
"""Milliseconds of jitter or of a round trip."""

_NO_IMPAIRMENT: Final = 93.2
"""The R of a call with no delay, no loss and G.711 (G.107 §7.2)."""
_PACKET_MS: Final = 20
"""The audio in a packet (RFC 3551 §4.2), which is collected before it is sent."""


class _Codec(NamedTuple):
    """The impairment by a codec (Ie), and its robustness against loss (Bpl): ITU-T G.113 Appendix I (11/2007)."""

    impairment: float
    robustness: float


_G711: Final = _Codec(0, 25.1)
"""With packet loss concealment. Stands for G.722 and opus, too: the narrowband E-model has no value for them."""
_CODECS: Final = {"GSM": _Codec(20, 10)}
"""The full-rate codec. Its robustness is that of the enhanced one, as Appendix I has none of its own."""


def quality(reply: NgReply, medias: list[Any]) -> Quality | None:
    """Return how well the audio of a party got through, whose media these are in the reply to a deletion; None if the
    relay does not know.
    """
    heard = reply.get("SSRC", {})
    for media in medias:
        for stream in media.get("streams", ()):
            entry = heard.get(str(stream.get("SSRC")), {}) if "RTP" in stream.get("flags", ()) else {}
            if average := entry.get("average MOS"):
                return _quality(str(media.get("codec", "")), stream["stats"]["packets"], entry, average)
    return None


def _quality(codec: str, packets: int, entry: NgReply, average: NgReply) -> Quality | None:
    lost = _number(entry.get("cumulative loss"), _MOST_LOST)
    jitter = _number(average.get("jitter"), _LONGEST)
    if lost is None or jitter is None or packets <= 0:
        return None
    loss = round(100 * lost / (packets + lost), 2)
    microseconds = _number(average.get("round-trip time"), _LONGEST * 1000)
    round_trip = round(microseconds / 1000) if microseconds else None
    return Quality(loss, jitter, mos(codec, loss, jitter, round_trip), round_trip)


def _number(value: object, most: int) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= most else None


def mos(codec: str, loss: float, jitter: float, round_trip: float | None) -> float:
    """Return the mean opinion score, from 1 to 4.5, of audio in a codec such as "PCMU/8000" (rule 2).

    `loss` is a percentage, `jitter` and `round_trip` are milliseconds. A jitter buffer is taken to hold twice the
    jitter; a round trip that is not known counts as none.
    """
    delay = (round_trip or 0) / 2 + 2 * jitter + _PACKET_MS
    by_delay = 0.024 * delay + 0.11 * max(delay - 177.3, 0)
    own = _CODECS.get(codec.partition("/")[0].upper(), _G711)
    by_loss = own.impairment + (95 - own.impairment) * loss / (loss + own.robustness)
    return _score(min(max(_NO_IMPAIRMENT - by_delay - by_loss, 0), 100))


def _score(rating: float) -> float:
    score = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    return round(max(score, 1.0), 2)
