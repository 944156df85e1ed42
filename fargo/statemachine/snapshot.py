"""A user with whom nothing is going on, as one event, and back: what a stream's past comes to when it leaves the log.

Folding what follows gives the same either way. It was all done when it happened, so the event leads to no command but
a record of how the account stands.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from fargo.statemachine import address
from fargo.statemachine.account import roster
from fargo.statemachine.account.account_state import Account, Credentials, Registered, Unregistered
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.address import BadAddress
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import AskFeatures
from fargo.statemachine.model.events import Snapshot
from fargo.statemachine.model.presence import Client
from fargo.statemachine.pending import Pending, PendingCommands


def condensed(account: Account, contacts: Contacts, policy: Policy, pending: PendingCommands) -> Snapshot | None:
    """Return the event; None while a registration is being tried, anything but a client's capabilities is waited for,
    or the user is about to be forgotten.
    """
    questions = roster.questions(pending)
    if questions.keys() != pending.keys():
        return None
    clients = _asked(contacts.clients, questions)
    match account:
        case Registered(Credentials(given, _, secret, nonce, gateway), connection):
            return Snapshot(given, secret, nonce, gateway, connection, clients, contacts.subscribed, policy)
        case Unregistered(since) if not since:
            gateway = next((question.sender for question in questions.values()), "")
            return Snapshot(gateway=gateway, clients=clients, subscribed=contacts.subscribed, policy=policy)
        case _:
            return None


def _asked(clients: Mapping[str, Client], questions: Mapping[str, AskFeatures]) -> Mapping[str, Client]:
    if not questions:
        return clients
    asked = {question.to: name for name, question in questions.items()}
    return {jid: replace(client, asked=asked.get(jid, "")) for jid, client in clients.items()}


def account(event: Snapshot) -> Account:
    """Return the account that was condensed."""
    if event.account is None:
        return Unregistered()
    uri = address.parse_account(event.account.address)
    assert not isinstance(uri, BadAddress), "it was an account"
    return Registered(Credentials(event.account, uri, event.secret, event.nonce, event.gateway), event.connection)


def contacts(event: Snapshot) -> Contacts:
    """Return the clients and contacts that were condensed."""
    return Contacts({jid: replace(client, asked="") for jid, client in event.clients.items()}, event.subscribed)


def pending(event: Snapshot) -> PendingCommands:
    """Return what the clients that were condensed had yet to answer."""
    asked = ((jid, client) for jid, client in event.clients.items() if client.asked)
    return {client.asked: Pending(AskFeatures(event.gateway, jid, client.caps), None, None) for jid, client in asked}
