"""The names in SIP messages of ours: users, registrations, dialogs and commands, as tokens, tags and branches.

Rules:

1. A user has a short name: a keyed hash of their JID, which providers and phones do not learn.
2. A token is the user part of a Contact of ours: ``SHORT.NAME`` with a MAC, which the edge checks. ``NAME`` is the name
   of a registration or dialog (`sip_messages`, rule 1).
3. A tag of ours is ``NAME-HASH``. The core makes it unguessable.
4. A branch of ours is ``z9hG4bK-SHORT-COMMAND-ATTEMPT-MAC``. So a response finds its command, also after a restart. The
   MAC binds the branch to Call-ID and From tag: a server must not be able to answer the request of another user, whose
   branch it could guess.
"""

from functools import lru_cache
from hashlib import md5, sha256
from hmac import compare_digest
from secrets import token_hex
from typing import Final, NamedTuple

from fargo.edge.sip import keys
from fargo.edge.sip.keys import CACHED, EdgeKeys

_MAGIC: Final = "z9hG4bK"  # RFC 3261 §8.1.1.7
# Lengths in hex digits.
_SHORT: Final = 12
_HASH: Final = 16
_RAKIA_MAC: Final = 20
_RAKIA_TAG: Final = 8


class Named(NamedTuple):
    """A user (bare JID), and the name of one of their registrations or dialogs."""

    user: str
    name: str


class Sent(NamedTuple):
    """The request of a command. ``attempt``: how many addresses it was sent to before."""

    user: str
    command: str
    attempt: int


class Names:
    """The names of all users whose commands or registrations the gateway has seen. ``secret``: the edge's."""

    def __init__(self, secret: str) -> None:
        self._key = EdgeKeys.of(secret).token
        self._rakia = _digest(secret)
        self._short: dict[str, str] = {}
        self._users: dict[str, str] = {}

    def know(self, user: str) -> str:
        """Return the short name of a user (bare JID), and understand it from now on."""
        short = self._short.get(user)
        if short is None:
            short = self._mac("user", user)[:_SHORT]
            self._short[user], self._users[short] = short, user
        return short

    def forget(self, user: str) -> None:
        """Understand the short name of a user (bare JID) no longer."""
        self._users.pop(self._short.pop(user, ""), None)

    def is_token(self, text: str) -> bool:
        """Return True if a text is a token of ours, also that of an unknown user."""
        return keys.named(self._key, text) is not None

    def token(self, of: Named) -> str:
        """Return the token of a registration or dialog."""
        return keys.token(self._key, f"{self.know(of.user)}.{of.name}")

    def in_token(self, text: str) -> Named | None:
        """Return what a token stands for, None if it is not one of ours or its user is unknown."""
        short, _, name = (keys.named(self._key, text) or "").partition(".")
        user = self._users.get(short)
        return Named(user, name) if user else None

    def branch(self, of: Sent, call_id: str, tag: str | None) -> str:
        """Return the branch of a request. ``tag``: that in From."""
        return self._branch(f"{self.know(of.user)}-{of.command}-{of.attempt}", call_id, tag)

    def in_branch(self, branch: str, call_id: str, tag: str | None) -> Sent | None:
        """Return the request that a branch is for, None if it is not one of ours or its user is unknown."""
        parts = branch.split("-")
        if len(parts) != 5:
            return None
        _, short, command, attempt, _ = parts
        user = self._users.get(short)
        right = self._branch(f"{short}-{command}-{attempt}", call_id, tag)
        if user is None or not compare_digest(branch.encode(), right.encode()):
            return None
        return Sent(user, command, int(attempt))

    def stateless_tag(self, via: str) -> str:
        """Return a tag for responses that belong to no dialog: always the same for a request, by its topmost Via."""
        return self._mac("tag", via)[:_HASH]

    def cnonce(self, branch: str) -> str:
        """Return our nonce for the answer to a digest challenge: the same whenever the request is sent again."""
        return self._mac("cnonce", branch)[:_HASH]

    def is_of_rakia(self, line: str, uri: str) -> bool:
        """Return True if a Contact with this parameter ``line`` was made by the edge of rakia, for the account with
        this address.
        """
        port, account, place, *_ = *line.split("-"), "", "", ""
        mac = _digest(f"{self._rakia}|{port}|{account}|{place}|{self._rakia}")[:_RAKIA_MAC]
        of_uri = md5(uri.encode(), usedforsecurity=False).hexdigest()[:_RAKIA_TAG]  # the name of the rakia follows
        return line == f"{port}-{account}-{place}-{mac}" and account[:_RAKIA_TAG] == of_uri

    def _branch(self, named: str, call_id: str, tag: str | None) -> str:
        return _branch(self._key, named, call_id, tag)

    def _mac(self, purpose: str, text: str) -> str:
        return _mac(self._key, purpose, text)


@lru_cache(CACHED)
def _branch(key: str, named: str, call_id: str, tag: str | None) -> str:
    """Return the branch of a request. It is remembered, as each response to the request has it."""
    return f"{_MAGIC}-{named}-{_mac(key, 'branch', f'{named}|{tag}|{call_id}')[:_HASH]}"


def _mac(key: str, purpose: str, text: str) -> str:
    # The MAC of a token (`keys.token`) has another form: a name contains no "|".
    return _digest(f"{key}|{purpose}|{text}")


def new_branch() -> str:
    """Return a branch for a request that no command asks for."""
    return f"{_MAGIC}-{token_hex(12)}"


def in_tag(tag: str) -> str | None:
    """Return the name of the registration or dialog in a tag, None if the tag cannot be one of ours."""
    return tag.rpartition("-")[0] or None


def incoming(registration: str, call_id: str, from_tag: str | None) -> str:
    """Return the name of the dialog that an INVITE to this registration begins."""
    return f"{registration}-{_digest(f'{from_tag}|{call_id}')[:_HASH]}"


def registration_of(name: str) -> str:
    """Return the registration of a name: of itself, of an incoming call or of a subscription."""
    return name.partition("-")[0]


def is_subscription(name: str) -> bool:
    """Return True if a name is one of a subscription: it ends with the id of a command."""
    return "." in name.partition("-")[2]


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
