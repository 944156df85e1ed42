"""Contacts that the user wants to keep: clients that can are asked to add them to the roster (XEP-0144).

Rules:

1. Nothing is offered unless the user asks. The gateway cannot change a roster: the user's client asks its user.
2. Without a number it is about whom has called or written last of those who are not on the roster.
3. The name is the user's, or the one that the contact gives itself, or else its number or address.
"""

from typing import NamedTuple

from fargo.statemachine import dialling, naming
from fargo.statemachine.account import account_state, roster
from fargo.statemachine.address import BadAddress
from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import OfferContact
from fargo.statemachine.model.requests import GatewayRequest, KeepContact
from fargo.statemachine.self_service import texts
from fargo.statemachine.user_state import User, address_book


class WantedContact(NamedTuple):
    """A contact (bare JID) that the user wants to keep, and the name that it gets."""

    jid: str
    name: str


def wanted(user: User, request: KeepContact, gateway: str) -> WantedContact | str:
    """Return the contact that the user wants to keep, or why there is none. ``gateway``: its JID."""
    book, last = address_book(user, gateway), user.stranger
    if request.number is not None:
        uri = dialling.typed(request.number, book)
    elif last is not None:
        uri = dialling.target(last.contact, book)
    else:
        return texts.NOBODY_TO_KEEP
    if isinstance(uri, BadAddress):
        return uri.problem
    jid = naming.contact(uri, book)
    if isinstance(jid, BadAddress):
        return jid.problem
    if roster.is_subscribed(user.contacts, jid):
        return texts.KEPT_ALREADY.format(contact=jid)
    own = last.name if last and last.contact == jid else None
    return WantedContact(jid, request.name or own or uri.user)


def answer(user: User, request: KeepContact, gateway: str) -> str:
    """Return what the user is told."""
    found = wanted(user, request, gateway)
    if isinstance(found, str):
        return found
    return (texts.OFFERED if _takers(user) else texts.NOT_OFFERED).format(contact=found.jid)


def offer(user: User, request: GatewayRequest, gateway: str, effects: Effects) -> None:
    """Let the clients that can ask whether to add the contact, if a request is about one."""
    found = wanted(user, request, gateway) if isinstance(request, KeepContact) else ""
    if isinstance(found, WantedContact) and account_state.in_force(user.account):
        for each in _takers(user):
            effects.emit(OfferContact(gateway, each, found.jid, found.name))


def _takers(user: User) -> tuple[str, ...]:
    return tuple(jid for jid, client in user.contacts.clients.items() if client.takes_contacts)
