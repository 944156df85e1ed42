"""The XML of the test client, on ElementTree: namespaces, building elements and reading replies.

Search with `stanza.find("jingle:jingle", NS)`.
"""

from typing import NamedTuple
from xml.etree import ElementTree as ET

NS = {
    "client": "jabber:client",
    "stanzas": "urn:ietf:params:xml:ns:xmpp-stanzas",
    "roster": "jabber:iq:roster",
    "disco": "http://jabber.org/protocol/disco#info",
    "items": "http://jabber.org/protocol/disco#items",
    "caps": "http://jabber.org/protocol/caps",
    "register": "jabber:iq:register",
    "data": "jabber:x:data",
    "jingle": "urn:xmpp:jingle:1",
    "jingle-errors": "urn:xmpp:jingle:errors:1",
    "rtp": "urn:xmpp:jingle:apps:rtp:1",
    "rtp-info": "urn:xmpp:jingle:apps:rtp:info:1",
    "transfer": "urn:xmpp:jingle:transfer:0",
    "audio": "urn:xmpp:jingle:apps:rtp:audio",
    "dtmf": "urn:xmpp:jingle:dtmf:0",
    "raw-udp": "urn:xmpp:jingle:transports:raw-udp:1",
    "decloak": "urn:xmpp:decloak:0",
    "temppres": "urn:xmpp:temppres:0",
}


class Failure(NamedTuple):
    """A stanza error (RFC 6120 §8.3): its type, defined condition, application-specific condition and text."""

    kind: str
    condition: str
    specific: str
    text: str


def element(
    name: str,
    namespace: str | None = None,
    /,
    *children: ET.Element,
    text: str | None = None,
    **attributes: str | None,
) -> ET.Element:
    """Return a new element. Attributes that are None are omitted."""
    made = ET.Element(name, {key: value for key, value in attributes.items() if value is not None})
    if namespace:
        made.set("xmlns", namespace)
    made.text = text
    made.extend(children)
    return made


def form(kind: str, **fields: str) -> ET.Element:
    """Return a data form (XEP-0004)."""
    filled = [element("field", None, element("value", text=value), var=name) for name, value in fields.items()]
    return element("x", NS["data"], *filled, type=kind)


def refusal(request: ET.Element, kind: str, condition: str, *specific: ET.Element) -> ET.Element:
    """Return the error reply to an IQ."""
    error = element("error", None, element(condition, NS["stanzas"]), *specific, type=kind)
    return element("iq", None, error, type="error", id=request.get("id"), to=request.get("from"))


def failure(reply: ET.Element) -> Failure | None:
    """Return the error of a reply, None if it is a result."""
    error = reply.find("client:error", NS)
    if error is None:
        return None
    condition = specific = text = ""
    for each in error:
        namespace, _, name = each.tag[1:].partition("}")
        if namespace != NS["stanzas"]:
            specific = name
        elif name == "text":
            text = each.text or ""
        else:
            condition = name
    return Failure(error.get("type") or "", condition, specific, text)


def kind_of(stanza: ET.Element) -> str:
    """Return "iq", "message" or "presence"."""
    return stanza.tag.rpartition("}")[2]


def show(stanza: ET.Element) -> str:
    return ET.tostring(stanza, encoding="unicode")
