"""Passwords under a key, for a database that others keep.

Rules:

1. The key is in a file in the gateway's state directory, which only its user can read, and in no database. Each gateway
   of a database has a copy of it.
2. What is sealed can be opened with the key only, and only as what it was sealed: a password as that of its name and
   its user (AES-256-GCM, NIST SP 800-38D, with the two as associated data). It looks different each time.
"""

from pathlib import Path
from secrets import token_bytes
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fargo.private_file import lasting_secret
from fargo.store import texts
from fargo.store.interface import StoreError

KEY_FILE: Final = "vault.key"
_NONCE: Final = 12
_KEY: Final = 32
"""Bytes."""
_PROOF: Final = ("", "")
"""A stand-in for name and user in the proof that a key is the right one."""


class NotOpenedError(Exception):
    """Something was sealed with another key, or as something else."""


class Seal:
    """The key in a directory. It is drawn if there is none. Raises StoreError if its file cannot be used."""

    def __init__(self, directory: Path) -> None:
        path = directory / KEY_FILE
        try:
            self._key = bytes.fromhex(lasting_secret(path))
            self._cipher = AESGCM(self._key)
        except OSError as error:
            raise StoreError(texts.KEY_UNUSABLE.format(path=path, why=error.strerror)) from error
        except ValueError:
            raise StoreError(texts.KEY_UNUSABLE.format(path=path, why=texts.NO_KEY)) from None

    def seal(self, text: str, name: str, user: str) -> bytes:
        """Return a password of that name and user, sealed."""
        nonce = token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), _about(name, user))

    def opened(self, sealed: bytes, name: str, user: str) -> str:
        """Return what was sealed as the password of that name and user. Raises NotOpenedError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _about(name, user)).decode()
        except (InvalidTag, ValueError):
            raise NotOpenedError from None

    def secret(self, purpose: str) -> str:
        """Return another secret, for a purpose: the same for everyone who has the key."""
        return HKDF(SHA256(), _KEY, None, purpose.encode()).derive(self._key).hex()

    def proof(self) -> bytes:
        """Return what tells this key from others."""
        return self.seal("", *_PROOF)

    def proves(self, proof: bytes) -> bool:
        """Return True if the proof is of this key."""
        try:
            self.opened(proof, *_PROOF)
        except NotOpenedError:
            return False
        return True


def _about(name: str, user: str) -> bytes:
    return f"{name}\n{user}".encode()
