"""One connection to a message bus: methods called, signals heard.

1. Messages are built by hand and signals go through one filter: proxies cost introspection, and a third more time for
   each call.
2. What is sent first arrives first, and the replies and signals of one sender come in the order in which it sent them.
   So the calls of a run need not wait for each other's replies.
3. What a call carries may be a password: no message is ever logged.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

from dbus.bus import BusConnection
from dbus.exceptions import DBusException
from dbus.lowlevel import HANDLER_RESULT_NOT_YET_HANDLED, ErrorMessage, MethodCallMessage, SignalMessage
from dbus.mainloop.glib import DBusGMainLoop
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger

DAEMON = "org.freedesktop.DBus"
_DAEMON_PATH = "/org/freedesktop/DBus"
_DISCONNECTED = ("org.freedesktop.DBus.Local", "Disconnected")


class BusError(Exception):
    """A method answered with an error, or nobody serves the bus; `name` is the D-Bus error name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Signal(NamedTuple):
    """A signal as it came: the object that sent it, which signal it is, what it carries."""

    path: str
    interface: str
    member: str
    arguments: list[Any]


class Bus:
    """A private connection. `heard` is called with every signal that was listened for, `lost` if the bus goes away."""

    def __init__(self, address: str, heard: Callable[[Signal], None], lost: Callable[[], None]) -> None:
        """BusError if nobody serves the bus at this address."""
        self._heard = heard
        self._lost = lost
        self._log = Logger()
        try:
            self._connection = BusConnection(address, mainloop=DBusGMainLoop())
        except DBusException as problem:
            raise BusError(str(problem.get_dbus_name()), str(problem.get_dbus_message())) from None
        self._connection.set_exit_on_disconnect(False)
        self._handler = self._filter  # a method is another object each time it is named
        self._connection.add_message_filter(self._handler)

    async def listen(self, rules: Iterable[str]) -> None:
        """Hear the signals that match one of these rules; done when all of them are in force."""
        await all_of(*(self.call(DAEMON, _DAEMON_PATH, DAEMON, "AddMatch", "s", rule) for rule in rules))

    def call(
        self, owner: str, path: str, interface: str, method: str, signature: str, *values: Any
    ) -> Deferred[list[Any]]:
        """Call a method; fires with what it returns, or fails with BusError."""
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
        """Call a method whose reply nobody wants."""
        message = _message(owner, path, interface, method, signature, values)
        message.set_no_reply(True)
        self._connection.send_message(message)

    def close(self) -> None:
        """Let go of the bus."""
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
            except Exception:  # dbus-python would drop it unseen
                self._log.failure("{interface}.{member} could not be dealt with", interface=interface, member=member)
        return int(HANDLER_RESULT_NOT_YET_HANDLED)


async def all_of(*calls: Deferred[Any]) -> list[Any]:
    """What each of the calls returns; BusError for the first that was refused."""
    try:
        return await gatherResults(calls, consumeErrors=True)
    except FirstError as first:
        raise cast(Exception, first.subFailure.value) from None


def _message(owner: str, path: str, interface: str, method: str, signature: str, values: tuple[Any, ...]) -> Any:
    message = MethodCallMessage(owner, path, interface, method)
    message.append(*values, signature=signature)
    return message
