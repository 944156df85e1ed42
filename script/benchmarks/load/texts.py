"""The text messages of the load: a client writes to a number, and is told by a receipt that it was taken there."""

from collections.abc import Callable, Sequence

from benchmarks.load import stanzas
from benchmarks.load.attempts import Attempts
from benchmarks.load.client import Client
from benchmarks.load.stanzas import Stanza


class Texts:
    """All texts of all clients. The id of each is its round and its key."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[str, Attempts]] = {}
        self._round = 0

    def out(self, clients: Sequence[Client]) -> Callable[[str, Attempts], None]:
        """Return what sends texts of these clients, in turn."""
        self._round += 1

        def begin(key: str, attempts: Attempts) -> None:
            client = clients[int(key[1:]) % len(clients)]
            to, id = b"%s@%s" % (key.encode(), client.server.gateway), f"{self._round}{key}"
            self._sent[id] = key, attempts
            client.send(stanzas.CHAT % (id.encode(), to, key.encode()))

        return begin

    def message(self, _: Client, stanza: Stanza) -> None:
        """Take in a message: a receipt, an error, or what the gateway says by itself."""
        refused = stanza.attributes.get(b"type") == b"error"
        receipt = stanza.inside.partition(b"<received")[2]
        id = stanza.attributes.get(b"id", b"") if refused else stanzas.attribute(b"id", receipt)
        if found := self._sent.pop(id.decode(), None):
            key, attempts = found
            if not refused:
                attempts.done(key)
            attempts.end(key, stanzas.words(stanza) if refused else None)
