"""The attribute "crypto" (RFC 4568 §9): keys of SRTP to names, and back.

Rules:

1. Only suites that encrypt and authenticate are read, and no line that turns either off. All others count as absent.
2. The key parameters are kept in memory as they came, with the parameters of the session.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, get_args

from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.statemachine.media.description import Crypto, Suite

_MOST: Final = 16
"""The number of lines that are read."""
_LINE: Final = re.compile(r"([0-9]{1,9}) ([A-Z0-9_]{1,40}) (inline:[\x21-\x7e]{1,200}(?: [\x21-\x7e]{1,100}){0,8})")
_WEAKENED: Final = re.compile("UNENCRYPTED_|UNAUTHENTICATED_", re.IGNORECASE)
_SUITES: Final[dict[str, Suite]] = {suite: suite for suite in get_args(Suite)}


def read(values: Iterable[str], keys: SessionKeys) -> tuple[Crypto, ...]:
    """Return the usable ones of the values of a media line's crypto attributes."""
    return tuple(islice(_usable(values, keys), _MOST))


def _usable(values: Iterable[str], keys: SessionKeys) -> Iterator[Crypto]:
    for each in values:
        found = _LINE.fullmatch(each.strip())
        suite = _SUITES.get(found[2]) if found else None
        if found and suite and not _WEAKENED.search(found[3]):
            yield Crypto(int(found[1]), suite, keys.keep(found[3]))


def line(crypto: Crypto, keys: SessionKeys) -> str | None:
    """Return the attribute's line; None if the key is gone."""
    text = keys.reveal(crypto.key)
    return f"a=crypto:{crypto.tag} {crypto.suite} {text}" if text is not None else None
