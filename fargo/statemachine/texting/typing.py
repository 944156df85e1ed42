"""Typing: notices of RFC 3994 and chat states (XEP-0085), each as the other.

Rules:

1. What a phone says becomes a chat state at once. That it is no longer believed after a while, the XMPP adapter
   settles: it is no event.
2. A phone is told only if it has shown that it understands this: it has said so itself, or accepts it (Accept). A phone
   that refuses one such notice gets no more until it shows so again.
3. Notices are texts on their way (`outbox`), without an answer to the client. One that was not sent yet gives way to a
   text, which says itself that its writer does not type any more (RFC 3994 §3.2).
4. Nobody is told that somebody has stopped who was not told that they had begun.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.model.composing import Typing
from fargo.statemachine.user_state import User

_MOST: Final = 32
"""So many contacts are remembered; who has been silent for the longest is forgotten first."""


def understands(user: User, contact: str) -> User:
    """Return the user after a contact (bare JID) has shown that their phone understands such notices."""
    known = user.typing.able
    if contact in known:
        return user
    return _with(user, Typing((*known, contact)[-_MOST:], user.typing.told))


def does_not_understand(user: User, contact: str) -> User:
    """Return the user after a contact's phone has refused such a notice."""
    left = tuple(each for each in user.typing.able if each != contact)
    return stopped(_with(user, Typing(left, user.typing.told)), contact)


def began(user: User, contact: str) -> User:
    """Return the user after a contact was told that they type."""
    others = (each for each in user.typing.told if each != contact)
    return _with(user, Typing(user.typing.able, (*others, contact)[-_MOST:]))


def stopped(user: User, contact: str) -> User:
    """Return the user after a contact was told, or will notice, that they do not type any more."""
    return _with(user, Typing(user.typing.able, tuple(each for each in user.typing.told if each != contact)))


def _with(user: User, typing: Typing) -> User:
    return user if typing == user.typing else replace(user, typing=typing)
