"""Certificates for the tests, and the lines in which the edge shows them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import (
    CertificateBuilder,
    DNSName,
    GeneralName,
    IPAddress,
    Name,
    NameAttribute,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

Lines = list[tuple[str, str]]


@lru_cache
def certificate(*names: str, common: str = "common.test") -> str:
    """Return the PEM of a certificate. A name is a DNS name, an address or a URI."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = Name([NameAttribute(NameOID.COMMON_NAME, common)]), datetime.now(UTC)
    builder = (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(SubjectAlternativeName([_general(each) for each in names]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _general(name: str) -> GeneralName:
    if name.lower().startswith("sip"):
        return UniformResourceIdentifier(name)
    try:
        return IPAddress(ip_address(name))
    except ValueError:
        return DNSName(name)


def shown(
    *names: str, common: str = "common.test", verified: bool = True, expired: bool = False, self_signed: bool = False
) -> Lines:
    """Return the lines of the edge about a server with such a certificate."""
    result = f"verified={verified:d};expired={expired:d};self={self_signed:d}"
    return [("X-Fargo-Tls", result), ("X-Fargo-Certificate", quote(certificate(*names, common=common), safe=""))]
