"""The TLS certificates of SIP servers, as the edge shows them (`fargo.edge.sip`), and the names in them (RFC 5922 §7).

Rules:

1. A certificate is for a SIP domain if that is a DNS name or a SIP URI among its alternative names. Without any
   alternative names, the common name counts (§7.1).
2. Wildcards match nothing (§7.2).
3. A server that is named by its address needs a certificate for that address.
"""

from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography.x509 import (
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    load_pem_x509_certificate,
)
from cryptography.x509.oid import NameOID

from fargo.adapters.sip import texts
from fargo.adapters.sip.wire.grammar import parameters
from fargo.adapters.sip.wire.message import Headers

_RESULT: Final = "X-Fargo-Tls"
_CERTIFICATE: Final = "X-Fargo-Certificate"
_CACHED: Final = 256
_MOST_SHOWN: Final = 3
"""The number of names of a certificate that a sentence tells."""


def problem_of(headers: Headers, host: str) -> str | None:
    """Return what is wrong with the certificate of a server, for it to be trusted as ``host``; None if it may be.

    ``headers``: those of a response over TLS.
    """
    told = parameters(headers.get(_RESULT, [""])[0])
    if told.get("expired") == "1":
        return texts.EXPIRED
    if told.get("verified") != "1":
        return texts.SELF_SIGNED if told.get("self") == "1" else texts.UNKNOWN_AUTHORITY
    try:
        names = _names(headers.get(_CERTIFICATE, [""])[0])
    except ValueError:
        return texts.NO_CERTIFICATE
    if _normal(host) in names:
        return None
    return texts.OTHER_NAME.format(names=", ".join(names[:_MOST_SHOWN]) or texts.NO_NAME)


@lru_cache(_CACHED)
def _names(text: str) -> tuple[str, ...]:
    """Return the SIP domains and addresses that a certificate is for. Raise ValueError if it cannot be read."""
    certificate = load_pem_x509_certificate(unquote_to_bytes(text))
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return tuple(_normal(str(each.value)) for each in common)
    uris = (each.partition(":") for each in names.get_values_for_type(UniformResourceIdentifier))
    domains = [host for scheme, _, host in uris if scheme.lower() == "sip"]
    addresses = map(str, names.get_values_for_type(IPAddress))
    return tuple(map(_normal, (*domains, *names.get_values_for_type(DNSName), *addresses)))


def _normal(name: str) -> str:
    """Return a name or an address as it is compared."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name.rstrip(".").lower()
