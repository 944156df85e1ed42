"""A call is found by what people remember of it, and told in words that can be passed on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.calls import CallName, Record
from fargo.plain import plain
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.model.ng import Quality
from fargo.statemachine.reason import Cause
from replay.explaining import closest, texts
from replay.explaining.paragraph import facts, paragraph

USER = "alice@example.org"


def call(id: str, began: float = 0.0, peer: str = "bob@example.net", **more: Any) -> Record:
    """Return a call that failed after a second, unless more is said."""
    told = {"ended": began + 1, "ended_by": "phone", "cause": "not-found", **more}
    return Record(CallName(USER, id), "out", peer, "", "", began, **told)


CALLS = [
    call("1", 100.0),
    call("2", 200.0, "+441632960000@example.net", call_ids=("x@y",)),
    call("3", 300.0, cause="hung-up", answered=301.0),
    *(call(str(n), n * 100.0, "carol@example.net", cause="busy") for n in range(4, 10)),
]


def clock(at: float) -> str:
    return f"{at:.0f} UTC"


@pytest.mark.parametrize(("time", "id"), [(0.0, "1"), (149.0, "1"), (151.0, "2"), (301.0, "3"), (1e9, "9")])
def test_the_closest_call(time: float, id: str) -> None:
    found = closest.at(CALLS, time)
    assert found
    assert found.meant.name.id == id
    assert found.meant in found.close
    assert [each.began for each in found.close] == sorted(each.began for each in found.close)
    assert len(found.close) == 5


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("3", "3"),
        (f"{USER}/1", "1"),
        ("x@y", "2"),
        ("+44 1632 960000", "2"),
        ("bob", "3"),
        ("CAROL@example.net", "9"),
        ("dave", None),
    ],
)
def test_a_call_by_name_number_or_person(text: str, id: str | None) -> None:
    found = closest.of(CALLS, text)
    assert (found and found.meant.name.id) == id


def test_without_a_hint_it_is_the_last_that_failed() -> None:
    last = closest.last(CALLS)
    assert last
    assert last.meant.name.id == "2"
    assert last.meant in last.close
    good = closest.last(CALLS[2:])
    assert good
    assert good.meant.name.id == "9"
    assert closest.last([]) is closest.at([], 0.0) is None


@pytest.mark.parametrize("by", Side)
@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("answered", [None, 60.0])
def test_every_end_is_told_with_a_next_step(by: Side, cause: Cause, answered: float | None) -> None:
    told = paragraph(call("5", ended=125.0, ended_by=by.value, cause=cause.value, answered=answered), clock)
    assert told.startswith(f"On 0 UTC, {USER} called bob@example.net. ")
    assert ("It lasted 1 min 5 s." in told) is (answered is not None)
    assert "Next: " in told or told.endswith(texts.NOTHING_IS_BROKEN)
    assert "{" not in told


@pytest.mark.parametrize(
    ("client", "phone", "sentence"),
    [(0, 0, texts.NO_AUDIO), (0, 9, texts.NOTHING_FROM_CLIENT), (9, 0, texts.NOTHING_FROM_PHONE)],
)
def test_one_way_audio_comes_before_the_ending(client: int, phone: int, sentence: str) -> None:
    heard = call("5", cause="hung-up", answered=1.0, from_client=client, from_phone=phone)
    assert sentence in paragraph(heard, clock)
    assert paragraph(heard, clock).endswith(texts.CHECK_PATH_OF_AUDIO)


def test_an_announcement_is_not_taken_for_one_way_audio() -> None:
    told = paragraph(call("5", early_audio=0.5, from_client=0, from_phone=90), clock)
    assert texts.NOTHING_FROM_CLIENT not in told
    assert told.endswith(texts.ASK_PROVIDER_OR_COMPARE)


def heard_as(client: Quality | None, phone: Quality | None) -> Record:
    return replace(call("5", cause="hung-up", answered=1.0), client_quality=client, phone_quality=phone)


def test_audio_that_was_heard_well() -> None:
    well = Quality(0.0, 1, 4.4, 20)
    told = paragraph(heard_as(well, well), clock)
    assert texts.GOOD_AUDIO in told
    assert told.endswith(texts.NOTHING_IS_BROKEN)
    assert texts.GOOD_AUDIO not in paragraph(heard_as(well, None), clock)


@pytest.mark.parametrize(
    ("client", "phone", "sentence"),
    [
        (Quality(7.25, 3, 3.2), None, texts.POOR_FROM_CLIENT.format(loss=7.25)),
        (None, Quality(7.25, 3, 3.2), texts.POOR_FROM_PHONE.format(loss=7.25)),
        (Quality(0.0, 90, 3.2), None, texts.LATE_FROM_CLIENT),
        (Quality(0.0, 1, 4.4), Quality(0.5, 90, 3.2), texts.LATE_FROM_PHONE),
    ],
)
def test_audio_that_was_heard_poorly(client: Quality | None, phone: Quality | None, sentence: str) -> None:
    told = paragraph(heard_as(client, phone), clock)
    assert sentence in told
    assert texts.GOOD_AUDIO not in told
    assert told.endswith(texts.CHECK_NETWORK)


def test_the_quality_in_figures() -> None:
    told = dict(facts(heard_as(Quality(0.0, 1, 4.41, 20), Quality(7.25, 3, 3.2)), clock))
    assert told["Quality from the client"] == "0 % lost, jitter 1 ms, round trip 20 ms, MOS 4.4"
    assert told["Quality from the phone"] == "7.25 % lost, jitter 3 ms, MOS 3.2"


def test_the_facts_by_which_a_provider_finds_a_call() -> None:
    audio: dict[str, Any] = {
        "audio": "relay",
        "codecs": ("PCMU/8000",),
        "encrypted": True,
        "media_local": "192.0.2.1:4000",
    }
    dialog: dict[str, Any] = {
        "call_ids": ("a", "b"),
        "sip_from": "alice@example.net",
        "sip_to": "bob@example.net",
        "sip_status": 404,
    }
    assert dict(facts(call("5", 50.0, **audio, **dialog, from_client=1000, from_phone=2, held=61_000), clock)) == {
        "Call": f"{USER}/5",
        "Began": "50 UTC",
        "Ended": "51 UTC",
        "Call-ID": "a, b",
        "From": "alice@example.net",
        "To": "bob@example.net",
        "SIP status": "404",
        "Audio": "through the media relay, PCMU/8000, encrypted between phone and relay",
        "Addresses": "the phone sends to 192.0.2.1:4000 and receives at an unknown address",
        "On hold": "61 s",
        "Packets": "1,000 from the client, 2 from the phone",
    }


def test_a_call_says_how_far_its_audio_was_encrypted() -> None:
    told = dict(facts(call("5", 50.0, audio="direct", codecs=("opus/48000",), encrypted=True), clock))
    assert told["Audio"] == "directly between client and phone, opus/48000, encrypted end to end"


@given(st.text(), st.text(), st.text())
def test_hostile_text_stays_on_its_line(peer: str, reason: str, call_id: str) -> None:
    hostile = call("5", peer=peer, reason=reason, call_ids=(call_id,))
    for told in (paragraph(hostile, clock), *(value for _, value in facts(hostile, clock))):
        assert told == plain(told)
        assert not set(told) & set("\n\r\x1b\x9b\u202e\u2028")
