"""Answers to digest challenges of requests of a call (RFC 3261 §22).

Rules:

1. Credentials are for the account's own server: they are in no request that goes elsewhere. A request outside a dialog
   goes there by its hop; one within a dialog only if it has no route and the far end has an address of that server, as
   a provider has that is itself the other end of the call. A proxy would pass it on, with all that is in it.
2. Only realms are answered that the account is registered with, each in as many headers as for the registration. Behind
   that server, a phone can ask for a login, too. It can name such a realm, but not be the first to ask if the server
   asks, so it gets no answer: neither in another header, nor by calling a nonce stale that was used once, nor once a
   phone has responded.
3. How often a challenge is answered, and that of each realm, `digest` says, as for registrations.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from fargo.statemachine import address
from fargo.statemachine.account import digest
from fargo.statemachine.address import BadAddress, parse_uri
from fargo.statemachine.legs.sip.phases import Access, Trunk
from fargo.statemachine.model.sip_messages import SendRequest, SipResponseReceived
from fargo.statemachine.model.sip_values import Challenge

_CHALLENGING = frozenset({401, 407})


def answered(request: SendRequest, response: SipResponseReceived, access: Access) -> SendRequest | None:
    """Return the request with the answers to challenges, to be sent with the next CSeq number to the address that they
    came from; None if the response has no challenge that may be answered.
    """
    trunk = access.trunk
    if trunk is None or response.status not in _CHALLENGING or not _goes_to_server(request, trunk):
        return None
    if request.hop is None and not _is_of_registrar(response, trunk):
        return None
    own = tuple(_own(request, response, trunk))
    credentials = digest.answers(own, request.credentials, trunk.user, trunk.secret)
    if credentials is None:
        return None
    destination = response.source if request.hop else request.destination
    return replace(request, credentials=credentials, destination=destination)


def withheld(request: SendRequest, access: Access) -> SendRequest:
    """Return a request without its credentials if it does not go to the account's own server."""
    kept = not request.credentials or (access.trunk is not None and _goes_to_server(request, access.trunk))
    return request if kept else replace(request, credentials=())


def _goes_to_server(request: SendRequest, trunk: Trunk) -> bool:
    """Return True if a request goes to the account's own server, and stays there (rule 1)."""
    if request.hop is not None:
        return request.hop == trunk.hop
    hosts = {trunk.hop.host, trunk.registrar.ip if trunk.registrar else trunk.hop.host}
    return not request.routes and _host(request.uri) in hosts


def _is_of_registrar(response: SipResponseReceived, trunk: Trunk) -> bool:
    return trunk.registrar is not None and response.source is not None and response.source.ip == trunk.registrar.ip


def _own(request: SendRequest, response: SipResponseReceived, trunk: Trunk) -> Iterator[Challenge]:
    """Yield the challenges that can be those of the account's own server (rule 2)."""
    given = {(each.challenge.proxy, each.challenge.realm): each for each in request.credentials}
    headers = set(given)
    for each in response.challenges:
        header = each.proxy, each.realm
        if header not in headers and [realm for _, realm in headers].count(each.realm) >= trunk.realms.count(
            each.realm
        ):
            continue
        headers.add(header)
        before = given.get(header)
        yield replace(each, stale=each.stale and (before is None or before.count > 1))


def _host(uri: str) -> str | None:
    """Return the host that a request to a URI goes to; None if it is another than that of the URI (RFC 3261
    §19.1.1, maddr).
    """
    parsed = parse_uri(uri)
    if isinstance(parsed, BadAddress) or "maddr" in parsed[1]:
        return None
    server = address.server(parsed[0].domain)
    return server[0] if server else None
