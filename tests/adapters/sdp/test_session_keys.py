"""The keys of encrypted audio are kept as long as a relay session uses them, and are in no text."""

import pytest
from twisted.internet.task import Clock

from fargo.adapters.sdp import session_keys
from fargo.adapters.sdp.session_keys import LIFETIME, SessionKeys


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> SessionKeys:
    return SessionKeys(clock.callLater)


def test_equal_keys_have_one_name_that_tells_nothing(keys: SessionKeys, clock: Clock) -> None:
    name = keys.keep("inline:a")
    assert name == keys.keep("inline:a") != keys.keep("inline:b")
    assert keys.reveal(name) == keys.reveal(name) == "inline:a"
    assert SessionKeys(clock.callLater).keep("inline:a") != name


def test_a_name_that_was_never_given_has_no_key(keys: SessionKeys) -> None:
    assert keys.reveal("gone") is None


def test_a_key_that_no_session_uses_is_forgotten(keys: SessionKeys, clock: Clock) -> None:
    early, late, used = (keys.keep(f"inline:{each}") for each in "abc")
    keys.begin("s", [used])
    clock.advance(LIFETIME - 1)
    assert keys.keep("inline:b") == late
    clock.advance(1)
    assert [keys.reveal(each) for each in (early, late, used)] == [None, "inline:b", "inline:c"]
    clock.advance(LIFETIME)
    assert [keys.reveal(each) for each in (late, used)] == [None, "inline:c"]


def test_a_key_is_kept_until_the_last_session_that_uses_it_ends(keys: SessionKeys) -> None:
    name = keys.keep("inline:a")
    keys.begin("s", [name])
    keys.begin("t", [keys.keep("inline:a")])
    keys.end("s")
    assert keys.reveal(name) == "inline:a"
    keys.end("t")
    keys.end("t")
    assert keys.reveal(name) is None
    assert len(keys) == 0


def test_a_session_that_has_ended_keeps_nothing(keys: SessionKeys, clock: Clock) -> None:
    """As when the relay's reply comes after the session was deleted."""
    keys.begin("s", [])
    keys.use("s", [keys.keep("inline:a")])
    keys.end("s")
    name = keys.keep("inline:b")
    keys.use("s", [name])
    clock.advance(LIFETIME)
    assert len(keys) == 0


def test_a_key_that_is_gone_is_not_used(keys: SessionKeys) -> None:
    keys.begin("s", ["gone"])
    assert len(keys) == 0
    keys.end("s")


def test_there_are_never_too_many(keys: SessionKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_keys, "MOST", 3)
    loose = [keys.keep(f"inline:{number}") for number in range(5)]
    assert [keys.reveal(each) is None for each in loose] == [True, True, False, False, False]
    used = [keys.keep(f"inline:used {number}") for number in range(3)]
    keys.begin("s", used)
    keys.begin("s", [keys.keep("inline:used 3")])
    assert [keys.reveal(each) is None for each in used] == [True, False, False]
    keys.end("s")
    assert len(keys) == 0


def test_a_key_is_in_no_text(keys: SessionKeys) -> None:
    keys.begin("s", [keys.keep("inline:hush-hush")])
    keys.keep("inline:hush")
    assert "hush" not in repr([vars(each) for each in (keys, *keys._loose.values(), *keys._used.values())])
