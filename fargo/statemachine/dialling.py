"""The one SIP address in what a user has typed: at the prompt of `jabber:iq:gateway` (XEP-0100 §6.3), or as a JID.

Rules:

1. These are addresses: a number as people write it (`numbering`) or as a tel URI (RFC 3966), a user name, a user and a
   domain, a SIP or SIPS URI with parameters, one with a display name and angle brackets (RFC 3261 §20.10), and the JID
   of a contact. Everything else is refused with a sentence.
2. What has no domain belongs to the account's own. A domain is the account's own also if it is written otherwise: with
   the default port, in capitals, with a dot at the end.
3. A number at the account's own domain gets its country code, if the country is known (`numbering.complete`). Numbers
   of others are as they say.
4. JIDs have no capitals, and SIP users may have: the spelling that was last seen or typed is dialled
   (`AddressBook.spelled`).
5. A JID that the gateway has made is read as the address that it was made from.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct, field

from fargo.statemachine import address, numbering, texts
from fargo.statemachine.address import BadAddress, SipUri

_URI: Final = re.compile(r"(sips?|tel|xmpp):(?://)?(.*)", re.IGNORECASE | re.DOTALL)
_OTHER_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*://.*|(mailto|urn|h323|im|pres|skype):.*", re.IGNORECASE | re.DOTALL)
_URI_IN_JID: Final = re.compile(
    r"(sips?:[^%@]+([%@][^%@]+)?|tel:[^%@]+|[^<>%@]*<[^<>%@]+[%@]?[^<>%@]*>)", re.IGNORECASE
)
"""A localpart that is a URI and can be nothing else: no user of ours with a domain behind it."""
_DEFAULT_PORTS: Final = frozenset({None, 5060, 5061})
"""RFC 3261 §19.1.2."""


class AddressBook(Struct, frozen=True, gc=False):
    """The facts by which a user's addresses are read.

    ``gateway``: the gateway's own JID. ``own``: the SIP domain of the account, None without one. ``country``: that in
    which numbers without a + are dialled, as in `numbering_plans.PLANS`. ``spelled``: user parts with capitals, by
    `spelling_key`. ``subscribed``: the bare JIDs of the contacts on the user's roster.
    """

    gateway: str
    own: str | None = None
    country: str | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)
    subscribed: tuple[str, ...] = ()


class _Parts(NamedTuple):
    """A user and its domain, None for the account's own."""

    user: str
    domain: str | None


# --- reading


def typed(text: str, book: AddressBook) -> SipUri | BadAddress:
    """Return the SIP address in a text that a user has typed. Its domain is "" for the account's own if there is no
    account.
    """
    return _resolved(_read(text, book), book)


def target(jid: str, book: AddressBook) -> SipUri | BadAddress:
    """Return the SIP address of a contact's JID at the gateway, as in `typed`."""
    local = address.local_of(jid)
    if local is None:
        return BadAddress(texts.GATEWAY_ITSELF)
    return _resolved(_local(address.unescape_local(local), book), book)


@lru_cache(4096)
def dialled(jid: str) -> str:
    """Return the user part in a contact's JID as it was typed, without what people put between the digits of a number.
    Unlike that of `target` it has no country code that they have not written.
    """
    parts = _local(address.unescape_local(address.local_of(jid) or ""), AddressBook(address.domain_of(jid)))
    if isinstance(parts, BadAddress):
        return ""
    return numbering.digits(parts.user) or numbering.stripped(parts.user)


def _read(text: str, book: AddressBook) -> _Parts | BadAddress:
    """Return the parts of a text from the prompt."""
    written = address.unwrapped(text)
    found = None if written is None else _URI.fullmatch(written)
    if written is None or (found is None and _OTHER_URI.fullmatch(written)):
        return BadAddress(texts.NOT_SIP)
    if found is None:
        return _read_plain(written, book)
    match found[1].lower():
        case "tel":
            return _tel(found[2])
        case "xmpp":
            return _read_plain(found[2].partition("?")[0], book)
        case _:
            return _sip(found[2])


