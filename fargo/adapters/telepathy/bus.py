"""A connection to a message bus: call methods and receive signals.

1. Messages are built by hand, and signals go through one filter. Proxy objects would need introspection and take a
   third more time for each call.
2. Messages arrive in the order in which they were sent, and so do the replies and signals of one sender. Therefore
   several methods can be called without waiting for each reply.
3. No message is ever logged, because it may contain a password.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

from dbus.bus import BusConnection
from dbus.exceptions import DBusException
from dbus.lowlevel import HANDLER_RESULT_NOT_YET_HANDLED, ErrorMessage, MethodCallMessage, SignalMessage
from dbus.mainloop.glib import DBusGMainLoop
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger

from fargo.adapters.telepathy import texts

DAEMON = "org.freedesktop.DBus"
_DAEMON_PATH = "/org/freedesktop/DBus"
_DISCONNECTED = ("org.freedesktop.DBus.Local", "Disconnected")


class BusError(Exception):
    """A method returned an error, or no bus can be reached. `name` is the D-Bus error name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Signal(NamedTuple):
    """A signal: the path of its object, its interface and name, its arguments."""

    path: str
    interface: str
    member: str
    arguments: list[Any]


class Bus:
    """A private connection. `heard` is called with each signal that matches a rule, `lost` when the bus disconnects."""

    def __init__(self, address: str, heard: Callable[[Signal], None], lost: Callable[[], None]) -> None:
        """Connect. Raise BusError if there is no bus at this address."""
        self._heard = heard
        self._lost = lost
        self._log = Logger()
        try:
            self._connection = BusConnection(address, mainloop=DBusGMainLoop())
        except DBusException as problem:
            raise BusError(str(problem.get_dbus_name()), str(problem.get_dbus_message())) from None
        self._connection.set_exit_on_disconnect(False)
        self._handler = (
            self._filter
        )  # each access to a bound method makes a new object; removing the filter needs this one
        self._connection.add_message_filter(self._handler)

    async def listen(self, rules: Iterable[str]) -> None:
        """Receive the signals that match one of these rules. Returns when all rules are in force."""
        await all_of(*(self.call(DAEMON, _DAEMON_PATH, DAEMON, "AddMatch", "s", rule) for rule in rules))

    def call(
        self, owner: str, path: str, interface: str, method: str, signature: str, *values: Any
    ) -> Deferred[list[Any]]:
        """Call a method. The Deferred fires with the values that it returns, or fails with BusError."""
        answer: Deferred[list[Any]] = Deferred()

        def replied(reply: Any) -> None:
            if isinstance(reply, ErrorMessage):
                message = next((str(each) for each in reply.get_args_list()), "")
                answer.errback(BusError(str(reply.get_error_name()), message))
            else:
                answer.callback(reply.get_args_list())

        message = _message(owner, path, interface, method, signature, values)
        self._connection.send_message_with_reply(message, replied, -1)
        return answer

    def tell(self, owner: str, path: str, interface: str, method: str, signature: str, *values: Any) -> None:
        """Call a method without a reply."""
        message = _message(owner, path, interface, method, signature, values)
        message.set_no_reply(True)
        self._connection.send_message(message)

    def close(self) -> None:
        """Close the connection."""
        self._connection.remove_message_filter(self._handler)
        self._connection.close()

    def _filter(self, _: object, message: Any) -> int:
        if isinstance(message, SignalMessage):
            interface, member = message.get_interface(), message.get_member()
            try:
                if (interface, member) == _DISCONNECTED:
                    self._lost()
                else:
                    self._heard(Signal(str(message.get_path()), interface, member, message.get_args_list()))
            except Exception:  # dbus-python would drop it without a trace
                self._log.failure(texts.SIGNAL_BUG, interface=interface, member=member)
        return int(HANDLER_RESULT_NOT_YET_HANDLED)


async def all_of(*calls: Deferred[Any]) -> list[Any]:
    """Return the results of all calls. Raise the BusError of the first call that failed."""
    try:
        return await gatherResults(calls, consumeErrors=True)
    except FirstError as first:
        raise cast(Exception, first.subFailure.value) from None


def _message(owner: str, path: str, interface: str, method: str, signature: str, values: tuple[Any, ...]) -> Any:
    message = MethodCallMessage(owner, path, interface, method)
    message.append(*values, signature=signature)
    return message
