"""Answer the IQ requests whose answer depends on no call: disco, ping, version, vCards, and the text of the prompt.

They are answered at once and appear in no log. An address answers only the requests whose namespace its disco#info
lists; anything else gets service-unavailable (RFC 6120 §8.4).
"""

from importlib.metadata import version

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import disco, texts, vcard
from fargo.adapters.xmpp.stanza import (
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_GATEWAY,
    NS_PING,
    NS_VCARD,
    NS_VCARD4,
    NS_VERSION,
    attribute,
    make,
    stanza_error,
)
from fargo.statemachine.numbering_examples import example


def answer(
    to: str, kind: str, payload: Element, contact: disco.Entity, admin: bool = False, country: str | None = None
) -> list[Element]:
    """Return the payload of the IQ-result.

    `to` is the address that received the request, `kind` is "get" or "set", `payload` the child of the IQ, `contact`
    the entity that each SIP contact is. `admin`: the sender is an admin of the gateway. `country`: that in which they
    dial, if it is known. Raise StanzaError if the request is not supported or not acceptable, MalformedError if it
    cannot be understood.
    """
    entity = disco.entity_at(to, contact)
    if payload.uri in entity.features:
        match kind, payload.uri, payload.name:
            case "get", uri, "query" if uri == NS_DISCO_INFO:
                return [disco.info(entity, attribute(payload, "node"), admin)]
            case "get", uri, "query" if uri == NS_DISCO_ITEMS:
                return [disco.items(to, entity, attribute(payload, "node"), admin)]
            case "get", uri, "ping" if uri == NS_PING:
                return []
            case "get", uri, "query" if uri == NS_VERSION:
                return [_version()]
            case "get", uri, "query" if uri == NS_GATEWAY:
                return [_prompt(country)]
            case "get", uri, "vCard" if uri == NS_VCARD:
                return [vcard.vcard(to)]
            case "get", uri, "vcard" if uri == NS_VCARD4:
                return [vcard.vcard4(to)]
    raise stanza_error("cancel", "service-unavailable", texts.NOT_SUPPORTED)


def _version() -> Element:
    """Return our name and version (XEP-0092), without the optional <os/>."""
    query = make("query", NS_VERSION)
    query.addElement("name", content=disco.GATEWAY.name)
    query.addElement("version", content=version("fargo"))
    return query


def _prompt(country: str | None) -> Element:
    """Return the text that asks the user for a number or SIP address (XEP-0100 §6.3), with one of their country."""
    query = make("query", NS_GATEWAY)
    query.addElement("desc", content=texts.PROMPT_DESCRIPTION.format(number=example(country)))
    query.addElement("prompt", content=texts.PROMPT)
    return query
