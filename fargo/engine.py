"""The engine: collects events, folds them, commits them, and only then hands their commands out.

Rules:

1. `put` only collects. At the end of the reactor's turn everything that was put is folded and committed as one batch;
   if it is much, such as an event of thousands of users, in several, and others get their turn between them.
2. One batch at a time is being committed. If the store takes its time, what is put meanwhile is collected and folded
   after the commit, so that nothing is folded onto a state that may never be committed.
3. No command leaves before the event that caused it is committed.
4. The time of an event is when it was put: the wall clock at the start, plus the monotonic clock since. So a correction
   of the wall clock changes nothing. Within a stream time never goes back, not even over a restart.
5. Timers follow from the state: after the commands of a batch have left, a timer is set for the user's earliest
   deadline.
6. If a commit fails, nothing may begin any more, but an end can be said: `failed` is called with the reason, the spare
   log takes the entries instead, beginning with those that were not committed, and of their commands only those are
   carried out that end something.
7. An event that needs no row in the log (`fargo.statemachine.unrecorded`) is answered in its turn, and not written. So
   the other events are as if it had not been put.
8. An event that could not be read back from the log is dropped: an odd value of one peer must not stop the gateway.
9. If another process has taken this one's place, nothing is said any more: `lose` drops all that was put. It is the
   other's to say. The log says whether that is so. So if it may be, commands are handed out ``sure_seconds`` after the
   log was asked at the latest; otherwise it is asked once more, also for events that need no row.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from math import inf
from time import monotonic, time
from typing import Final, get_args

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from fargo import texts
from fargo.engine_parts import SpareLog, StateMachine, UsersShare
from fargo.loading import Loaded, loaded
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Fault, Forget, Issued, ends
from fargo.statemachine.model.events import DrainChanged, Event, PolicyChanged, Recorded, RoomChanged, TimePassed
from fargo.statemachine.user_state import User
from fargo.store.codec import survives
from fargo.store.entries import Entry, forgets_user
from fargo.store.interface import LeaseLostError, Store
from fargo.store.kept_states import KeptStates
from fargo.streams import Batch, Put, Timer, UserStream, in_vain, pause

MOST_AT_ONCE: Final = 500
"""About so many events are folded and committed at once: some ten milliseconds in which nobody else gets a turn."""

_FOR_LOG: Final = frozenset({*get_args(LogRecord), Forget})
"""The commands that nobody but the log carries out."""


def steady_clock() -> Callable[[], float]:
    """Return a clock in seconds since 1970 that runs evenly from now on, even if the wall clock is corrected."""
    start = time() - monotonic()
    return lambda: start + monotonic()


class Engine:
    """Built on an open store. `load` comes before the first `put`. All methods belong to the reactor's thread.

    `dispatch` carries out a command. It is not called for a Fault, which is counted in `faults`, nor for records and
    Forget, which are for the log. `failed` is called once, with a sentence, when a commit has failed; from then on the
    `spare` takes what the log would have got. After `stop` the engine is not open. `call_later` is the reactor's
    callLater. Each user is told the `policy`, as an event, before anything else, and so are ``no_room`` and
    ``draining``, which can be set: no call may begin. ``written`` is told of each event about how many bytes it has
    taken with its commands; ``committed`` of the entries of each batch when their commands are handed out, and of their
    users' states then; ``took`` how many seconds the log took for each batch. ``erases`` is called
    before a user is erased. ``share`` says whose events are for this process, if users belong to workers.
    ``sure_seconds``: see rule 9.
    """

    _logger = Logger()

    def __init__(
        self,
        store: Store,
        machine: StateMachine,
        dispatch: Callable[[Issued], None],
        failed: Callable[[str], None],
        call_later: Callable[..., DelayedCall],
        now: Callable[[], float] | None = None,
        policy: Policy | None = None,
        spare: SpareLog | None = None,
        written: Callable[[Recorded, int], None] | None = None,
        committed: Callable[[list[Entry], Mapping[str, User]], None] | None = None,
        took: Callable[[float], None] | None = None,
        erases: Callable[[], None] = lambda: None,
        share: UsersShare | None = None,
        sure_seconds: float = inf,
    ) -> None:
        self.faults = 0
        self.is_open = True
        self.is_lost = False
        self.no_room = False
        self.draining = False
        self._store = store
        self._spare = spare
        self._log_failed = False
        self._written = written
        self._tell_committed = committed
        self._took = took
        self._erases = erases
        self._share = share
        self._sure_seconds = sure_seconds
        self._sure_until = -inf
        self._machine = machine
        self._dispatch = dispatch
        self._failed = failed
        self._call_later = call_later
        self._now = now or steady_clock()
        self._policy = policy or Policy()
        self._streams: dict[str, UserStream] = {}
        self._timers: dict[str, Timer] = {}
        self._collected: deque[Put] = deque()
        self._committing: Batch | None = None
        self._settling: list[Deferred[None]] = []

    @property
    def is_failing(self) -> bool:
        """True if the log takes no more (rule 6)."""
        return self._log_failed

    def load(
        self,
        kept: KeptStates | None = None,
        owned: Mapping[str, int] | None = None,
        known: Mapping[str, Loaded] | None = None,
    ) -> frozenset[str]:
        """Fold the log, so that everyone is as they were; only the rest of it if there are kept states. ``owned``,
        ``known``: see `fargo.loading`.

        Returns the names of the secrets that somebody's state refers to. Raises StoreError if the log cannot be read.
        """
        users = loaded(self._store, self._machine, kept, owned, known)
        self._streams = {jid: UserStream(each.user, each.version, each.at) for jid, each in users.items()}
        for jid, stream in self._streams.items():
            if self._is_idle(jid, stream):  # the others are armed when they are told of the restart
                self._arm(jid)
        return frozenset(name for stream in self._streams.values() for name in self._machine.secrets(stream.user))

    def put(self, user: str, event: Event) -> None:
        """Take in an event of this user (bare JID)."""
        if self._share is None:
            self._collect(user, event)
        elif self._share.owns(user):
            self._collect(user, event, self._share.came_of(event))
        else:
            self._share.hand_on(user, event)

    def broadcast(self, event: Event) -> None:
        """Put an event to everyone who is registered or has anything open after all that was put before."""
        self._collect(None, event)

    def busy(self) -> list[str]:
        """Return everyone who is registered or has anything open, as of the last commit."""
        return [jid for jid, stream in self._streams.items() if not self._is_idle(jid, stream)]

    def now(self) -> float:
        """Return the time that an event would get which is put now (rule 4)."""
        return self._now()

    def users(self) -> list[str]:
        """Return everyone of whom anything is known, as of the last commit."""
        return list(self._streams)

    def state(self, jid: str) -> User | None:
        """Return the user's state as of the last commit; None if nothing is known of them."""
        stream = self._streams.get(jid)
        return stream.user if stream else None

    def end(self, jid: str) -> Loaded | None:
        """Return the user's state with the version and time of their last event, as of the last commit."""
        stream = self._streams.get(jid)
        return Loaded(stream.user, stream.version, stream.at) if stream else None

    def change_policy(self, policy: Policy) -> None:
        """Use another policy from now on. Everyone who is registered or has anything open is told at once, all others
        before the next event about them.
        """
        if policy != self._policy:
            self._policy = policy
            self.broadcast(PolicyChanged(policy))

    def forget(self, jid: str, version: int) -> None:
        """Erase the stream of a user of whom nothing is left, if it still ends with that version and no event of the
        user waits for its commit. Raises StoreError.
        """
        stream = self._streams.get(jid)
        usable = self.is_open and not self._log_failed
        if usable and stream and stream.version == version and not self._waits(jid):
            self._erases()
            self._store.erase(jid)
            self._drop(jid)

    def take_in(self, known: Loaded) -> None:
        """Go on with a user of whom nothing was known here."""
        self._streams[known.user.jid] = UserStream(*known)
        self._arm(known.user.jid)

    def let_go(self, jid: str) -> bool:
        """Go on without a user, whose stream goes on elsewhere. Return False if that has to wait: something of theirs
        is not committed yet.
        """
        if self._waits(jid):
            return False
        if jid in self._streams:
            self._drop(jid)
        return True

    def lose(self, why: BaseException) -> None:
        """Say nothing more, as another process goes on with the users (rule 9)."""
        if self.is_lost:
            return
        self.is_lost = True
        self._close()
        self._collected.clear()
        self._committing = None
        self._tell_settled()
        if not self._log_failed:
            self._failed(str(why))

    def settled(self) -> Deferred[None]:
        """Return a Deferred that fires when what was put is committed and its commands are handed out, and nothing else
        was put meanwhile.
        """
        if self._committing is None and not self._collected:
            return succeed(None)
        settling: Deferred[None] = Deferred()
        self._settling.append(settling)
        return settling

    def stop(self) -> Deferred[None]:
        """Take nothing more. Fires when what was put is committed and its commands are handed out."""
        self._close()
        if self._committing is None:
            self._flush()
        return self.settled()

    def _collect(self, user: str | None, event: Event, handed_on: int | None = None) -> None:
        if not self.is_open:
            return
        if not survives(event):
            self._logger.error(texts.LOST_EVENT, event=event, user=user)
            return
        if not (self._collected or self._committing):
            self._call_later(0, self._flush)
        self._collected.append(Put(user, event, self._now(), handed_on=handed_on))

    def _waits(self, jid: str) -> bool:
        """Return True if anything of the user is not committed, or not said yet."""
        batch = self._committing
        in_commit = batch and (jid in batch.streams or any(each.user == jid for each in batch.issued))
        return bool(in_commit) or any(each.user == jid for each in self._collected)

    def _flush(self) -> None:
        """Fold what was collected, or the first of it, and begin to commit that."""
        if not self._collected:
            return
        batch = self._committing = self._folded()
        if self._log_failed:
            self._keep(batch)
            return
        if batch.entries or batch.handed_on:
            self._ask(batch, lambda: self._append(batch), self._taken)
        elif batch.issued:
            self._hand_out(batch)
        else:
            self._committed(batch)

    def _ask(
        self,
        batch: Batch,
        append: Callable[[], Deferred[list[int]] | list[int]],
        then: Callable[[list[int], Batch, float], None],
    ) -> None:
        """Give something to the log for a batch. `then` gets the answer, and the time when the log was asked."""
        asked = self._now()
        try:
            committed = append()
        except Exception as error:  # no command may be sent that is not in the log
            self._fail(batch, error)
            return
        if isinstance(committed, Deferred):
            failed = lambda failure: self._fail(batch, failure.value)  # noqa: E731
            committed.addCallbacks(then, failed, callbackArgs=(batch, asked))
        else:
            then(committed, batch, asked)

    def _append(self, batch: Batch) -> Deferred[list[int]] | list[int]:
        if batch.handed_on and self._share:
            return self._share.append(batch.entries, batch.handed_on)
        return self._store.append(batch.entries)

    def _taken(self, sizes: list[int], batch: Batch, asked: float) -> None:
        """The log has taken a batch."""
        if self.is_lost:
            return
        if self._took:
            self._took(self._now() - asked)
        if self._written:
            for (recorded, _), size in zip(batch.entries, sizes, strict=True):
                self._written(recorded, size)
        self._answered([], batch, asked)

    def _answered(self, _: list[int], batch: Batch, asked: float) -> None:
        """The log has said that it is still ours."""
        if not self.is_lost:
            self._sure_until = asked + self._sure_seconds
            self._hand_out(batch)

    def _hand_out(self, batch: Batch) -> None:
        """Hand out the commands of a batch, if the log is ours for sure (rule 9)."""
        if self._now() <= self._sure_until or self._sure_seconds == inf:
            self._committed(batch)
        else:
            self._ask(batch, lambda: self._store.append([]), self._answered)

    def _folded(self) -> Batch:
        batch = Batch([], {}, [], [], {})
        while self._collected and len(batch.entries) < MOST_AT_ONCE:
            put = self._collected.popleft()
            if put.handed_on is not None:
                batch.handed_on.append(put.handed_on)
            if put.user is None:
                everyone = self._streams | batch.streams
                self._collected.extendleft(put._replace(user=jid, to_all=True) for jid in reversed(everyone))
            elif not put.to_all or self._is_busy_after(batch, put.user):
                known = len(batch.entries)
                self._fold(batch, put.user, put.event, put.at)
                if put.handed_on is not None and len(batch.entries) > known:
                    batch.came_of[put.user, batch.entries[-1][0].version] = put.handed_on
        return batch

    def _is_busy_after(self, batch: Batch, jid: str) -> bool:
        """Return True if the user is registered or has anything open after the entries of the batch."""
        stream = batch.streams.get(jid) or self._streams.get(jid)
        return stream is not None and stream.version > 0 and not self._is_idle(jid, stream)

    def _is_idle(self, jid: str, stream: UserStream) -> bool:
        try:
            return self._machine.is_idle(stream.user)
        except Exception:  # a bug in the core costs this user an event too many, not the others their events
            self._logger.failure(texts.IDLE_BUG, user=jid)
            return False

    def _fold(self, batch: Batch, jid: str, event: Event, at: float) -> None:
        """Add an event, and the commands that folding it gives, to the batch."""
        stream = batch.streams.get(jid) or self._streams.get(jid) or UserStream(self._machine.new(jid))
        answers = self._machine.answers(
            stream.user, event, max(at, stream.at), self._policy, self.no_room, self.draining
        )
        if answers is not None:
            batch.issued.extend(answers)
            return
        if isinstance(event, PolicyChanged) and stream.user.policy == event.policy:
            return  # it was told before an event that came in the same turn
        for news in self._news(stream.user, event):
            self._fold(batch, jid, news, at)
            stream = batch.streams[jid]
        recorded = Recorded(jid, stream.version + 1, max(at, stream.at), event)
        user, issued, call = self._machine.fold(stream.user, recorded)
        batch.entries.append((recorded.folded(call), issued))
        batch.issued.extend(issued)
        if forgets_user(issued):
            self._erases()
            batch.streams[jid] = UserStream(self._machine.new(jid))
        else:
            timed = isinstance(event, TimePassed)
            vain = in_vain(stream, user, issued) if timed else stream.in_vain
            batch.streams[jid] = UserStream(user, recorded.version, recorded.at, timed, vain)

    def _news(self, user: User, event: Event) -> Sequence[Event]:
        """Return what a user has to be told of the gateway before an event, unless that tells it or comes before it."""
        if user.policy == self._policy and user.no_room == self.no_room and user.draining == self.draining:
            return ()  # nearly always
        news: tuple[tuple[bool, Event], ...] = (
            (user.policy != self._policy, PolicyChanged(self._policy)),
            (user.no_room != self.no_room, RoomChanged(self.no_room)),
            (user.draining != self.draining, DrainChanged(self.draining)),
        )
        before = takewhile(lambda each: type(each[1]) is not type(event), news)
        return [each for differs, each in before if differs]

    def _committed(self, batch: Batch) -> None:
        """Hand out the commands of a batch that is in the log."""
        changed = [jid for jid, stream in batch.streams.items() if self._moves_timer(jid, stream)]
        self._streams |= batch.streams
        self._committing = None
        if self._collected:
            self._call_later(0, self._flush)
        for jid, stream in batch.streams.items():
            if not stream.version:
                self._drop(jid)
        for each in batch.issued:
            self._send(each)
        if self._tell_committed:
            self._tell_committed(batch.entries, {jid: stream.user for jid, stream in batch.streams.items()})
        for jid in changed:
            if self.is_open and jid in self._streams:  # a command may have led to the end of either
                self._arm(jid)
        self._tell_settled()

    def _fail(self, batch: Batch, error: BaseException) -> None:
        """Let the spare take the place of the log (rule 6), or be silent (rule 9)."""
        if self.is_lost:
            return
        if isinstance(error, LeaseLostError) or self._log_failed:  # it does not even say whether it is ours
            self.lose(error)
            return
        self._log_failed = True
        self._failed(texts.COMMIT_FAILED.format(why=error))
        self._keep(batch)

    def _keep(self, batch: Batch) -> None:
        """Write a batch to the spare, and hand out what may still be said."""
        if self._spare and batch.entries:
            self._spare.keep(batch.entries, batch.came_of)
        self._hand_out(batch)

    def _tell_settled(self) -> None:
        if not self._collected:
            settling, self._settling = self._settling, []
            for each in settling:
                each.callback(None)

    def _send(self, issued: Issued) -> None:
        if isinstance(issued.command, Fault):
            self.faults += 1
            self._logger.error(
                texts.FAULT_IN_CALL if issued.command.call else texts.FAULT,
                call=issued.command.call,
                user=issued.user,
                error=issued.command.error,
                id=issued.id.partition(".")[0],
                faults=self.faults,
            )
            return
        if type(issued.command) in _FOR_LOG:  # the log has carried it out
            return
        try:
            if not self._log_failed or ends(issued.command):
                self._dispatch(issued)
        except Exception:  # a bug costs this command, not the others
            self._logger.failure(texts.DISPATCH_BUG, id=issued.id, user=issued.user)

    def _moves_timer(self, jid: str, after: UserStream) -> bool:
        """Return False if the user's timer is set already for the state that they are about to have."""
        before = self._streams.get(jid)
        is_set = jid in self._timers and before is not None and before.user is after.user
        return after.timed or not is_set

    def _arm(self, jid: str) -> None:
        stream = self._streams[jid]
        try:
            due = self._machine.next_due(stream.user)
        except Exception:  # a bug in the core costs this user's timer, not the others'
            self._logger.failure(texts.DEADLINES_BUG, user=jid)
            return
        armed = self._timers.get(jid)
        if armed and armed.due == due and not stream.timed:
            return
        if due is None:
            self._disarm(jid)
            return
        wait = max(due - self._now(), pause(stream) if due <= stream.at else 0)
        if armed and armed.due <= due:  # to put a call off is quick for the reactor, to hasten it is not
            armed.call.reset(wait)
            self._timers[jid] = Timer(due, armed.call)
        else:
            self._disarm(jid)
            self._timers[jid] = Timer(due, self._call_later(wait, self._expire, jid))

    def _drop(self, jid: str) -> None:
        """Forget the user. What comes from now on begins a new stream."""
        self._disarm(jid)
        del self._streams[jid]

    def _disarm(self, jid: str) -> None:
        if timer := self._timers.pop(jid, None):
            timer.call.cancel()

    def _expire(self, jid: str) -> None:
        due = self._timers.pop(jid).due
        if self._now() < due:  # the reactor's clock is ahead of ours
            self._arm(jid)
        else:
            self.put(jid, TimePassed())

    def _close(self) -> None:
        self.is_open = False
        for jid in list(self._timers):
            self._disarm(jid)
