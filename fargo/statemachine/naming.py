"""The contact that a SIP address is: its JID at the gateway.

Rules:

1. The contact on the user's roster that has the address is the one, however the user has written it. So there is one
   roster entry, one conversation and one message about a missed call.
2. Without one, an address at the account's own domain is its user part, and any other ``user%domain``. A number is
   written with its country code if that is known.
3. Numbers and user parts are compared as they are dialled and without capitals, domains without the default port.
4. An address that no JID can express, or that would be read as another, is anonymous.
"""

from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine import address, numbering, texts
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.dialling import AddressBook, is_own, target, without_default_port

ANONYMOUS: Final = "anonymous%anonymous.invalid"
"""The localpart of a contact whose address cannot be expressed."""


class _Rules(Struct, frozen=True, gc=False):
    """The facts on which the meaning of a JID depends, beside capitals."""

    gateway: str
    own: str | None
    country: str | None


def contact(uri: SipUri, book: AddressBook) -> str | BadAddress:
    """Return the bare JID that stands for a SIP address."""
    uri = canonical(uri, book)
    wanted = _key(uri, book.country)
    rules = _Rules(book.gateway, book.own, book.country)
    for jid in book.subscribed:
        if _key_of(jid, rules) == wanted:
            return jid
    return _new(uri, book)


def canonical(uri: SipUri, book: AddressBook) -> SipUri:
    """Return an address with its domain, and a number, in the one form that is used for them here (rule 3)."""
    if not is_own(uri.domain, book):
        return replace(uri, domain=without_default_port(uri.domain))
    assert book.own is not None, "it is the domain"
    number = numbering.digits(uri.user)
    return SipUri(uri.user if number is None else numbering.complete(number, book.country), book.own)


def _key(uri: SipUri, country: str | None) -> tuple[str, str]:
    """Return what is the same for all spellings of a canonical address."""
    number = numbering.digits(uri.user)
    return address.folded(uri.user) if number is None else numbering.key(number, country), uri.domain


@lru_cache(8192)
def _key_of(jid: str, rules: _Rules) -> tuple[str, str] | None:
    book = AddressBook(rules.gateway, rules.own, rules.country)
    uri = target(jid, book)
    return None if isinstance(uri, BadAddress) else _key(canonical(uri, book), rules.country)


def _new(uri: SipUri, book: AddressBook) -> str | BadAddress:
    """Return the JID of an address that is not on the roster (rules 2 and 4)."""
    plain = AddressBook(book.gateway, book.own, book.country)
    meant = replace(uri, user=address.folded(uri.user))
    forms = (replace(uri, domain=""), uri) if uri.domain in (book.own, "") else (uri,)
    for form in forms:
        jid = address.contact(form, book.gateway)
        if isinstance(jid, BadAddress) or target(jid, plain) == meant:
            return jid
    return BadAddress(texts.NOT_IN_JID)
