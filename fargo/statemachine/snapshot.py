"""Snapshots: an idle user's state as one event, and back. It replaces the older events of a stream that leave the log.

Folding later events gives the same result from the snapshot as from the events that it replaces. A snapshot leads to
no commands, because those of the older events were carried out then; it only records the state of the account.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from fargo.statemachine import address
from fargo.statemachine.account import roster
from fargo.statemachine.account.account_state import Account, Credentials, Registered, Unregistered
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.address import BadAddress
from fargo.statemachine.model.commands import AskFeatures
from fargo.statemachine.model.events import Snapshot
from fargo.statemachine.model.presence import Client
from fargo.statemachine.pending import Pending, PendingCommands
from fargo.statemachine.user_state import User


def condensed(user: User) -> Snapshot | None:
    """Return the snapshot of a user who is in no call.

    Return None while a registration is being tried, any command other than a disco#info request is pending, or the user
    is about to be forgotten.
    """
    questions = roster.questions(user.pending)
    if questions.keys() != user.pending.keys():
        return None
    match user.account:
        case Registered(Credentials(given, _, secret, nonce, gateway), connection):
            account = Snapshot(given, secret, nonce, gateway, connection)
        case Unregistered(since=None):
            account = Snapshot(gateway=next((question.sender for question in questions.values()), None))
        case _:
            return None
    return replace(
        account,
        clients=_asked(user.contacts.clients, questions),
        subscribed=user.contacts.subscribed,
        asks=user.contacts.asks,
        spelled=user.contacts.spelled,
        secured=user.contacts.secured,
        policy=user.policy,
        registrations=user.registrations,
        settings=user.settings,
        recent=user.recent,
        trouble=user.trouble,
        stranger=user.stranger,
        mailbox=user.mailbox,
        typing=user.typing,
    )


def _asked(clients: Mapping[str, Client], questions: Mapping[str, AskFeatures]) -> Mapping[str, Client]:
    if not questions:
        return clients
    asked = {question.to: name for name, question in questions.items()}
    return {jid: replace(client, asked=asked.get(jid)) for jid, client in clients.items()}


def account(event: Snapshot) -> Account:
    """Return the account in a snapshot."""
    if event.account is None:
        return Unregistered()
    uri, secret, nonce, gateway = address.parse_account(event.account.address), event.secret, event.nonce, event.gateway
    assert not isinstance(uri, BadAddress), "it was an account"
    assert secret is not None
    assert nonce is not None
    assert gateway is not None
    return Registered(Credentials(event.account, uri, secret, nonce, gateway), event.connection)


def contacts(event: Snapshot) -> Contacts:
    """Return the clients and contacts in a snapshot."""
    clients = {jid: replace(client, asked=None) for jid, client in event.clients.items()}
    return Contacts(clients, event.subscribed, event.asks, event.spelled, event.secured)


def pending(event: Snapshot) -> PendingCommands:
    """Return the disco#info requests that the clients in a snapshot have yet to answer."""
    asked = {}
    for jid, client in event.clients.items():
        if client.asked is not None:
            assert event.gateway is not None, "it has asked"
            asked[client.asked] = Pending(AskFeatures(event.gateway, jid, client.caps), None, None)
    return asked
