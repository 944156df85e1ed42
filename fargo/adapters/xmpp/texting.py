"""Texts to contacts: chat messages to events, and commands about texts to messages (RFC 6121 §5, XEP-0184).

Rules:

1. A text goes out by SIP in pieces that fit into a datagram with all that SIP puts before them (RFC 3428 §8), cut
   behind a space or the end of a line where there is one. What is longer than MOST_BYTES is refused.
2. Line ends are those of XML, single line feeds. No character is left out.
3. Only a chat has texts: in a group chat the gateway is nobody.
"""

from collections.abc import Iterator
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.put import KeepTexts
from fargo.adapters.xmpp import people, texts
from fargo.adapters.xmpp.stanza import NS_HINTS, NS_RECEIPTS, add, attribute, make, make_stanza, sender_of, stanza_error
from fargo.statemachine.address import local_of
from fargo.statemachine.model.commands import ConfirmText, DeliverText, RefuseText
from fargo.statemachine.model.events import TextWritten
from fargo.statemachine.model.kept_text import KeptText

PIECE_BYTES: Final = 320
"""A request of ours has 750 to 950 bytes without the text, with a login and the edge's Via, unless names are very long;
1300 bytes are allowed.
"""
MOST_BYTES: Final = 6400
CHATS: Final = (None, "normal", "chat")
"""The types of messages that a text may have."""

_LONGEST_ID: Final = 1024


def is_text(message: Element) -> bool:
    """Return True if a message is a text to a contact."""
    return bool(message.getAttribute("type") in CHATS and local_of(attribute(message, "to")) and _body(message).strip())


def event(message: Element, kept: KeepTexts) -> TextWritten:
    """Return the event of a text. Raise StanzaError if it is too long."""
    body, id = _body(message), message.getAttribute("id")
    if len(body.encode(errors="surrogatepass")) > MOST_BYTES or len(id or "") > _LONGEST_ID:
        raise stanza_error("modify", "policy-violation", texts.TEXT_TOO_LONG.format(most=MOST_BYTES))
    parts = tuple(_kept(each, kept) for each in pieces(body))
    receipt = any((each.uri, each.name) == (NS_RECEIPTS, "request") for each in message.elements())
    return TextWritten(sender_of(message), attribute(message, "to"), id, parts, receipt)


def _body(message: Element) -> str:
    return str(message.body or "") if message.body else ""


def _kept(piece: str, kept: KeepTexts) -> KeptText:
    return KeptText(kept.keep(piece), len(piece.encode()))


def pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of at most PIECE_BYTES (rule 1)."""
    left = text
    while left:
        size = _fitting(left)
        cut = max(left.rfind(" ", 0, size), left.rfind("\n", 0, size)) + 1
        if size < len(left) and cut > size // 2:
            size = cut
        yield left[:size]
        left = left[size:]


def _fitting(text: str) -> int:
    """Return how many characters of a text fit into a piece: one at least."""
    start = text[:PIECE_BYTES].encode()[:PIECE_BYTES]
    return max(len(start.decode(errors="ignore")), 1)


def stanza(command: DeliverText | ConfirmText | RefuseText, name: str, kept: KeepTexts) -> Element | None:
    """Return the message of a command, with the id `name` if it answers nothing; None if its text is gone."""
    match command:
        case DeliverText(sender, to, text, nick):
            return _delivery(sender, to, kept.read(text.name), name, nick)
        case ConfirmText(sender, to, message):
            return make_stanza("message", sender, to, make("received", NS_RECEIPTS, id=message), type="chat", id=name)
        case RefuseText(sender, to, message, kind, condition, why):
            error = make_stanza("message", sender, to, stanza_error(kind, condition, why).getElement(), type="error")
            if message is not None:
                error["id"] = message
            return error


def _delivery(sender: str, to: str, text: str | None, name: str, nick: str | None) -> Element | None:
    """Return a chat message, with a hint that archives store it (XEP-0334 §4.4)."""
    if text is None:
        return None
    made = make_stanza("message", sender, to, type="chat", id=name)
    made.addElement((None, "body"), content=text)
    return add(made, make("store", NS_HINTS), *people.nick(nick))
