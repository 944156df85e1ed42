"""Who we are and what we can, for those who ask (XEP-0030); what a client can, when we asked.

Rules:

1. The gateway is a gateway to SIP, each contact is a phone. One list per kind says what it can; caps (XEP-0115),
   disco#info and which questions are answered all follow from it.
2. A phone claims only what a call through this gateway can be made of: with a media relay that is more.
"""

import base64
import hashlib
from typing import Final, NamedTuple

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import (
    LONGEST,
    NS_CAPS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_DTLS,
    NS_DTMF,
    NS_GATEWAY,
    NS_ICE_UDP,
    NS_JINGLE,
    NS_JINGLE_MESSAGE,
    NS_PING,
    NS_RAW_UDP,
    NS_REGISTER,
    NS_RTP,
    NS_RTP_AUDIO,
    NS_VERSION,
    attribute,
    error,
    make,
)
from fargo.adapters.xmpp.wokkel_compat import disco as xep0030
from fargo.statemachine.address import local_of

_NODE: Final = "urn:x-fargo:phone"
_MOST_FEATURES: Final = 256


class Kind(NamedTuple):
    """A kind of address at the gateway: its disco identity and its features."""

    category: str
    type: str
    name: str
    features: tuple[str, ...]


GATEWAY: Final = Kind(
    "gateway",
    "sip",
    "Fargo",
    (NS_DISCO_INFO, NS_DISCO_ITEMS, NS_GATEWAY, NS_PING, NS_REGISTER, NS_VERSION),
)
CONTACT: Final = Kind(
    "client",
    "phone",
    "SIP contact",
    (NS_CAPS, NS_DISCO_INFO, NS_DISCO_ITEMS, NS_JINGLE, NS_JINGLE_MESSAGE, NS_RTP, NS_RTP_AUDIO, NS_RAW_UDP),
)
RELAYED_CONTACT: Final = CONTACT._replace(features=(*CONTACT.features, NS_ICE_UDP, NS_DTLS, NS_DTMF))
"""A contact whose calls can go through a media relay."""


def kind_of(jid: str, contact: Kind) -> Kind:
    """What an address at the gateway is, if its contacts are such a kind."""
    return contact if local_of(jid) else GATEWAY


def verification(kind: Kind) -> str:
    """The verification string (XEP-0115 §5.1)."""
    text = "".join(f"{each}<" for each in (f"{kind.category}/{kind.type}//{kind.name}", *sorted(kind.features)))
    return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()


def caps(kind: Kind) -> Element:
    """The announcement that goes with an available presence (XEP-0115 §4)."""
    return make("c", NS_CAPS, hash="sha-1", node=_NODE, ver=verification(kind))


def info(kind: Kind, node: str) -> Element:
    """The answer to disco#info; StanzaError if there is no such node."""
    if node not in ("", f"{_NODE}#{verification(kind)}") or (node and kind is GATEWAY):
        raise error("cancel", "item-not-found", "There is no such node here.")
    answer = xep0030.DiscoInfo()
    answer.nodeIdentifier = node
    answer.append(xep0030.DiscoIdentity(kind.category, kind.type, kind.name))
    for each in kind.features:
        answer.append(xep0030.DiscoFeature(each))
    made: Element = answer.toElement()
    return made


def items(node: str) -> Element:
    """The answer to disco#items: nothing here has items; StanzaError if a node is asked for."""
    if node:
        raise error("cancel", "item-not-found", "There is no such node here.")
    empty: Element = xep0030.DiscoItems().toElement()
    return empty


def question(caps_node: str) -> Element:
    """disco#info for a client; `caps_node` is its announced ``node#ver`` or ""."""
    return make("query", NS_DISCO_INFO, **({"node": caps_node} if caps_node else {}))


def features(reply: Element) -> tuple[str, ...]:
    """The features in a disco#info result, as many as can be meant."""
    found = [
        attribute(feature, "var")
        for query in reply.elements(NS_DISCO_INFO, "query")
        for feature in query.elements(NS_DISCO_INFO, "feature")
        if 0 < len(feature.getAttribute("var", "")) <= LONGEST
    ]
    return tuple(found[:_MOST_FEATURES])
