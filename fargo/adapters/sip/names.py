"""The names in SIP messages of ours: users, registrations, dialogs and commands, as tokens, tags and branches.

Rules:

1. A user is a short name: a keyed hash of their JID, which providers and phones do not learn.
2. A token is the user part of a Contact of ours: ``SHORT.NAME`` with a MAC, which the edge checks. ``NAME`` is the name
   of a registration or dialog (`sip_messages`, rule 2).
3. A tag of ours begins with the name of the registration or dialog. The core adds what makes it unguessable.
4. A branch of ours contains the id of the command. So the response to a request finds its command after a restart.
"""

from hashlib import sha256
from typing import Final, NamedTuple

from fargo.edge.sip import keys
from fargo.edge.sip.keys import EdgeKeys

_MAGIC: Final = "z9hG4bK"  # RFC 3261 §8.1.1.7
_SHORT: Final = 10
_HASH: Final = 16


class Named(NamedTuple):
    """A user (bare JID), and the name of one of their registrations or dialogs."""

    user: str
    name: str


class Names:
    """The names of all users whose commands or registrations the gateway has seen."""

    def __init__(self, edge_keys: EdgeKeys) -> None:
        self._key = edge_keys.token
        self._short: dict[str, str] = {}
        self._users: dict[str, str] = {}

    def know(self, user: str) -> str:
        """Return the short name of a user (bare JID), and understand it from now on."""
        short = self._short.get(user)
        if short is None:
            short = sha256(f"{self._key}|user|{user}".encode()).hexdigest()[:_SHORT]
            self._short[user], self._users[short] = short, user
        return short

    def token(self, of: Named) -> str:
        """Return the token of a registration or dialog."""
        return keys.token(self._key, f"{self.know(of.user)}.{of.name}")

    def in_token(self, text: str) -> Named | None:
        """Return what a token stands for, None if it is not one of ours or its user is unknown."""
        short, _, name = (keys.named(self._key, text) or "").partition(".")
        user = self._users.get(short)
        return Named(user, name) if user else None

    def branch(self, user: str, command: str, attempt: int) -> str:
        """Return the branch of a command's request. ``attempt`` counts the addresses that were tried before."""
        branch = f"{_MAGIC}-{self.know(user)}-{command}"
        return f"{branch}-{attempt}" if attempt else branch

    def in_branch(self, branch: str) -> Named | None:
        """Return the user and the id of the command that a branch is for, None if it is not one of ours."""
        magic, short, command, *_ = *branch.split("-"), "", ""
        user = self._users.get(short)
        return Named(user, command) if user and magic == _MAGIC else None


def in_tag(tag: str) -> str:
    """Return the name of a registration or dialog in a tag of ours."""
    return tag.rpartition("-")[0]


def incoming(registration: str, call_id: str, from_tag: str | None) -> str:
    """Return the name of the dialog that an INVITE to this registration begins."""
    digest = sha256(f"{call_id}\n{from_tag or ''}".encode(errors="surrogateescape")).hexdigest()
    return f"{registration}-{digest[:_HASH]}"
