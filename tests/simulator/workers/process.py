"""A process that is a worker or stands by for it, as `fargo.daemon` puts it together: engine, core, signs of life and
standing by are the real ones.

Rules:

1. It can be frozen (SIGSTOP): what its kernel does goes on. It can end at any time (SIGKILL), or with its machine.
2. Whatever it says goes to `says`, with the event's place in the log.
3. A process that ends is started again a second later, as by systemd.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, cast

from fargo.engine import Engine
from fargo.limits.rejection import Rejection
from fargo.sip_service import SIGN_OUT_SECONDS
from fargo.statemachine import machine
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Event, Restarted, Stopping, StreamOpened
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry
from fargo.store.interface import Store, StoreError
from fargo.store.passwords import KeptPassword
from fargo.store.spare import Spare, take_in
from fargo.workers.following import Followed, Follower
from fargo.workers.heartbeat import Heartbeat
from fargo.workers.share import Share
from fargo.workers.standby import SURE_SECONDS, hush, in_turn

from .fibre import Fibre, current
from .network import KNOCKS, Link
from .ownership import Book, SimulatedOwners
from .still_clock import StillClock
from .store import SimulatedReader, SimulatedStore

POLICY: Final = Policy(engine="sip")
AGAIN_SECONDS: Final = 1.0
"""Until a process that has ended runs again."""
START: Final = 1_000_000_000.0


class Outside(Protocol):
    """Those around the processes."""

    def says(self, process: "Process", issued: Issued, /) -> None:
        """Something is said to somebody."""

    def event(self, name: str, /) -> Event:
        """Return the event that a stanza is."""


class _Call:
    """A delayed call of a process."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call: Callable[[], object] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call:
            call()

    def active(self) -> bool:
        return self._call is not None

    def cancel(self) -> None:
        self._call = None


