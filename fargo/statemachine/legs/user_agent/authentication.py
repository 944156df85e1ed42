"""Answers to digest challenges of requests of a call (RFC 3261 §22).

Rules:

1. Only the account's own server gets an answer: one to a request that went there by its hop, or one from the address
   of the registrar. Its realm has to be one that the account is registered with, as behind that server a call may come
   to others. In a call to the account's own domain, any realm of that server will do (RFC 3261 §22.3).
2. How often a challenge is answered, and that of each realm, `digest` says, as for registrations.
"""

from msgspec.structs import replace

from fargo.statemachine.account import digest
from fargo.statemachine.address import BadAddress, parse_uri
from fargo.statemachine.legs.sip.phases import Access, Trunk
from fargo.statemachine.model.sip_messages import Challenge, SendRequest, SipResponseReceived

_CHALLENGING = frozenset({401, 407})


def answered(request: SendRequest, response: SipResponseReceived, access: Access) -> SendRequest | None:
    """Return the request with the answers to challenges, to be sent with the next CSeq number to the address that they
    came from; None if the response has no challenge that may be answered.
    """
    trunk = access.trunk
    if trunk is None or response.status not in _CHALLENGING:
        return None
    own = [each for each in response.challenges if _is_own(each, request, response, trunk)]
    credentials = digest.answers(own, request.credentials, trunk.user, trunk.secret)
    if credentials is None:
        return None
    destination = response.source if request.hop else request.destination
    return replace(request, credentials=credentials, destination=destination)


def _is_own(challenge: Challenge, request: SendRequest, response: SipResponseReceived, trunk: Trunk) -> bool:
    """Return True if the account's own server asks (rule 1)."""
    if request.hop is not None:
        return challenge.realm in trunk.realms or _domain(request.uri) == trunk.own.domain
    source, registrar = response.source, trunk.registrar
    if source is None or registrar is None or source.ip != registrar.ip:
        return False
    return challenge.realm in trunk.realms or _domain(request.recipient.uri) == trunk.own.domain


def _domain(uri: str) -> str | None:
    parsed = parse_uri(uri)
    return None if isinstance(parsed, BadAddress) else parsed[0].domain
