"""Service discovery (XEP-0030) and entity capabilities (XEP-0115): ours, and the features of clients.

Rules:

1. The gateway's domain is a gateway to SIP, and each contact is a phone. Their lists of features are written down once
   each: disco#info, entity capabilities and the requests that stateless_iq.py answers all follow from them.
2. A contact claims only the features that a call through this gateway can use. A media relay adds some.
"""

import base64
import hashlib
from typing import Final, NamedTuple

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import adhoc, texts
from fargo.adapters.xmpp.stanza import (
    MAX_TEXT,
    NS_CAPS,
    NS_CHAT_STATES,
    NS_COMMANDS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_DTLS,
    NS_DTMF,
    NS_GATEWAY,
    NS_GROUPS,
    NS_ICE_UDP,
    NS_JINGLE,
    NS_JINGLE_MESSAGE,
    NS_PING,
    NS_RAW_UDP,
    NS_RECEIPTS,
    NS_REGISTER,
    NS_RTP,
    NS_RTP_AUDIO,
    NS_RTP_VIDEO,
    NS_TRANSFER,
    NS_VCARD,
    NS_VCARD4,
    NS_VERSION,
    add,
    attribute,
    make,
    nonempty,
    stanza_error,
)
from fargo.adapters.xmpp.wokkel_compat import data_form
from fargo.statemachine.address import local_of

_NODE: Final = "urn:x-fargo:phone"
_MAX_FEATURES: Final = 256


class Entity(NamedTuple):
    """A kind of address at the gateway: its disco identity (XEP-0030 §3.1) and its features."""

    category: str
    type: str
    name: str
    features: tuple[str, ...]


GATEWAY: Final = Entity(
    "gateway",
    "sip",
    "Fargo",
    (NS_DISCO_INFO, NS_DISCO_ITEMS, NS_COMMANDS, NS_GATEWAY, NS_PING, NS_REGISTER, NS_VCARD, NS_VCARD4, NS_VERSION),
)
CONTACT: Final = Entity(
    "client",
    "phone",
    "SIP contact",
    (
        NS_CAPS,
        NS_DISCO_INFO,
        NS_DISCO_ITEMS,
        NS_JINGLE,
        NS_JINGLE_MESSAGE,
        NS_RTP,
        NS_RTP_AUDIO,
        NS_RAW_UDP,
        NS_GROUPS,
        NS_VCARD,
        NS_VCARD4,
    ),
)
SECURED_CONTACT: Final = CONTACT._replace(features=(*CONTACT.features, NS_ICE_UDP, NS_DTLS))
"""A contact whose calls go to phones with DTLS, and through no relay."""
RELAYED_CONTACT: Final = SECURED_CONTACT._replace(features=(*SECURED_CONTACT.features, NS_DTMF))
"""A contact whose calls can go through a media relay."""


def with_video(contact: Entity) -> Entity:
    """Return a contact whose calls can have video, too (XEP-0167 §10)."""
    return contact._replace(features=(*contact.features, NS_RTP_VIDEO))


def with_texts(contact: Entity) -> Entity:
    """Return a contact that takes texts, too, and confirms them (XEP-0184 §4), and may hear who types (XEP-0085 §4)."""
    return contact._replace(features=(*contact.features, NS_RECEIPTS, NS_CHAT_STATES))


def with_transfers(contact: Entity) -> Entity:
    """Return a contact that can be transferred (XEP-0251 §4)."""
    return contact._replace(features=(*contact.features, NS_TRANSFER))


def entity_at(jid: str, contact: Entity) -> Entity:
    """Return the entity at an address of the gateway: the gateway for its domain, `contact` for any other."""
    return contact if local_of(jid) else GATEWAY


def verification_string(entity: Entity) -> str:
    """Return the verification string of the entity capabilities (XEP-0115 §5.1)."""
    identity = f"{entity.category}/{entity.type}//{entity.name}"
    text = "".join(f"{each}<" for each in (identity, *sorted(entity.features)))
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


def caps(entity: Entity) -> Element:
    """Return the <c/> that announces the entity's capabilities in an available presence (XEP-0115 §4)."""
    return make("c", NS_CAPS, hash="sha-1", node=_NODE, ver=verification_string(entity))


def info(entity: Entity, node: str, admin: bool = False) -> Element:
    """Return the answer to disco#info (XEP-0030 §3.1). Raise StanzaError if the entity has no such node.

    A contact has one node, that of its capabilities (XEP-0115 §6.2); the gateway has those of its ad-hoc commands.
    ``admin``: for an admin.
    """
    if entity is GATEWAY and node:
        return _command_info(node, admin)
    if node not in ("", f"{_NODE}#{verification_string(entity)}"):
        raise stanza_error("cancel", "item-not-found", texts.NO_SUCH_NODE)
    query = make("query", NS_DISCO_INFO, **nonempty(node=node))
    query.addChild(make("identity", NS_DISCO_INFO, category=entity.category, type=entity.type, name=entity.name))
    return add(query, *(make("feature", NS_DISCO_INFO, var=each) for each in entity.features))


def _command_info(node: str, admin: bool) -> Element:
    """Return the answer about an ad-hoc command, or about the list of them (XEP-0050 §2.1, §2.2)."""
    name = texts.COMMANDS if node == NS_COMMANDS else adhoc.names(admin).get(node)
    if name is None:
        raise stanza_error("cancel", "item-not-found", texts.NO_SUCH_NODE)
    kind = "command-list" if node == NS_COMMANDS else "command-node"
    query = make("query", NS_DISCO_INFO, node=node)
    query.addChild(make("identity", NS_DISCO_INFO, category="automation", type=kind, name=name))
    return add(query, *(make("feature", NS_DISCO_INFO, var=each) for each in (NS_COMMANDS, data_form.NS_X_DATA)))


def items(to: str, entity: Entity, node: str, admin: bool = False) -> Element:
    """Return the answer to disco#items: the only items are the gateway's ad-hoc commands (XEP-0050 §2.2). Raise
    StanzaError if the entity has no such node. ``to``: the address that was asked. ``admin``: by an
    admin.
    """
    if entity is GATEWAY and node in (NS_COMMANDS, *adhoc.names(admin)):
        commands = adhoc.names(admin) if node == NS_COMMANDS else {}
        listed = (make("item", NS_DISCO_ITEMS, jid=to, node=each, name=name) for each, name in commands.items())
        return add(make("query", NS_DISCO_ITEMS, node=node), *listed)
    if node:
        raise stanza_error("cancel", "item-not-found", texts.NO_SUCH_NODE)
    return make("query", NS_DISCO_ITEMS)


def info_request(caps_node: str | None) -> Element:
    """Return the payload of a disco#info request; `caps_node` is the announced ``node#ver``, None for none."""
    return make("query", NS_DISCO_INFO, **nonempty(node=caps_node or ""))


def features(reply: Element) -> tuple[str, ...]:
    """Return the features in a disco#info result, without those that are too long, and at most 256 of them."""
    found = [
        attribute(feature, "var")
        for query in reply.elements(NS_DISCO_INFO, "query")
        for feature in query.elements(NS_DISCO_INFO, "feature")
        if 0 < len(feature.getAttribute("var", "")) <= MAX_TEXT
    ]
    return tuple(found[:_MAX_FEATURES])
