"""Jingle Message Initiation (XEP-0353): messages that propose a call before its session is initiated.

Rules:

1. Only elements of the message itself count. A carbon (XEP-0280) wraps a message to another client, and its content is
   ignored.
2. A <propose/> with a delay (XEP-0203) was stored by a server. It is ignored, because nobody waits for its answer.
3. A message needs no reply, so one that cannot be understood is dropped.
4. A proposal to one client is not copied to the others (XEP-0280 §6).

<tie-break/>, <migrated/> and what clients say about their devices are not read.
"""

from typing import Final, TypeAlias

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import people, reasons, texts
from fargo.adapters.xmpp.stanza import (
    NS_CARBONS,
    NS_DELAY,
    NS_HINTS,
    NS_JINGLE_MESSAGE,
    NS_RTP,
    MalformedError,
    add,
    attribute,
    children,
    has_child,
    make,
    make_stanza,
    required,
    sender_of,
)
from fargo.statemachine.address import bare
from fargo.statemachine.model.commands import MessageCall, ProposeCall
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, CallProposed

JingleMessageEvent: TypeAlias = CallProposed | CallMessaged
JingleMessageCommand: TypeAlias = ProposeCall | MessageCall

_ACTIONS: Final = {each.value: each for each in CallAction}


def concerns(message: Element) -> bool:
    """Return True if a message has an element of Jingle Message Initiation."""
    return any(each.uri == NS_JINGLE_MESSAGE for each in message.elements())


def event(message: Element) -> JingleMessageEvent | None:
    """Return the event for a message, None for a <propose/> with a delay. Raise MalformedError if it is malformed."""
    element = _element_of(message)
    sender, to, sid = _client_of(message), attribute(message, "to"), required(element, "id")
    if element.name == "propose":
        media = tuple(required(each, "media") for each in children(element, NS_RTP, "description"))
        return None if has_child(message, NS_DELAY, "delay") else CallProposed(sender, to, sid, media)
    if element.name not in _ACTIONS:
        raise MalformedError(texts.UNKNOWN_MESSAGE.format(name=element.name))
    return CallMessaged(sender, to, sid, _ACTIONS[element.name], *reasons.read(element))


def _element_of(message: Element) -> Element:
    found: list[Element] = [each for each in message.elements() if each.uri == NS_JINGLE_MESSAGE]
    if len(found) != 1:
        raise MalformedError(texts.NOT_ONE_MESSAGE)
    return found[0]


def _client_of(message: Element) -> str:
    """Return the full JID of the sender: calls are between clients, not accounts."""
    sender = sender_of(message)
    if not sender.partition("/")[2]:
        raise MalformedError(texts.NOT_A_CLIENT)
    return sender


def stanza(command: JingleMessageCommand, name: str) -> Element:
    """Return the message for a command; `name` is the command's id, and the message's."""
    match command:
        case ProposeCall(sender, to, sid):
            element = make("propose", NS_JINGLE_MESSAGE, id=sid)
            media = ("audio", "video") if command.video else ("audio",)
            add(element, *(make("description", NS_RTP, media=each) for each in media))
        case MessageCall(sender, to, sid, action, condition, text, tie_break):
            element = make(action.value, NS_JINGLE_MESSAGE, id=sid)
            add(element, *([reasons.write(condition, text)] if condition else []))
            add(element, *([make("tie-break", NS_JINGLE_MESSAGE)] if tie_break else []))
    made = make_stanza("message", sender, to, element, make("store", NS_HINTS), type="chat", id=name)
    if isinstance(command, ProposeCall):
        add(made, *people.nick(command.nick))
    if isinstance(command, ProposeCall) and to != bare(to):
        # It is for this client only: the others must not ring.
        add(made, make("private", NS_CARBONS), make("no-copy", NS_HINTS))
    return made
