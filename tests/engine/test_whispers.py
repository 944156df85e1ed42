"""Whispers are heard once, are forgotten in time, and show themselves in no text."""

import pytest
from twisted.internet.task import Clock

from fargo.store import transient
from fargo.store.transient import LIFETIME, TransientSecrets


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def whispers(clock: Clock) -> TransientSecrets:
    return TransientSecrets(clock.callLater)


def test_a_whisper_is_heard_once(whispers: TransientSecrets) -> None:
    first, second = whispers.keep("4"), whispers.keep("4")
    assert first != second
    assert whispers.take(first) == "4"
    assert whispers.take(first) is None
    assert whispers.take(second) == "4"


def test_an_unheard_whisper_is_forgotten(whispers: TransientSecrets, clock: Clock) -> None:
    name = whispers.keep("4")
    clock.advance(LIFETIME - 1)
    later = whispers.keep("7")
    clock.advance(1)
    assert (whispers.take(name), whispers.take(later)) == (None, "7")


def test_there_are_never_too_many(whispers: TransientSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transient, "MOST", 3)
    names = [whispers.keep("4") for _ in range(5)]
    assert [whispers.take(name) for name in names] == [None, None, "4", "4", "4"]


def test_a_whisper_is_in_no_text(whispers: TransientSecrets) -> None:
    whispers.keep("hush-hush")
    assert "hush" not in repr(vars(whispers))
