"""Loading: what a gateway knows of its users when it starts, folded from its log.

Rules:

1. With kept states (`fargo.store.kept_states`) only those events are folded that they do not have: all after their
   position, and all of the users for whom there is no state. The result is the same.
2. If the log does not go on where a state ends, the states are not used.
3. A worker has some of the users in a log. They are given as `owned`, each with a position that the log had reached
   when they came to the worker: a kept state from before that is of an earlier time, and is not used.
4. Users may be known already, as they are in the log (`fargo.workers.following`): if they are most of a worker's users,
   only the others are folded.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import NamedTuple, Protocol

from twisted.logger import Logger

from fargo import statemachine, texts
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, Snapshot
from fargo.statemachine.user_state import User
from fargo.store.interface import Store
from fargo.store.kept_states import KeptStates

_logger = Logger()


class Folding(Protocol):
    """The functions of `fargo.statemachine.machine` that loading needs."""

    def new(self, jid: str, /) -> User: ...
    def fold(self, user: User, recorded: Recorded, /) -> tuple[User, tuple[Issued, ...], str | None]: ...


class Loaded(NamedTuple):
    """A user after their last event, with its version and its time (seconds since 1970)."""

    user: User
    version: int
    at: float


class _GapError(Exception):
    """The log does not go on where a state ends."""


def core() -> str:
    """Return a name that is another one for each version of the core: states of one mean nothing to another."""
    folder = Path(statemachine.__file__).parent
    digest = sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def loaded(
    store: Store,
    machine: Folding,
    kept: KeptStates | None = None,
    owned: Mapping[str, int] | None = None,
    known: Mapping[str, Loaded] | None = None,
) -> dict[str, Loaded]:
    """Return everyone of whom the log knows, or whom a worker has. Raises StoreError if the log cannot be read."""
    if known and owned and len(known) > len(owned) / 2:
        return _with_others(dict(known), owned, store, machine)
    if kept is not None:
        try:
            streams = dict(_restored(store, machine, kept if owned is None else _of_worker(kept, owned)))
            _with_others(streams, owned or {}, store, machine)
            return _followed(streams, store.events(kept.position), machine)
        except _GapError as error:
            _logger.warn(texts.STATES_NOT_USED, user=error)
    return _followed({}, store.events(), machine)


def _restored(store: Store, machine: Folding, kept: KeptStates) -> Iterator[tuple[str, Loaded]]:
    """Yield the users of kept states."""
    for user, version, at, snapshot in ((each.user, each.version, each.at, each.snapshot) for each in kept.states):
        if snapshot is None:
            yield from _followed({}, _stream(store, user), machine).items()
        else:
            state = machine.fold(machine.new(user), Recorded(user, version, at, snapshot))[0]
            yield user, Loaded(state, version, at)


def _with_others(
    streams: dict[str, Loaded], owned: Mapping[str, int], store: Store, machine: Folding
) -> dict[str, Loaded]:
    """Add those of a worker's users who are missing, and return all."""
    for user in owned.keys() - streams.keys():
        streams |= _followed({}, _stream(store, user), machine)
    return streams


def loaded_user(store: Store, machine: Folding, user: str) -> Loaded | None:
    """Return a user, None if the log knows nothing of them. Raises StoreError if the log cannot be read."""
    return _followed({}, _stream(store, user), machine).get(user)


def _of_worker(kept: KeptStates, owned: Mapping[str, int]) -> KeptStates:
    """Return those kept states that are of a worker's users since they came to it."""
    of_worker = (each for each in kept.states if owned.get(each.user, inf) <= kept.position)
    return KeptStates(kept.position, tuple(of_worker))


def _stream(store: Store, user: str) -> Iterator[Recorded]:
    """Yield all events of a user."""
    read = 0
    while page := store.page(user, read, inf):
        yield from page
        read = page[-1].version


def _followed(streams: dict[str, Loaded], events: Iterator[Recorded], machine: Folding) -> dict[str, Loaded]:
    """Return the users after these events, too. Those that a user's state has already are left out."""
    fold, new = machine.fold, machine.new
    for recorded in events:
        jid, version = recorded.user, recorded.version
        last = streams.get(jid)
        before, known = (last.user, last.version) if last else (new(jid), 0)
        if version <= known:
            continue
        if version > known + 1 and not isinstance(recorded.event, Snapshot):
            raise _GapError(jid)
        streams[jid] = Loaded(fold(before, recorded)[0], version, recorded.at)
    return streams
