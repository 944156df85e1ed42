"""Messages for people: ours go out, theirs do not go through yet, and whoever wrote one is told so (RFC 6121 §5)."""

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_HINTS, attribute, envelope, error, make, sender_of
from fargo.statemachine.model.commands import SendText


def refusal(message: Element) -> Element | None:
    """The error for a message that somebody wrote; None for what no person wrote, and for errors (RFC 6120 §8.3.1)."""
    if message.getAttribute("type", "normal") not in ("normal", "chat"):
        return None
    if not any(str(body).strip() for body in message.elements(message.uri, "body")):
        return None
    problem = error("cancel", "service-unavailable", "This gateway carries calls only: your message was not delivered.")
    answer = envelope("message", attribute(message, "to"), sender_of(message), problem.getElement(), type="error")
    if name := attribute(message, "id"):
        answer["id"] = name
    return answer


def stanza(command: SendText, name: str) -> Element:
    """The message for a command; `name` is the command's id. Archives keep it (XEP-0334 §4.4)."""
    made = envelope("message", command.sender, command.to, type="chat", id=name)
    made.addElement((None, "body"), content=command.text)
    made.addChild(make("store", NS_HINTS))
    return made
