"""The answer to what the user has typed at the prompt for a number or SIP address (XEP-0100 §6.3)."""

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import NS_GATEWAY, bounded, child, iq_result, make
from fargo.statemachine.model.commands import SendContact
from fargo.statemachine.model.events import ContactAsked
from fargo.statemachine.model.iq import Iq


def event(iq: Iq, query: Element) -> ContactAsked:
    """Return the event of a <query/> with what was typed. Raise MalformedError if it is too long."""
    return ContactAsked(iq, bounded(str(child(query, NS_GATEWAY, "prompt") or ""), texts.NUMBER_OR_ADDRESS))


def stanza(command: SendContact) -> Element:
    """Return the IQ-result with the contact's JID."""
    query = make("query", NS_GATEWAY)
    query.addElement("jid", content=command.jid)
    return iq_result(command.iq, query)
