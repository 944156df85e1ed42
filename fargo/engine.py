"""The engine: takes events in, stamps them, folds them, commits them, and only then hands their commands out.

Rules:

1. `put` only collects. At the end of the reactor turn all that was put is one batch, and one transaction.
2. No command leaves before the commit of the event that caused it. If a commit fails, nothing of its batch is sent, the
   engine takes nothing more, and `failed` is told why.
3. Time is the wall clock at start plus the monotonic clock since, so a corrected wall clock changes nothing. Within a
   stream it never goes back, not even over a restart.
4. Timers follow from the state: after each batch a user's earliest deadline is armed. Nobody sets one by hand.
5. What could not be read back from the log never gets in: one peer's odd value must not stop the gateway, now or later.
"""

from collections.abc import Callable
from time import monotonic, time
from typing import Final, NamedTuple, Protocol

from msgspec import Struct
from twisted.internet.base import DelayedCall
from twisted.logger import Logger

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Fault, Forget, Issued
from fargo.statemachine.model.events import Event, PolicyChanged, Recorded, TimePassed
from fargo.statemachine.user_state import User
from fargo.store.log import Entry, Log, forgets

OVERDUE_SECONDS: Final = 1.0
"""After a TimePassed that left something due, the next waits this long: a state that never moves on cannot spin."""


class StateMachine(Protocol):
    """What the engine needs of `fargo.statemachine.machine`."""

    def new(self, jid: str, /) -> User: ...
    def fold(self, user: User, recorded: Recorded, /) -> tuple[User, tuple[Issued, ...]]: ...
    def deadlines(self, user: User, /) -> tuple[Deadline, ...]: ...
    def is_idle(self, user: User, /) -> bool: ...
    def secrets(self, user: User, /) -> tuple[str, ...]: ...


class _Stream(Struct, frozen=True):
    """A user as of the last event in their stream; that event's version and time, and whether it was TimePassed.
    Without a version there is no stream (any more).
    """

    user: User
    version: int = 0
    at: float = 0.0
    timed: bool = False


class _Timer(NamedTuple):
    """A user's earliest deadline, and the reactor's call for it."""

    due: float
    call: DelayedCall


def steady_clock() -> Callable[[], float]:
    """A clock in seconds since 1970 that runs evenly from now on, whatever becomes of the wall clock."""
    start = time() - monotonic()
    return lambda: start + monotonic()


