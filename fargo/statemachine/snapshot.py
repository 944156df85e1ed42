"""A user with whom nothing is going on, as one event, and back: what a stream's past comes to when it leaves the log.

Folding what follows gives the same either way. It was all done when it happened, so the event leads to no command but
a note of how the account stands.
"""

from fargo.statemachine import address
from fargo.statemachine.account.account_state import Account, Credentials, Registered, Unregistered
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.address import BadAddress
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.events import Snapshot


def condensed(account: Account, contacts: Contacts, policy: Policy) -> Snapshot | None:
    """The event; None while a registration is being tried, or the user is about to be forgotten."""
    match account:
        case Registered(Credentials(given, _, secret, nonce, gateway), connection):
            return Snapshot(given, secret, nonce, gateway, connection, contacts.clients, contacts.subscribed, policy)
        case Unregistered(since) if not since:
            return Snapshot(clients=contacts.clients, subscribed=contacts.subscribed, policy=policy)
        case _:
            return None


def account(event: Snapshot) -> Account:
    """The account that was condensed."""
    if event.account is None:
        return Unregistered()
    uri = address.parse_account(event.account.address)
    assert not isinstance(uri, BadAddress), "it was an account"
    return Registered(Credentials(event.account, uri, event.secret, event.nonce, event.gateway), event.connection)
