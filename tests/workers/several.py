"""A gateway that is several workers, and what its database and its operators say."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from fargo.control.questions import RemoveUser
from fargo.operations.desk import Desk
from fargo.operations.values import HandedOnFigures, UserRemoval
from fargo.store.interface import SynchronousStore
from fargo.store.places import DatabaseAddress
from replay.reading import golden

from .worker import Worker, until

REGISTERED = Path(__file__).parents[2] / "replay/sessions/calls-a-call-out-has-sound-both-ways-sip.jsonl"
IN_CALL, AFTER_CALL = 12, 16
"""Versions in its stream."""
ALICE = "alice@example.org"


class Workers:
    """The workers of a gateway."""

    def __init__(self, stack: ExitStack, place: DatabaseAddress, keys: Path) -> None:
        self._stack = stack
        self.place = place
        self.keys = keys

    def worker(self, name: str) -> Worker:
        return self._stack.enter_context(Worker(name, self.place, self.keys))

    def begun(self, *names: str) -> list[Worker]:
        return [self.worker(name).begin() for name in names]


def enter(log: SynchronousStore, version: int) -> str:
    """Write a user's stream up to a version, and return whose it is."""
    entries = [each for each in golden.read(REGISTERED) if each[0].version <= version]
    log.append(entries)
    return entries[0][0].user


def written(db: Any) -> list[str]:
    return [worker for (worker,) in db.execute("select worker from handed_on order by id").fetchall()]


def owner(db: Any, user: str) -> list[str]:
    return [worker for (worker,) in db.execute("select worker from owners where jid = %s", (user,)).fetchall()]


def figures(worker: Worker) -> HandedOnFigures:
    """Return what a worker's operator is told of what is handed on."""
    told: list[HandedOnFigures] = []
    worker.share.count.figures().addCallback(told.append)
    until(lambda: told, worker)
    return told[0]


def removal(worker: Worker, user: str, other: Worker) -> UserRemoval | str:
    """Let the operator of a worker remove a user. Return the answer."""
    desk = Desk(*(cast(Any, each) for each in (worker.engine, None, None, None, None, worker.share)))
    answers: list[Any] = []
    desk.answer(RemoveUser(user)).addBoth(answers.append)
    until(lambda: answers, worker, other)
    (answer,) = answers
    return answer if isinstance(answer, UserRemoval) else str(answer.getErrorMessage())
