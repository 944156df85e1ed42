"""The keys of the loopback hop between the edge and the gateway, and what is made with them.

All keys follow from the secret of the edge. Both ends compute the same: `kamailio.cfg` has each formula a second time.
"""

from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple, Self

MESSAGE_KEY_LENGTH = 32
MAC_LENGTH = 16
CACHED = 1024
"""So many keys and tokens are remembered: those of a request come back in each message that belongs to it."""


class EdgeKeys(NamedTuple):
    """The keys that follow from one secret."""

    to_edge: str
    """Authenticates messages from the gateway to the edge."""
    to_gateway: str
    """Authenticates messages from the edge to the gateway."""
    token: str
    """Makes the tokens in our Contacts."""
    via: str
    """Marks the edge's own Via outside. Only the edge uses it."""

    @classmethod
    def of(cls, secret: str) -> Self:
        """Return the keys that follow from a secret."""
        return cls(*(sha256(f"{purpose}|{secret}".encode()).hexdigest() for purpose in cls._fields))


@lru_cache(CACHED)
def message_key(key: str, call_id: str, cseq: str, method: str) -> str:
    """Return the value of X-Fargo-Key for a message.

    `cseq` is the number in CSeq, as the message has it: digit for digit. ACK and CANCEL have the key of their INVITE,
    because kamailio makes them of it. A response has the key of its request, but in the direction that it goes.
    """
    method = "INVITE" if method in ("ACK", "CANCEL") else method
    return _digest(f"{key}|{call_id}|{cseq}|{method}")[:MESSAGE_KEY_LENGTH]


def is_authentic(claimed: str, key: str, call_id: str, cseq: str, method: str) -> bool:
    """Return whether a message has the right X-Fargo-Key, `claimed`."""
    return compare_digest(claimed.encode(), message_key(key, call_id, cseq, method).encode())


@lru_cache(CACHED)
def token(key: str, name: str) -> str:
    """Return the user part for our Contact: `name` and its MAC. Only requests to such a user reach the gateway.

    The name consists of small ASCII letters, digits, "." and "-".
    """
    return f"{name}_{_digest(f'{key}|{name}')[:MAC_LENGTH]}"


def named(key: str, text: str) -> str | None:
    """Return the name in a token, None if the text is no token of ours."""
    name = text.partition("_")[0]
    return name if compare_digest(text.encode(), token(key, name).encode()) else None


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
