"""The quality of audio, from replies that rtpengine 10.5 has given, and its score."""

from typing import Any

import pytest

from fargo.adapters.relay.quality import mos, quality
from fargo.statemachine.model.ng import Quality

AVERAGE = {"MOS": 44, "round-trip time": 96_600, "round-trip time leg": 12, "jitter": 3, "packet loss": 0, "samples": 5}
ENTRY = {"cumulative loss": 13, "average MOS": AVERAGE}
"""The statistics of a source."""


def media(**more: Any) -> list[Any]:
    """Return the media of an end, as rtpengine tells of a call that it deletes."""
    rtp = {"flags": ["RTP", "filled", "confirmed"], "SSRC": 2672538615, "stats": {"packets": 1287, "bytes": 1}}
    rtcp = {"flags": ["RTCP", "filled"], "stats": {"packets": 0, "bytes": 0, "errors": 0}}
    return [{"index": 1, "codec": "PCMU/8000", "streams": [rtp | more, rtcp]}]


def test_the_statistics_of_an_end() -> None:
    assert quality({"SSRC": {"2672538615": ENTRY}}, media()) == Quality(1.0, 3, mos("PCMU/8000", 1.0, 3, 97), 97)


def test_a_round_trip_that_nobody_has_measured() -> None:
    entry = {**ENTRY, "average MOS": {**AVERAGE, "round-trip time": 0}}
    found = quality({"SSRC": {"2672538615": entry}}, media())
    assert found
    assert (found.round_trip, found.mos) == (None, mos("PCMU/8000", 1.0, 3, None))


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"SSRC": {}},
        {"SSRC": {"2672538615": {}}},
        {"SSRC": {"1": ENTRY}},
        {"SSRC": {"2672538615": {"average MOS": AVERAGE}}},
        {"SSRC": {"2672538615": {**ENTRY, "cumulative loss": -1}}},
        {"SSRC": {"2672538615": {**ENTRY, "cumulative loss": "13"}}},
        {"SSRC": {"2672538615": {**ENTRY, "average MOS": {"MOS": 44, "jitter": 1 << 40}}}},
    ],
)
def test_what_is_not_known_is_not_told(reply: dict[str, Any]) -> None:
    assert quality(reply, media()) is None


def test_an_end_that_sent_nothing_has_no_quality() -> None:
    nothing = media(stats={"packets": 0, "bytes": 0})
    assert quality({"SSRC": {"2672538615": ENTRY}}, nothing) is None
    assert quality({"SSRC": {"2672538615": ENTRY}}, media(SSRC=None)) is None
    assert quality({"SSRC": {"2672538615": ENTRY}}, []) is None


def test_a_call_without_loss_and_delay_has_the_score_of_g_711() -> None:
    """R is 93.2, less the delay of a packet; R of 93.2 is a MOS of 4.41 (ITU-T G.107, Annex B)."""
    assert mos("PCMU/8000", 0, 0, None) == 4.4


@pytest.mark.parametrize(
    ("loss", "jitter", "round_trip", "rating"),
    [
        (0.0, 0, 260, 93.2 - 0.024 * 150),
        (0.0, 40, 600, 93.2 - 0.024 * 400 - 0.11 * (400 - 177.3)),
        (5.0, 0, 0, 93.2 - 0.024 * 20 - 95 * 5 / 30.1),
    ],
)
def test_delay_and_loss_cost_what_the_e_model_says(loss: float, jitter: int, round_trip: int, rating: float) -> None:
    expected = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    assert mos("PCMA/8000", loss, jitter, round_trip) == pytest.approx(expected, abs=0.005)


def test_a_codec_that_compresses_costs_something_by_itself() -> None:
    assert mos("GSM/8000", 0, 0, None) < mos("PCMU/8000", 0, 0, None)
    assert mos("opus/48000/2", 0, 0, None) == mos("PCMU/8000", 0, 0, None)


@pytest.mark.parametrize(
    ("loss", "jitter", "round_trip"), [(100.0, 0, 0), (0.0, 60_000, 60_000), (100.0, 60_000, None)]
)
def test_the_score_has_bounds(loss: float, jitter: int, round_trip: int | None) -> None:
    assert 1 <= mos("PCMU/8000", loss, jitter, round_trip) <= 4.5
