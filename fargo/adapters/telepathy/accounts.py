"""SIP accounts as connections: sign in, move to another host, and sign out.

1. A connection is identified by its user and its name, which is the id of its `SignIn`.
2. A connection that is moved gets a second registration. The first one is closed when the second is accepted and the
   first has no calls left. So the account is registered at any time, and the core does not notice.
3. A connection ends with its last registration. `SipSignedOut` is the last event of a connection and of all its
   channels.
4. An account is used by one connection at a time. rakia ensures that too, but only among the accounts of one process.
   Another user's sign-in is refused. One of the same user, who has cancelled and registers again, waits for the end of
   the connection before.
5. The password goes from the vault to the bus and is stored nowhere in between.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final, TypeAlias

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.put import PutEvent
from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.bus import BusError, Signal
from fargo.adapters.telepathy.host import MANAGER_PATH, Host
from fargo.adapters.telepathy.pool import Pool, PooledHost
from fargo.adapters.telepathy.registrations import HostRegistration, SipConnection
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
from fargo.statemachine.address import BadAddress, SipUri, parse_account
from fargo.statemachine.model.commands import SignIn
from fargo.statemachine.model.events import SipAccount, SipSignedIn, SipSignedOut, SipTrouble

Route: TypeAlias = Callable[[SipAccount, str], Mapping[str, str | int | bool]]
"""route(account, name of the rakia) returns the parameters of RequestConnection that lead to the provider's server"""

_SETTLE_SECONDS: Final = 4.0
"""The time that a REGISTER under way may take before its registration is closed all the same. It is sent again after
0.5, 1.5 and 3.5 seconds (RFC 3261 §17.1.2.2), and a gateway that stops waits for 5 seconds.
"""

_NEXT_MOVE_SECONDS: Final = 600.0
"""The time that a connection stays where it is if it could not be moved. For good, if its registrar refused it, because
registrars lock accounts.
"""


