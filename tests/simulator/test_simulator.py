"""The invariants, over runs that Hypothesis draws: each quirk by itself, and all at once. `script/fuzz` has more.

A run that fails is shortened by leaving moves out (`runs.shortest`), which is quicker than Hypothesis and says it in
moves.
"""

from bisect import bisect
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .quirks import ALL, NONE, Quirk
from .runs import (
    BEGINNINGS,
    CALLED_BACK,
    FORWARDING,
    JOINED,
    REFERRING,
    SEEING,
    SEEN,
    TRANSFERRING,
    WANTED,
    run,
    shortest,
    weights,
)
from .world import Move, World

KINDS = {"NONE": NONE, **{quirk.name: frozenset({quirk}) for quirk in Quirk}, "ALL": ALL}


def drawn(data: st.DataObject, found: list[Move]) -> Move:
    """One of the moves, by weight."""
    reached = list(accumulate(weights(found)))
    return found[bisect(reached, data.draw(st.integers(0, reached[-1] - 1)))]


@pytest.mark.slow("draws forty runs of a call with video")
@settings(
    max_examples=40, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_video_is_transferred_held_and_taken_over(data: st.DataObject) -> None:
    quirks = frozenset({Quirk.CHATTER, *((Quirk.MACHINE,) if data.draw(st.booleans(), "taken over") else ())})
    _hold(data, SEEN, quirks, data.draw(st.integers(20, 80), "moves"))


@pytest.mark.slow("draws twenty runs with each quirk")
@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=20, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_whatever_the_peers_do_the_invariants_hold(kind: str, data: st.DataObject) -> None:
    beginnings = {**BEGINNINGS, "sip, forwarding": FORWARDING, "sip, called back": CALLED_BACK, "sip, joined": JOINED}
    beginnings |= TRANSFERRING | REFERRING | {"sip, video": SEEING, "sip, video is wanted": WANTED, "sip, seen": SEEN}
    start = beginnings[data.draw(st.sampled_from(list(beginnings)), "beginning")]
    length = data.draw(st.integers(20, 120), "moves")
    _hold(data, start, KINDS[kind], length)


def _hold(data: st.DataObject, start: World, quirks: frozenset[Quirk], length: int) -> None:
    """See that the invariants hold in a run."""
    done = run(start, lambda found: drawn(data, found), quirks, length)
    if done.broken:
        told = "\n  ".join(" ".join(move) for move in shortest(done, quirks).path)
        raise AssertionError(f"{done.broken}\nafter\n  {told}") from done.broken
