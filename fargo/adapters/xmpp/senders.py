"""The addresses that a server can have put into “from”: those that are as a server makes them (RFC 6120 §8.1.2.1).

Anything else would be a user beside the one that it resembles, and nobody could log in as that.
"""

import re
from functools import lru_cache
from typing import Final

from fargo.statemachine.address import is_local

_USUAL: Final = re.compile(r"[a-z0-9._+-]{1,200}@[a-z0-9.-]{1,250}(/[A-Za-z0-9._+:~-]{1,200})?")
"""Addresses that need no closer look."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST: Final = 1023
"""Bytes of a resource (RFC 7622 §3.4)."""


@lru_cache(4096)
def is_possible(sender: str, component: str) -> bool:
    """Return True if a server can have sent a stanza of this sender to a component: it comes from a domain, or from a
    user there, and not from the component itself. Which domains there are is not known here.
    """
    if not (_USUAL.fullmatch(sender) or _is_jid(sender)):
        return False
    domain = sender.partition("/")[0].rpartition("@")[2]
    return domain != component and not domain.endswith(f".{component}")


def _is_jid(sender: str) -> bool:
    whole, slash, resource = sender.partition("/")
    local, at, domain = whole.rpartition("@")
    if not domain or domain != domain.lower() or (at and not is_local(local)) or bool(slash) != bool(resource):
        return False
    return len(resource.encode("utf-8", "surrogatepass")) <= _LONGEST and not _CONTROL.search(resource)
