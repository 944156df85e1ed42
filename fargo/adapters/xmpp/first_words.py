"""The first words of an XMPP server to a component, or of something else in its place, as far as they are XML."""

from typing import Final
from xml.parsers import expat

NS_COMPONENT: Final = "jabber:component:accept"
NS_STREAMS: Final = "http://etherx.jabber.org/streams"
_STREAM_ERRORS: Final = "urn:ietf:params:xml:ns:xmpp-streams"


class FirstWords:
    """Reads them, in pieces."""

    def __init__(self) -> None:
        self.is_stream = False
        """True if they begin with the header of a stream."""
        self.namespace = ""
        """The default namespace of the header."""
        self.stream_id: str | None = None
        """The id in the header of a stream of components."""
        self.is_accepted = False
        """True if the handshake was accepted (XEP-0114 §3)."""
        self.condition = ""
        """The condition of a stream error, "" if there is none, and `text`, the server's own words."""
        self.text = ""
        self.is_over = False
        """True after a stream error, after the end of the stream, and if it is no XML."""
        self._inside: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartNamespaceDeclHandler = self._declared
        self._parser.StartElementHandler = self._begun
        self._parser.EndElementHandler = self._ended
        self._parser.CharacterDataHandler = self._heard

    def feed(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.Parse(data)
        except expat.ExpatError:
            self.is_over = True

    def _declared(self, prefix: str | None, uri: str) -> None:
        if not self._inside and prefix is None:
            self.namespace = uri

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        if not self._inside:
            self.is_stream = name == f"{NS_STREAMS} stream"
            if self.namespace == NS_COMPONENT:
                self.stream_id = attributes.get("id")
        elif self._is_in_error() and not self.condition and name != f"{_STREAM_ERRORS} text":
            self.condition = name.removeprefix(f"{_STREAM_ERRORS} ")
        elif len(self._inside) == 1 and name == f"{NS_COMPONENT} handshake":
            self.is_accepted = True
        self._inside.append(name)

    def _ended(self, _: str) -> None:
        if len(self._inside) == 1 or self._is_in_error():
            self.is_over = True
        self._inside.pop()

    def _heard(self, text: str) -> None:
        if len(self._inside) == 3 and self._inside[-1] == f"{_STREAM_ERRORS} text":
            self.text += text

    def _is_in_error(self) -> bool:
        return len(self._inside) == 2 and self._inside[-1] == f"{NS_STREAMS} error"
