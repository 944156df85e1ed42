"""The pauses between attempts to register that fail."""

import pytest

from fargo.statemachine.account import retries

DAY = 1_000_000.0


def pauses(fraction: float, seconds: float) -> list[float]:
    """Return the pauses of such an outage, if each attempt fails at once, at this fraction of a second."""
    found: list[float] = []
    while sum(found) < seconds:
        found.append(retries.pause(len(found), DAY + fraction))
    return found


@pytest.mark.parametrize("fraction", [0.0, 0.999])
def test_for_minutes_a_server_that_is_back_is_found_within_eight_seconds(fraction: float) -> None:
    found = pauses(fraction, 200)
    assert max(found) <= 8
    assert found == sorted(found), "they grow"
    assert found[0] <= 2


@pytest.mark.parametrize("fraction", [0.0, 0.999])
def test_a_server_that_stays_away_is_asked_seldom(fraction: float) -> None:
    found = pauses(fraction, 3600)
    assert found == sorted(found)
    assert 150 <= found[-1] <= 300
    assert len(found) < 80


@pytest.mark.parametrize("number", range(60))
def test_accounts_that_fail_together_do_not_come_back_together(number: int) -> None:
    """The fraction of the second spreads them over half of the pause, and changes nothing else."""
    earliest, middle, latest = (retries.pause(number, DAY + fraction) for fraction in (0.0, 0.5, 0.999))
    assert earliest < middle < latest < 2 * earliest
    assert retries.pause(number, DAY + 17.5) == middle


def test_a_registrar_that_asks_for_a_longer_pause_gets_it() -> None:
    assert retries.pause(0, DAY, wait=600.0) == 600.0
    assert retries.pause(10, DAY, wait=1.0) == retries.pause(10, DAY)
