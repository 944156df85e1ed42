"""SIP accounts as connections on the bus: sign in and sign out.

1. A connection is identified by its user and its name, which is the id of its `SignIn`. Its D-Bus path is known later.
2. `SipSignedOut` is the last event of a connection and of all its channels.
3. The password goes from the vault to the bus and is stored nowhere in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.put import PutEvent
from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.bus import BusError, Signal
from fargo.adapters.telepathy.host import MANAGER_PATH, Host
from fargo.adapters.telepathy.translate import (
    CONNECTED,
    CONNECTION,
    DISCONNECTED,
    MANAGER_INTERFACE,
    account_parameters,
    is_one_line,
    request_trouble,
    trouble,
)
from fargo.statemachine.address import BadAddress, parse_account
from fargo.statemachine.model.commands import SignIn
from fargo.statemachine.model.events import SipAccount, SipSignedIn, SipSignedOut, SipTrouble
from fargo.supervisor import Supervisor

Route: TypeAlias = Callable[[SipAccount], Mapping[str, str | int | bool]]
"""route(account) returns the parameters of RequestConnection that lead to the provider's server"""


@dataclass(eq=False)
class SipConnection:
    """A SIP account that is signing in, signed in, or signing out."""

    user: str
    name: str
    host: Deferred[Host] | None = None
    """The host that it is requested from, or waits for."""
    requested: bool = False
    """True once RequestConnection has been called."""
    path: str = ""
    leaving: bool = False
    """True once it is to sign out, which may be before it has a path."""
    calls: int = 0
    """The number of incoming calls that it has had."""


class Accounts:
    """All connections. `gone` is called with each one that has ended, before its `SipSignedOut` is put."""

    def __init__(
        self,
        put: PutEvent,
        reveal: Callable[[str], str | None],
        route: Route,
        hosts: Supervisor[Host],
        gone: Callable[[SipConnection], None],
    ) -> None:
        self._put = put
        self._reveal = reveal
        self._route = route
        self._hosts = hosts
        self._gone = gone
        self._named: dict[tuple[str, str], SipConnection] = {}
        self._at: dict[str, SipConnection] = {}
        self._empty: list[Deferred[None]] = []
        self._log = Logger()

    @property
    def count(self) -> int:
        """The number of connections."""
        return len(self._named)

    def when_empty(self) -> Deferred[None]:
        """Return a Deferred that fires when there is no connection left."""
        if not self._named:
            return succeed(None)
        empty: Deferred[None] = Deferred()
        self._empty.append(empty)
        return empty

    def named(self, user: str, name: str) -> SipConnection | None:
        """Return the connection with this name, None if there is none or it has no path yet."""
        connection = self._named.get((user, name))
        return connection if connection and connection.path else None

    def at(self, path: str) -> SipConnection | None:
        """Return the connection at this object path, None if there is none."""
        return self._at.get(path)

    def sign_in(self, user: str, name: str, command: SignIn) -> None:
        """Begin to sign in. `SipSignedIn` or `SipSignedOut` follows."""
        connection = self._named[user, name] = SipConnection(user, name)
        Deferred.fromCoroutine(self._sign_in(connection, command)).addErrback(self._unexpected, connection)

    def sign_out(self, user: str, name: str) -> None:
        """Sign out. `SipSignedOut` follows, even if the connection no longer exists."""
        connection = self._named.get((user, name))
        if not connection:
            self._put(user, SipSignedOut(name, SipTrouble.ASKED))
        elif not connection.requested:
            self._out(connection, SipTrouble.ASKED)
        else:
            connection.leaving = True
            if connection.path:
                self._host.tell(connection.path, CONNECTION, "Disconnect")

    def status_changed(self, signal: Signal) -> None:
        """Handle the signal Connection.StatusChanged."""
        connection = self._at.get(signal.path)
        status, reason = map(int, signal.arguments)
        if connection and status == CONNECTED:
            self._put(connection.user, SipSignedIn(connection.name))
        elif connection and status == DISCONNECTED:
            self._out(connection, trouble(reason))

    def host_died(self) -> None:
        """End every connection of the host that died. Those that are still waiting for a host go on waiting."""
        for connection in [each for each in self._named.values() if each.requested]:
            self._out(connection, SipTrouble.HOST, texts.HOST_ENDED)

    async def _sign_in(self, connection: SipConnection, command: SignIn) -> None:
        uri = parse_account(command.account.address)
        if isinstance(uri, BadAddress):
            self._out(connection, SipTrouble.INVALID, uri.problem)
            return
        connection.host = self._hosts.when_running()
        try:
            host = await connection.host
        except CancelledError:
            return  # it was signed out meanwhile
        password = self._reveal(command.secret)
        if not password:
            self._out(connection, SipTrouble.SECRET, texts.NO_PASSWORD)
            return
        if not (is_one_line(command.account.auth_user or "") and is_one_line(password)):
            self._out(connection, SipTrouble.INVALID, texts.CONTROL_CHARACTER)
        if not self._is_in(connection):
            return
        connection.requested = True
        parameters = account_parameters(uri, command.account.auth_user, password, self._route(command.account))
        try:
            _, path = await host.call(MANAGER_PATH, MANAGER_INTERFACE, "RequestConnection", "sa{sv}", "sip", parameters)
            if not self._is_in(connection):
                return  # the host died in the meantime
            connection.path = str(path)
            self._at[connection.path] = connection
            await host.call(connection.path, CONNECTION, "Disconnect" if connection.leaving else "Connect", "")
        except BusError as refused:
            self._log.info(texts.SIGN_IN_REFUSED, user=connection.user, why=refused)
            self._out(connection, request_trouble(refused), refused.message)
        else:
            if connection.leaving:
                self._out(connection, SipTrouble.ASKED)

    def _is_in(self, connection: SipConnection) -> bool:
        return self._named.get((connection.user, connection.name)) is connection

    def _out(self, connection: SipConnection, why: SipTrouble, text: str = "") -> None:
        """Forget a connection and put its `SipSignedOut`, unless that is done already."""
        if self._is_in(connection):
            del self._named[connection.user, connection.name]
            self._at.pop(connection.path, None)
            if connection.host:
                connection.host.cancel()  # in case it still waits for one
            self._gone(connection)
            self._put(connection.user, SipSignedOut(connection.name, why, text))
            if not self._named:
                waiting, self._empty = self._empty, []
                for each in waiting:
                    each.callback(None)

    def _unexpected(self, failure: Failure, connection: SipConnection) -> None:
        self._log.failure(texts.SIGN_IN_BUG, failure=failure, user=connection.user)
        self._out(connection, SipTrouble.HOST, texts.SIGN_IN_FAILED)

    @property
    def _host(self) -> Host:
        assert self._hosts.running, "a connection with a path has a host"
        return self._hosts.running
