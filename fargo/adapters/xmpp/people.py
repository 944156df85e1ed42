"""People beside their addresses: how they call themselves (XEP-0172), and contacts to be added (XEP-0144)."""

from collections.abc import Iterator

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_NICK, NS_ROSTERX, make
from fargo.statemachine.model.commands import OfferedContact


def nick(name: str | None) -> Iterator[Element]:
    """Yield the element with a nickname, if there is one (XEP-0172 §4)."""
    if name:
        made = make("nick", NS_NICK)
        made.addContent(name)
        yield made


def offer(contact: OfferedContact | None) -> Iterator[Element]:
    """Yield the element that asks a client to add a contact, if there is one (XEP-0144 §3.1)."""
    if contact:
        made = make("x", NS_ROSTERX)
        made.addChild(make("item", NS_ROSTERX, action="add", jid=contact.jid, name=contact.name))
        yield made
