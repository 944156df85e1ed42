"""An engine on a clock that stands still, with a state machine and a dispatcher that stand in for the real ones."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, cast

from store.backends import DelayedStore
from twisted.internet.task import Clock

from fargo.engine import Engine
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import (
    Command,
    Fault,
    ForgetSecret,
    Issued,
    PresenceKind,
    SendPresence,
    SignIn,
    SignOut,
)
from fargo.statemachine.model.events import (
    DrainChanged,
    Event,
    PolicyChanged,
    PresenceProbed,
    Recorded,
    RoomChanged,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    TimePassed,
)
from fargo.store.entries import Entry
from fargo.store.interface import Store
from fargo.store.opening import open_store

ALICE, BOB = "alice@example.org", "bob@example.org"
START = 1_000_000.0
STUCK = START - 5
NO_RELAY = Policy()


@dataclass(frozen=True)
class State:
    """A user of the stand-in: what happened, and what is due."""

    jid: str
    events: tuple[Event, ...] = ()
    due: tuple[float, ...] = ()
    policy: Policy = NO_RELAY
    no_room: bool = False
    draining: bool = False


def fold(state: State, recorded: Recorded) -> tuple[State, tuple[Issued, ...], str | None]:
    """Signing in asks for commands and a deadline 30 s later, which clears when it is due; STUCK does not. What is said
    about signing out belongs to a call.
    """
    due = state.due
    commands: tuple[Command, ...] = ()
    match recorded.event:
        case SipSignedIn(connection="begins"):
            commands = (SignIn(SipAccount("a@b"), "secret"), SignOut("begins"), ForgetSecret("secret"))
        case SipSignedIn(connection):
            due, commands = (recorded.at + 30,), (SignOut(connection), SignOut(connection + "!"))
        case TimePassed():
            due = tuple(at for at in due if at > recorded.at or at == STUCK)
        case SipSignedOut(text="bug"):
            commands = (Fault("7", "KeyError: 'x'"),)
        case SipSignedOut(text="bug outside"):
            commands = (Fault(None, "KeyError: 'x'"),)
        case SipSignedOut(text="stuck"):
            due = (STUCK,)
        case PolicyChanged(policy):
            state = replace(state, policy=policy)
        case RoomChanged(none):
            state = replace(state, no_room=none)
        case DrainChanged(on):
            state = replace(state, draining=on)
    if isinstance(recorded.event, TimePassed) and due == state.due:
        return state, (), None
    issued = tuple(Issued(state.jid, f"{recorded.version}.{n}", command) for n, command in enumerate(commands))
    call = "1" if isinstance(recorded.event, SipSignedOut) else None
    return replace(state, events=(*state.events, recorded.event), due=due), issued, call


class Machine:
    """The stand-in as the engine wants it. `users` has what each user was folded to last."""

    new = staticmethod(State)

    def __init__(self) -> None:
        self.users: dict[str, State] = {}

    def fold(self, state: State, recorded: Recorded) -> tuple[State, tuple[Issued, ...], str | None]:
        self.users[state.jid], issued, call = fold(state, recorded)
        return self.users[state.jid], issued, call

    def next_due(self, state: State) -> float | None:
        return min(state.due, default=None)

    def is_idle(self, state: State) -> bool:
        return not state.due

    def answers(
        self, state: State, event: Event, at: float, policy: Policy, no_room: bool, draining: bool
    ) -> tuple[Issued, ...] | None:
        """Presence needs no row: it is answered."""
        known = isinstance(event, PresenceProbed)
        return (Issued(state.jid, "0.0", SendPresence("a", "b", PresenceKind.AVAILABLE)),) if known else None

    def secrets(self, state: State) -> tuple[str, ...]:
        return tuple(event.connection for event in state.events if isinstance(event, SipSignedIn))


@dataclass
class Bench:
    """An engine on a clock that stands still until it is told to go on."""

    path: Path
    machine: Any = field(default_factory=Machine)
    start: float = START
    sent: list[Issued] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    dispatch: Callable[[Issued], None] | None = None
    policy: Policy | None = None
    delayed: bool = False
    sure_seconds: float = inf
    spared: list[Entry] = field(default_factory=list)
    written: list[tuple[Recorded, int]] = field(default_factory=list)

    def keep(self, entries: list[Entry], came_of: object = None) -> None:
        """Be the spare log."""
        self.spared += entries

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.log: Store = open_store(self.path)
        if self.delayed:
            self.log = cast(Store, DelayedStore(self.log, self.clock))
        self.engine = Engine(
            self.log,
            self.machine,
            self.dispatch or self.sent.append,
            self.failures.append,
            self.clock.callLater,
            lambda: self.start + self.clock.seconds(),
            self.policy,
            self,
            lambda recorded, size: self.written.append((recorded, size)),
            sure_seconds=self.sure_seconds,
        )

    def run(self, seconds: float = 0) -> None:
        self.clock.advance(seconds)

    def recorded(self) -> list[tuple[str, int, float, Event]]:
        return [(r.user, r.version, r.at, r.event) for r, _ in self.log.read()]


def out(text: str) -> SipSignedOut:
    return SipSignedOut("1.0", SipTrouble.ASKED, text)
