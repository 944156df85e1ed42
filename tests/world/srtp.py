"""An RTP endpoint whose packets are encrypted: SRTP with AES_CM_128_HMAC_SHA1_80 (RFC 3711), without lost packets.

It shares no code with the gateway, and none with the relay.
"""

import hmac
import os
from base64 import b64decode, b64encode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from . import XMPP_ADDRESS
from .rtp import HEADER, RtpEndpoint

SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY, SALT, TAG = 16, 14, 10


class Context:
    """The packets that one end sends, encrypted with its master key and salt. No sequence number wraps twice."""

    def __init__(self, master: str) -> None:
        """`master`: as in a=crypto, key and salt in base64."""
        both = b64decode(master)
        self._master, self._salt_of_master = both[:KEY], both[KEY:]
        self._cipher, self._auth, self._salt = (self._derived(0, KEY), self._derived(1, 20), self._derived(2, SALT))
        self._first: int | None = None

    def _derived(self, label: int, size: int) -> bytes:
        """Return a session key (RFC 3711 §4.3.1)."""
        position = int.from_bytes(self._salt_of_master) ^ (label << 48)
        return stream(self._master, position << 16, size)

    def protected(self, packet: bytes) -> bytes:
        crypted = self._crypted(packet)
        return crypted + self._tag(crypted)

    def opened(self, packet: bytes) -> bytes | None:
        """Return the packet without encryption, None if it was not encrypted with this key."""
        crypted, tag = packet[:-TAG], packet[-TAG:]
        if len(crypted) < HEADER.size or not hmac.compare_digest(self._tag(crypted), tag):
            return None
        return self._crypted(crypted)

    def _crypted(self, packet: bytes) -> bytes:
        """Return a packet with its sound encrypted, or decrypted (RFC 3711 §4.1.1)."""
        _, _, sequence, _, source = HEADER.unpack_from(packet)
        index = self._rollovers(packet) << 16 | sequence
        start = (int.from_bytes(self._salt) << 16) ^ (source << 64) ^ (index << 16)
        sound = packet[HEADER.size :]
        pad = stream(self._cipher, start, len(sound))
        return packet[: HEADER.size] + bytes(a ^ b for a, b in zip(sound, pad, strict=True))

    def _rollovers(self, packet: bytes) -> int:
        """Return how often the sequence number has wrapped: once, if it is far below the first (RFC 3711 §3.3.1)."""
        sequence = HEADER.unpack_from(packet)[2]
        if self._first is None:
            self._first = sequence
        return int(self._first - sequence > 0x8000)

    def _tag(self, crypted: bytes) -> bytes:
        rollovers = self._rollovers(crypted).to_bytes(4)
        return hmac.digest(self._auth, crypted + rollovers, "sha1")[:TAG]


def stream(key: bytes, start: int, size: int) -> bytes:
    """Return bytes of the key stream from a position of 128 bits."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16))).encryptor()
    return encryptor.update(bytes(size))


def new_key() -> str:
    """Return a random master key with its salt, in base64."""
    return b64encode(os.urandom(KEY + SALT)).decode()


class SrtpEndpoint(RtpEndpoint):
    """An endpoint that encrypts with its `key`. `expect` sets the other end's; what it cannot decrypt is invalid."""

    def __init__(self, address: str = XMPP_ADDRESS) -> None:
        super().__init__(address)
        self.rekey()
        self._theirs: Context | None = None

    def rekey(self) -> None:
        """Encrypt with another key from now on."""
        self.key = new_key()
        self._ours = Context(self.key)

    def expect(self, key: str) -> None:
        self._theirs = Context(key)

    def protect(self, packet: bytes) -> bytes:
        return self._ours.protected(packet)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        opened = self._theirs.opened(data) if self._theirs else None
        if opened is None:
            self.invalid.append(f"from {sender[0]}:{sender[1]}: not encrypted with the key")
        else:
            super().datagram_received(opened, sender)
