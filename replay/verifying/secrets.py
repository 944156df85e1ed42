"""The passwords that a log refers to, by their names in the vault."""

from collections.abc import Iterable

from fargo.statemachine.machine import fold, new, secrets
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry


def referred_secrets(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the user (bare JID) of each password that an account refers to after these entries, by its name."""
    users: dict[str, User] = {}
    for recorded, _ in entries:
        users[recorded.user] = fold(users.get(recorded.user) or new(recorded.user), recorded)[0]
    return {name: jid for jid, user in users.items() for name in secrets(user)}
