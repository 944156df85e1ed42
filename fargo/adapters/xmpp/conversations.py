"""Conversations with contacts: texts (`texting`) and who types (`chat_states`), both ways.

Rules:

1. A text that is not let in is refused. A chat state that is not is dropped: clients send such by themselves.
2. A text is the sender's, so there is nothing to translate. It is forgotten when it has been sent.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.put import KeepTexts
from fargo.adapters.xmpp import chat_states, messages, texting
from fargo.adapters.xmpp.chat_states import ChatStates
from fargo.adapters.xmpp.stanza import sender_of
from fargo.statemachine.address import bare, local_of
from fargo.statemachine.model.commands import ConfirmText, DeliverText, RefuseText, ShowTyping
from fargo.statemachine.model.events import Event

OF_CONVERSATIONS: Final = (DeliverText, ConfirmText, RefuseText, ShowTyping)
OfConversation: TypeAlias = DeliverText | ConfirmText | RefuseText | ShowTyping

Admitted: TypeAlias = Callable[[str, Event], None]
"""put(bare JID of the user, event) puts an event, and raises StanzaError if it is not let in."""


class Conversations:
    """All conversations. `send` sends a stanza in the words of its recipient, `send_as_is` in those that it has; `kept`
    has the texts, and `call_later` is the reactor's.
    """

    def __init__(
        self,
        put: Admitted,
        kept: KeepTexts,
        send: Callable[[Element | None], None],
        send_as_is: Callable[[Element], object],
        call_later: Callable[..., Any],
    ) -> None:
        self._put = put
        self._kept = kept
        self._send = send
        self._send_as_is = send_as_is
        self._states = ChatStates(send_as_is, call_later)

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._states.stop()

    def do(self, command: OfConversation, name: str) -> None:
        """Carry out a command. ``name``: the id of its message."""
        if isinstance(command, ShowTyping):
            self._states.show(command, name)
            return
        stanza = texting.stanza(command, name, self._kept)
        if not isinstance(command, DeliverText):
            self._send(stanza)
        elif stanza is not None:
            self._states.over(command.sender, command.to)
            self._send_as_is(stanza)
            self._kept.forget(command.text.name)

    def take(self, message: Element) -> bool:
        """Put the event of a text or a chat state to a contact. Return False if a message is neither."""
        if texting.is_text(message):
            self._text(message)
            return True
        if message.getAttribute("type") in texting.CHATS and not message.body:
            return self._state(message)
        return False

    def _text(self, message: Element) -> None:
        user = bare(sender_of(message))
        if not local_of(user):
            return
        try:
            event = texting.event(message, self._kept)
            try:
                self._put(user, event)
            except StanzaError:
                for each in event.parts:
                    self._kept.forget(each.name)
                raise
        except StanzaError as error:
            self._send(messages.refusal(message, error))

    def _state(self, message: Element) -> bool:
        event = chat_states.event(message)
        if event is None:
            return False
        user = bare(sender_of(message))
        if local_of(user):
            with suppress(StanzaError):
                self._put(user, event)
        return True
