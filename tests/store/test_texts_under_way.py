"""Texts of messages: each is there until it is forgotten, and no more of them than allowed."""

import pytest
from twisted.internet.task import Clock

from fargo.store import texts_under_way
from fargo.store.texts_under_way import LIFETIME, TextsUnderWay


def test_a_text_is_there_until_it_is_forgotten() -> None:
    kept = TextsUnderWay(Clock().callLater)
    name = kept.keep("Ünïcödé")
    assert (kept.read(name), kept.read(name)) == ("Ünïcödé", "Ünïcödé")
    kept.forget(name)
    kept.forget(name)
    assert kept.read(name) is None
    assert "Ünï" not in repr(vars(kept))


def test_it_is_forgotten_after_a_while() -> None:
    clock = Clock()
    kept = TextsUnderWay(clock.callLater)
    name = kept.keep("hello")
    assert "hello" not in repr(vars(kept))
    clock.advance(LIFETIME - 1)
    assert kept.read(name)
    clock.advance(2)
    assert kept.read(name) is None


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_under_way, "MOST", 3)
    kept = TextsUnderWay(Clock().callLater)
    names = [kept.keep("x") for _ in range(4)]
    assert [kept.read(each) for each in (names[0], names[1], names[-1])] == [None, "x", "x"]


def test_the_oldest_go_when_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_under_way, "MOST_BYTES", 100)
    kept = TextsUnderWay(Clock().callLater)
    first, second = kept.keep("x" * 60), kept.keep("y" * 60)
    assert (kept.read(first), kept.read(second)) == (None, "y" * 60)