class Engine:
    """Built on an open log; `load` comes before the first `put`. All methods belong to the reactor's thread.

    `dispatch` carries out a command (a Fault is counted in `faults`, notes and Forget are for the log); `failed` is
    called once, with a sentence, when a commit failed; from then on, as after `stop`, the engine is not open.
    `call_later` is the reactor's callLater. `policy` is told to each user, as an event, before anything else is.
    """

    _logger = Logger()

    def __init__(
        self,
        log: Log,
        machine: StateMachine,
        dispatch: Callable[[Issued], None],
        failed: Callable[[str], None],
        call_later: Callable[..., DelayedCall],
        now: Callable[[], float] | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.faults = 0
        self.is_open = True
        self._log = log
        self._machine = machine
        self._dispatch = dispatch
        self._failed = failed
        self._call_later = call_later
        self._now = now or steady_clock()
        self._policy = policy or Policy()
        self._streams: dict[str, _Stream] = {}
        self._timers: dict[str, _Timer] = {}
        self._batch: list[tuple[str, Event]] = []

    def load(self) -> frozenset[str]:
        """Fold the log, so that everyone is as they were.

        Returns the names of the secrets that somebody's state refers to. Raises FileError if the log cannot be read.
        """
        users: dict[str, User] = {}
        ends: dict[str, Recorded] = {}
        for recorded in self._log.events():
            jid = recorded.user
            users[jid], _ = self._machine.fold(users.get(jid) or self._machine.new(jid), recorded)
            ends[jid] = recorded
        self._streams = {jid: _Stream(users[jid], end.version, end.at) for jid, end in ends.items()}
        for jid, stream in self._streams.items():
            if self._machine.is_idle(stream.user):  # the others are armed by the news that we are back
                self._arm(jid)
        return frozenset(name for stream in self._streams.values() for name in self._machine.secrets(stream.user))

    def put(self, user: str, event: Event) -> None:
        """Take in what was signalled to or by this user (bare JID)."""
        if not self.is_open:
            return
        if not self._log.keeps(event):
            self._logger.error("Lost {event} of {user}: the log could not give it back.", event=event, user=user)
            return
        if not self._batch:
            self._call_later(0, self._flush)
        self._batch.append((user, event))

    def broadcast(self, event: Event) -> None:
        """Put an event that touches everyone who is registered or has anything open."""
        for jid in self.busy():
            self.put(jid, event)

    def busy(self) -> list[str]:
        """Everyone who is registered or has anything open, as of the last commit."""
        return [jid for jid, stream in self._streams.items() if not self._machine.is_idle(stream.user)]

    def forget(self, jid: str, version: int) -> None:
        """Erase the stream of a user of whom nothing is left, if it still ends with that version. Raises FileError."""
        stream = self._streams.get(jid)
        if self.is_open and stream and stream.version == version and all(jid != user for user, _ in self._batch):
            self._log.erase(jid)
            self._drop(jid)

    def stop(self) -> None:
        """Commit and hand out what was put, and take nothing more."""
        self._flush()
        self._close()

    def _stream(self, jid: str) -> _Stream:
        return self._streams.get(jid) or _Stream(self._machine.new(jid))

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if not (batch and self.is_open):
            return
        streams: dict[str, _Stream] = {}
        entries: list[Entry] = []
        for jid, event in batch:
            stream = streams.get(jid) or self._stream(jid)
            if stream.user.policy != self._policy:
                stream, entry = self._step(jid, stream, PolicyChanged(self._policy))
                entries.append(entry)
            streams[jid], entry = self._step(jid, stream, event)
            entries.append(entry)
        try:
            self._log.append(entries)
        except Exception as error:  # whatever it is, what is not in the log must not happen
            self._close()
            self._failed(f"The log does not take any more, so nothing may be sent any more: {error}")
            return
        self._streams |= streams
        for jid, stream in streams.items():
            if stream.version:
                self._arm(jid)
            else:
                self._drop(jid)
        for _, issued in entries:
            for each in issued:
                self._send(each)

    def _step(self, jid: str, stream: _Stream, event: Event) -> tuple[_Stream, Entry]:
        recorded = Recorded(jid, stream.version + 1, max(self._now(), stream.at), event)
        user, issued = self._machine.fold(stream.user, recorded)
        if forgets(issued):
            return _Stream(self._machine.new(jid)), (recorded, issued)
        return _Stream(user, recorded.version, recorded.at, isinstance(event, TimePassed)), (recorded, issued)

    def _send(self, issued: Issued) -> None:
        if isinstance(issued.command, Fault):
            self.faults += 1
            self._logger.error(
                "A bug ended call “{call}” of {user}: {error} (event {id} in the log; {faults} since start)",
                call=issued.command.call,
                user=issued.user,
                error=issued.command.error,
                id=issued.id.partition(".")[0],
                faults=self.faults,
            )
            return
        if isinstance(issued.command, LogRecord | Forget):  # the log has done it
            return
        try:
            self._dispatch(issued)
        except Exception:  # a bug in an adapter costs this command, not the others
            self._logger.failure("A bug kept command {id} for {user} from being sent.", id=issued.id, user=issued.user)

    def _arm(self, jid: str) -> None:
        stream = self._streams[jid]
        due = min((deadline.at for deadline in self._machine.deadlines(stream.user)), default=None)
        armed = self._timers.get(jid)
        if armed and armed.due == due and not stream.timed:
            return
        self._disarm(jid)
        if due is not None:
            pause = OVERDUE_SECONDS if stream.timed and due <= stream.at else 0
            self._timers[jid] = _Timer(due, self._call_later(max(due - self._now(), pause), self._expire, jid))

    def _drop(self, jid: str) -> None:
        """Forget the user: whatever comes is a new user's."""
        self._disarm(jid)
        del self._streams[jid]

    def _disarm(self, jid: str) -> None:
        if timer := self._timers.pop(jid, None):
            timer.call.cancel()

    def _expire(self, jid: str) -> None:
        due = self._timers.pop(jid).due
        if self._now() < due:  # the reactor's clock runs ahead of ours
            self._arm(jid)
        else:
            self.put(jid, TimePassed())

    def _close(self) -> None:
        self.is_open = False
        for jid in list(self._timers):
            self._disarm(jid)
