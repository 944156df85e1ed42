"""The Telepathy adapter: SIP accounts and calls, through telepathy-rakia on a private message bus.

It carries commands out, tells what came of it, and decides nothing. All of it runs on the reactor's thread; the
reactor has to be Twisted's gireactor, because D-Bus comes in through GLib's main loop.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from fargo.adapters.telepathy.accounts import Accounts, Connection, Put, Route
from fargo.adapters.telepathy.bus import Signal
from fargo.adapters.telepathy.calls import Calls
from fargo.adapters.telepathy.host import Host, HostSettings
from fargo.adapters.telepathy.keeper import Keeper
from fargo.statemachine.model.call1 import Call1Command
from fargo.statemachine.model.commands import Issued, SignIn, SignOut


class TelepathyAdapter:
    """`put` takes every event, `reveal` gives a password by its name in the vault, `route` an account's way out.

    `settings` are those of the SIP host.
    """

    def __init__(
        self, put: Put, reveal: Callable[[str], str | None], route: Route, settings: HostSettings, reactor: Any
    ) -> None:
        self._keeper = Keeper(lambda died: Host(settings, reactor, self._heard, died), reactor, self._host_died)
        self._accounts = Accounts(put, reveal, route, self._keeper, self._gone)
        self._calls = Calls(put, self._accounts, self._keeper)

    def start(self) -> Deferred[None]:
        """Fires when accounts can be signed in; fails with ProcessError, which says what to do."""
        return self._keeper.start()

    def stop(self) -> Deferred[None]:
        """End the SIP host; fires when it is gone. Who has to be told by SIP is signed out before."""
        return self._keeper.stop()

    def do(self, issued: Issued) -> None:
        """Carry out a command of the SIP side; what comes of it is put as events."""
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

    def _gone(self, connection: Connection) -> None:
        self._calls.drop(connection)
