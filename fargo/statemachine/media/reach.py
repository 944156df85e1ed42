"""The verdict on an address that an end of a call names: audio may go there or not.

An end of a call decides where others send packets for as long as it likes, and with a codec that nobody decodes it
also decides what is in them. So the packets could reach programs that trust this machine or its network (RFC 8445
§19.5.1).

Rules, of which the first that applies counts:

1. No audio goes to a port below 1024, to the control port of the media relay, or to the port below that: RTCP goes to
   the port above that of RTP.
2. None goes to the networks that the operator denies.
3. It goes to those that the operator allows.
4. None goes to this machine, the media relay, or an address that is not a host of the Internet (RFC 6890): loopback,
   link-local, multicast, broadcast, unspecified, reserved. Private networks (RFC 1918, 4193, 6598) are an option.
5. An address of IPv6 that contains one of IPv4, because a translator or tunnel sends packets there (RFC 3056, 4291,
   6052), is refused if either of the two is.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Description, RawUdp, Unreachable

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_LOWEST_PORT: Final = 1024


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


PRIVATE: Final = _networks("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Networks behind NATs: RFC 1918, RFC 6598 (those of providers) and RFC 4193."""
# IANA's registries of special-purpose addresses (RFC 6890). They are written out, as those of Python's ipaddress
# differ from version to version. The first network that contains an address says what it is.
_SPECIAL: Final = (
    (_networks("127.0.0.0/8", "::1/128"), Unreachable.LOOPBACK),
    (_networks("0.0.0.0/8", "::/128"), Unreachable.UNSPECIFIED),
    (_networks("169.254.0.0/16", "fe80::/10"), Unreachable.LINK_LOCAL),
    (_networks("224.0.0.0/4", "ff00::/8"), Unreachable.MULTICAST),
    (_networks("255.255.255.255/32"), Unreachable.BROADCAST),
    (
        _networks(
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20"),
        ),
        Unreachable.RESERVED,
    ),
)
# All other addresses of IPv6 are reserved, including those that contain an address of IPv4 and are for no network.
_ASSIGNED: Final = _networks("2000::/3", "fc00::/7", "64:ff9b::/96")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")


class Networks(Struct, frozen=True, gc=False):
    """The facts that the rules need. ``private``: audio may go to private networks. ``learn``: the networks whose hosts
    send from another address than they name.

    ``own``: the addresses of this machine and the media relay, and the broadcast addresses of the networks that this
    machine is in, which are ``near``. ``control``: the address and port at which the relay takes commands; None if
    there is none.
    """

    private: bool = True
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    learn: tuple[Network, ...] = ()
    own: frozenset[Address] = frozenset()
    near: tuple[Network, ...] = ()
    control: tuple[Address, int] | None = None


def objection(ip: str, port: int, networks: Networks) -> Unreachable | None:
    """Return why audio must not go to an address and port; None if it may."""
    seen = _seen(ip)
    if not seen:
        return Unreachable.NO_ADDRESS
    if port < _LOWEST_PORT:
        return Unreachable.PORT
    if networks.control is not None:
        address, control = networks.control
        if address in seen and port in (control - 1, control):
            return Unreachable.CONTROL
    for each in seen:
        if _is_in(each, networks.deny):
            return Unreachable.DENIED
    if _is_in(seen[0], networks.allow):
        return None
    return next((why for each in seen if (why := _trouble(each, networks))), None)


def is_hidden(ip: str, networks: Networks) -> bool:
    """Return True if the packets of the end with an address may come from another one. So they do if it is behind a NAT
    that this machine is not behind as well, or if the operator says so.
    """
    seen = _seen(ip)
    if not seen:
        return False
    behind_nat = _is_private(ip) and not _is_in(seen[0], (*networks.allow, *networks.near))
    return behind_nat or _is_in(seen[0], networks.learn)


def is_behind_nat(end: Description) -> bool:
    """Return True if an end with plain RTP is behind a NAT that this machine is not behind as well, so that others are
    not expected to reach it either.
    """
    named = end.transport.candidates if isinstance(end.transport, RawUdp) else ()
    return any(each.hidden and _is_private(each.ip) for each in named)


@lru_cache(1024)
def _seen(ip: str) -> tuple[Address, ...]:
    """Return an address, and the addresses of IPv4 in it (rule 5); () if the text is none, or is valid on one link
    only.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return ()
    if isinstance(address, IPv4Address):
        return (address,)
    if address.scope_id is not None:
        return ()
    low = int(address) & 0xFFFFFFFF
    compatible = int(address) == low > 1
    translated = IPv4Address(low) if compatible or address in _TRANSLATED else None
    return (address, *(each for each in (address.ipv4_mapped, address.sixtofour, translated) if each is not None))


@lru_cache(1024)
def _is_private(ip: str) -> bool:
    """Return True if the text is an address in a private network."""
    seen = _seen(ip)
    return bool(seen) and _is_in(seen[0], PRIVATE)


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _trouble(address: Address, networks: Networks) -> Unreachable | None:
    """Return why audio goes to no such address unless the operator allows it (rule 4)."""
    if why := _special(address):
        return why
    if address in networks.own:
        return Unreachable.OWN
    if _is_in(address, PRIVATE):
        return None if networks.private else Unreachable.PRIVATE
    return Unreachable.RESERVED if address.version == 6 and not _is_in(address, _ASSIGNED) else None


@lru_cache(1024)
def _special(address: Address) -> Unreachable | None:
    return next((why for special, why in _SPECIAL if _is_in(address, special)), None)
