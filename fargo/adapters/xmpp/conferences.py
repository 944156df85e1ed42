"""Invitations to conferences and group calls, which nobody at a phone can take: refused by name.

Rules:

1. An invitation is one to a chat room (XEP-0249, XEP-0045 §7.8), to a call of several (XEP-0272), or to any call by
   message (XEP-0482), which contacts do not announce. Its sender reads why in a stanza error.
2. An invitation of XEP-0482 is also rejected as that says, so that the client does not go on calling. What else it
   tells of such calls gets no answer.
3. A session-initiate of a call of several (XEP-0272 §4) is refused before it becomes a call.
"""

from typing import Final

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import attribute, child, has_child, make, make_stanza, sender_of, stanza_error

NS_CALL_INVITES: Final = "urn:xmpp:call-invites:0"
"""XEP-0482."""
_NS_MUJI: Final = "urn:xmpp:jingle:muji:0"
_NS_ROOM: Final = "jabber:x:conference"
_NS_MUC_USER: Final = "http://jabber.org/protocol/muc#user"


def no_conference() -> StanzaError:
    """Return the error that refuses an invitation."""
    return stanza_error("cancel", "feature-not-implemented", texts.NO_CONFERENCE)


def invites(message: Element) -> bool:
    """Return True if a message is an invitation (rule 1)."""
    room = child(message, _NS_MUC_USER, "x")
    return (
        has_child(message, NS_CALL_INVITES, "invite")
        or has_child(message, _NS_ROOM, "x")
        or has_child(message, _NS_MUJI, "muji")
        or (room is not None and has_child(room, _NS_MUC_USER, "invite"))
    )


def rejection(message: Element) -> Element | None:
    """Return the message that rejects a call by message (rule 2), None if the invitation is of another kind."""
    if not has_child(message, NS_CALL_INVITES, "invite"):
        return None
    rejects = make("reject", NS_CALL_INVITES, id=attribute(message, "id"))
    return make_stanza("message", attribute(message, "to"), sender_of(message), rejects, type="chat")


def refuse(jingle: Element) -> None:
    """Raise StanzaError if a session-initiate is of a call of several (rule 3)."""
    if has_child(jingle, _NS_MUJI, "muji"):
        raise no_conference()
