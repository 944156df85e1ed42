"""The way of what comes for a user, alone and with several workers and a store between them."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fargo.workers.routes import (
    MOST_WAITING,
    REST_SECONDS,
    Action,
    Fetch,
    Give,
    LetGo,
    Refuse,
    Routes,
    Settle,
    Take,
)

ALICE = "alice@example.org"


def test_what_comes_for_an_own_user_is_taken() -> None:
    routes: Routes[str] = Routes([ALICE])
    assert routes.owns(ALICE)
    assert routes.came(ALICE, "a") == Take(ALICE, ("a",))
    assert routes.heard(ALICE) is None


def test_a_new_user_is_asked_about_and_all_waits_until_they_are_here() -> None:
    routes: Routes[str] = Routes()
    assert routes.came(ALICE, "a") == Settle(ALICE, ("a",))
    assert routes.came(ALICE, "b") is None
    assert not routes.owns(ALICE)
    assert routes.settled(ALICE, True) == Fetch(ALICE)
    assert routes.came(ALICE, "c") is None
    assert routes.fetched(ALICE, 0.0) == Take(ALICE, ("a", "b", "c"))
    assert routes.users() == [ALICE]


def test_what_came_for_the_user_of_another_worker_was_written_and_the_rest_is_asked_about_again() -> None:
    routes: Routes[str] = Routes()
    routes.came(ALICE, "a")
    routes.came(ALICE, "b")
    assert routes.settled(ALICE, False) == Settle(ALICE, ("b",))
    assert routes.settled(ALICE, False) is None
    assert routes.came(ALICE, "c") == Settle(ALICE, ("c",))


def test_a_user_of_whom_something_is_written_down_for_this_worker_is_asked_about_once() -> None:
    routes: Routes[str] = Routes()
    assert routes.heard(ALICE) == Settle(ALICE, ())
    assert routes.heard(ALICE) is None


def test_a_user_who_has_come_rests_before_they_move_on() -> None:
    routes: Routes[str] = Routes()
    routes.heard(ALICE)
    routes.settled(ALICE, True)
    routes.fetched(ALICE, 100.0)
    assert routes.quiet(ALICE, "b", 100.0 + REST_SECONDS - 1) is None
    assert routes.quiet(ALICE, "b", 100.0 + REST_SECONDS) == Give(ALICE, "b")
    assert routes.quiet(ALICE, "b", 1e9) is None, "the user is gone already"


def test_what_comes_while_a_user_moves_goes_after_them() -> None:
    routes: Routes[str] = Routes([ALICE])
    assert routes.quiet(ALICE, "b", 0.0) == Give(ALICE, "b")
    assert routes.came(ALICE, "a") is None
    assert routes.gone(ALICE) == Settle(ALICE, ("a",))


def test_a_user_of_whom_nothing_is_known_is_let_go() -> None:
    routes: Routes[str] = Routes([ALICE])
    assert routes.unknown(ALICE) == LetGo(ALICE)
    assert routes.unknown(ALICE) is None
    assert routes.gone(ALICE) is None
    assert routes.came(ALICE, "a") == Settle(ALICE, ("a",))


def test_no_more_than_so_much_waits() -> None:
    routes: Routes[int] = Routes()
    assert all(not isinstance(routes.came(ALICE, each), Refuse) for each in range(MOST_WAITING))
    assert routes.came(ALICE, MOST_WAITING) == Refuse(MOST_WAITING)


@dataclass
class World:
    """Workers and their store. Each asks it one thing after the other; when that happens, and when the answer comes,
    is drawn.
    """

    workers: tuple[str, ...]
    owner: dict[str, str] = field(default_factory=dict)
    written: list[tuple[str, str, Any]] = field(default_factory=list)
    """Things that are written down: for a worker, about a user."""
    has: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The users that each worker has folded, and speaks for."""
    taken: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    now: float = 0.0

    def __post_init__(self) -> None:
        self.routes: dict[str, Routes[Any]] = {name: Routes() for name in self.workers}
        self.questions: dict[str, list[Any]] = {name: [] for name in self.workers}
        self.answers: dict[str, list[Any]] = {name: [] for name in self.workers}

    def do(self, worker: str, action: "Action[Any] | None") -> None:
        match action:
            case None:
                pass
            case Take(user, things):
                assert user in self.has[worker]
                self.taken[user].extend(things)
            case Give(user):
                self.has[worker].remove(user)
                self.questions[worker].append(action)
            case LetGo():
                raise AssertionError
            case _:
                self.questions[worker].append(action)

    def ask(self, worker: str) -> None:
        """Let the store do the next thing that a worker asks of it."""
        if not self.questions[worker]:
            return
        question = self.questions[worker].pop(0)
        answer: Any = None
        match question:
            case Settle(user, things):
                owner = self.owner.setdefault(user, worker)
                answer = owner == worker
                if not answer:
                    self.written += [(owner, user, each) for each in things]
            case Give(user, to):
                assert self.owner[user] == worker
                self.owner[user] = to
                self.written = [
                    (to if (for_, whose) == (worker, user) else for_, whose, each) for for_, whose, each in self.written
                ]
                self.written.append((to, user, None))
        self.answers[worker].append((question, answer))

    def hear(self, worker: str) -> None:
        """Let a worker hear the next answer."""
        if not self.answers[worker]:
            return
        question, answer = self.answers[worker].pop(0)
        routes = self.routes[worker]
        match question:
            case Settle(user):
                self.do(worker, routes.settled(user, answer))
            case Fetch(user):
                assert not any(user in users for users in self.has.values()), "two workers have a user"
                self.has[worker].add(user)
                self._take_written(worker, user)
                self.do(worker, routes.fetched(user, self.now))
            case Give(user):
                self.do(worker, routes.gone(user))

    def look(self, worker: str) -> None:
        """Let a worker look at what is written down for it."""
        for user in dict.fromkeys(whose for for_, whose, _ in self.written if for_ == worker):
            if self.routes[worker].owns(user):
                self._take_written(worker, user)
            else:
                self.do(worker, self.routes[worker].heard(user))

    def _take_written(self, worker: str, user: str) -> None:
        mine = [each for for_, whose, each in self.written if (for_, whose) == (worker, user)]
        self.written = [each for each in self.written if each[:2] != (worker, user)]
        self.taken[user] += [each for each in mine if each is not None]

    def settle_all(self) -> None:
        while any(self.questions.values()) or any(self.answers.values()) or self.written:
            for worker in self.workers:
                self.ask(worker)
                self.hear(worker)
                self.look(worker)


