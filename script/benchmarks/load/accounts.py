"""The accounts of the load: registering and removing them (XEP-0077), signing in and out.

Rules:

1. An account is used by one attempt at a time. One that finds none free has failed.
2. A sign-in begins when the user's only client becomes available, and is done when the gateway says so by its presence.
   It is over when the client is unavailable again, which the gateway does not acknowledge: `_AT_REST` later.
3. A registration is done when the gateway has answered it, after the provider has. Removing the account ends it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from benchmarks.load import stanzas
from benchmarks.load.attempts import Attempts
from benchmarks.load.client import Client
from benchmarks.load.epoll import Loop
from benchmarks.load.stanzas import Stanza

NONE_FREE: Final = "no user was free: more are needed for this rate"
_SIGNED_IN: Final = "Signed in"
_AT_REST: Final = 1.0
"""Seconds after which an account that signs out is free again."""
_AT_A_TIME: Final = 32


class Provider(NamedTuple):
    """The SIP provider of all accounts, whose users and passwords are those of the XMPP accounts."""

    domain: bytes
    host: bytes
    port: int


class Accounts:
    """The accounts of all clients."""

    def __init__(self, loop: Loop, provider: Provider) -> None:
        self._loop = loop
        self._provider = provider
        self._waiting: dict[bytes, Callable[[str], None]] = {}

    def register(self, client: Client, done: Callable[[str], None]) -> None:
        """Register the account of a client. `done` gets the error, empty if there is none."""
        name = b"%s@%s" % (client.user, self._provider.domain)
        place = self._provider.host, self._provider.port
        client.ask(
            *(stanzas.REGISTER, lambda said: done(stanzas.words(said)), client.server.gateway, name, client.user),
            *place,
        )

    def register_all(self, clients: Sequence[Client], done: Callable[[str], None]) -> None:
        """Register all, some at a time. `done` gets the first error, empty if there is none."""
        waiting, answered = iter(clients), 0

        def one_more(wrong: str) -> None:
            nonlocal answered
            answered += 1
            if wrong or answered == len(clients):
                done(wrong)
            elif client := next(waiting, None):
                self.register(client, one_more)

        for client in list(islice(waiting, _AT_A_TIME)):
            self.register(client, one_more)

    def presence(self, client: Client, stanza: Stanza) -> None:
        """Take in a presence."""
        if stanza.attributes.get(b"from") != client.server.gateway:
            return
        if client.user in self._waiting and (told := stanzas.status(stanza)):
            self._waiting[client.user](told)

    def sign_ins(self, clients: Sequence[Client], hold: float) -> Callable[[str, Attempts], None]:
        """Return what signs in these accounts, in turn, whose clients must not be available."""
        free = deque(clients)

        def begin(key: str, attempts: Attempts) -> None:
            if not free:
                attempts.end(key, NONE_FREE)
                return
            client = free.popleft()
            attempts.known_as(key, client.user.decode())

            def leave() -> None:
                self._waiting.pop(client.user, None)
                client.send(stanzas.UNAVAILABLE)
                self._loop.after(_AT_REST, rest)

            def rest() -> None:
                attempts.end(key)
                free.append(client)

            def told(words: str) -> None:
                if words.startswith(_SIGNED_IN):
                    del self._waiting[client.user]
                    attempts.done(key)
                    self._loop.after(hold, leave)

            self._waiting[client.user] = told
            client.send(stanzas.AVAILABLE)

        return begin

    def registrations(self, clients: Sequence[Client], hold: float) -> Callable[[str, Attempts], None]:
        """Return what registers these clients, in turn, who must not be registered, and removes them again."""
        free = deque(clients)

        def begin(key: str, attempts: Attempts) -> None:
            if not free:
                attempts.end(key, NONE_FREE)
                return
            client = free.popleft()
            attempts.known_as(key, client.user.decode())

            def registered(wrong: str) -> None:
                if wrong:
                    attempts.end(key, wrong)
                    free.append(client)
                else:
                    attempts.done(key)
                    self._loop.after(hold, remove)

            def remove() -> None:
                client.ask(stanzas.UNREGISTER, removed, client.server.gateway)

            def removed(said: Stanza) -> None:
                attempts.end(key, stanzas.words(said) or None)
                free.append(client)

            self.register(client, registered)

        return begin
