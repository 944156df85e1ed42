"""The prompt for a number or SIP address (`jabber:iq:gateway`, XEP-0100 §6.3): what was typed becomes a contact.

Rules:

1. The contact is the one on the user's roster that has the address, if there is one (`naming`).
2. Capitals that the user has typed are remembered, so that they are dialled. Nothing is remembered of users without an
   account.
"""

from msgspec.structs import replace

from fargo.statemachine import address, dialling, naming
from fargo.statemachine.account import roster
from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.address import BadAddress
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import RefuseIq, SendContact
from fargo.statemachine.model.events import ContactAsked
from fargo.statemachine.user_state import User, address_book


def asked(user: User, event: ContactAsked, effects: Effects) -> User:
    """Answer with the contact's JID, or with a sentence that says why there is none."""
    book = address_book(user, address.domain_of(event.iq.to))
    uri = dialling.typed(event.typed, book)
    if isinstance(uri, BadAddress):
        return _refused(user, event, uri, effects)
    jid = naming.contact(uri, book)
    if isinstance(jid, BadAddress):
        return _refused(user, event, jid, effects)
    effects.emit(SendContact(event.iq, jid))
    if isinstance(user.account, Unregistered):
        return user
    return replace(user, contacts=roster.spelled(user.contacts, naming.canonical(uri, book)))


def _refused(user: User, event: ContactAsked, why: BadAddress, effects: Effects) -> User:
    effects.emit(RefuseIq(event.iq, "modify", "not-acceptable", why.problem))
    return user