WORKERS = ("a", "b", "c")
USERS = ("u", "v")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("came"), st.sampled_from(WORKERS), st.sampled_from(USERS)),
        st.tuples(st.sampled_from(("ask", "hear", "look")), st.sampled_from(WORKERS)),
        st.tuples(st.just("quiet"), st.sampled_from(WORKERS), st.sampled_from(USERS), st.sampled_from(WORKERS)),
        st.tuples(st.just("wait"), st.sampled_from((1.0, REST_SECONDS))),
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_everything_is_taken_once_in_order_by_the_one_worker_that_has_the_user(steps: list[Any]) -> None:
    world, came = World(WORKERS), defaultdict(list)
    for number, step in enumerate(steps):
        match step:
            case "came", worker, user:
                came[user, worker].append(number)
                world.do(worker, world.routes[worker].came(user, (worker, number)))
            case "ask" | "hear" | "look" as what, worker:
                getattr(world, what)(worker)
            case "quiet", worker, user, to if to != worker:
                world.do(worker, world.routes[worker].quiet(user, to, world.now))
            case "wait", seconds:
                world.now += seconds
    world.settle_all()
    for user in USERS:
        owners = [name for name in WORKERS if user in world.has[name]]
        assert owners == [name for name in WORKERS if world.owner.get(user) == name]
        for worker in WORKERS:
            assert [number for at, number in world.taken[user] if at == worker] == came[user, worker]
