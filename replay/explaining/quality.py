"""The quality of a call's audio, in words.

Rules:

1. Audio is poor if its score is below POOR. Where much was lost, that is said; otherwise it came late or unevenly.
2. Nothing is said of what the relay does not know.
"""

from collections.abc import Iterator
from typing import Final

from fargo.calls import Record
from fargo.statemachine.model.ng import Quality
from replay.explaining import texts

POOR: Final = 3.6
"""Below this score many users are dissatisfied (ITU-T G.109, category "low")."""
_MUCH: Final = 1.0
"""A percentage of packets that is lost, from which on it is heard."""


def is_poor(call: Record) -> bool:
    """Return True if an end was heard poorly."""
    return call.mos is not None and call.mos < POOR


def told(call: Record) -> Iterator[str]:
    """Yield sentences about the audio; none if not both directions are known, and none is known to be poor."""
    sides = (
        (call.client_quality, texts.POOR_FROM_CLIENT, texts.LATE_FROM_CLIENT),
        (call.phone_quality, texts.POOR_FROM_PHONE, texts.LATE_FROM_PHONE),
    )
    for known, lossy, late in sides:
        if known and known.mos < POOR:
            yield lossy.format(loss=known.loss) if known.loss >= _MUCH else late
    if call.client_quality and call.phone_quality and not is_poor(call):
        yield texts.GOOD_AUDIO


def in_figures(known: Quality | None) -> str:
    """Return the quality of one direction; "" if it is not known."""
    if known is None:
        return ""
    template = texts.QUALITY_OF if known.round_trip is None else texts.QUALITY_AND_ROUND_TRIP
    return template.format(loss=known.loss, jitter=known.jitter, round_trip=known.round_trip, mos=known.mos)
