"""Names that our own user agent derives: Call-IDs (RFC 3261 §8.1.1.4) and tags (RFC 3261 §19.3).

Rules:

1. They follow from what is in the log, so a replay derives the same. They contain a hash of the account's nonce, which
   never leaves the gateway, so nobody else can guess them.
2. A tag begins with the name of its registration or dialog, which the adapter reads from it.
"""

from hashlib import sha256


def call_id(nonce: str, name: str) -> str:
    """Return the Call-ID of the registration or dialog of that name."""
    return _hash(nonce, "call-id", name)[:32]


def tag(nonce: str, name: str) -> str:
    """Return our tag in the registration or dialog of that name: ``<name>-<16 hex digits>``."""
    return f"{name}-{_hash(nonce, 'tag', name)[:16]}"


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()
