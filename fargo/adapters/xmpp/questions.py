"""Questions whose answer depends on nothing that happened; they are answered at once, and are in no log.

An address answers only the questions that its disco#info lists; anything else is service-unavailable (RFC 6120 §8.4).
"""

import re
from importlib.metadata import version
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import disco
from fargo.adapters.xmpp.stanza import (
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_GATEWAY,
    NS_PING,
    NS_VERSION,
    attribute,
    bounded,
    child,
    error,
    make,
)
from fargo.statemachine.address import BadAddress, contact, escape_local, parse_account, parse_contact

# RFC 3966 §3: a number, and what people write between its digits.
_NUMBER: Final = re.compile(r"\+?[0-9*#().\- /]+")
_BETWEEN: Final = re.compile(r"[().\- /]")


def answer(to: str, kind: str, query: Element, contact: disco.Kind) -> list[Element]:
    """The payload of the IQ-result; StanzaError if that cannot be answered, MalformedError if it cannot be understood.

    `to` is the address that was asked, `kind` get or set, `contact` what kind contacts are.
    """
    asked = disco.kind_of(to, contact)
    if query.uri in asked.features:
        match kind, query.uri, query.name:
            case "get", uri, "query" if uri == NS_DISCO_INFO:
                return [disco.info(asked, attribute(query, "node"))]
            case "get", uri, "query" if uri == NS_DISCO_ITEMS:
                return [disco.items(attribute(query, "node"))]
            case "get", uri, "ping" if uri == NS_PING:
                return []
            case "get", uri, "query" if uri == NS_VERSION:
                return [_version()]
            case "get", uri, "query" if uri == NS_GATEWAY:
                return [_prompt()]
            case "set", uri, "query" if uri == NS_GATEWAY:
                return [_contact(query, to)]
    raise error("cancel", "service-unavailable", "This address does not answer that kind of question.")


def _version() -> Element:
    """XEP-0092; the operating system is nobody's business."""
    answer = make("query", NS_VERSION)
    answer.addElement("name", content=disco.GATEWAY.name)
    answer.addElement("version", content=version("fargo"))
    return answer


def _prompt() -> Element:
    """XEP-0100 §6.3, what to ask the user for."""
    answer = make("query", NS_GATEWAY)
    answer.addElement("desc", content="Enter the telephone number or SIP address of the person you would like to call.")
    answer.addElement("prompt", content="Number or SIP address")
    return answer


def _contact(query: Element, gateway: str) -> Element:
    """XEP-0100 §6.3, the JID for what the user typed."""
    prompt = child(query, NS_GATEWAY, "prompt")
    typed = bounded(str(prompt or ""), "The number or SIP address").strip()
    jid = _jid(typed, gateway)
    if isinstance(jid, BadAddress):
        raise error("modify", "not-acceptable", jid.problem)
    answer = make("query", NS_GATEWAY)
    answer.addElement("jid", content=jid)
    return answer


def _jid(typed: str, gateway: str) -> str | BadAddress:
    """The contact that a person means: a SIP address, or a number or name in their account's own domain."""
    if "@" in typed or typed[:4].lower() == "sip:":
        uri = parse_account(typed)
        return uri if isinstance(uri, BadAddress) else contact(uri, gateway)
    jid = f"{escape_local(_BETWEEN.sub('', typed) if _NUMBER.fullmatch(typed) else typed)}@{gateway}"
    checked = parse_contact(jid, "example.org")
    return checked if isinstance(checked, BadAddress) else jid
