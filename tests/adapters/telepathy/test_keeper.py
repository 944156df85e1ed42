"""When a host that ends is followed by the next one: on a clock that the test moves."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from fargo.adapters.telepathy.keeper import DELAYS, STEADY_SECONDS, Keeper
from fargo.processes import ProcessError


class FakeHost:
    """Is up as soon as it is started, unless it is broken."""

    def __init__(self, died: Callable[[str], None], broken: bool) -> None:
        self.die = died
        self._broken = broken

    def start(self) -> Deferred[None]:
        return fail(ProcessError("There is no rakia here.")) if self._broken else succeed(None)

    def stop(self) -> Deferred[None]:
        return succeed(None)


class Scene:
    def __init__(self) -> None:
        self.clock = Clock()
        self.made: list[FakeHost] = []
        self.deaths = 0
        self.broken = False
        self.keeper = Keeper(self._make, self.clock, self._died)
        self.keeper.start()

    def _make(self, died: Callable[[str], None]) -> FakeHost:
        self.made.append(FakeHost(died, self.broken))
        return self.made[-1]

    def _died(self) -> None:
        assert self.keeper.host is None
        self.deaths += 1

    def next_after(self) -> float:
        """Let the newest host die; seconds until there is another."""
        count, begin = len(self.made), self.clock.seconds()
        self.made[-1].die("gone")
        while len(self.made) == count:
            self.clock.advance(0.5)
        return max(0.0, self.clock.seconds() - begin - 0.5)


def test_hosts_that_die_young_are_followed_ever_later() -> None:
    scene = Scene()
    waits = [scene.next_after() for _ in range(len(DELAYS) + 1)]
    assert [round(each) for each in waits] == [0, 0, 2, 4, 8, 16, 30, 30]
    assert scene.deaths == len(waits)


def test_a_host_that_lived_long_is_followed_at_once() -> None:
    scene = Scene()
    for _ in range(4):
        scene.next_after()
    scene.clock.advance(STEADY_SECONDS)
    assert scene.next_after() == 0


def test_who_asks_meanwhile_gets_the_next_host() -> None:
    scene = Scene()
    scene.made[0].die("gone")
    got: list[object] = []
    scene.keeper.up().addCallback(got.append)
    assert not got
    scene.clock.advance(0)
    assert got == [scene.made[1]]


def test_a_host_that_cannot_be_started_is_tried_again() -> None:
    scene = Scene()
    scene.broken = True
    scene.made[0].die("gone")
    scene.clock.advance(0)
    assert scene.keeper.host is None
    scene.broken = False
    scene.clock.advance(DELAYS[1])
    assert scene.keeper.host is scene.made[2]
    assert scene.deaths == 1


def test_no_host_follows_once_it_is_stopped() -> None:
    scene = Scene()
    scene.made[0].die("gone")
    scene.keeper.stop()
    scene.clock.advance(100)
    assert len(scene.made) == 1