class _SpareInMemory:
    """The spare log in a state directory."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.notes: dict[tuple[str, int], int] = {}

    def keep(self, entries: list[Entry], came_of: Mapping[tuple[str, int], int]) -> None:
        self.kept += entries
        self.notes |= came_of

    def came_of(self) -> dict[tuple[str, int], int]:
        return self.notes

    def entries(self) -> list[Entry]:
        return list(self.kept)

    def clear(self) -> None:
        self.kept, self.notes = [], {}


class Process:
    """A process on a machine of its own, which is off until `boot`. ``load_seconds`` is how long it reads the log,
    ``start_seconds`` how long its programs take to start.
    """

    engine: Engine
    _heartbeat: Heartbeat
    _store: SimulatedStore

    def __init__(self, name: str, worker: str, clock: StillClock, book: Book, outside: Outside) -> None:
        self.name = name
        self.worker = worker
        self.turned_down: list[str] = []
        self.clock = clock
        self.link = Link(clock, book.server, name, self.turn)
        self.is_on = False
        self.is_frozen = False
        self.serves = False
        self.load_seconds = 0.1
        self.start_seconds = 0.5
        self.troubles = 0
        self.troubled_at = 0.0
        self._outside = outside
        self._book = book
        self._spare = _SpareInMemory()
        self._life = 0
        self._backlog: deque[Callable[[], object]] = deque()
        self._fibres: list[Fibre] = []
        self._stopping = False

    # --- what happens to it

    def boot(self) -> None:
        """Start the process, unless it runs."""
        if not self.is_on:
            self.is_on = True
            self._stopping = False
            self.serves = False
            main = self.fibre(self._main)
            self.turn(main.resume)

    def die(self, tells: bool = True) -> None:
        """End at once. ``tells``: there is still a kernel that closes the connections."""
        self.is_on = self.is_frozen = self.serves = False
        self._life += 1
        self._backlog.clear()
        for each in self._fibres:
            each.kill()
        self._fibres = []
        if tells:
            self.link.close_all()
        else:
            self.link.lose_all()

    def freeze(self) -> None:
        """Let nothing of it run."""
        self.is_frozen = self.is_on

    def thaw(self) -> None:
        """Let it run on."""
        self.is_frozen = False
        backlog, self._backlog = self._backlog, deque()
        for each in backlog:
            self.turn(each)

    def trouble(self) -> None:
        """Note that something was done to it. If its way was cut, it is known to be open when TCP tries it again."""
        self.troubles += 1
        self.troubled_at = self.clock.seconds() + (max(KNOCKS) if self.link.is_cut else 0.0)

    def spares(self, user: str, version: int) -> bool:
        """Return True if its spare log has an event."""
        return any((recorded.user, recorded.version) == (user, version) for recorded, _ in self._spare.kept)

    @property
    def is_well(self) -> bool:
        """True if it can run and reach the server."""
        return self.is_on and not self.is_frozen and not self.link.is_cut

    # --- a reactor, and threads

    def seconds(self) -> float:
        """Return the time of the monotonic clock, which goes on while a process is frozen."""
        return self.clock.seconds()

    def callLater(self, delay: float, call: Callable[..., object], *given: Any) -> _Call:  # noqa: N802
        """Call something later, as a reactor does."""
        delayed = _Call(partial(call, *given))
        self.clock.later(max(0, delay), self._run, self._life, delayed)
        return delayed

    def turn(self, work: Callable[[], object]) -> None:
        """Do something in a turn of its own."""
        self.clock.later(0, self._run, self._life, work)

    def fibre(self, run: Callable[[], object]) -> Fibre:
        """Return a fibre of this process."""
        made = Fibre(run)
        self._fibres = [*(each for each in self._fibres if not each.has_ended), made]
        return made

    def sleep(self, seconds: float) -> None:
        """Wait, in a fibre."""
        fibre = current()
        self.callLater(seconds, fibre.resume)
        fibre.wait()

    def _run(self, life: int, work: Callable[[], object]) -> None:
        if life != self._life:
            return
        if self.is_frozen:
            self._backlog.append(work)
        else:
            work()

    # --- the gateway

    def _main(self) -> None:
        try:
            follower = Follower(lambda: cast(Store, SimulatedReader(self.link, self.worker, self._book)), machine)
            in_turn(self._start, follower, self.worker, cast(Any, self), lambda _: None, self.sleep)
        except StoreError:
            self.turn(partial(self._exit, 1))
        else:
            self.turn(self._begin)

    def stands_by(self, why: str) -> None:
        """Stand in for the service manager."""

    def _start(self, followed: Mapping[str, Followed]) -> None:
        """Do what the daemon's constructor does."""
        if self._spare.entries():
            log = SimulatedStore(self.link, self, self.worker, self._book)
            try:
                take_in(cast(Spare, self._spare), cast(Any, _Now(log)))
            finally:
                log.close()
        self._store = SimulatedStore(self.link, self, self.worker, self._book)
        try:
            store = cast(Store, self._store)
            self._owners = SimulatedOwners(self._store, self._book, self.worker, self)
            self.share = Share(self.worker, self._owners, store, lambda: self.engine, self)
            self.engine = self._made(store)
            self.share.join(self)
            self.sleep(self.load_seconds / 2)
            self.engine.load(None, self.share.owned, self.share.still(followed))
            self.sleep(self.load_seconds / 2)
        except StoreError:
            self._store.close()
            raise

    def _made(self, store: Store) -> Engine:
        engine = Engine(
            *(store, machine, partial(self._outside.says, self), self._fail, cast(Any, self.callLater)),
            now=lambda: START + self.seconds(),
            policy=POLICY,
            spare=self._spare,
            share=self.share,
            sure_seconds=SURE_SECONDS,
        )
        self._heartbeat = Heartbeat(store, engine.lose, self, beats=True)
        return engine

    def _begin(self) -> None:
        self._heartbeat.start()
        self.callLater(self.start_seconds, self._hush)

    def _hush(self) -> None:
        self.callLater(hush(self._store.since, self.seconds()), self._up)

    def _up(self) -> None:
        if not self._stopping:
            self.serves = True
            self.engine.broadcast(Restarted())
            self.engine.broadcast(StreamOpened())
            self.share.begin()
            self.share.stream_opened()

    def told(self, worker: str) -> None:
        """The server tells a worker of something that is written down."""
        if worker == self.worker and self.serves:
            self.link.send(lambda: self.turn(self._owners.told))

    def others_joined(self, worker: str) -> None:
        """The server tells that a worker is there."""
        if worker != self.worker and self.serves:
            self.link.send(lambda: self.turn(self._owners.others_joined))

    def put(self, user: str, event: Event) -> None:
        """Let an event come for a user, as soon as the process runs."""
        self.turn(lambda: self.engine.put(user, event) if self.serves else None)

    def receive(self, stanza: str) -> None:
        """Let a stanza come: a user, a space and an event."""
        self.turn(lambda: self._receive(stanza) if self.serves else None)

    def _receive(self, stanza: str) -> None:
        user = stanza.removeprefix("<").partition(" ")[0]
        if not self.share.elsewhere(user, lambda: stanza):
            self.take(stanza)

    # --- what is around a share

    def take(self, stanza: str) -> bool:
        """Take a stanza."""
        user, _, name = stanza.removeprefix("<").partition(" ")
        self.engine.put(user, self._outside.event(name))
        return True

    def turn_down(self, stanza: str, refusal: Rejection) -> None:
        """Note that a stanza is not taken."""
        self.turned_down.append(stanza)

    def reopen(self) -> None:
        """The stream is opened anew: it never has to be here."""

    def came(self, user: User, passwords: Sequence[KeptPassword]) -> None:
        """A user has come."""

    def left(self, user: User) -> None:
        """A user has gone."""

    def used(self, user: str, known: User | None) -> dict[str, float]:
        """Nobody has limits."""
        return {}

    def use(self, user: str, used: Mapping[str, float]) -> None:
        """Nobody has limits."""

    def failed(self, why: str) -> None:
        """Stop."""
        self._fail(why)

    def _fail(self, _why: str) -> None:
        self._stop(1)

    def _stop(self, code: int) -> None:
        if not self._stopping:
            self._stopping = True
            self.share.stop()
            if self.engine.is_lost:
                self._exit(code)
            else:
                self.engine.broadcast(Stopping())
                self.callLater(SIGN_OUT_SECONDS, self._stopped, code)

    def _stopped(self, code: int) -> None:
        self.engine.stop().addCallback(lambda _: self._exit(code))

    def _exit(self, code: int) -> None:
        """End in order: the thread that appends comes to its end before."""
        if code == 1 and hasattr(self, "_store") and self._stopping and self._store.is_at_work:
            self.callLater(0.1, self._exit, code)
            return
        if hasattr(self, "_heartbeat"):
            self._heartbeat.stop()
        self.die()
        self.clock.later(AGAIN_SECONDS, self._again, self._life)

    def _again(self, life: int) -> None:
        if life == self._life:
            self.boot()


class _Now:
    """A log whose batches are committed on return."""

    def __init__(self, log: SimulatedStore) -> None:
        self.append = log.append_now
        self.version = log.version
        self.page = log.page
