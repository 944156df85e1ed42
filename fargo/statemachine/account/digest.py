"""The choice of the digest challenge to answer (RFC 3261 §22, RFC 8760 §2.4), for registrations and calls alike.

The core decides whether a challenge is answered, and which; the adapter computes the response.
"""

from collections.abc import Iterable
from typing import Final

from fargo.statemachine.model.sip_messages import Challenge

_ALGORITHMS: Final = ("SHA-256", "SHA-256-sess", "MD5", "MD5-sess")
"""Those that the adapter can compute, strongest first."""
_QOP: Final = frozenset({"auth", "auth-int"})


def strongest(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge with the strongest algorithm among those that can be answered; None if none can be."""
    able = [each for each in challenges if _is_able(each)]
    return min(able, key=lambda each: _ALGORITHMS.index(each.algorithm), default=None)


def _is_able(challenge: Challenge) -> bool:
    return challenge.algorithm in _ALGORITHMS and (not challenge.qop or not _QOP.isdisjoint(challenge.qop))
