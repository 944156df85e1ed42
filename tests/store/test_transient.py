"""Transient secrets can be taken once, are forgotten in time, and are in no text."""

import pytest
from twisted.internet.task import Clock

from fargo.store.transient import LIFETIME, MOST, TransientSecrets


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secrets(clock: Clock) -> TransientSecrets:
    return TransientSecrets(clock.callLater)


def test_a_secret_is_taken_once(secrets: TransientSecrets) -> None:
    first, second = secrets.keep("4"), secrets.keep("4")
    assert first != second
    assert secrets.take(first) == "4"
    assert secrets.take(first) is None
    assert secrets.take(second) == "4"


def test_a_secret_that_nobody_takes_is_forgotten(secrets: TransientSecrets, clock: Clock) -> None:
    name = secrets.keep("4")
    clock.advance(LIFETIME - 1)
    later = secrets.keep("7")
    clock.advance(1)
    assert (secrets.take(name), secrets.take(later)) == (None, "7")


def test_there_are_never_too_many() -> None:
    secrets = TransientSecrets(lambda *_: None)
    names = [secrets.keep("4") for _ in range(MOST + 2)]
    assert [secrets.take(name) for name in names[:3]] == [None, None, "4"]


def test_a_secret_is_in_no_text(secrets: TransientSecrets) -> None:
    secrets.keep("hush-hush")
    assert "hush" not in repr(vars(secrets))
