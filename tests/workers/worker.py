"""A worker without adapters: an engine, its log in a database, and its share of the users."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic
from typing import Any, Self, cast

from store.reactor import Turns
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from fargo.engine import Engine
from fargo.limits.rejection import Rejection
from fargo.statemachine import machine
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Event, RequestsRefused
from fargo.statemachine.user_state import User
from fargo.store.opening import open_store_beside
from fargo.store.passwords import KeptPassword
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql.threaded import ThreadedStore
from fargo.store.state import owners_in
from fargo.workers.share import Share

EARLY = 1e9
"""The time at the start: before all logs, so that nothing in them is over."""
LONG = 30.0
"""Seconds: more than anything here takes."""


class Hand(Turns, Clock):
    """A reactor that threads call, and whose time a test lets pass."""

    def __init__(self) -> None:
        Turns.__init__(self)
        Clock.__init__(self)


class Worker:
    """A worker, which is also what is around its share: it makes an event of each stanza, at once or `later`."""

    def __init__(self, name: str, place: DatabaseAddress, keys: Path) -> None:
        self.hand = Hand()
        self.taken: list[str] = []
        self.turned_down: list[tuple[str, str]] = []
        self.passwords: dict[str, str] = {}
        self.known: list[str] = []
        self.limits: dict[str, dict[str, float]] = {}
        self.failures: list[str] = []
        self.sent: list[Issued] = []
        self.later: dict[str, Deferred[str]] = {}
        self._open = ExitStack()
        reactor = cast(Any, self.hand)
        self.store = cast(ThreadedStore, open_store_beside(reactor, place, worker=name))
        self._open.enter_context(closing(self.store))
        self.owners = owners_in(self.store, keys, place, name, reactor)
        self.share = Share(name, self.owners, self.store, lambda: self.engine, reactor)
        self._open.callback(self.share.stop)
        self.share.join(self)
        self.engine = Engine(
            self.store,
            machine,
            self.sent.append,
            self.failures.append,
            self.hand.callLater,
            lambda: EARLY + self.hand.seconds(),
            policy=Policy(engine="sip"),
            share=self.share,
        )
        self.engine.load(None, self.share.owned)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def begin(self) -> Self:
        """Take what is handed on from now on."""
        self.share.begin()
        return self

    def receives(self, user: str, name: str) -> None:
        """Let a stanza of a user come to this worker."""
        if not self.share.elsewhere(user, lambda: stanza(user, name)):
            self.take(stanza(user, name))

    def turn(self, seconds: float = 0.1) -> None:
        self.hand.turn()
        self.hand.advance(seconds)

    def events(self, user: str) -> list[str]:
        """Return the names of a user's stanzas in the log."""
        found = [recorded.event for recorded, _ in self.store.read(user)]
        return [name for each in found if isinstance(each, RequestsRefused) for name in each.counts]

    # --- what is around a share

    def take(self, stanza: str) -> bool:
        self.taken.append(stanza)
        user, name = stanza.removeprefix("<").removesuffix("/>").split(" ")
        if name.startswith("password"):
            storing = self.later[name] = Deferred()
            kept = self.share.keep(lambda *_: storing, user, name)
            kept.addCallback(lambda _: self.engine.put(user, event(name)))
        elif name != "nothing":
            self.engine.put(user, event(name))
        return name != "other-component"

    def reopen(self) -> None:
        self.taken.append("reopened")

    def turn_down(self, stanza: str, refusal: Rejection) -> None:
        self.turned_down.append((stanza, refusal.condition))

    def came(self, user: User, passwords: Sequence[KeptPassword]) -> None:
        self.known.append(user.jid)
        self.passwords |= {each.name: each.password.get_secret_value() for each in passwords}

    def left(self, user: User) -> None:
        self.known.remove(user.jid)

    def used(self, user: str, known: User | None) -> dict[str, float]:
        return self.limits.pop(user, {})

    def use(self, user: str, used: Mapping[str, float]) -> None:
        self.limits[user] = dict(used)

    def failed(self, why: str) -> None:
        self.failures.append(why)


def stanza(user: str, name: str) -> str:
    return f"<{user} {name}/>"


def event(name: str) -> Event:
    return RequestsRefused({name: 1})


def until(condition: Callable[[], object], *workers: Worker) -> None:
    """Let workers go on until a condition is met."""
    end = monotonic() + LONG
    while not condition():
        assert monotonic() < end, [each.failures for each in workers]
        for each in workers:
            each.turn()
