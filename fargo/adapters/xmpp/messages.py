"""Chat messages (RFC 6121 §5): send ours, refuse those of users.

The gateway does not carry text, so a user who writes to a contact gets an error.
"""

from datetime import UTC, datetime

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import NS_DELAY, NS_HINTS, attribute, make, make_stanza, sender_of, stanza_error
from fargo.statemachine.address import domain_of
from fargo.statemachine.model.commands import SendText


def refusal(message: Element) -> Element | None:
    """Return the error for a message of type normal or chat that has a body, and None for any other.

    Messages of type error get no reply (RFC 6120 §8.3.1); messages without a body, such as chat states, were not
    written by a person.
    """
    if message.getAttribute("type", "normal") not in ("normal", "chat"):
        return None
    if not any(str(body).strip() for body in message.elements(message.uri, "body")):
        return None
    error = stanza_error("cancel", "service-unavailable", texts.CALLS_ONLY)
    answer = make_stanza("message", attribute(message, "to"), sender_of(message), error.getElement(), type="error")
    if name := attribute(message, "id"):
        answer["id"] = name
    return answer


def stanza(command: SendText, name: str) -> Element:
    """Return the message for a command, with the id `name` and a hint that archives store it (XEP-0334 §4.4).

    The time of what it tells is in a time stamp (XEP-0203), so that clients show it as they show all times.
    """
    made = make_stanza("message", command.sender, command.to, type="chat", id=name)
    made.addElement((None, "body"), content=command.text)
    made.addChild(make("store", NS_HINTS))
    if command.at is not None:
        stamp = datetime.fromtimestamp(command.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made.addChild(make("delay", NS_DELAY, **{"from": domain_of(command.sender)}, stamp=stamp))
    return made
