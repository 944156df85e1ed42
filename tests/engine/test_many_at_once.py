"""Events of very many users are folded and committed in several batches, in the order in which they were put."""

from pathlib import Path

import pytest
from store.backends import DELAY

from fargo.engine import MOST_AT_ONCE
from fargo.statemachine.model.events import SipSignedIn, Stopping

from .bench import Bench, out

USERS = [f"user{number}@example.org" for number in range(2 * MOST_AT_ONCE + 10)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """All users have something open but the first."""
    bench = Bench(tmp_path / "fargo.db", delayed=True)
    for user in USERS:
        bench.engine.put(user, out("") if user == USERS[0] else SipSignedIn("a"))
    settled = bench.engine.settled()
    while not settled.called:
        bench.run(DELAY)
    bench.sent.clear()
    return bench


def test_news_for_all_are_told_some_at_a_time_before_what_comes_after_them(bench: Bench) -> None:
    before = len(bench.log)
    bench.engine.broadcast(Stopping())
    bench.engine.put(USERS[1], SipSignedIn("later"))
    bench.engine.put(USERS[-1], SipSignedIn("later"))
    settled = bench.engine.settled()
    sizes = []
    while not settled.called:
        bench.run()  # the turn that folds
        bench.run(DELAY)  # the commit
        sizes.append(len(bench.log) - before)
    assert sizes == [MOST_AT_ONCE, 2 * MOST_AT_ONCE, len(USERS) - 1 + 2]
    told = [(user, event) for user, _, _, event in bench.recorded()][before:]
    assert told == [
        *((user, Stopping()) for user in USERS[1:]),
        *((user, SipSignedIn("later")) for user in (USERS[1], USERS[-1])),
    ]
    assert len(bench.sent) == 4


def test_stopping_waits_for_all_of_them(bench: Bench) -> None:
    before = len(bench.log)
    bench.engine.broadcast(Stopping())
    stopped = bench.engine.stop()
    bench.run(DELAY)
    assert not stopped.called
    while not stopped.called:
        bench.run(DELAY)
    assert len(bench.log) - before == len(USERS) - 1
