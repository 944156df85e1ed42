"""Shared helpers: read untrusted XML within bounds, and make elements and stanzas.

Rules:

1. Every stanza is untrusted. Each reading function returns a value or raises `MalformedError`, and nothing else.
2. Every text and every list has a bound, because what is read is written to the event log.
3. The stanzas made here have no namespace of their own: they inherit that of the stream.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeVar

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.xml_text import WHITE_SPACE, xml
from fargo.plain import plain
from fargo.statemachine.model.iq import Iq

NS_STANZAS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"
NS_RECEIPTS: Final = "urn:xmpp:receipts"
NS_REGISTER: Final = "jabber:iq:register"
NS_DISCO_INFO: Final = "http://jabber.org/protocol/disco#info"
NS_DISCO_ITEMS: Final = "http://jabber.org/protocol/disco#items"
NS_CAPS: Final = "http://jabber.org/protocol/caps"
NS_DECLOAK: Final = "urn:xmpp:decloak:0"
NS_TEMPPRES: Final = "urn:xmpp:temppres:0"
NS_COMMANDS: Final = "http://jabber.org/protocol/commands"
NS_VERSION: Final = "jabber:iq:version"
NS_VCARD: Final = "vcard-temp"
NS_VCARD4: Final = "urn:ietf:params:xml:ns:vcard-4.0"
NS_AVATAR: Final = "vcard-temp:x:update"
NS_DELAY: Final = "urn:xmpp:delay"
NS_CHAT_STATES: Final = "http://jabber.org/protocol/chatstates"
NS_CARBONS: Final = "urn:xmpp:carbons:2"
NS_HINTS: Final = "urn:xmpp:hints"
NS_PING: Final = "urn:xmpp:ping"
NS_NICK: Final = "http://jabber.org/protocol/nick"
NS_ROSTERX: Final = "http://jabber.org/protocol/rosterx"
NS_GATEWAY: Final = "jabber:iq:gateway"
NS_JINGLE: Final = "urn:xmpp:jingle:1"
NS_JINGLE_MESSAGE: Final = "urn:xmpp:jingle-message:0"
NS_JINGLE_ERRORS: Final = "urn:xmpp:jingle:errors:1"
NS_RTP: Final = "urn:xmpp:jingle:apps:rtp:1"
NS_RTP_INFO: Final = "urn:xmpp:jingle:apps:rtp:info:1"
NS_RTP_AUDIO: Final = "urn:xmpp:jingle:apps:rtp:audio"
NS_RTP_VIDEO: Final = "urn:xmpp:jingle:apps:rtp:video"
NS_GROUPING: Final = "urn:xmpp:jingle:apps:grouping:0"
NS_GROUPS: Final = "urn:ietf:rfc:5888"
NS_FEEDBACK: Final = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
NS_EXTENSIONS: Final = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
NS_SOURCES: Final = "urn:xmpp:jingle:apps:rtp:ssma:0"
NS_TRANSFER: Final = "urn:xmpp:jingle:transfer:0"
NS_DTMF: Final = "urn:xmpp:jingle:dtmf:0"
NS_DTLS: Final = "urn:xmpp:jingle:apps:dtls:0"
NS_RAW_UDP: Final = "urn:xmpp:jingle:transports:raw-udp:1"
NS_ICE_UDP: Final = "urn:xmpp:jingle:transports:ice-udp:1"

MAX_TEXT: Final = 1024
"""The maximum length of a text, in characters."""
MAX_CHILDREN: Final = 64
"""The maximum number of children of one name, unless a caller gives its own."""

_NUMBER: Final = re.compile(r"\+?[0-9]{1,10}")

T = TypeVar("T", bound=str)


class MalformedError(Exception):
    """A stanza that cannot be understood. str() is a sentence for its sender."""


# --- reading


def attribute(element: Element, name: str, default: str = "") -> str:
    """Return the value of an attribute, or the default if it is absent."""
    text: str = element.attributes.get(name, default)
    if len(text) > MAX_TEXT:
        raise _too_long(texts.ATTRIBUTE.format(name=name, element=element.name))
    return text


def required(element: Element, name: str) -> str:
    """Return the value of an attribute that must be present and not empty."""
    text = attribute(element, name)
    if not text:
        raise MalformedError(texts.MISSING_ATTRIBUTE.format(name=name, element=element.name))
    return text


def bounded(text: str, what: str) -> str:
    """Return the text; raise `MalformedError`, which calls it `what`, if it is longer than `MAX_TEXT`."""
    if len(text) > MAX_TEXT:
        raise _too_long(what)
    return text


def _too_long(what: str) -> MalformedError:
    return MalformedError(texts.TOO_LONG.format(what=what, limit=MAX_TEXT))


def number(element: Element, name: str, most: int, default: int | None = None) -> int:
    """Return an attribute as an integer between 0 and `most`. Without a default it must be present."""
    text = (attribute(element, name) if default is not None else required(element, name)).strip()
    if not text and default is not None:
        return default
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise MalformedError(texts.NOT_A_NUMBER.format(name=name, element=element.name, limit=most))
    return int(text)


def number_or(element: Element, name: str, most: int, default: int) -> int:
    """Return an attribute as an integer between 0 and `most`; the default if it is absent or anything else."""
    text = element.getAttribute(name, "").strip()
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= most else default


def choice(element: Element, name: str, choices: Iterable[T], default: T) -> T:
    """Return an attribute that must have one of the given values."""
    text = attribute(element, name, default)
    for each in choices:
        if each == text:
            return each
    raise MalformedError(texts.NOT_A_CHOICE.format(value=text, name=name, element=element.name))


def elements(element: Element) -> list[Element]:
    """Return the children that are elements."""
    return [each for each in element.children if isinstance(each, Element)]


def children(element: Element, namespace: str, name: str, most: int = MAX_CHILDREN) -> list[Element]:
    """Return the children with this name."""
    found = [each for each in elements(element) if each.name == name and each.uri == namespace]
    if len(found) > most:
        raise MalformedError(texts.TOO_MANY.format(element=element.name, limit=most, name=name))
    return found


def child(element: Element, namespace: str, name: str) -> Element | None:
    """Return the only child with this name, or None if there is none."""
    found = children(element, namespace, name)
    if len(found) > 1:
        raise MalformedError(texts.MORE_THAN_ONE.format(element=element.name, name=name))
    return found[0] if found else None


def has_child(element: Element, namespace: str, name: str) -> bool:
    """Return True if there is a child with this name."""
    return any(each.name == name and each.uri == namespace for each in elements(element))


def text_of(element: Element | None) -> str:
    """Return the text of an element meant for people, cut at `MAX_TEXT`; "" if there is no element."""
    return str(element).strip()[:MAX_TEXT] if element is not None else ""


def sender_of(stanza: Element) -> str:
    """Return the JID in “from”, or "" if the server did not set it."""
    return attribute(stanza, "from")


def iq_of(stanza: Element) -> Iq:
    """Return the addresses and the id that a reply to this IQ needs, however long they are."""
    return Iq(sender_of(stanza), stanza.getAttribute("to", ""), stanza.getAttribute("id", ""))


def refuse_long(iq: Iq) -> None:
    """Raise MalformedError if the address or the id of an IQ is too long for the log."""
    bounded(iq.to, texts.ATTRIBUTE.format(name="to", element="iq"))
    bounded(iq.id, texts.ATTRIBUTE.format(name="id", element="iq"))


# --- making


def make(name: str, namespace: str, /, **attributes: str | int) -> Element:
    """Return a new element. An underscore in the name of an attribute stands for a hyphen."""
    return Element((namespace, name), attribs={key.replace("_", "-"): str(value) for key, value in attributes.items()})


def nonempty(**attributes: str | int) -> dict[str, str | int]:
    """Return the attributes that are neither "" nor 0."""
    return {name: value for name, value in attributes.items() if value}


def add(parent: Element, *added: Element) -> Element:
    """Append children to the parent and return it."""
    for each in added:
        each.parent = parent
    parent.children.extend(added)
    return parent


def make_stanza(kind: str, sender: str, to: str, *payload: Element, **attributes: str) -> Element:
    """Return a new stanza; `kind` is "iq", "message" or "presence"."""
    made = Element((None, kind), attribs={"from": sender, "to": to, **attributes})
    return add(made, *payload)


def iq_result(iq: Iq, *payload: Element) -> Element:
    """Return the IQ-result for a request."""
    return make_stanza("iq", iq.to, iq.sender, *payload, type="result", id=iq.id)


def iq_error(iq: Iq, error: StanzaError) -> Element:
    """Return the IQ-error for a request."""
    return make_stanza("iq", iq.to, iq.sender, error.getElement(), type="error", id=iq.id)


def stanza_error(kind: str, condition: str, text: str, jingle: str | None = None) -> StanzaError:
    """Return a stanza error (RFC 6120 §8.3) with an English text; `jingle` adds a condition of XEP-0166 §10."""
    specific = Element((NS_JINGLE_ERRORS, jingle)) if jingle else None
    return StanzaError(condition, type=kind, text=text or None, textLang="en", appCondition=specific)


def serialized(stanza: Element) -> str:
    """Return a stanza as XML, with U+FFFD for each character that is unsafe (`fargo.plain`). That is also each one
    outside the Char production of XML 1.0 §2.2, so no text can end the stream.

    The id of an answer must be that of the request. So what is unsafe but stands in the id is kept: only who wrote it
    gets it. White space stands as references (`WHITE_SPACE`).
    """
    text = xml(stanza)
    if text.isprintable():  # nearly always
        return text
    kept = {*"\t\n\r", *stanza.getAttribute("id", "")}
    return plain(text, kept, mark="�").translate(WHITE_SPACE)
