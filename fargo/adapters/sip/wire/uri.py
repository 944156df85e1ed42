"""URIs (RFC 3261 §19.1, RFC 3966, RFC 5031): their parts, as the adapter needs them to find who or where is meant.

URIs that have to be repeated stay texts. Here, too, more is read than the grammar allows, because it is in use: schemes
in capitals, host names with underscores, users with any visible character, three colons before an IPv4 address in an
IPv6 address (RFC 5118 §4.10).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple, TypeAlias

from fargo.adapters.sip.wire import texts
from fargo.adapters.sip.wire.grammar import CACHED, number, parameters
from fargo.adapters.sip.wire.message import URI_CHARACTERS, MalformedSipError

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+")
_HOST: Final = re.compile(r"[A-Za-z0-9_.\-]{1,253}")
_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]{2,50}")
_TEL: Final = re.compile(r"\+?[0-9A-Fa-f*#.()\-]++")
_PORT: Final = 65535


class HostUri(NamedTuple):
    """A SIP or SIPS URI. ``host`` is in lower case; an IPv6 address has no brackets. Headers and password are left out.

    ``user`` and the values of ``parameters`` are escaped as they came.
    """

    scheme: str
    user: str | None
    host: str
    port: int | None
    parameters: Mapping[str, str | None]


class NumberUri(NamedTuple):
    """A telephone number (RFC 3966), with its visual separators."""

    number: str
    parameters: Mapping[str, str | None]


class OtherUri(NamedTuple):
    """A URI of another scheme, such as ``urn:service:sos`` (RFC 5031). ``rest`` follows the scheme and its colon."""

    scheme: str
    rest: str


AnyUri: TypeAlias = HostUri | NumberUri | OtherUri


@lru_cache(CACHED)
def parse_uri(text: str) -> AnyUri:
    """Return the parts of a URI. Raise MalformedSipError if it is none."""
    scheme, _, rest = text.partition(":")
    if not _SCHEME.fullmatch(scheme) or not URI_CHARACTERS.fullmatch(rest):
        raise MalformedSipError(texts.BAD_URI)
    match scheme.lower():
        case "sip" | "sips" as found:
            return _host_uri(found, rest)
        case "tel":
            return _number_uri(rest)
        case found:
            return OtherUri(found, rest)


def _host_uri(scheme: str, rest: str) -> HostUri:
    userinfo, _, tail = rest.rpartition("@")
    if "@" in userinfo:
        raise MalformedSipError(texts.BAD_URI)
    hostport, semicolon, found = tail.partition("?")[0].partition(";")
    host, port = host_and_port(hostport)
    user = userinfo.partition(":")[0]
    return HostUri(scheme, user or None, host, port, parameters(found) if semicolon else {})


def _number_uri(rest: str) -> NumberUri:
    found, semicolon, after = rest.partition(";")
    if not _TEL.fullmatch(found):
        raise MalformedSipError(texts.BAD_URI)
    return NumberUri(found, parameters(after) if semicolon else {})


def host_and_port(text: str) -> tuple[str, int | None]:
    """Return the host and the port in ``host``, ``host:port``, ``[IPv6 address]`` or ``[IPv6 address]:port``."""
    if text[:1] == "[":
        inside, bracket, after = text[1:].partition("]")
        host, colon, port = _ipv6(inside), after[:1], after[1:]
        if not bracket or colon not in ("", ":"):
            raise MalformedSipError(texts.BAD_URI)
    else:
        host, colon, port = text.partition(":")
        host = host.lower()
        if not _HOST.fullmatch(host):
            raise MalformedSipError(texts.BAD_URI)
    return host, number(port, _PORT) if colon else None


def _ipv6(text: str) -> str:
    found = text.replace(":::", "::")
    try:
        if not _IPV6.fullmatch(found):
            raise MalformedSipError(texts.BAD_URI)
        IPv6Address(found)
    except AddressValueError:
        raise MalformedSipError(texts.BAD_URI) from None
    return found.lower()