class Accounts:
    """All connections. `gone` is called with each registration that has ended, and True if its connection goes on."""

    def __init__(
        self,
        put: PutEvent,
        reveal: Callable[[str], str | None],
        route: Route,
        pool: Pool[Host],
        gone: Callable[[HostRegistration, bool], None],
        reactor: Any,
    ) -> None:
        self._put = put
        self._reveal = reveal
        self._route = route
        self._pool = pool
        self._gone = gone
        self._reactor = reactor
        self._named: dict[tuple[str, str], SipConnection] = {}
        self._using: dict[SipUri, SipConnection] = {}
        self._waiting: list[SipConnection] = []
        self._at: dict[tuple[Host, str], HostRegistration] = {}
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
        """Return the connection with this name, None if there is none."""
        return self._named.get((user, name))

    def at(self, host: Host, path: str) -> HostRegistration | None:
        """Return the registration at this object path of a host, None if there is none."""
        return self._at.get((host, path))

    def all(self) -> list[SipConnection]:
        """Return all connections."""
        return list(self._named.values())

    # --- commands

    def sign_in(self, user: str, name: str, command: SignIn) -> None:
        """Begin to sign in. `SipSignedIn` or `SipSignedOut` follows."""
        uri = parse_account(command.account.address)
        if isinstance(uri, BadAddress):
            self._put(user, SipSignedOut(name, SipTrouble.INVALID, uri.problem))
            return
        connection, before = SipConnection(user, name, uri, command), self._using.get(uri)
        if not before:
            self._begin(connection)
        elif before.user == user:
            self._waiting.append(connection)
        else:
            self._put(user, SipSignedOut(name, SipTrouble.IN_USE))

    def _begin(self, connection: SipConnection) -> None:
        self._using[connection.uri] = self._named[connection.user, connection.name] = connection
        self._open(connection)

    def sign_out(self, user: str, name: str) -> None:
        """Sign out. `SipSignedOut` follows, even if the connection no longer exists."""
        connection = self._named.get((user, name))
        if not connection:
            self._waiting = [each for each in self._waiting if (each.user, each.name) != (user, name)]
            self._put(user, SipSignedOut(name, SipTrouble.ASKED))
            return
        for registration in tuple(connection.registrations):
            self.close(registration)

    # --- moving

    def move(self, connection: SipConnection) -> None:
        """Open a second registration, on another host."""
        self._open(connection)

    def close(self, registration: HostRegistration) -> None:
        """Close a registration. The connection ends if it has no other.

        rakia aborts, and ends the calls of all its accounts, if the answer to a REGISTER arrives after the
        registration was closed. So one whose REGISTER is under way is closed once it is answered, or
        has not been for _SETTLE_SECONDS.
        """
        if registration.leaving:
            return
        registration.leaving = True
        if not registration.host:
            self._lost(registration, SipTrouble.ASKED)
        elif registration.registered:
            self._disconnect(registration)
        elif registration.path:
            self._reactor.callLater(_SETTLE_SECONDS, self._disconnect, registration)

    # --- what happens

    def status_changed(self, host: Host, signal: Signal) -> None:
        """Handle the signal Connection.StatusChanged."""
        registration = self.at(host, signal.path)
        status, reason = map(int, signal.arguments)
        if registration and status == CONNECTED:
            self._registered(registration)
        elif registration and status == DISCONNECTED:
            self._lost(registration, trouble(reason))

    def host_died(self, place: PooledHost[Host]) -> None:
        """End every registration of the host that died. Those that are still waiting for the host go on waiting."""
        for registration in [each for connection in self.all() for each in connection.registrations]:
            if registration.place is place and registration.host:
                self._lost(registration, SipTrouble.HOST, texts.HOST_ENDED)

    def _open(self, connection: SipConnection) -> None:
        place = self._pool.enter()
        registration = HostRegistration(connection, place, place.when_running())
        connection.registrations.append(registration)
        Deferred.fromCoroutine(self._request(registration)).addErrback(self._unexpected, registration)

    async def _request(self, registration: HostRegistration) -> None:
        try:
            host = await registration.waiting
        except CancelledError:
            return  # it was closed meanwhile
        account = registration.connection.command.account
        password = self._reveal(registration.connection.command.secret)
        if not password:
            self._lost(registration, SipTrouble.SECRET, texts.NO_PASSWORD)
            return
        login = account.auth_user or registration.connection.uri.user, password
        if not all(map(is_one_line, login)):
            self._lost(registration, SipTrouble.INVALID, texts.CONTROL_CHARACTER)
            return
        if any(":" in each for each in login):  # rakia gives sofia both in one text, with a colon between them
            self._lost(registration, SipTrouble.INVALID, texts.COLON)
            return
        route = self._route(account, host.name)
        parameters = account_parameters(registration.connection.uri, account.auth_user, password, route)
        registration.host = host
        try:
            _, path = await host.call(MANAGER_PATH, MANAGER_INTERFACE, "RequestConnection", "sa{sv}", "sip", parameters)
            if not self._is_open(registration):
                return  # the host died in the meantime
            registration.path = str(path)
            self._at[host, registration.path] = registration
            unwanted = registration.leaving
            await host.call(registration.path, CONNECTION, "Disconnect" if unwanted else "Connect", "")
        except BusError as refused:
            self._log.info(texts.SIGN_IN_REFUSED, user=registration.connection.user, why=refused)
            self._lost(registration, request_trouble(refused), refused.message)
        else:
            if unwanted:
                self._lost(registration, SipTrouble.ASKED)

    def _registered(self, registration: HostRegistration) -> None:
        registration.registered = True
        if registration.leaving:
            self._disconnect(registration)
        elif not registration.connection.signed_in:
            registration.connection.signed_in = True
            self._put(registration.connection.user, SipSignedIn(registration.connection.name))

    def _disconnect(self, registration: HostRegistration) -> None:
        if self._is_open(registration) and registration.host and registration.path:
            registration.host.tell(registration.path, CONNECTION, "Disconnect")

    def _lost(self, registration: HostRegistration, why: SipTrouble, text: str = "") -> None:
        """Forget a registration. Put `SipSignedOut` if its connection has no other."""
        if not self._is_open(registration):
            return
        if registration.leaving:
            why, text = SipTrouble.ASKED, ""  # whatever the registrar has said meanwhile
        connection = registration.connection
        connection.registrations.remove(registration)
        if registration.host and registration.path:
            del self._at[registration.host, registration.path]
        registration.waiting.cancel()  # in case it still waits for a host
        self._gone(registration, bool(connection.registrations))
        self._pool.leave(registration.place)
        if all(each.leaving for each in connection.registrations):
            connection.lost = connection.lost or (why, text)
        elif not registration.registered:
            self._not_moved(connection, why, text)
        if connection.lost and not connection.registrations:
            self._out(connection, *connection.lost)

    def _not_moved(self, connection: SipConnection, why: SipTrouble, text: str) -> None:
        self._log.info(texts.MOVE_FAILED, user=connection.user, why=text or why)
        passing = why in (SipTrouble.NETWORK, SipTrouble.HOST)
        connection.stays_until = self._reactor.seconds() + _NEXT_MOVE_SECONDS if passing else inf

    def _out(self, connection: SipConnection, why: SipTrouble, text: str) -> None:
        del self._named[connection.user, connection.name]
        del self._using[connection.uri]
        self._put(connection.user, SipSignedOut(connection.name, why, text))
        if following := next((each for each in self._waiting if each.uri == connection.uri), None):
            self._waiting.remove(following)
            self._begin(following)
        if not self._named:
            waiting, self._empty = self._empty, []
            for each in waiting:
                each.callback(None)

    def _is_open(self, registration: HostRegistration) -> bool:
        return registration in registration.connection.registrations

    def _unexpected(self, failure: Failure, registration: HostRegistration) -> None:
        self._log.failure(texts.SIGN_IN_BUG, failure=failure, user=registration.connection.user)
        self._lost(registration, SipTrouble.HOST, texts.SIGN_IN_FAILED)
