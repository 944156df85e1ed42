"""The name of a mailbox for voice messages: users call “voicemail”, and the number that the provider has told is
called.

Rules:

1. The number is the one of Message-Account (RFC 3842 §5.2), which comes with news of the mailbox.
2. The contact of that name is the mailbox as long as its number is known. Otherwise it is what any contact is: many
   servers have their mailbox under that name.
"""

from typing import Final

from fargo.statemachine import address, naming
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.user_state import User

_NAMES: Final = frozenset({"voicemail", "mailbox"})


def is_meant(text: str) -> bool:
    """Return True if what a user has typed is the name of the mailbox."""
    return text.strip().casefold() in _NAMES


def told(user: User, book: AddressBook) -> SipUri | None:
    """Return the address of the account's mailbox, as the provider has told it; None if it has not."""
    if user.mailbox is None:
        return None
    return read(user.mailbox.summary.account, book)


def read(uri: str | None, book: AddressBook) -> SipUri | None:
    """Return the address in a URI of a provider, None if it is none that could be called."""
    parsed = address.parse_uri(uri or "")
    return None if isinstance(parsed, BadAddress) else naming.canonical(parsed[0], book)


def of_contact(user: User, jid: str, book: AddressBook) -> SipUri | None:
    """Return the address of the mailbox if a contact's JID is its name (rule 2)."""
    return told(user, book) if is_meant(address.local_of(jid) or "") else None
