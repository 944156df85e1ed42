"""The Telepathy adapter: SIP accounts and calls, through several telepathy-rakia, each on a private message bus.

It carries out commands, puts the results as events, and decides nothing but which host an account is on. Everything
runs on the reactor's thread. The reactor must be Twisted's gireactor, because dbus-python needs GLib's main loop.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.put import PutEvent
from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.accounts import Accounts, Route
from fargo.adapters.telepathy.asking import EdgeQuestions
from fargo.adapters.telepathy.bus import Signal
from fargo.adapters.telepathy.calls import Calls
from fargo.adapters.telepathy.goodbyes import Goodbyes
from fargo.adapters.telepathy.host import Host, HostSettings
from fargo.adapters.telepathy.moving import Mover
from fargo.adapters.telepathy.pool import Limits, Pool, PooledHost
from fargo.adapters.telepathy.registrations import HostRegistration
from fargo.adapters.telepathy.turns import Turns
from fargo.statemachine.model.call1 import Call1Command
from fargo.statemachine.model.commands import Issued, SignIn, SignOut

WATCH_SECONDS: Final = 1.0
"""The time between two looks at the hosts. At most one account of a host begins to move in it."""

UNREGISTER_SECONDS: Final = 0.5
"""T1 of RFC 3261 §17.1.1.1: in that time a registrar has usually answered."""


class TelepathyAdapter:
    """The link between the SIP hosts and the engine.

    `put` is called with each event. `reveal` returns the password with a name in the vault, None if there is none.
    `route` returns how an account reaches its provider. `edge` is the inside address of the SIP edge, and `edge_key`
    what it wants in the Route of a request. Each host has the `settings`, in a directory below theirs.
    """

    def __init__(
        self,
        put: PutEvent,
        reveal: Callable[[str], str | None],
        route: Route,
        edge: tuple[str, int],
        edge_key: str,
        settings: HostSettings,
        reactor: Any,
        limits: Limits = Limits(),  # noqa: B008 (a frozen value)
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._pool = Pool(self._host, self._host_died, limits, reactor)
        self._accounts = Accounts(put, reveal, route, self._pool, self._gone, reactor)
        self._asking = EdgeQuestions(edge, edge_key, reactor)
        self._goodbyes = Goodbyes(lambda: [host.name for host in self._pool.running], self._asking, reactor)
        self._calls = Calls(put, self._accounts, Turns(self._asking), reactor)
        self._mover = Mover(self._accounts, self._pool, limits.settled_seconds, reactor)
        self._watch = LoopingCall(self._look_after)
        self._watch.clock = reactor
        self._log = Logger()

    @property
    def connections(self) -> int:
        """The number of SIP accounts that are signing in, signed in or signing out."""
        return self._accounts.count

    @property
    def is_up(self) -> bool:
        """True if a SIP host runs."""
        return bool(self._pool.running)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of all SIP hosts."""
        return tuple(pid for host in self._pool.running for pid in host.pids)

    @property
    def restarts(self) -> int:
        """The number of times that a SIP host has ended by itself."""
        return self._pool.restarts

    def start(self) -> Deferred[None]:
        """Start the first SIP host, and end calls of an earlier run that the edge has outlived. The Deferred fires when
        accounts can sign in, or fails with ProcessError.
        """
        self._asking.start()
        self._goodbyes.say()
        self._watch.start(WATCH_SECONDS, now=False).addErrback(self._bug)
        return self._pool.start()

    def stop(self) -> Deferred[None]:
        """Stop the SIP hosts. The Deferred fires when they have ended, and the edge has told the phones of calls that
        were left. Accounts must have signed out before.
        """
        if self._watch.running:
            self._watch.stop()
        return Deferred.fromCoroutine(self._stop())

    def all_signed_out(self) -> Deferred[None]:
        """Return a Deferred that fires when no connection is left, its `SipSignedOut` has been put, and rakia has had
        UNREGISTER_SECONDS to tell the registrar: it reports the end of a connection before.
        """
        return self._accounts.when_empty().addCallback(
            lambda _: deferLater(self._reactor, UNREGISTER_SECONDS, lambda: None)
        )

    def clock_jumped(self) -> None:
        """Register all accounts anew, on other hosts, as the wall clock has jumped."""
        self._pool.drain_all()

    def do(self, issued: Issued) -> None:
        """Carry out a command of the SIP side. Its results are put as events."""
        match issued.command:
            case SignIn() as command:
                self._accounts.sign_in(issued.user, issued.id, command)
            case SignOut(connection):
                self._accounts.sign_out(issued.user, connection)
            case command if isinstance(command, Call1Command):
                self._calls.do(issued.user, issued.id, command)
            case other:
                raise TypeError(f"{type(other).__name__} is no command of the SIP side")

    async def _stop(self) -> None:
        await self._pool.stop()
        await self._goodbyes.finish()
        await self._asking.stop()

    def _host(self, number: int, died: Callable[[str], None]) -> Host:
        # All paths have the same length, so a state directory whose path is too long is found at start-up.
        settings = replace(self._settings, directory=self._settings.directory / f"{number:03}")
        host = Host(settings, self._reactor, lambda signal: self._heard(host, signal), died)
        return host

    def _heard(self, host: Host, signal: Signal) -> None:
        match signal.member:
            case "StatusChanged":
                self._accounts.status_changed(host, signal)
            case "NewChannels":
                self._calls.arrived(host, signal)
            case _:
                self._calls.heard(host, signal)

    def _look_after(self) -> None:
        self._pool.look_after()
        self._mover.move()

    def _bug(self, failure: Failure) -> None:
        self._log.failure(texts.WATCH_BUG, failure=failure)

    def _host_died(self, place: PooledHost[Host]) -> None:
        self._accounts.host_died(place)
        self._goodbyes.say()

    def _gone(self, registration: HostRegistration, connection_lives: bool) -> None:
        self._calls.drop(registration, connection_lives)
