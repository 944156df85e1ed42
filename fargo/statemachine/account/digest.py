"""The choice of the digest challenges to answer (RFC 3261 §22, RFC 8760 §2.4), for registrations and calls alike.

The core decides which challenges are answered; the adapter computes the responses.

Rules:

1. Which server's challenges may be answered at all, `binding` and `legs.user_agent.authentication` decide.
2. Each realm is answered by itself, and a request has the answers for all realms that have asked so far, at most 4: a
   proxy asks before the registrar does, and wants its answer in each request (RFC 3261 §22.3). A proxy's realm
   (Proxy-Authenticate) is another than a registrar's of that name, as its answer stands in another header.
3. A realm that asks again has refused its answer. Then no answer is given to anyone, for servers lock accounts that
   are tried too often. If only the nonce was stale, the new nonce is answered, once.
4. No challenge is answered twice. An answer that goes out again, because another realm has asked or the request had to
   be changed, counts the uses of its nonce (RFC 7616 §3.4).
5. Of several challenges of a realm, the topmost with an algorithm that we have is answered: that is the order in which
   the server prefers them (RFC 8760 §2.3, §2.4). It is not the strongest, because that would protect from nobody: who
   can change the order on the way can remove the strong ones as well.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.model.sip_values import Challenge, DigestCredentials

_ALGORITHMS: Final = frozenset({"SHA-256", "SHA-256-sess", "MD5", "MD5-sess"})
"""Those that the adapter can compute."""
_QOP: Final = frozenset({"auth", "auth-int"})
_MOST_REALMS: Final = 4

_Realm = tuple[bool, str]
"""A realm by its name; True for that of a proxy."""


def answers(
    challenges: Iterable[Challenge], before: tuple[DigestCredentials, ...], user: str, secret: str
) -> tuple[DigestCredentials, ...] | None:
    """Return the credentials for a request that is sent once more because of these challenges; None if it is not to be.

    ``before``: the credentials that it had. ``user``, ``secret``: those of the account, see `DigestCredentials`.
    """
    asked = _by_realm(challenges)
    given = {_realm(each.challenge): each for each in before}
    if not asked or any(_is_refusal(asked[realm], given[realm]) for realm in asked.keys() & given.keys()):
        return None
    new = {realm: DigestCredentials(challenge, user, secret) for realm, challenge in asked.items()}
    all_realms = {**{_realm(each.challenge): each for each in counted(before)}, **new}
    return tuple(all_realms.values()) if len(all_realms) <= _MOST_REALMS else None


def counted(credentials: tuple[DigestCredentials, ...]) -> tuple[DigestCredentials, ...]:
    """Return the credentials of a request for its next form (rule 4)."""
    return tuple(replace(each, count=each.count + 1) for each in credentials)


def are_unusable(challenges: tuple[Challenge, ...]) -> bool:
    """Return True if there are challenges, but none that the adapter can answer."""
    return bool(challenges) and not _by_realm(challenges)


def _by_realm(challenges: Iterable[Challenge]) -> Mapping[_Realm, Challenge]:
    """Return the challenge of each realm that may be answered (rule 5)."""
    found: dict[_Realm, Challenge] = {}
    for each in challenges:
        if _is_able(each):
            found.setdefault(_realm(each), each)
    return found


def _realm(challenge: Challenge) -> _Realm:
    return challenge.proxy, challenge.realm


def _is_able(challenge: Challenge) -> bool:
    return challenge.algorithm in _ALGORITHMS and (not challenge.qop or not _QOP.isdisjoint(challenge.qop))


def _is_refusal(challenge: Challenge, given: DigestCredentials) -> bool:
    """Return True if a realm that has an answer must not get another (rule 3)."""
    before = given.challenge
    return not challenge.stale or before.stale or challenge.nonce == before.nonce
