"""Chat messages (RFC 6121 §5): send ours, take those to the gateway itself, refuse what is no text (`texting`).

Rules:

1. A message of an unknown type is one of type normal (RFC 6121 §5.2.2).
2. Errors and headlines get no answer (RFC 6120 §8.3.1, RFC 6121 §5.2.2), and neither does a message that only tells
   of another message or of a conversation: a client sends such by itself, and shows an error as if its user had written
   something.
"""

from datetime import UTC, datetime
from typing import Final

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import chat, people, texts
from fargo.adapters.xmpp.conferences import NS_CALL_INVITES, invites, no_conference
from fargo.adapters.xmpp.stanza import (
    NS_CARBONS,
    NS_CHAT_STATES,
    NS_DELAY,
    NS_HINTS,
    add,
    attribute,
    make,
    make_stanza,
    sender_of,
    stanza_error,
)
from fargo.statemachine.address import bare, domain_of, local_of
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.events import GatewayAsked, RegistrationCancelled
from fargo.statemachine.model.iq import ByChat, Iq

_CHATS: Final = (None, "normal", "chat")
_CALLS_ONLY: Final = stanza_error("cancel", "service-unavailable", texts.CALLS_ONLY)
ENCRYPTED: Final = stanza_error("cancel", "not-acceptable", texts.ENCRYPTED)
_UNANSWERED: Final = frozenset({"error", "headline"})
_NOTICES: Final = frozenset(
    {
        NS_CHAT_STATES,
        "urn:xmpp:receipts",  # XEP-0184
        "urn:xmpp:chat-markers:0",  # XEP-0333
        NS_CALL_INVITES,
    }
)
_ENCRYPTIONS: Final = frozenset(
    {
        "urn:xmpp:eme:0",  # XEP-0380
        "eu.siacs.conversations.axolotl",  # XEP-0384
        "urn:xmpp:omemo:2",
        "urn:xmpp:openpgp:0",  # XEP-0373
        "jabber:x:encrypted",  # XEP-0027
    }
)
_BESIDE: Final = frozenset({NS_HINTS, NS_CARBONS, "urn:xmpp:sid:0"})  # XEP-0334, XEP-0280, XEP-0359


def text(message: Element) -> str | None:
    """Return what a user writes to the gateway itself; None if the message is not to it, or is no chat with text."""
    if local_of(attribute(message, "to")) or message.getAttribute("type") not in _CHATS:
        return None
    body = str(message.body or "") if message.body else ""
    return body.strip() or None


def objection(message: Element) -> StanzaError | None:
    """Return why a message cannot be taken whatever is in it, None if it can: it is an invitation to a conference, or
    encrypted, so that its body, if any, only says so (XEP-0380). That is no request, no password, and no text for a
    contact.
    """
    if invites(message):
        return no_conference()
    return ENCRYPTED if any(each.uri in _ENCRYPTIONS for each in message.elements()) else None


def event(message: Element, body: str) -> GatewayAsked | RegistrationCancelled:
    """Return what a user asks of the gateway itself with this text."""
    sender, to = sender_of(message), bare(attribute(message, "to"))
    if chat.is_removal(body):
        return RegistrationCancelled(Iq(sender, to, attribute(message, "id"), ByChat()))
    return GatewayAsked(sender, to, chat.request(body))


def refusal(message: Element, error: StanzaError = _CALLS_ONLY) -> Element | None:
    """Return the error for a message that the gateway does not take, None if it gets no answer (rule 2)."""
    if message.getAttribute("type") in _UNANSWERED or (_is_notice(message) and not invites(message)):
        return None
    to = message.getAttribute("to", "")
    answer = make_stanza("message", to, sender_of(message), error.getElement(), type="error")
    if name := message.getAttribute("id"):
        answer["id"] = name
    return answer


def _is_notice(message: Element) -> bool:
    namespaces = {each.uri for each in message.elements() if (each.uri, each.name) != (message.uri, "thread")}
    return bool(namespaces & _NOTICES) and namespaces <= _NOTICES | _BESIDE


def stanza(command: SendText, name: str) -> Element:
    """Return the message for a command, with the id `name` and a hint that archives store it (XEP-0334 §4.4).

    The time of what it tells is in a time stamp (XEP-0203), so that clients show it as they show all times.
    """
    made = make_stanza("message", command.sender, command.to, type="chat", id=name)
    made.addElement((None, "body"), content=command.text)
    add(made, make("store", NS_HINTS), *people.nick(command.nick))
    if command.at is not None:
        stamp = datetime.fromtimestamp(command.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made.addChild(make("delay", NS_DELAY, **{"from": domain_of(command.sender)}, stamp=stamp))
    return made
