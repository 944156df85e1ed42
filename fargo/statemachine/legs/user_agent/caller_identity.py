"""The caller, as an INVITE tells it, or the writer, as a MESSAGE does.

Rules:

1. The account's own provider knows best: what it asserts (RFC 3325) counts before From, unless the caller wants to
   stay unknown. What others assert does not count.
2. A number that comes from the provider with an IP address for a host, as many PBXs send it, belongs to the account's
   domain: it can be called back there. So does a number as a tel URI (RFC 3966), which has no host, and whoever has the
   provider's own address for a host.
3. The name is the caller's word: what cannot be printed is left out.
"""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from fargo.statemachine import numbering
from fargo.statemachine.address import BadAddress, SipUri, is_ip, parse_uri, server
from fargo.statemachine.legs.sip.phases import Access, Trunk
from fargo.statemachine.model.sip_messages import InviteReceived, TextReceived
from fargo.statemachine.model.sip_values import Identity
from fargo.statemachine.texts import NOT_SIP

_Request: TypeAlias = InviteReceived | TextReceived

_NUMBER: Final = re.compile(r"\+?[0-9]{3,}")
_LONGEST_NAME: Final = 80
_HIDDEN: Final = frozenset({"id", "user", "header"})
"""The wishes of a caller to stay unknown (RFC 3323 §4.2, RFC 3325 §9.3)."""


def caller(invite: _Request, access: Access) -> tuple[SipUri | BadAddress, str | None]:
    """Return who calls, and the name that they give themselves, None if they give none."""
    own = access.trunk if access.trunk and _is_from(access.trunk, invite) else None
    shown = _name(invite.caller.name)
    problem = BadAddress(NOT_SIP)
    for identity in _identities(invite, own):
        uri = _address(identity.uri, own, invite)
        if isinstance(uri, SipUri):
            return uri, _name(identity.name) or shown
        problem = uri
    return problem, shown


def _is_from(trunk: Trunk, invite: _Request) -> bool:
    """Return True if an INVITE comes from the account's own provider. Older logs do not tell it of all its servers."""
    return invite.of_provider or invite.source.ip in (trunk.hop.host, trunk.registrar.ip if trunk.registrar else None)


def _identities(invite: _Request, own: Trunk | None) -> Iterator[Identity]:
    if own and _HIDDEN.isdisjoint(invite.headers.privacy):
        yield from invite.headers.asserted
    yield Identity(invite.caller.uri, invite.caller.name)


def _address(uri: str, own: Trunk | None, invite: _Request) -> SipUri | BadAddress:
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        number = numbering.digits(rest.partition(";")[0]) or ""
        found = own is not None and _NUMBER.fullmatch(number)
        return SipUri(number, own.own.domain) if own and found else BadAddress(NOT_SIP)
    parsed = parse_uri(uri)
    if isinstance(parsed, BadAddress):
        return parsed
    address, _ = parsed
    if own and is_ip(address.domain) and (_NUMBER.fullmatch(address.user) or _is_of(own, address.domain, invite)):
        return SipUri(address.user, own.own.domain)
    return address


def _is_of(own: Trunk, domain: str, invite: _Request) -> bool:
    """Return True if a domain, which may have a port, is an address of the provider."""
    host = server(domain)
    known = {invite.source.ip, own.hop.host, own.registrar.ip if own.registrar else None}
    return host is not None and host[0] in known


def _name(text: str | None) -> str | None:
    name = "".join(c for c in text or "" if c.isprintable()).strip()
    return name[:_LONGEST_NAME] or None
