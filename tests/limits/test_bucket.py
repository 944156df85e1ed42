"""The one decision: what may be taken from three buckets. Time is an argument."""

from hypothesis import given
from hypothesis import strategies as st

from fargo.limits.bucket import Levels, Rates, Scope, charged, decide, rate

NEW: Levels = (0.0, 0.0, 0.0)
PLENTY = rate(1000, 1, 1000)


def taken(levels: Levels | Scope) -> Levels:
    assert not isinstance(levels, Scope)
    return levels


def test_so_much_is_there_at_once_and_one_comes_back_at_a_time() -> None:
    rates = (rate(60, 60, 3), PLENTY, PLENTY)
    levels, now = NEW, 1000.0
    for _ in range(3):
        levels = taken(decide(levels, rates, now))
    assert decide(levels, rates, now) is Scope.USER
    assert decide(levels, rates, now + 0.9) is Scope.USER
    levels = taken(decide(levels, rates, now + 1))
    assert decide(levels, rates, now + 1) is Scope.USER


def test_whose_limit_it_is_is_said_and_nothing_is_taken_from_the_others() -> None:
    one = rate(1, 60, 1)
    for rates, scope in (
        ((one, PLENTY, PLENTY), Scope.USER),
        ((PLENTY, one, PLENTY), Scope.DOMAIN),
        ((PLENTY, PLENTY, one), Scope.ALL),
    ):
        levels = taken(decide(NEW, rates, 5.0))
        assert decide(levels, rates, 5.0) is scope


def test_what_was_used_beyond_the_limit_has_to_come_back_first() -> None:
    rates = (rate(1, 1, 10), PLENTY, PLENTY)
    levels = charged((0.0, 200.0, 200.0), rates, 100.0, 25)
    assert decide(levels, rates, 100.0, 0) is Scope.USER
    assert decide(levels, rates, 114.9, 0) is Scope.USER
    assert decide(levels, rates, 115.001, 0) != Scope.USER
    assert decide(charged(levels, rates, 100.0, -15), rates, 100.0, 0) != Scope.USER


@given(
    st.lists(st.floats(0, 30), min_size=1, max_size=60),
    st.integers(1, 20),
    st.integers(1, 10),
    st.floats(0, 1e6),
)
def test_no_span_of_time_lets_in_more_than_the_rate_and_what_is_there_at_once(
    pauses: list[float], amount: int, at_once: int, now: float
) -> None:
    rates: Rates = (rate(amount, 60, at_once), PLENTY, PLENTY)
    levels, let_in = NEW, list[float]()
    for pause in pauses:
        now += pause
        after = decide(levels, rates, now)
        if not isinstance(after, Scope):
            levels = after
            let_in.append(now)
    for first in range(len(let_in)):
        for last in range(first, len(let_in)):
            span = let_in[last] - let_in[first]
            assert last - first + 1 <= at_once + span * amount / 60 + 1e-3
    assert let_in, "the first is always let in"
