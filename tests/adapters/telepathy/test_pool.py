"""The pool: which host a sign-in gets, and when hosts start and end. The hosts are fakes on a clock of the test."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.pool import Limits, Pool, PooledHost
from fargo.supervisor import DELAYS

LIMITS = Limits(accounts=2, memory_mib=100, settled_seconds=32)
MIB = 1024


class FakeHost:
    """A host that starts at once. It ends when the test says so, if `slow`, and otherwise at once."""

    def __init__(self, number: int, died: Callable[[str], None]) -> None:
        self.number = number
        self.died = died
        self.memory: int | None = 10 * MIB
        self.slow = False
        self.gone = Deferred[None]()
        self.stopped = False

    def start(self) -> Deferred[None]:
        return succeed(None)

    def stop(self) -> Deferred[None]:
        self.stopped = True
        return self.gone if self.slow else succeed(None)

    def memory_kib(self) -> int | None:
        return self.memory


class Scene:
    """A pool that has been started. `runs` are all hosts that it has made, `lost` the numbers of those that died."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.runs: list[FakeHost] = []
        self.lost: list[int] = []
        self.pool = Pool(self._make, lambda place: self.lost.append(place.number), LIMITS, self.clock)
        self.pool.start()

    def _make(self, number: int, died: Callable[[str], None]) -> FakeHost:
        self.runs.append(FakeHost(number, died))
        return self.runs[-1]

    def enter(self, count: int) -> list[PooledHost[FakeHost]]:
        return [self.pool.enter() for _ in range(count)]

    def pass_time(self, seconds: float = LIMITS.settled_seconds) -> None:
        self.clock.advance(seconds)
        self.pool.look_after()

    @property
    def running(self) -> list[int]:
        return sorted(each.number for each in self.runs if not each.stopped)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def numbers(places: list[PooledHost[FakeHost]]) -> list[int]:
    return [each.number for each in places]


# --- room


def test_one_host_runs_before_the_first_sign_in(scene: Scene) -> None:
    scene.pass_time()
    assert scene.running == [1]


def test_a_host_is_started_when_all_are_full(scene: Scene) -> None:
    assert numbers(scene.enter(5)) == [1, 1, 2, 2, 3]
    assert scene.running == [1, 2, 3]


def test_a_sign_in_gets_the_first_host_with_room(scene: Scene) -> None:
    places = scene.enter(5)
    scene.pool.leave(places[2])
    scene.pool.leave(places[0])
    assert numbers(scene.enter(3)) == [1, 2, 3]


# --- empty hosts


def test_an_empty_host_ends_after_a_while(scene: Scene) -> None:
    *_, last = scene.enter(3)
    scene.pool.leave(last)
    scene.pass_time(LIMITS.settled_seconds - 1)
    assert scene.running == [1, 2]
    scene.pass_time(1)
    assert scene.running == [1]


def test_a_host_that_is_used_again_in_time_stays(scene: Scene) -> None:
    *_, last = scene.enter(3)
    scene.pool.leave(last)
    scene.pass_time(LIMITS.settled_seconds - 1)
    scene.pool.leave(*scene.enter(1))
    scene.pass_time(LIMITS.settled_seconds - 1)
    assert scene.running == [1, 2]


def test_the_last_host_stays(scene: Scene) -> None:
    for place in scene.enter(5):
        scene.pool.leave(place)
    scene.pass_time()
    assert scene.running == [1]
    assert numbers(scene.enter(1)) == [1]


def test_a_number_is_free_when_its_host_has_ended(scene: Scene) -> None:
    """Its files are in use until then."""
    *_, last = scene.enter(3)
    scene.runs[1].slow = True
    scene.pool.leave(last)
    scene.pass_time()
    assert numbers(scene.enter(1)) == [3]
    scene.runs[1].gone.callback(None)
    assert numbers(scene.enter(2)) == [3, 2]


def test_stopping_awaits_every_host(scene: Scene) -> None:
    *_, last = scene.enter(3)
    scene.runs[1].slow = True
    scene.pool.leave(last)
    scene.pass_time()
    stopped = scene.pool.stop()
    assert (scene.running, stopped.called) == ([], False)
    scene.runs[1].gone.callback(None)
    assert stopped.called


# --- hosts that have grown


def test_a_grown_host_gets_no_sign_in_and_ends_when_it_is_empty(scene: Scene) -> None:
    places = scene.enter(3)
    with capturedLogs() as logged:
        scene.runs[0].memory = 101 * MIB
        scene.pass_time(1)
        scene.pass_time(1)
    assert [(each["log_format"], each["name"]) for each in logged] == [(texts.DRAINED, texts.HOST.format(number=1))]
    assert scene.pool.drained == places[:1]
    scene.pool.leave(places[0])
    assert numbers(scene.enter(2)) == [2, 3]
    scene.pool.leave(places[1])
    scene.pass_time()
    assert scene.running == [2, 3]
    assert numbers(scene.enter(2)) == [3, 1]


@pytest.mark.parametrize("memory", [100 * MIB, None], ids=["at the limit", "ended"])
def test_a_host_that_has_not_grown_is_not_drained(scene: Scene, memory: int | None) -> None:
    scene.runs[0].memory = memory
    scene.pass_time()
    assert numbers(scene.enter(1)) == [1]


def test_all_hosts_are_replaced_at_once_whatever_their_memory(scene: Scene) -> None:
    [old] = scene.enter(1)
    scene.pool.drain_all()
    assert scene.pool.drained == [old]
    [new] = scene.enter(1)
    assert new is not old
    scene.pool.leave(old)
    scene.pass_time()
    assert scene.running == [new.number]


def test_an_empty_host_that_has_grown_is_replaced(scene: Scene) -> None:
    scene.runs[0].memory = 101 * MIB
    scene.pass_time()
    assert scene.running == [2]
    assert numbers(scene.enter(1)) == [2]


# --- hosts that end by themselves


def test_a_host_that_dies_is_started_again_for_its_accounts(scene: Scene) -> None:
    places = scene.enter(3)
    scene.runs[0].died("It crashed.")
    assert scene.lost == [1]
    assert scene.running == [2]
    scene.clock.advance(DELAYS[0])
    assert scene.running == [1, 2]
    scene.pool.leave(places[0])
    assert numbers(scene.enter(1)) == [1]


def test_an_empty_host_that_keeps_dying_keeps_its_delays(scene: Scene) -> None:
    *_, last = scene.enter(3)
    scene.pool.leave(last)
    longer = next(place for place, delay in enumerate(DELAYS) if delay > LIMITS.settled_seconds)
    for delay in DELAYS[:longer]:
        scene.runs[-1].died("It crashed.")
        scene.clock.advance(delay)
    scene.runs[-1].died("It crashed.")
    starts = len(scene.runs)
    scene.pass_time()
    assert numbers(scene.enter(1)) == [2]
    assert len(scene.runs) == starts, "its next start is not due yet"
    scene.clock.advance(DELAYS[longer])
    assert len(scene.runs) == starts + 1


def test_a_drained_host_that_dies_is_drained_no_longer(scene: Scene) -> None:
    scene.enter(1)
    scene.runs[0].memory = 101 * MIB
    scene.pass_time(1)
    scene.runs[0].died("It crashed.")
    scene.clock.advance(DELAYS[0])
    assert not scene.pool.drained
    assert numbers(scene.enter(1)) == [1]