def _read_plain(text: str, book: AddressBook) -> _Parts | BadAddress:
    """Return the parts of a text without a scheme."""
    local, at, domain = address.bare(text).rpartition("@")
    if at and domain.lower() == book.gateway:
        return _local(address.unescape_local(local), book)
    return _sip(text) if "@" in text else _local(text, book)


def _local(text: str, book: AddressBook) -> _Parts | BadAddress:
    """Return the parts of an unescaped localpart."""
    if _URI_IN_JID.fullmatch(text):
        return _read(text.replace("%", "@"), book)
    split = max(text.rfind("%"), text.rfind("@"))
    return _Parts(text, None) if split < 0 else _Parts(text[:split], text[split + 1 :])


def _sip(rest: str) -> _Parts | BadAddress:
    """Return the parts of a SIP URI behind its scheme. A number may stand without a domain."""
    if "@" not in rest:
        number = numbering.digits(re.split("[;?]", rest, maxsplit=1)[0])
        return BadAddress(texts.NO_DOMAIN) if number is None else _Parts(number, None)
    uri = address.parse_account(rest)
    return uri if isinstance(uri, BadAddress) else _Parts(uri.user, uri.domain)


def _tel(rest: str) -> _Parts | BadAddress:
    """Return the parts of a tel URI behind its scheme. A local number is completed by its context (RFC 3966 §5.1.5)."""
    written, *parameters = address.unescape_user(rest).split(";")
    number = numbering.digits(written)
    if number is None:
        return BadAddress(texts.NOT_A_NUMBER.format(text=address.printable(written)))
    pairs = (each.partition("=") for each in parameters)
    context = next((value for name, _, value in pairs if name.strip().lower() == "phone-context"), "")
    prefix = numbering.digits(context)
    if prefix and numbering.is_global(prefix) and not number.startswith("+"):
        number = prefix + number
    return _Parts(number, None)


# --- resolving


def _resolved(parts: _Parts | BadAddress, book: AddressBook) -> SipUri | BadAddress:
    """Return the address that is meant by a user and a domain."""
    if isinstance(parts, BadAddress):
        return parts
    if problem := address.user_problem(parts.user):
        return BadAddress(problem)
    uri = SipUri(parts.user, book.own or "") if parts.domain is None else address.checked(parts.user, parts.domain)
    if isinstance(uri, BadAddress):
        return uri
    own = parts.domain is None or is_own(uri.domain, book)
    domain = (book.own or "") if own else uri.domain
    number = numbering.digits(parts.user)
    if number is None and parts.user[:1] == "+":
        return BadAddress(texts.NOT_A_NUMBER.format(text=address.printable(parts.user)))
    if number is not None and own:
        return SipUri(numbering.complete(number, book.country), domain)
    if number is not None and numbering.is_global(number):
        return SipUri(number, domain)
    uri = SipUri(parts.user, domain)
    return SipUri(book.spelled.get(spelling_key(uri), parts.user) if _is_folded(uri) else parts.user, domain)


def is_own(domain: str, book: AddressBook) -> bool:
    """Return True if a domain is the account's own, however it is written (rule 2)."""
    return book.own is not None and without_default_port(domain) == without_default_port(book.own)


def without_default_port(domain: str) -> str:
    """Return a domain without the port that is meant by none."""
    return _default(domain) or domain


def _default(domain: str) -> str | None:
    """Return the host of a domain with the default port, None if it has another port."""
    found = address.server(domain)
    if found is None or found[1] not in _DEFAULT_PORTS:
        return None
    return domain if found[1] is None else domain.rpartition(":")[0]


# --- capitals


def spelling_key(uri: SipUri) -> str:
    """Return the text that all spellings of an address have in common."""
    return f"{address.folded(uri.user)}@{uri.domain}"


def _is_folded(uri: SipUri) -> bool:
    return address.folded(uri.user) == uri.user


def remembered(spelled: Mapping[str, str], uri: SipUri, most: int) -> Mapping[str, str]:
    """Return the spellings with that of an address, which a JID may not keep (rule 4). The latest ``most`` are kept."""
    name = spelling_key(uri)
    if spelled.get(name, address.folded(uri.user)) == uri.user:
        return spelled
    others = {key: value for key, value in spelled.items() if key != name}
    if _is_folded(uri):
        return others
    return dict([*others.items(), (name, uri.user)][-most:])
