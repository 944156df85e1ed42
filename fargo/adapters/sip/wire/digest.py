"""Answers to digest challenges (RFC 3261 §22, RFC 7616, RFC 8760).

Of the qualities of protection that a challenge offers, "auth" is chosen before "auth-int", because some proxies change
the body. The password is used here and kept nowhere.
"""

import hashlib
from typing import Final

from fargo.adapters.sip.wire import texts
from fargo.adapters.sip.wire.grammar import quoted
from fargo.adapters.sip.wire.message import SipRequest, UnwritableSipError
from fargo.statemachine.model.sip_values import Challenge, DigestCredentials

ALGORITHMS: Final = ("MD5", "MD5-sess", "SHA-256", "SHA-256-sess")
"""The algorithms that can be answered, as `Challenge.algorithm` spells them."""

_SESSION: Final = "-sess"


def authorization(credentials: DigestCredentials, password: str, request: SipRequest, cnonce: str) -> tuple[str, str]:
    """Return the name and the text of the header that answers a challenge, for a request without such headers.

    ``cnonce`` is a random text, new for each request. Raise UnwritableSipError if the algorithm or all qualities of
    protection that the challenge offers are unknown.
    """
    challenge, user = credentials.challenge, credentials.user
    qop, count = _quality(challenge), f"{credentials.count:08x}"
    secret = f"{user}:{challenge.realm}:{password}"
    fields = {
        "username": quoted(user),
        "realm": quoted(challenge.realm),
        "nonce": quoted(challenge.nonce),
        "uri": quoted(request.uri),
        "response": quoted(_response(challenge, secret, request, qop, cnonce, count)),
        "algorithm": challenge.algorithm,
    }
    if qop or challenge.algorithm.endswith(_SESSION):
        fields["cnonce"] = quoted(cnonce)
    if qop:
        fields |= {"qop": qop, "nc": count}
    if challenge.opaque is not None:
        fields["opaque"] = quoted(challenge.opaque)
    name = "Proxy-Authorization" if challenge.proxy else "Authorization"
    return name, "Digest " + ", ".join(f"{field}={value}" for field, value in fields.items())


def _quality(challenge: Challenge) -> str | None:
    """Return the quality of protection to use, None if the challenge offers none (RFC 2069)."""
    for each in ("auth", "auth-int"):
        if each in challenge.qop:
            return each
    if challenge.qop:
        raise UnwritableSipError(texts.UNKNOWN_QOP)
    return None


def _response(challenge: Challenge, secret: str, request: SipRequest, qop: str | None, cnonce: str, count: str) -> str:
    """Return the response (RFC 7616 §3.4.1). ``count``: the nonce count."""
    algorithm = challenge.algorithm
    first = _hashed(algorithm, secret.encode())
    if algorithm.endswith(_SESSION):
        first = _hashed(algorithm, f"{first}:{challenge.nonce}:{cnonce}".encode())
    second = f"{request.method}:{request.uri}"
    if qop == "auth-int":
        second += f":{_hashed(algorithm, request.body)}"
    between = f"{challenge.nonce}:{count}:{cnonce}:{qop}" if qop else challenge.nonce
    return _hashed(algorithm, f"{first}:{between}:{_hashed(algorithm, second.encode())}".encode())


def _hashed(algorithm: str, data: bytes) -> str:
    match algorithm:
        case "MD5" | "MD5-sess":
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
        case "SHA-256" | "SHA-256-sess":
            return hashlib.sha256(data).hexdigest()
        case _:
            raise UnwritableSipError(texts.UNKNOWN_ALGORITHM)
