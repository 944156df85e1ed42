"""The login that a scripted SIP server demands for one realm: a digest challenge, and the check of its answer
(RFC 3261 §22, RFC 7616). It shares no code with the gateway.
"""

import re
from hashlib import md5

from edge.agents import Message, unique

_FIELDS = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Login:
    """A realm of a proxy, or of a registrar or phone. Each use of a nonce has to have a higher count than the last."""

    def __init__(self, realm: str, password: str, proxy: bool = False) -> None:
        self.realm = realm
        self.password = password
        self.proxy = proxy
        self.given = 0
        """The number of requests with the right answer."""
        self._nonce = ""
        self._count = 0

    @property
    def status(self) -> int:
        return 407 if self.proxy else 401

    def challenge(self) -> tuple[str, str]:
        """Return the header that asks for the login, with a new nonce."""
        self._nonce, self._count = unique("nonce"), 0
        text = f'Digest realm="{self.realm}", nonce="{self._nonce}", qop="auth", algorithm=MD5'
        return ("Proxy-Authenticate" if self.proxy else "WWW-Authenticate"), text

    def passes(self, request: Message) -> bool:
        """Return True if a request has the right answer, with a nonce count that was not used before."""
        for text in request.all("Proxy-Authorization" if self.proxy else "Authorization"):
            told = {name: quoted or plain for name, quoted, plain in _FIELDS.findall(text)}
            if told["realm"] == self.realm and told["nonce"] == self._nonce and self._is_right(told, request):
                self._count = int(told["nc"], 16)
                self.given += 1
                return True
        return False

    def _is_right(self, told: dict[str, str], request: Message) -> bool:
        first = _hashed(f"{told['username']}:{self.realm}:{self.password}")
        second = _hashed(f"{request.method}:{told['uri']}")
        expected = _hashed(f"{first}:{self._nonce}:{told['nc']}:{told['cnonce']}:auth:{second}")
        return told["response"] == expected and int(told["nc"], 16) > self._count


def _hashed(text: str) -> str:
    return md5(text.encode()).hexdigest()
