"""The TLS certificates of SIP servers (RFC 5922 §7), as the edge shows them."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography.x509 import load_pem_x509_certificate
from service_identity import VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity

from fargo.adapters.sip import texts
from fargo.adapters.sip.wire.grammar import parameters
from fargo.adapters.sip.wire.message import Headers

_RESULT: Final = "X-Fargo-Tls"
_CERTIFICATE: Final = "X-Fargo-Certificate"


def problem_of(headers: Headers, host: str) -> str | None:
    """Return why the server with this name must not be trusted, as a sentence; None if its certificate is valid.

    The name may be an IP address.
    """
    told = parameters(headers.get(_RESULT, [""])[0])
    if told.get("expired") == "1":
        return texts.EXPIRED.format(host=host)
    if told.get("verified") != "1":
        return (texts.SELF_SIGNED if told.get("self") == "1" else texts.UNKNOWN_AUTHORITY).format(host=host)
    try:
        patterns = extract_patterns(load_pem_x509_certificate(unquote_to_bytes(headers[_CERTIFICATE][0])))
        verify_service_identity(patterns, [_identity(host)], [])
    except VerificationError:
        return texts.OTHER_NAME.format(host=host, name=told.get("name") or texts.NO_NAME)
    except (KeyError, ValueError):
        return texts.NO_CERTIFICATE.format(host=host)
    return None


def _identity(host: str) -> DNS_ID | IPAddress_ID:
    try:
        return IPAddress_ID(str(ip_address(host)))
    except ValueError:
        return DNS_ID(host)
