"""The sentences of this package: why settings or accounts cannot be used. Names in braces are for `str.format`."""

from typing import Final

BAD_ADDRESS: Final = "The {side} address {address!r} is not an IPv4 address."
BAD_TRANSPORT: Final = "The transport {transport} is not available; use udp or tcp."
BAD_HOST: Final = "{host!r} is not a host name or an IPv4 address."
