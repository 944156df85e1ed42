"""SIP accounts on the bus: signing in and out.

1. A connection is known by its user and its name, the id of the `SignIn` that asked for it; D-Bus gives it a path
   later.
2. `SipSignedOut` is the last word about a connection and about all of its channels.
3. The password goes from the vault to the bus and is kept nowhere in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.telepathy.bus import BusError, Signal
from fargo.adapters.telepathy.host import MANAGER_PATH, Host
from fargo.adapters.telepathy.keeper import Keeper
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
from fargo.statemachine.model.events import Event, SipAccount, SipSignedIn, SipSignedOut, SipTrouble

Put: TypeAlias = Callable[[str, Event], None]
"""put(bare JID of the user, event)"""

Route: TypeAlias = Callable[[SipAccount], Mapping[str, str | int | bool]]
"""How an account reaches its provider, as parameters of RequestConnection."""

_HOST_DIED = "The gateway's SIP service stopped unexpectedly and is being started again."
_NO_PASSWORD = "The gateway does not have the password of this account: register again."
_CONTROL_CHARACTER = "The user name or the password contains a control character; give them without."


@dataclass(eq=False)
class Connection:
    """A SIP account that is signing in, signed in, or signing out."""

    user: str
    name: str
    requested: bool = False
    """A host has been asked for it."""
    path: str = ""
    leaving: bool = False
    """It was asked to sign out, perhaps before it had a path."""
    calls: int = 0
    """How many calls have come in here."""


class Accounts:
    """All connections. `gone` is told of each one that ended, before its `SipSignedOut` is put."""

    def __init__(
        self,
        put: Put,
        reveal: Callable[[str], str | None],
        route: Route,
        keeper: Keeper,
        gone: Callable[[Connection], None],
    ) -> None:
        self._put = put
        self._reveal = reveal
        self._route = route
        self._keeper = keeper
        self._gone = gone
        self._named: dict[tuple[str, str], Connection] = {}
        self._at: dict[str, Connection] = {}
        self._log = Logger()

    def named(self, user: str, name: str) -> Connection | None:
        """The connection of this name if it has a path."""
        connection = self._named.get((user, name))
        return connection if connection and connection.path else None

    def at(self, path: str) -> Connection | None:
        """The connection at this object path."""
        return self._at.get(path)

    def sign_in(self, user: str, name: str, command: SignIn) -> None:
        """`SipSignedIn` or `SipSignedOut` will follow."""
        connection = self._named[user, name] = Connection(user, name)
        Deferred.fromCoroutine(self._sign_in(connection, command)).addErrback(self._unexpected, connection)

    def sign_out(self, user: str, name: str) -> None:
        """`SipSignedOut` will follow, also for a connection that is gone already."""
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
        """Connection.StatusChanged."""
        connection = self._at.get(signal.path)
        status, reason = map(int, signal.arguments)
        if connection and status == CONNECTED:
            self._put(connection.user, SipSignedIn(connection.name))
        elif connection and status == DISCONNECTED:
            self._out(connection, trouble(reason))

    def host_died(self) -> None:
        """Every connection that the host had is gone; those that still wait for a host go on waiting."""
        for connection in [each for each in self._named.values() if each.requested]:
            self._out(connection, SipTrouble.HOST, _HOST_DIED)

    async def _sign_in(self, connection: Connection, command: SignIn) -> None:
        uri = parse_account(command.account.address)
        if isinstance(uri, BadAddress):
            self._out(connection, SipTrouble.INVALID, uri.problem)
            return
        host = await self._keeper.up()
        password = self._reveal(command.secret)
        if not password:
            self._out(connection, SipTrouble.SECRET, _NO_PASSWORD)
            return
        if not (is_one_line(command.account.auth_user) and is_one_line(password)):
            self._out(connection, SipTrouble.INVALID, _CONTROL_CHARACTER)
        if not self._is_in(connection):
            return
        connection.requested = True
        parameters = account_parameters(uri, command.account.auth_user, password, self._route(command.account))
        try:
            _, path = await host.call(MANAGER_PATH, MANAGER_INTERFACE, "RequestConnection", "sa{sv}", "sip", parameters)
            if not self._is_in(connection):
                return  # the host died meanwhile
            connection.path = str(path)
            self._at[connection.path] = connection
            await host.call(connection.path, CONNECTION, "Disconnect" if connection.leaving else "Connect", "")
        except BusError as refused:
            self._log.info("Signing {user} in was refused: {why}", user=connection.user, why=refused)
            self._out(connection, request_trouble(refused), refused.message)
        else:
            if connection.leaving:
                self._out(connection, SipTrouble.ASKED)

    def _is_in(self, connection: Connection) -> bool:
        return self._named.get((connection.user, connection.name)) is connection

    def _out(self, connection: Connection, why: SipTrouble, text: str = "") -> None:
        """Forget a connection, and say so once."""
        if self._is_in(connection):
            del self._named[connection.user, connection.name]
            self._at.pop(connection.path, None)
            self._gone(connection)
            self._put(connection.user, SipSignedOut(connection.name, why, text))

    def _unexpected(self, failure: Failure, connection: Connection) -> None:
        self._log.failure("Signing {user} in failed", failure=failure, user=connection.user)
        self._out(connection, SipTrouble.HOST, "The gateway could not sign this account in: its log says why.")

    @property
    def _host(self) -> Host:
        assert self._keeper.host, "a connection with a path has a host"
        return self._keeper.host
