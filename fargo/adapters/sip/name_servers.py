"""The name servers of this machine, as the resolver asks them."""

from pathlib import Path
from typing import Any, Final

from twisted.names import cache, client, hosts, resolve

_CONFIGURATION: Final = Path("/etc/resolv.conf")
_HOSTS: Final = b"/etc/hosts"
_LOCAL: Final = ("127.0.0.1", 53)
_TIMEOUTS: Final = (1, 2)
"""The seconds that a name server has for its answer, the first and the second time. Twisted's own are a minute."""


def system_resolver(reactor: Any) -> Any:
    """Return a resolver of twisted.names that asks as /etc/hosts and /etc/resolv.conf say."""
    configured = _CONFIGURATION.exists() and "nameserver" in _CONFIGURATION.read_text(errors="replace")
    where = {"resolv": str(_CONFIGURATION)} if configured else {"servers": [_LOCAL]}
    asked = client.Resolver(**where, timeout=_TIMEOUTS, reactor=reactor)
    return resolve.ResolverChain([hosts.Resolver(_HOSTS), cache.CacheResolver(reactor=reactor), asked])
