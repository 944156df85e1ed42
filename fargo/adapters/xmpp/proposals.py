"""Calls that are proposed before they are described: Jingle Message Initiation (XEP-0353 §5), message <-> value.

Rules:

1. Only what the message itself holds counts: a carbon (XEP-0280), which wraps what was said to someone else, says
   nothing here.
2. A proposal that a server kept for later (XEP-0203) is old, and nobody waits for an answer.
3. A message has no duty to be answered, so what cannot be understood is dropped.

Dropped on reading: <tie-break/>, <migrated/>, and what clients say about their devices.
"""

from typing import Final, TypeAlias

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import reasons
from fargo.adapters.xmpp.stanza import (
    NS_DELAY,
    NS_HINTS,
    NS_JINGLE_MESSAGE,
    NS_RTP,
    MalformedError,
    add,
    attribute,
    children,
    envelope,
    has,
    make,
    required,
    sender_of,
)
from fargo.statemachine.model.commands import MessageCall, ProposeCall
from fargo.statemachine.model.events import CallAction, CallMessaged, CallProposed

ProposalEvent: TypeAlias = CallProposed | CallMessaged
ProposalCommand: TypeAlias = ProposeCall | MessageCall

_ACTIONS: Final = {each.value: each for each in CallAction}


def concerns(message: Element) -> bool:
    """Whether a message is about a proposed call, and so is for programs rather than people."""
    return any(each.uri == NS_JINGLE_MESSAGE for each in message.elements())


def event(message: Element) -> ProposalEvent | None:
    """What a message says about a proposed call; None if it is too late to be heard."""
    said = _only(message)
    sender, to, sid = _resource(message), attribute(message, "to"), required(said, "id")
    if said.name == "propose":
        media = tuple(required(each, "media") for each in children(said, NS_RTP, "description"))
        return None if has(message, NS_DELAY, "delay") else CallProposed(sender, to, sid, media)
    if said.name not in _ACTIONS:
        raise MalformedError(f"“{said.name}” is nothing to say about a proposed call.")
    return CallMessaged(sender, to, sid, _ACTIONS[said.name], *reasons.read(said))


def _only(message: Element) -> Element:
    found: list[Element] = [each for each in message.elements() if each.uri == NS_JINGLE_MESSAGE]
    if len(found) != 1:
        raise MalformedError("The message says more than one thing about proposed calls.")
    return found[0]


def _resource(message: Element) -> str:
    """The full JID: calls are between clients, and an account is none."""
    sender = sender_of(message)
    if not sender.partition("/")[2]:
        raise MalformedError("The message about a proposed call comes from no client.")
    return sender


def stanza(command: ProposalCommand, name: str) -> Element:
    """The message for a command; `name` is the command's id."""
    match command:
        case ProposeCall(sender, to, sid):
            said = make("propose", NS_JINGLE_MESSAGE, id=sid)
            said.addChild(make("description", NS_RTP, media="audio"))
        case MessageCall(sender, to, sid, action, condition, text, tie_break):
            said = make(action.value, NS_JINGLE_MESSAGE, id=sid)
            add(said, *([reasons.write(condition, text)] if condition else []))
            add(said, *([make("tie-break", NS_JINGLE_MESSAGE)] if tie_break else []))
    return envelope("message", sender, to, said, make("store", NS_HINTS), type="chat", id=name)
