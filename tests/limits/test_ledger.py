"""The levels of all users, in bounded memory."""

from fargo.limits.bucket import Scope, rate
from fargo.limits.ledger import MOST_STRANGERS, Ledger

USER = rate(1, 60, 2)
MANY = rate(1_000_000, 1, 1_000_000)


def test_each_user_has_a_bucket_and_a_domain_has_one_for_all_of_its_users() -> None:
    ledger = Ledger((USER, rate(1, 60, 3), MANY))
    took = [ledger.take(user, "a", True, 0.0) for user in ("x@a", "x@a", "x@a", "y@a", "z@a")]
    assert took == [None, None, Scope.USER, None, Scope.DOMAIN]
    assert ledger.take("x@b", "b", True, 0.0) is None


def test_strangers_beyond_a_number_share_a_bucket_and_registered_users_never_do() -> None:
    ledger = Ledger((USER, MANY, MANY))
    for number in range(4 * MOST_STRANGERS):
        ledger.take(f"{number}@a", "a", False, 0.0)
    assert len(ledger) == MOST_STRANGERS + 1
    assert ledger.take("new@a", "a", False, 0.0) is Scope.USER
    assert ledger.take("0@a", "a", False, 0.0) is None, "this one had its own"
    assert ledger.take("alice@a", "a", True, 0.0) is None


def test_full_buckets_are_forgotten() -> None:
    ledger = Ledger((USER, MANY, MANY))
    ledger.take("x@a", "a", True, 0.0)
    ledger.take("y@a", "a", False, 0.0)
    ledger.sweep(59.0)
    assert len(ledger) == 2
    ledger.sweep(60.0)
    assert len(ledger) == 0


def test_what_was_charged_counts_against_other_rates_too() -> None:
    ledger = Ledger((USER, MANY, MANY))
    ledger.charge("x@a", "a", True, 0.0, 3)
    assert ledger.over("x@a", "a", True, 0.0, ledger.rates) is Scope.USER
    assert ledger.over("x@a", "a", True, 0.0, (rate(1, 60, 4), MANY, MANY)) is None
    ledger.charge("x@a", "a", True, 0.0, -1)
    assert ledger.over("x@a", "a", True, 0.0, ledger.rates) is None


def test_what_one_user_was_charged_counts_against_others_of_the_domain_as_long_as_it_is_too_much() -> None:
    ledger = Ledger((rate(1, 60, 10), rate(1, 60, 2), MANY))
    ledger.charge("x@a", "a", True, 0.0, 4)
    ledger.charge("z@b", "b", True, 0.0, 1)
    assert ledger.over("y@a", "a", True, 119.0, ledger.rates) is Scope.DOMAIN
    assert ledger.over("y@b", "b", True, 0.0, ledger.rates) is None
    assert ledger.over("y@a", "a", True, 121.0, ledger.rates) is None
