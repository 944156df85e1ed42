"""Stanzas as texts, on their way from one worker to another: what is parsed again is what was received."""

from collections.abc import Callable
from typing import TypeAlias

from twisted.words.protocols.jabber.component import NS_COMPONENT_ACCEPT
from twisted.words.xish.domish import Element, elementStream

from fargo.adapters.xmpp.xml_text import WHITE_SPACE, xml

Elsewhere: TypeAlias = Callable[[str, Callable[[], str]], bool]
"""elsewhere(bare JID of the user, function that returns a stanza of theirs as a text) returns True if the stanza is
none of ours, or not now.
"""


def as_text(stanza: Element) -> str:
    """Return a stanza that was received as a text."""
    return xml(stanza).translate(WHITE_SPACE)


def from_text(text: str) -> Element:
    """Return the stanza in a text of `as_text`."""
    found: list[Element] = []
    stream = elementStream()
    stream.DocumentStartEvent = lambda root: None
    stream.ElementEvent = found.append
    stream.DocumentEndEvent = lambda: None
    stream.parse(f"<stream xmlns='{NS_COMPONENT_ACCEPT}'>{text}</stream>".encode())
    return found[0]
