"""Certificates with any dates, and keys, written without another program."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_pair(certificate: Path, key: Path, days: tuple[int, int] = (-1, 365), password: bytes | None = None) -> None:
    """Write a certificate that is valid between these days from now, and its key, which only our user can read."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sip.example.org")])
    begin, end = (datetime.now(UTC) + timedelta(days=each) for each in days)
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number(), begin, end)
    certificate.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key.touch(mode=0o600)
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
