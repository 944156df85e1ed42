"""The certificate by which phones and SIP servers connect to us with TLS, and its key."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from fargo.checking import texts
from fargo.checking.files import tls_file
from fargo.checking.finding import Finding, problem, warning
from fargo.config import Config

_SOON: Final = timedelta(days=14)


def unusable(config: Config) -> Iterator[Finding]:
    """Find why kamailio could not use certificate and key. A file that we cannot read is told elsewhere (`files`)."""
    certificate, key = _read(config, "tls_certificate"), _read(config, "tls_key")
    if certificate is None or key is None:
        return
    own = _own(certificate)
    if own is None:
        yield problem("sip.tls_certificate", texts.NO_CERTIFICATE.format(path=config.sip.tls_certificate))
    try:
        public = load_pem_private_key(key, None).public_key()
    except TypeError:
        yield problem("sip.tls_key", texts.KEY_LOCKED.format(path=config.sip.tls_key))
        return
    except ValueError:
        yield problem("sip.tls_key", texts.NO_KEY.format(path=config.sip.tls_key))
        return
    if own and not _is_same(own.public_key(), public):
        text = texts.OTHER_KEY.format(key=config.sip.tls_key, certificate=config.sip.tls_certificate)
        yield problem("sip.tls_key", text)


def dates(config: Config, now: datetime) -> Iterator[Finding]:
    """Find if the certificate is not valid now (an aware time), or soon no more."""
    given = _read(config, "tls_certificate")
    own = _own(given) if given else None
    if own is None:
        return
    path = config.sip.tls_certificate
    begin, end = _valid(own)
    if now < begin:
        yield problem("sip.tls_certificate", texts.CERTIFICATE_EARLY.format(path=path, at=begin.date()))
    elif now > end:
        yield problem("sip.tls_certificate", texts.CERTIFICATE_OVER.format(path=path, at=end.date()))
    elif now > end - _SOON:
        yield warning("sip.tls_certificate", texts.CERTIFICATE_ENDS.format(path=path, at=end.date()))


def _read(config: Config, name: str) -> bytes | None:
    """Return what is in the file of this option, None if there is none, or we cannot read it."""
    path: Path | None = tls_file(config, name)
    try:
        return path.read_bytes() if path else None
    except OSError:
        return None


def _own(certificates: bytes) -> Certificate | None:
    """Return the first certificate of a chain, which is our own, None if there is none."""
    try:
        return load_pem_x509_certificates(certificates)[0]
    except ValueError:
        return None


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two public keys are the same. Those of old versions of the library cannot be compared."""
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return bool(one.public_bytes(*form) == other.public_bytes(*form))


def _valid(certificate: Certificate) -> tuple[datetime, datetime]:
    """Return when a certificate begins and ends to be valid. Old versions of the library give times without a zone,
    which are in UTC, and new ones complain about being asked for these.
    """
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate.not_valid_before.replace(tzinfo=UTC), certificate.not_valid_after.replace(tzinfo=UTC)
