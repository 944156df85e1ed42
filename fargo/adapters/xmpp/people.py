"""People beside their addresses: how they call themselves (XEP-0172), and contacts to be added (XEP-0144)."""

from collections.abc import Iterator

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_NICK, NS_ROSTERX, make, make_stanza
from fargo.statemachine.model.commands import OfferContact


def nick(name: str | None) -> Iterator[Element]:
    """Yield the element with a nickname, if there is one (XEP-0172 §4)."""
    if name:
        made = make("nick", NS_NICK)
        made.addContent(name)
        yield made


def offer(command: OfferContact, name: str) -> Element:
    """Return the message that asks a client to add a contact (XEP-0144 §3.1), with the id `name`. Clients that know it
    show no text of it, so it has none.
    """
    made = make("x", NS_ROSTERX)
    made.addChild(make("item", NS_ROSTERX, action="add", jid=command.contact, name=command.name))
    return make_stanza("message", command.sender, command.to, made, id=name)
