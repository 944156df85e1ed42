"""A SIP account as its user has entered it, and what is meant by it.

Rules:

1. White space and invisible characters round a field come with what is pasted, and are dropped.
2. The proxy may be a URI, and contain a port. Then it is split into the fields for the host and the port, unless that
   has another port.
3. A SIPS URI means TLS, and the parameter ``transport`` of a URI means that transport (RFC 3261 §19.1.1), unless the
   user has chosen one.
4. Plain fields (XEP-0077 §3.3) change the password, or the address. If the address stays, so does everything that they
   cannot tell: proxy, port, transport and the others.
"""

import re
from typing import Final

from msgspec.structs import replace

from fargo.statemachine import address, numbering_plans
from fargo.statemachine.account.account_state import Credentials
from fargo.statemachine.model.events import RegistrationSubmitted, SipAccount

_URI: Final = re.compile(r"(?:(sips?):(?://)?)?([^;?]*).*", re.IGNORECASE | re.DOTALL)


def meant(event: RegistrationSubmitted, previous: Credentials | None) -> SipAccount:
    """Return the account that is meant. What is wrong with it stays. ``previous``: the account that is registered."""
    if event.plain and previous and _is_same(address.trimmed(event.account.address), previous):
        return previous.account
    return tidy(event.account)


def _is_same(written: str, previous: Credentials) -> bool:
    """Return True if the plain fields name the address that is registered, its user, or nothing."""
    return written in ("", previous.uri.user) or address.parse_account(written) == previous.uri


def tidy(account: SipAccount) -> SipAccount:
    """Return an account without what only the writing of it adds (rules 1 to 3)."""
    user = address.trimmed(account.auth_user or "") or None
    own = address.trimmed(account.address)
    country = _country(account.country or "")
    known = account.transport or _transport(own)
    return _with_proxy(replace(account, address=own, auth_user=user, country=country, transport=known))


def _country(written: str) -> str | None:
    """Return the code of a country, or what was written if there is no such country; None if nothing was."""
    text = address.trimmed(written)
    return numbering_plans.country(text) or text or None


def _with_proxy(account: SipAccount) -> SipAccount:
    """Return the account with its proxy split (rule 2)."""
    written = address.unwrapped(account.proxy or "")
    if not written:
        return account if written is None else replace(account, proxy=None)
    if contradicts(written, account.transport):
        return replace(account, proxy=written)
    parts = _URI.fullmatch(written)
    assert parts, "it matches any text"
    host = address.trimmed(parts[2])
    transport = account.transport or _transport(written)
    found = address.server(host)
    if found is None or (found[1] and account.port not in (None, found[1])):
        return replace(account, proxy=host, transport=transport)
    return replace(account, proxy=found[0], port=account.port or found[1], transport=transport)


def _transport(uri: str) -> str | None:
    """Return the transport that a URI means, None if it is not known by it (rule 3)."""
    if is_sips(uri):
        return "tls"
    return address.uri_parameters(address.unwrapped(uri) or "").get("transport", "").lower() or None


def is_sips(uri: str) -> bool:
    """Return True for a SIPS URI."""
    return (address.unwrapped(uri) or "")[:5].lower() == "sips:"


def contradicts(uri: str, transport: str | None) -> bool:
    """Return True for a SIPS URI with another transport than TLS."""
    return is_sips(uri) and transport not in (None, "tls")
