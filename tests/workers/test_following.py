"""A process that follows the log knows what the log says, or does not use what it knows."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from store.entries import ALICE, BATCH, BOB, forgets
from twisted.logger import capturedLogs

from fargo.loading import Loaded, loaded
from fargo.statemachine import machine
from fargo.statemachine.model.events import Recorded, Snapshot, StreamOpened
from fargo.store.opening import open_store
from fargo.store.places import DatabaseAddress
from fargo.workers import texts
from fargo.workers.following import AT_ONCE, Followed, Follower

from .worker import Worker


def opened(user: str, version: int) -> tuple[Recorded, tuple[()]]:
    return Recorded(user, version, 2e9, StreamOpened()), ()


def follower(place: Any, worker: str | None = None) -> Follower:
    return Follower(lambda: open_store(place, beside_writer=True, worker=worker), machine)


def known(follows: Follower) -> dict[str, Loaded]:
    return {user: each.loaded for user, each in follows.users.items()}


def test_what_is_followed_is_what_the_log_says(tmp_path: Path) -> None:
    path = tmp_path / "log"
    follows = follower(path)
    with closing(open_store(path)) as log:
        for entry in BATCH:
            log.append([entry])
            follows.follow()
        assert known(follows) == loaded(log, machine)
        log.append([opened(BOB, log.version(BOB) + number) for number in range(1, 4)])
        follows.follow()
        follows.follow()
        assert known(follows) == loaded(log, machine)
    follows.end()
    assert follows.users == {}


def test_a_long_log_holds_nobody_up_and_how_far_it_is_read_is_known(tmp_path: Path) -> None:
    path, times = tmp_path / "log", []
    follows = follower(path)
    assert (follows.position, follows.read_at) == (0, None)
    with closing(open_store(path)) as log:
        log.append([opened(BOB, number) for number in range(1, 2 * AT_ONCE + 1)])
        follows.follow(lambda: times.append(follows.read_at), lambda: 7.0)
        assert times == [None, None]
        assert (follows.position, follows.read_at) == (log.position(), 7.0)
        follows.end()
        assert (follows.position, follows.read_at) == (0, None)


def test_a_stream_that_begins_anew_is_followed_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    follows = follower(path)
    with closing(open_store(path)) as log:
        log.append([opened(BOB, number) for number in range(1, 4)])
        follows.follow()
        log.append([forgets(BOB, 4, 2e9), opened(BOB, 1), opened(BOB, 2)])
        follows.follow()
        assert known(follows) == loaded(log, machine)
        assert follows.users[BOB].loaded.version == 2


def test_a_log_that_is_condensed_meanwhile_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    follows = follower(path)
    with closing(open_store(path)) as log:
        log.append([opened(BOB, number) for number in range(1, 4)])
        log.condense(Recorded(BOB, 3, 2e9, Snapshot()), ())
        follows.follow()
        log.append([opened(BOB, 4)])
        log.condense(Recorded(BOB, 4, 2e9, Snapshot()), ())
        follows.follow()
        assert known(follows) == loaded(log, machine)


def test_a_log_that_cannot_be_read_is_followed_later(tmp_path: Path) -> None:
    path = tmp_path / "log"
    follows = follower(path)
    with capturedLogs() as said:
        follows.follow()
        follows.follow()
    assert [each["log_format"] for each in said] == [texts.NOT_FOLLOWED], "it is said once"
    assert follows.problem == str(said[0]["why"])
    with closing(open_store(path)) as log:
        log.append(BATCH)
        follows.follow()
        assert known(follows) == loaded(log, machine)
    assert follows.problem is None


class Uncounted:
    """A log whose entries nobody may count."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.closed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def __len__(self) -> int:
        raise AssertionError

    def close(self) -> None:
        self.closed += 1
        self._log.close()


def test_a_log_is_opened_once_and_its_entries_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    made: list[Uncounted] = []

    def open_it() -> Any:
        made.append(Uncounted(open_store(path, beside_writer=True)))
        return made[-1]

    with closing(open_store(path)):
        follows = Follower(open_it, machine)
        follows.follow()
        follows.follow()
        follows.end()
    assert [each.closed for each in made] == [1]


@pytest.mark.servers
def test_a_user_who_was_elsewhere_is_loaded_from_the_log(place: DatabaseAddress, db: Any, tmp_path: Path) -> None:
    with closing(open_store(place, worker="a")) as log:
        db.execute("insert into owners values (%s, 'a', 0), (%s, 'b', 0)", (ALICE, BOB))
        log.append([opened(ALICE, 1), opened(BOB, 1), opened(BOB, 2)])
        follows = follower(place, "a")
        follows.follow()
        assert follows.users.keys() == {ALICE}
        db.execute("update owners set worker = 'a'")
        log.append([opened(BOB, 3), opened(ALICE, 2)])
        follows.follow()
        log.append([opened(BOB, 4)])
        follows.follow()
        assert {user: each.version for user, each in known(follows).items()} == {ALICE: 2}
        db.execute("update owners set worker = 'b' where jid = %s", (ALICE,))
        log.append([opened(ALICE, 3)])
        follows.follow()
        db.execute("update owners set worker = 'a' where jid = %s", (ALICE,))
    with Worker("a", place, tmp_path) as worker:
        assert worker.share.still(follows.users) == {}
        everyone = loaded(worker.store, machine)
        assert worker.share.still({user: Followed(each, 0) for user, each in everyone.items()}) == everyone
        assert loaded(worker.store, machine, None, {ALICE: 0, BOB: 0}, {BOB: everyone[BOB]}) == everyone
    follows.end()


@pytest.mark.servers
def test_a_user_who_was_made_anew_elsewhere_is_loaded_from_the_log(
    place: DatabaseAddress, db: Any, tmp_path: Path
) -> None:
    with closing(open_store(place, worker="a")) as log:
        db.execute("insert into owners values (%s, 'a', 0), (%s, 'a', 0)", (ALICE, BOB))
        log.append([opened(ALICE, 1), opened(ALICE, 2), opened(BOB, 1)])
        follows = follower(place, "a")
        follows.follow()
        db.execute("update owners set worker = 'b' where jid = %s", (ALICE,))
        log.append([forgets(ALICE, 3, 2e9), opened(ALICE, 1), opened(ALICE, 2)])
        follows.follow()
        db.execute("update owners set worker = 'a', since = (select position from log) where jid = %s", (ALICE,))
    with Worker("a", place, tmp_path) as worker:
        assert known(follows).keys() == {ALICE, BOB}
        assert worker.share.still(follows.users).keys() == {BOB}
    follows.end()
