"""The map that forgets."""

from twisted.internet.task import Clock

from fargo.adapters.sip.recent import Recent


def made(most: int = 3) -> tuple[Recent[str, int], Clock]:
    clock = Clock()
    return Recent(10.0, most, clock.seconds), clock


def test_an_entry_is_forgotten_after_its_time() -> None:
    recent, clock = made()
    recent["a"] = 1
    clock.advance(9.9)
    assert ("a" in recent, recent.get("a"), list(recent.values())) == (True, 1, [1])
    clock.advance(0.1)
    assert ("a" in recent, recent.get("a"), list(recent.values())) == (False, None, [])
    assert len(recent) == 0
    assert recent.pop("a") is None


def test_an_entry_that_is_set_again_lasts_anew() -> None:
    recent, clock = made()
    recent["a"] = 1
    recent["b"] = 2
    clock.advance(6)
    recent["a"] = 3
    assert list(recent.values()) == [2, 3]
    clock.advance(6)
    assert list(recent.values()) == [3]


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    recent, _ = made(most=2)
    for number, name in enumerate("abc"):
        recent[name] = number
    assert list(recent.values()) == [1, 2]


def test_an_entry_is_taken_out() -> None:
    recent, _ = made()
    recent["a"], recent["b"] = 1, 2
    assert recent.pop("a") == 1
    assert "a" not in recent
    recent.clear()
    assert "b" not in recent
