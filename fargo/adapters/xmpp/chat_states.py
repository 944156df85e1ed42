"""Chat states (XEP-0085): who is typing, from clients and for them.

Rules:

1. Only a message without a body is about nothing but a state. Whoever composes types; every other state means that
   they do not.
2. Such a message is not to be stored (XEP-0334 §4.3), and asks for no receipt.
3. Somebody whose phone says nothing more is shown as active when they are not to be believed any longer (RFC 3994
   §3.3).
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_CHAT_STATES, NS_HINTS, attribute, make, make_stanza, sender_of
from fargo.statemachine.address import bare, local_of
from fargo.statemachine.model.commands import ShowTyping
from fargo.statemachine.model.events import TypingNoticed

_COMPOSING: Final = "composing"
_STATES: Final = frozenset({_COMPOSING, "paused", "active", "inactive", "gone"})
_MOST: Final = 10_000


def event(message: Element) -> TypingNoticed | None:
    """Return the event of a message to a contact that is about a chat state, None if it is about anything else."""
    states = [each.name for each in message.elements() if each.uri == NS_CHAT_STATES and each.name in _STATES]
    if len(states) != 1 or not local_of(attribute(message, "to")):
        return None
    return TypingNoticed(sender_of(message), bare(attribute(message, "to")), states[0] == _COMPOSING)


class ChatStates:
    """The chat states of contacts. `send` sends a stanza, and `call_later` is the reactor's."""

    def __init__(self, send: Callable[[Element], object], call_later: Callable[..., Any]) -> None:
        self._send = send
        self._call_later = call_later
        self._typing: dict[tuple[str, str], Any] = {}
        """The times after which contacts are not believed any longer, by contact and user."""

    def show(self, command: ShowTyping, name: str) -> None:
        """Tell a user that a contact types, or does not any more. ``name``: the id of the message."""
        self.over(command.sender, command.to)
        if command.active and len(self._typing) < _MOST:
            later = self._call_later(command.seconds, self._forgotten, command, name)
            self._typing[command.sender, command.to] = later
        self._send(_stanza(command, _COMPOSING if command.active else "paused", name))

    def over(self, sender: str, to: str) -> None:
        """Note that a contact has said something else to a user."""
        if later := self._typing.pop((sender, to), None):
            later.cancel()

    def stop(self) -> None:
        """Forget all."""
        for sender, to in list(self._typing):
            self.over(sender, to)

    def _forgotten(self, command: ShowTyping, name: str) -> None:
        del self._typing[command.sender, command.to]
        self._send(_stanza(command, "active", f"{name}-over"))


def _stanza(command: ShowTyping, state: str, name: str) -> Element:
    made = make_stanza("message", command.sender, command.to, make(state, NS_CHAT_STATES), type="chat", id=name)
    made.addChild(make("no-store", NS_HINTS))
    return made
