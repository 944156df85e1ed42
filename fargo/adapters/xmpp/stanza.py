"""What every room shares: reading hostile XML within bounds, and making elements.

Rules:

1. What is read is untrusted. Whatever it is, reading gives a value or raises `MalformedError`, and nothing else.
2. Every text and every list has a bound, because what is read is written to the log.
3. A stanza of ours has no namespace of its own: it inherits the stream's.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeVar

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.statemachine.model.events import Iq

NS_STANZAS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"
NS_REGISTER: Final = "jabber:iq:register"
NS_DISCO_INFO: Final = "http://jabber.org/protocol/disco#info"
NS_DISCO_ITEMS: Final = "http://jabber.org/protocol/disco#items"
NS_CAPS: Final = "http://jabber.org/protocol/caps"
NS_VERSION: Final = "jabber:iq:version"
NS_DELAY: Final = "urn:xmpp:delay"
NS_HINTS: Final = "urn:xmpp:hints"
NS_PING: Final = "urn:xmpp:ping"
NS_GATEWAY: Final = "jabber:iq:gateway"
NS_JINGLE: Final = "urn:xmpp:jingle:1"
NS_JINGLE_MESSAGE: Final = "urn:xmpp:jingle-message:0"
NS_JINGLE_ERRORS: Final = "urn:xmpp:jingle:errors:1"
NS_RTP: Final = "urn:xmpp:jingle:apps:rtp:1"
NS_RTP_INFO: Final = "urn:xmpp:jingle:apps:rtp:info:1"
NS_RTP_AUDIO: Final = "urn:xmpp:jingle:apps:rtp:audio"
NS_FEEDBACK: Final = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
NS_EXTENSIONS: Final = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
NS_SOURCES: Final = "urn:xmpp:jingle:apps:rtp:ssma:0"
NS_DTMF: Final = "urn:xmpp:jingle:dtmf:0"
NS_DTLS: Final = "urn:xmpp:jingle:apps:dtls:0"
NS_RAW_UDP: Final = "urn:xmpp:jingle:transports:raw-udp:1"
NS_ICE_UDP: Final = "urn:xmpp:jingle:transports:ice-udp:1"

LONGEST: Final = 1024
"""Characters in any one text."""
MOST: Final = 64
"""Elements in any one list."""

_NUMBER: Final = re.compile(r"\+?[0-9]{1,10}")
# XML 1.0 §2.2; what is not in it would end the stream, and nobody can send a lone surrogate.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

T = TypeVar("T", bound=str)


class MalformedError(Exception):
    """A stanza that could not be understood; str() is a sentence for the one who sent it."""


# --- reading


def attribute(element: Element, name: str, default: str = "") -> str:
    """An attribute's text."""
    return bounded(element.getAttribute(name, default), f"The attribute “{name}” of <{element.name}/>")


def required(element: Element, name: str) -> str:
    """The text of an attribute that has to be there and not be empty."""
    text = attribute(element, name)
    if not text:
        raise MalformedError(f"<{element.name}/> lacks its attribute “{name}”.")
    return text


def bounded(text: str, what: str) -> str:
    """The text, unless it is too long to be meant."""
    if len(text) > LONGEST:
        raise MalformedError(f"{what} is longer than {LONGEST} characters.")
    return text


def number(element: Element, name: str, most: int, default: int | None = None) -> int:
    """An attribute that is a whole number between 0 and `most`; it has to be there if there is no default."""
    text = (attribute(element, name) if default is not None else required(element, name)).strip()
    if not text and default is not None:
        return default
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise MalformedError(f"The attribute “{name}” of <{element.name}/> is not a number between 0 and {most}.")
    return int(text)


def choice(element: Element, name: str, choices: Iterable[T], default: T) -> T:
    """An attribute that is one of a few words."""
    text = attribute(element, name, default)
    for each in choices:
        if each == text:
            return each
    raise MalformedError(f"“{text}” is not a value for the attribute “{name}” of <{element.name}/>.")


def children(element: Element, namespace: str, name: str, most: int = MOST) -> list[Element]:
    """The children of one name."""
    found = list(element.elements(namespace, name))
    if len(found) > most:
        raise MalformedError(f"<{element.name}/> has more than {most} of <{name}/>.")
    return found


def child(element: Element, namespace: str, name: str) -> Element | None:
    """The child of one name, None if there is none."""
    found = children(element, namespace, name)
    if len(found) > 1:
        raise MalformedError(f"<{element.name}/> has more than one <{name}/>.")
    return found[0] if found else None


def has(element: Element, namespace: str, name: str) -> bool:
    """Whether there is a child of that name."""
    return any(element.elements(namespace, name))


def words(element: Element | None) -> str:
    """A sentence for people, cut where it becomes too long to be one; "" if there is no element."""
    return str(element).strip()[:LONGEST] if element is not None else ""


def sender_of(stanza: Element) -> str:
    """The JID that a stanza comes from, "" if the server did not say."""
    return attribute(stanza, "from")


def iq_of(stanza: Element) -> Iq:
    """Whom to answer, and how."""
    return Iq(sender_of(stanza), attribute(stanza, "to"), attribute(stanza, "id"))


# --- making


def make(name: str, namespace: str, /, **attributes: str | int) -> Element:
    """An element; an underscore in an attribute's name stands for a hyphen."""
    element = Element((namespace, name))
    for key, value in attributes.items():
        element[key.replace("_", "-")] = str(value)
    return element


def given(**attributes: str | int) -> dict[str, str | int]:
    """The attributes that say something: neither "" nor 0."""
    return {name: value for name, value in attributes.items() if value}


def add(parent: Element, *added: Element) -> Element:
    """The parent, with more children."""
    for each in added:
        parent.addChild(each)
    return parent


def envelope(kind: str, sender: str, to: str, *payload: Element, **attributes: str) -> Element:
    """A stanza: `kind` is iq, message or presence."""
    made = Element((None, kind), attribs={"from": sender, "to": to, **attributes})
    return add(made, *payload)


def result(iq: Iq, *payload: Element) -> Element:
    """The IQ-result for a request."""
    return envelope("iq", iq.to, iq.sender, *payload, type="result", id=iq.id)


def refusal(iq: Iq, error: StanzaError) -> Element:
    """The IQ-error for a request."""
    return envelope("iq", iq.to, iq.sender, error.getElement(), type="error", id=iq.id)


def error(kind: str, condition: str, text: str, jingle: str = "") -> StanzaError:
    """A stanza error (RFC 6120 §8.3) with a sentence in English, and maybe an error of XEP-0166 §10."""
    specific = Element((NS_JINGLE_ERRORS, jingle)) if jingle else None
    return StanzaError(condition, type=kind, text=text or None, textLang="en", appCondition=specific)


def sendable(xml: str) -> str:
    """XML in which what may not stand in XML is replaced, so that no text from elsewhere can end the stream."""
    return _NO_XML.sub("�", xml)
