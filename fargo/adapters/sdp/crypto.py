"""The attribute "crypto" (RFC 4568 §9): keys of SRTP to names, and back.

Rules:

1. Only suites that encrypt and authenticate are read and offered, and no line that turns either off. All others count
   as absent.
2. The key parameters are kept in memory as they came, with the parameters of the session.
"""

import re
from collections.abc import Iterable
from typing import Final

from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.statemachine.media.description import Crypto

SUITES: Final = (
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
)
"""RFC 4568 §6.2, RFC 6188, RFC 7714."""

_MOST: Final = 16
"""The number of lines that are read."""
_LINE: Final = re.compile(r"([0-9]{1,9}) ([A-Z0-9_]{1,40}) (inline:[\x21-\x7e]{1,200}(?: [\x21-\x7e]{1,100}){0,8})")
_WEAKENED: Final = ("UNENCRYPTED_", "UNAUTHENTICATED_")


def read(values: Iterable[str], keys: SessionKeys) -> tuple[Crypto, ...]:
    """Return the usable ones of the values of a media line's crypto attributes."""
    found = [_LINE.fullmatch(each.strip()) for each in values]
    usable = [(int(each[1]), each[2], each[3]) for each in found if each and _is_usable(each[2], each[3])]
    return tuple(Crypto(tag, suite, keys.keep(text)) for tag, suite, text in usable[:_MOST])


def _is_usable(suite: str, text: str) -> bool:
    return suite in SUITES and not any(word in text.upper() for word in _WEAKENED)


def line(crypto: Crypto, keys: SessionKeys) -> str | None:
    """Return the attribute's line; None if the key is gone."""
    text = keys.reveal(crypto.key)
    return f"a=crypto:{crypto.tag} {crypto.suite} {text}" if text is not None else None
