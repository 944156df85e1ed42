"""The Telepathy adapter: SIP accounts and calls, through telepathy-rakia on a private message bus.

It carries out commands, puts the results as events, and decides nothing. Everything runs on the reactor's thread. The
reactor must be Twisted's gireactor, because dbus-python needs GLib's main loop.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from fargo.adapters.put import PutEvent
from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.accounts import Accounts, Route, SipConnection
from fargo.adapters.telepathy.bus import Signal
from fargo.adapters.telepathy.calls import Calls
from fargo.adapters.telepathy.host import Host, HostSettings
from fargo.statemachine.model.call1 import Call1Command
from fargo.statemachine.model.commands import Issued, SignIn, SignOut
from fargo.supervisor import Supervisor


class TelepathyAdapter:
    """The link between the SIP host and the engine.

    `put` is called with each event. `reveal` returns the password with a name in the vault, None if there is none.
    `route` returns how an account reaches its provider. `settings` are those of the SIP host.
    """

    def __init__(
        self, put: PutEvent, reveal: Callable[[str], str | None], route: Route, settings: HostSettings, reactor: Any
    ) -> None:
        self._reactor = reactor
        self._hosts = Supervisor(
            texts.HOST, lambda died: Host(settings, reactor, self._heard, died), reactor, self._host_died
        )
        self._accounts = Accounts(put, reveal, route, self._hosts, self._gone)
        self._calls = Calls(put, self._accounts, self._hosts)

    @property
    def connections(self) -> int:
        """The number of SIP accounts that are signing in, signed in or signing out."""
        return self._accounts.count

    def start(self) -> Deferred[None]:
        """Start the SIP host. The Deferred fires when accounts can sign in, or fails with ProcessError."""
        return self._hosts.start()

    def stop(self) -> Deferred[None]:
        """Stop the SIP host. The Deferred fires when it has ended. Accounts must have signed out before."""
        return self._hosts.stop()

    def all_signed_out(self) -> Deferred[None]:
        """Return a Deferred that fires when no connection is left and its `SipSignedOut` has been put."""
        # One turn later, because the last connection may end in the middle of a signal from the bus.
        return self._accounts.when_empty().addCallback(lambda _: deferLater(self._reactor, 0, lambda: None))

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

    def _heard(self, signal: Signal) -> None:
        match signal.member:
            case "StatusChanged":
                self._accounts.status_changed(signal)
            case "NewChannels":
                self._calls.arrived(signal)
            case _:
                self._calls.heard(signal)

    def _host_died(self) -> None:
        self._accounts.host_died()

    def _gone(self, connection: SipConnection) -> None:
        self._calls.drop(connection)
