"""Presence and subscriptions, both ways (RFC 6121 §3, §4; XEP-0115 §4; XEP-0100 §4.4 to 4.7;
XEP-0276).

A presence error is read as unavailable: servers return one when the address is unknown or cannot be reached
(RFC 6121 §4.3).
"""

from typing import Final, TypeAlias

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import disco, people, vcard
from fargo.adapters.xmpp.stanza import NS_CAPS, NS_DECLOAK, NS_TEMPPRES, add, attribute, make_stanza, sender_of
from fargo.statemachine.address import local_of
from fargo.statemachine.model.commands import PresenceKind, SendPresence
from fargo.statemachine.model.events import (
    PresenceProbed,
    ResourceAvailable,
    ResourceUnavailable,
    SubscriptionAction,
    SubscriptionChanged,
)

_DECLOAKS: Final = ((NS_DECLOAK, "decloak"), (NS_TEMPPRES, "temppres"))

PresenceEvent: TypeAlias = ResourceAvailable | ResourceUnavailable | PresenceProbed | SubscriptionChanged


def event(presence: Element) -> PresenceEvent | None:
    """Return the event for a presence stanza, None if RFC 6121 §4.7.1 does not define its type."""
    sender, to = sender_of(presence), attribute(presence, "to")
    match attribute(presence, "type"):
        case "":
            return ResourceAvailable(sender, to, _caps(presence), _is_dnd(presence), _decloaks(presence))
        case "unavailable" | "error":
            return ResourceUnavailable(sender, to)
        case "probe":
            return PresenceProbed(to)
        case "subscribe" | "subscribed" | "unsubscribe" | "unsubscribed" as action:
            return SubscriptionChanged(to, SubscriptionAction(action))
        case _:
            return None


def _caps(presence: Element) -> str | None:
    """Return the announced capabilities as ``node#ver``, None if there are none (XEP-0115 §4)."""
    for each in presence.elements(NS_CAPS, "c"):
        node, ver = attribute(each, "node"), attribute(each, "ver")
        return f"{node}#{ver}" if node and ver else None
    return None


def _decloaks(presence: Element) -> bool:
    """Return whether the sender asks for presence in return, under the present name or an earlier one."""
    return any(True for name in _DECLOAKS for _ in presence.elements(*name))


def _is_dnd(presence: Element) -> bool:
    return any(str(each).strip() == "dnd" for each in presence.elements(presence.uri, "show"))


def stanza(command: SendPresence, contact: disco.Entity, nick: str | None = None) -> Element:
    """Return the presence for a command; an available contact announces the capabilities of `contact`, and
    everyone the avatar. ``nick``: as a contact calls itself.
    """
    made = make_stanza("presence", command.sender, command.to)
    if command.kind is not PresenceKind.AVAILABLE:
        made["type"] = command.kind.value
    for name, text in (("show", command.show), ("status", command.status)):
        if text:
            made.addElement((None, name), content=text)
    if command.kind is PresenceKind.AVAILABLE and local_of(command.sender):
        made.addChild(disco.caps(contact))
    if command.kind is PresenceKind.AVAILABLE:
        made.addChild(vcard.update())
    add(made, *people.nick(nick))
    return made
