"""This worker's share of the users: takes what comes for them here, hands on what comes for others, and moves them.

Rules:

1. `fargo.workers.routes` decides. All of it runs in the reactor's thread, but what takes its time in the store.
2. What was handed on to this worker is taken as if it had come here. The note that it is done is committed with the
   event that came of it, so it is in the log once. If an event takes time because a password has to be stored first,
   the note follows it; the same registration twice is the same account.
3. What was written down LATE_SECONDS ago has come too late, as after a restart: its sender is told, if it is a request.
   Events are not late.
4. When what was handed on is done, and nothing of its user is under way QUIET_SECONDS later, the user moves to the
   worker to which it came, unless that has a component of its own.
5. Users who come are told that the gateway was restarted: for them it was. So they register from here, and their
   clients are asked for presence.
6. The XMPP server drops what is for the stream of a worker that is away: also the answers of users of other workers,
   whose presence was asked for meanwhile. So each worker tells the others when its stream is up, and they ask anew.
7. ejabberd gives no place to a stream that comes while another process of the worker still has one, and never later. So
   a worker that has users, and to which nothing comes of what they were asked, connects anew (`Placing`).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, Protocol, assert_never

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.engine import Engine
from fargo.limits.rejection import OVERDUE, OVERLOADED, Rejection
from fargo.loading import Loaded, loaded_user
from fargo.operations.values import HandedOnFigures
from fargo.statemachine import machine
from fargo.statemachine.address import local_of
from fargo.statemachine.model.events import Event, Restarted, StreamOpened
from fargo.statemachine.user_state import User
from fargo.store.codec import survives
from fargo.store.entries import Entry
from fargo.store.formats import FormatError
from fargo.store.interface import LeaseLostError, Store, StoreError
from fargo.store.ownership import MOST_AT_ONCE, HandedOn, Owners, ShareOfUser
from fargo.store.passwords import KeptPassword
from fargo.workers import parcels, texts
from fargo.workers.figures import HandedOnCount
from fargo.workers.following import Followed
from fargo.workers.placing import Placing
from fargo.workers.routes import Action, Fetch, Give, LetGo, Refuse, Routes, Settle, Take

LATE_SECONDS: Final = 30.0
JOINED_SECONDS: Final = 1.0
"""The time for others that start at the same moment to listen."""
QUIET_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 1.0
"""Seconds after which a user is fetched again if the store was away."""
SWEEP_SECONDS: Final = 60.0
"""Seconds between two looks for users of whom nothing is known any more."""


class Around(Protocol):
    """The parts of a gateway that take part when users come and go (`fargo.workers.around`)."""

    def take(self, stanza: str, /) -> bool:
        """Take a stanza as if it had come here. Return False if it is for another component."""

    def turn_down(self, stanza: str, refusal: Rejection, /) -> None:
        """Answer a stanza that is not taken, if its kind gets an answer."""

    def reopen(self) -> None:
        """Connect to the XMPP server anew."""

    def came(self, user: User, passwords: Sequence[KeptPassword], /) -> None:
        """Know a user who has come here."""

    def left(self, user: User, /) -> None:
        """Know a user no longer."""

    def used(self, user: str, known: User | None, /) -> Mapping[str, float]:
        """Forget and return what a user (bare JID) has used of their limits (`fargo.limits.gate.Gate.let_go`)."""

    def use(self, user: str, used: Mapping[str, float], /) -> None:
        """A user (bare JID) has come who has used so much of their limits."""

    def failed(self, why: str, /) -> None:
        """Stop the gateway, with this reason."""


class _Taken(NamedTuple):
    """Something that was handed on, and is not done yet: its user, and the worker to which it came."""

    user: str
    source: str


class Share:
    """The share of the users that the store says is this worker's. `join` comes before all else that is done with it.
    ``worker``: its name.
    """

    _logger = Logger()

    def __init__(self, worker: str, owners: Owners, store: Store, engine: Callable[[], Engine], reactor: Any) -> None:
        self._worker = worker
        self._owners = owners
        self._store = store
        self._engine = engine
        self._reactor = reactor
        self._around: Around
        self.owned = owners.owned()
        """The users at the start, as `Engine.load` takes them."""
        self._routes: Routes[str] = Routes(self.owned)
        self._taken: dict[int, _Taken] = {}
        self._under_way: Counter[str] = Counter()
        """The number of things of each user that are taken and not done yet."""
        self._taking: int | None = None
        """The id of what was handed on and is being taken, until an event has come of it."""
        self._done: set[int] = set()
        """The ids of what is done, but may be in an answer of the store that is on its way."""
        self._storing: Counter[str] = Counter()
        """The number of passwords of each user that are being stored."""
        self._after_storing: dict[str, list[int]] = {}
        self._used: dict[str, Mapping[str, float]] = {}
        """The limits of users who are about to move, as far as they are used up."""
        self._joining: Any = None
        self.count = HandedOnCount(owners, reactor)
        self._placing = Placing(lambda: bool(engine().busy()), self._connect_anew, reactor)
        self._looking = False
        self._look_again = False
        self._has_left_some = False
        self._has_failed = False
        self._settling: list[tuple[str | None, Deferred[bool]]] = []
        self._sweep = LoopingCall(self._swept)
        self._sweep.clock = reactor

    def still(self, followed: Mapping[str, Followed]) -> dict[str, Loaded]:
        """Return those users who are as they were when the log was followed last. Raises StoreError."""
        versions = self._owners.versions() if followed else {}
        return {
            user: each.loaded
            for user, each in followed.items()
            if self.owned.get(user, inf) <= each.since and versions.get(user) == each.loaded.version
        }

    def join(self, around: Around) -> None:
        """Know the other parts of the gateway."""
        self._around = around

    def begin(self) -> None:
        """Take what is handed on from now on."""
        self._owners.listen(self._look, self._others_joined)
        self._sweep.start(SWEEP_SECONDS, now=False).addErrback(self._failed)

    def stream_opened(self) -> None:
        """The XMPP stream is up, or up again (rules 6 and 7)."""
        self._placing.stream_opened()
        if self._joining and self._joining.active():
            self._joining.cancel()
        self._joining = self._reactor.callLater(JOINED_SECONDS, self._tell_joined)

    def settled(self, user: str | None = None) -> Deferred[bool]:
        """Return a Deferred that fires with True when everything that has come is taken or handed on, or everything for
        a user (bare JID), and with False if some of that cannot be.
        """
        settling: Deferred[bool] = Deferred()
        self._settling.append((user, settling))
        self._tell_settled()
        return settling

    def owner(self, user: str) -> Deferred[str | None]:
        """Fires with the worker that has a user (bare JID), None if no other has."""
        return self._owners.aside(lambda: self._owners.owner(user))

    def figures(self) -> Deferred[HandedOnFigures]:
        """Fires with what is handed on between workers, in numbers."""
        return self.count.figures()

    def stop(self) -> None:
        """Hand on nothing more."""
        self._placing.stop()
        if self._joining and self._joining.active():
            self._joining.cancel()
        if self._sweep.running:
            self._sweep.stop()
        self._owners.close()

    # --- what comes here

    def elsewhere(self, user: str, stanza: Callable[[], str]) -> bool:
        """Return False if a stanza of a user (bare JID) is to be taken here and now. Otherwise it is handed on, or is
        taken later.
        """
        self._placing.heard()
        if self._routes.owns(user):
            return False
        self._do(self._routes.came(user, stanza()))
        return True

    def owns(self, user: str) -> bool:
        """Return True if the events of a user (bare JID) are folded here."""
        return self._routes.owns(user)

    def hand_on(self, user: str, event: Event) -> None:
        """Hand on an event of a user who is not, or not yet, this worker's."""
        self._do(self._routes.came(user, parcels.of_event(event)))

    def came_of(self, event: Event) -> int | None:
        """Return the id of what was handed on and is being taken, for the first event that comes of it."""
        if self._taking is None or not survives(event):
            return None
        came_of, self._taking = self._taking, None
        return came_of

    def keep(self, store: Callable[[str, str], Deferred[str]], user: str, password: str) -> Deferred[str]:
        """Let the vault `store` a password of a user, whose stanza is not done before that."""
        self._storing[user] += 1
        return store(user, password).addBoth(self._stored, user)

    def append(self, entries: list[Entry], done: Sequence[int]) -> Deferred[list[int]]:
        """Commit a batch, and with it that what it came of is done."""
        return self._owners.append(entries, done).addCallback(self._committed, done)

    # --- what has to be done

    def _do(self, action: "Action[str] | None") -> None:
        match action:
            case None:
                pass
            case Take(user, things):
                for each in things:
                    self._take(user, each)
            case Settle(user, things):
                self._then(self._owners.settle(user, things), partial(self._settled, user, len(things)))
            case Fetch(user):
                fetched = self._owners.aside(partial(self._fetch, user, self._known()))
                fetched.addCallbacks(self._fetched, self._not_fetched, (user,), errbackArgs=(user,))
                fetched.addErrback(self._failed)
            case Give(user, to):
                self._logger.info(texts.GOES, user=user, worker=to)
                word = parcels.of_word(self._used.pop(user, {}))
                self._then(self._owners.give(user, to, word), lambda _: self._routes.gone(user))
            case LetGo(user):
                self._then(self._owners.let_go(user), lambda _: self._routes.gone(user))
            case Refuse(thing):
                self._refuse(thing, OVERLOADED)
            case _:
                assert_never(action)
        self._tell_settled()

    def _settled(self, user: str, things: int, written: int | None) -> "Action[str] | None":
        if written is not None:
            self.count.given += written
            if written < things:
                self._tell_settled(dropped=user)
        return self._routes.settled(user, written is None)

    def _tell_settled(self, dropped: str = "") -> None:
        """Tell who waits for that. ``dropped``: the user of whom something was not written down, if there is one."""
        settling, self._settling = self._settling, []
        for user, each in settling:
            if self._has_failed or (dropped and user == dropped):
                each.callback(False)
            elif not self._routes.is_waiting(user):
                each.callback(True)
            else:
                self._settling.append((user, each))

    def _then(self, asked: Deferred[Any], action: "Callable[[Any], Action[str] | None]") -> None:
        asked.addCallback(lambda answer: self._do(action(answer))).addErrback(self._failed)

    def _take(self, user: str, thing: str) -> None:
        event = parcels.event_in(thing)
        if event is None:
            self._around.take(thing)
        else:
            self._engine().put(user, event)

    def _refuse(self, thing: str, refusal: Rejection) -> None:
        if parcels.event_in(thing) is None:
            self._around.turn_down(thing, refusal)

    def _failed(self, failure: Failure) -> None:
        self._has_failed = True
        self._tell_settled()
        if isinstance(failure.value, LeaseLostError):
            self._engine().lose(failure.value)
        elif failure.check(StoreError):
            self._around.failed(texts.NO_STORE.format(why=failure.getErrorMessage()))
        else:
            self._logger.failure(texts.BUG, failure=failure)
            self._around.failed(texts.BUG)

    # --- users who come and go

    def _fetch(self, user: str, but: frozenset[int]) -> tuple[Loaded | None, ShareOfUser]:
        """Read what is known of a user, in a thread."""
        return loaded_user(self._store, machine, user), self._owners.share(user, but)

    def _fetched(self, known: tuple[Loaded | None, ShareOfUser], user: str) -> None:
        stream, share = known
        if stream:
            self._logger.info(texts.COMES, user=user)
            self._engine().take_in(stream)
            self._around.came(stream.user, share.passwords)
        action = self._routes.fetched(user, self._reactor.seconds())
        if stream and not machine.is_idle(stream.user):
            self._engine().put(user, Restarted())
            self._engine().put(user, StreamOpened())
        self._take_written(share.handed_on)
        self._do(action)
        if self._has_left_some:
            self._look()

    def _not_fetched(self, failure: Failure, user: str) -> None:
        """Try again if the store was away: whoever appends tells the operator, and stops if that lasts."""
        failure.trap(StoreError)
        self._reactor.callLater(AGAIN_SECONDS, self._do, Fetch(user))

    def _consider(self, user: str, came_to: str) -> None:
        """Let a user move, if nothing of theirs is under way (rule 4)."""
        state, now = self._engine().state(user), self._reactor.seconds()
        quiet = local_of(user) and not self._is_busy(user) and (state is None or _is_quiet(state))
        if quiet and self._routes.may_leave(user, now) and self._engine().let_go(user):
            self._used[user] = self._around.used(user, state)
            if state is not None:
                self._around.left(state)
            self._do(self._routes.quiet(user, came_to, now))

    def _swept(self) -> None:
        """Let those go of whom nothing is known."""
        engine = self._engine()
        for user in self._routes.users():
            if engine.state(user) is None and not self._is_busy(user) and engine.let_go(user):
                self._do(self._routes.unknown(user))

    def _is_busy(self, user: str) -> bool:
        return user in self._storing or user in self._under_way

    def _tell_joined(self) -> None:
        self._owners.aside(self._owners.tell_joined).addErrback(self._not_told)

    def _not_told(self, failure: Failure) -> None:
        if not failure.check(StoreError):
            self._failed(failure)
        elif self._sweep.running:
            self.stream_opened()

    def _others_joined(self) -> None:
        self._engine().broadcast(StreamOpened())

    def _connect_anew(self) -> None:
        self._around.reopen()

    # --- what was handed on

    def _look(self) -> None:
        """Take what is written down for this worker."""
        if self._looking:
            self._look_again = True
            return
        self._looking, self._look_again = True, False
        known, done = self._known(), frozenset(self._done)
        found = self._owners.aside(partial(self._owners.handed_on, known))
        found.addCallback(self._looked, done).addErrback(self._not_looked)

    def _known(self) -> frozenset[int]:
        """Return what the store need not tell again."""
        return frozenset((*self._taken, *self._done))

    def _looked(self, found: list[HandedOn], done: frozenset[int]) -> None:
        self._looking = False
        before = len(self._taken)
        self._take_written(found)
        self._done -= done
        self._has_left_some = len(found) == MOST_AT_ONCE
        if self._look_again or (self._has_left_some and len(self._taken) > before):
            self._look()

    def _not_looked(self, failure: Failure) -> None:
        self._looking = False
        if not failure.check(StoreError):  # whoever appends tells the operator, and this is tried again
            self._failed(failure)

    def _take_written(self, found: list[HandedOn]) -> None:
        for each in found:
            if each.id in self._taken or each.id in self._done:
                continue
            if self._routes.owns(each.user):
                self._take_one(each)
            else:
                self._do(self._routes.heard(each.user))

    def _take_one(self, one: HandedOn) -> None:
        self.count.taken += one.text is None or not parcels.is_word(one.text)
        self._taken[one.id] = _Taken(one.user, one.source)
        self._under_way[one.user] += 1
        self._taking = one.id
        try:
            self._unpack(one)
        finally:
            left, self._taking = self._taking, None
        if left is not None:
            self._nothing_came_of(one)

    def _unpack(self, one: HandedOn) -> None:
        try:
            if one.text is None:
                raise FormatError
            if (used := parcels.word_in(one.text)) is not None:
                self._around.use(one.user, used)
                return
            event = parcels.event_in(one.text)
        except FormatError:
            self._logger.error(texts.NOT_READ, user=one.user, worker=one.source)
            return
        if event is not None:
            self._engine().put(one.user, event)
        elif one.age > LATE_SECONDS:
            self._around.turn_down(one.text, OVERDUE)
        elif not self._around.take(one.text):
            self._taken[one.id] = _Taken(one.user, self._worker)

    def _nothing_came_of(self, one: HandedOn) -> None:
        """Note that something is done that no event has come of, or none yet."""
        if one.user in self._storing:
            self._after_storing.setdefault(one.user, []).append(one.id)
        else:
            self._note_done(one.user, [one.id])

    def _stored(self, outcome: Any, user: str) -> Any:
        """A password is stored, or is not. What waits for that puts its event now."""
        self._storing[user] -= 1
        if not self._storing[user]:
            del self._storing[user]
            if waiting := self._after_storing.pop(user, None):
                self._reactor.callLater(0, self._note_when_settled, user, waiting)
        return outcome

    def _note_when_settled(self, user: str, done: list[int]) -> None:
        self._engine().settled().addCallback(lambda _: self._note_done(user, done))

    def _note_done(self, user: str, done: Sequence[int]) -> None:
        noted = self._owners.note_done(user, done)
        noted.addCallback(lambda _: self._are_done(done)).addErrback(self._failed)

    def _committed(self, sizes: list[int], done: Sequence[int]) -> list[int]:
        self._are_done(done)
        return sizes

    def _are_done(self, done: Sequence[int]) -> None:
        for each in done:
            user, source = self._taken.pop(each)
            self._under_way[user] -= 1
            if not self._under_way[user]:
                del self._under_way[user]
            self._done.add(each)
            if source != self._worker:
                self._reactor.callLater(QUIET_SECONDS, self._consider, user, source)


def _is_quiet(user: User) -> bool:
    """Return True if nothing of a user is under way, neither here nor in a request that the registrar has to answer."""
    return machine.condensed(user) is not None and not any(each.awaited for each in user.registrations.values())
