"""The user's clients, and their contacts at the gateway: who is online, who can take a call, who has subscribed to
whom.

Rules:

1. A client is online from its first available presence, to whichever address of the gateway, until its unavailable
   presence to the gateway itself (XEP-0100 §4.4): one to a contact hides the client from that contact only. A client is
   asked once what it can do for each set of capabilities that it announces (XEP-0115).
2. While the XMPP stream was down, presence may have been missed. Every client is then in doubt until it is seen again;
   those that are not seen in time count as gone.
3. Every subscription to a contact is granted at once: a phone has no presence of its own to protect. A probe for an
   unknown contact shows that it is in the user's roster, so it is added.
4. A contact is shown as available while the account is signed in.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from fargo.statemachine import address
from fargo.statemachine.address import SipUri
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import Policy, reaches
from fargo.statemachine.model.commands import AskFeatures, PresenceKind, SendPresence
from fargo.statemachine.model.events import FeaturesLearned, ResourceAvailable, SubscriptionAction
from fargo.statemachine.model.presence import Client
from fargo.statemachine.pending import PendingCommands

RESOURCE: Final = "fargo"
"""The resource of every contact: clients want a full JID to call."""

# What a client must announce to be called (XEP-0167 §11), and what tells how it sends and receives audio (XEP-0177 §8,
# XEP-0176 §9, XEP-0320 §4).
_NEEDED: Final = frozenset({"urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio"})
_PROFILES: Final = {
    MediaProfile.PLAIN: frozenset({"urn:xmpp:jingle:transports:raw-udp:1"}),
    MediaProfile.ICE: frozenset({"urn:xmpp:jingle:transports:ice-udp:1"}),
    MediaProfile.DTLS: frozenset({"urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0"}),
}
_ASKS_FIRST: Final = "urn:xmpp:jingle-message:0"
"""Announced by clients that are called by a proposal (XEP-0353 §4)."""
_LONGEST_DOUBT: Final = 30.0  # seconds
_MOST_CLIENTS: Final = 64
_MOST_CONTACTS: Final = 2000


class Contacts(Struct, frozen=True, gc=False):
    """Online clients by full JID, and the bare JIDs of the contacts that the user has subscribed to."""

    clients: Mapping[str, Client] = field(default_factory=dict)
    subscribed: tuple[str, ...] = ()


class Shown(Struct, frozen=True, gc=False):
    """The presence of the gateway and its contacts, as the user should see it."""

    gateway: str
    account: SipUri
    available: bool
    show: str
    status: str


# --- clients


def available(contacts: Contacts, event: ResourceAvailable, gateway: str, effects: Effects) -> Contacts:
    """Add a client that is online, and ask what it can do unless that is known."""
    known = contacts.clients.get(event.resource)
    if known is None and len(contacts.clients) >= _MOST_CLIENTS:
        return contacts
    if known is not None and known.caps == event.caps and (known.profiles or known.doubted is None):
        return _with(contacts, event.resource, replace(known, doubted=None))
    _forget_questions(event.resource, effects)
    effects.emit_pending(AskFeatures(gateway, event.resource, event.caps), None)
    return _with(contacts, event.resource, Client(event.caps))


def _forget_questions(resource: str, effects: Effects) -> None:
    """Forget the questions to a client (full JID), or to all of them (bare JID)."""
    for name, question in questions(effects.pending).items():
        if resource in (question.to, address.bare(question.to)):
            effects.settle(name)


def questions(pending: PendingCommands) -> dict[str, AskFeatures]:
    """Return the questions that clients have not answered, by the id of the command. A call waits for the answer for a
    few seconds only (see `forking`), but an answer counts whenever it comes.
    """
    return {name: each.command for name, each in pending.items() if isinstance(each.command, AskFeatures)}


def unavailable(contacts: Contacts, resource: str, effects: Effects) -> Contacts:
    """Remove a client (full JID), or all of them (bare JID), that went offline."""
    _forget_questions(resource, effects)
    left = {jid: c for jid, c in contacts.clients.items() if resource not in (jid, address.bare(jid))}
    return replace(contacts, clients=left)


def learned(contacts: Contacts, event: FeaturesLearned, effects: Effects) -> Contacts:
    """Keep what a client said that it can do."""
    question = questions(effects.pending).get(event.command)
    client = contacts.clients.get(event.resource)
    if question is None or client is None or question.to != event.resource:
        return contacts
    effects.settle(event.command)
    known = replace(client, profiles=_profiles(event.features), asks_first=_ASKS_FIRST in event.features)
    return _with(contacts, event.resource, known)


def _profiles(features: tuple[str, ...]) -> tuple[MediaProfile, ...]:
    """Return in which profiles a client can be called. One that encrypts is not called without, even if it announces
    raw-udp too: Dino does, and accepts with no address.
    """
    able = tuple(profile for profile, needed in _PROFILES.items() if (needed | _NEEDED).issubset(features))
    return (
        tuple(profile for profile in able if profile is not MediaProfile.PLAIN) if MediaProfile.DTLS in able else able
    )


def able(contacts: Contacts, spoken: tuple[MediaProfile, ...], policy: Policy) -> Mapping[str, Client]:
    """Return the clients that can take a call; ``spoken``: the profiles of the SIP side."""
    return {jid: client for jid, client in contacts.clients.items() if reaches(client.profiles, spoken, policy)}


def forget_clients(contacts: Contacts, effects: Effects) -> Contacts:
    """Forget who is online: the gateway was away."""
    for name in questions(effects.pending):
        effects.settle(name)
    return replace(contacts, clients={})


def doubt(contacts: Contacts, effects: Effects) -> Contacts:
    """Doubt the presence of every client: the XMPP stream was down (rule 2)."""
    until = effects.at + _LONGEST_DOUBT
    return replace(contacts, clients={jid: replace(c, doubted=until) for jid, c in contacts.clients.items()})


def missing(contacts: Contacts, at: float) -> tuple[str, ...]:
    """Return the clients that have been in doubt for too long."""
    return tuple(jid for jid, c in contacts.clients.items() if c.doubted is not None and c.doubted <= at)


def deadlines(contacts: Contacts) -> tuple[Deadline, ...]:
    """Return when the clients in doubt count as gone."""
    doubted = ((jid, client.doubted) for jid, client in contacts.clients.items())
    return tuple(Deadline(f"presence of {jid}", until) for jid, until in doubted if until is not None)


def _with(contacts: Contacts, jid: str, client: Client) -> Contacts:
    return replace(contacts, clients={**contacts.clients, jid: client})


# --- subscriptions and presence


def subscription(
    contacts: Contacts, to: str, action: SubscriptionAction, shown: Shown | None, effects: Effects
) -> Contacts:
    """Answer a change of the subscription between the user and the gateway or a contact. ``shown`` is None without an
    account.
    """
    to = address.bare(to)
    match action:
        case SubscriptionAction.SUBSCRIBE:
            return _subscribe(contacts, to, shown, effects)
        case SubscriptionAction.UNSUBSCRIBE:
            effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED))
            effects.emit(SendPresence(_appearing(to), effects.user, PresenceKind.UNAVAILABLE))
            return replace(contacts, subscribed=tuple(c for c in contacts.subscribed if c != to))
        case SubscriptionAction.SUBSCRIBED | SubscriptionAction.UNSUBSCRIBED:
            return contacts


def _subscribe(contacts: Contacts, to: str, shown: Shown | None, effects: Effects) -> Contacts:
    if shown is None:
        status = "Register your SIP account with this gateway first."
        effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED, status=status))
        return contacts
    if (problem := _unknown(to, shown)) is not None:
        effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED, status=problem))
        return contacts
    effects.emit(SendPresence(to, effects.user, PresenceKind.SUBSCRIBED))
    return probed(contacts, to, shown, effects)


def _unknown(to: str, shown: Shown) -> str | None:
    """Return why ``to`` is neither the gateway nor a contact there, None if it is one."""
    if to == shown.gateway:
        return None
    parsed = address.parse_contact(to, shown.account.domain)
    return parsed.problem if isinstance(parsed, address.BadAddress) else None


def probed(contacts: Contacts, to: str, shown: Shown | None, effects: Effects) -> Contacts:
    """Show the gateway or a contact to the user, whose server asked for it; remember a contact (rule 3)."""
    to = address.bare(to)
    if shown is None or _unknown(to, shown) is not None:
        effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED))
        return contacts
    _show(to, shown, effects)
    if to == shown.gateway or to in contacts.subscribed or len(contacts.subscribed) >= _MOST_CONTACTS:
        return contacts
    return replace(contacts, subscribed=(*contacts.subscribed, to))


def show_all(contacts: Contacts, shown: Shown, effects: Effects) -> None:
    """Show the gateway and every contact as they are now."""
    for jid in (shown.gateway, *contacts.subscribed):
        _show(jid, shown, effects)


def show_gateway(shown: Shown, effects: Effects) -> None:
    """Show the gateway itself: a client that came online need not have it on its list."""
    _show(shown.gateway, shown, effects)


def _show(jid: str, shown: Shown, effects: Effects) -> None:
    if jid == shown.gateway:
        kind = PresenceKind.AVAILABLE if shown.available or shown.show else PresenceKind.UNAVAILABLE
        effects.emit(SendPresence(jid, effects.user, kind, shown.show, shown.status))
    else:
        kind = PresenceKind.AVAILABLE if shown.available else PresenceKind.UNAVAILABLE
        effects.emit(SendPresence(_appearing(jid), effects.user, kind))


def _appearing(jid: str) -> str:
    """Return the address that a presence comes from: the gateway itself has no resource, a phone has one."""
    return f"{jid}/{RESOURCE}" if address.local_of(jid) else jid


def part(contacts: Contacts, gateway: str, effects: Effects) -> Contacts:
    """Take back every subscription, as the user has cancelled the registration (XEP-0100 §4.3)."""
    for jid in (gateway, *contacts.subscribed):
        effects.emit(SendPresence(jid, effects.user, PresenceKind.UNSUBSCRIBE))
        effects.emit(SendPresence(jid, effects.user, PresenceKind.UNSUBSCRIBED))
        effects.emit(SendPresence(_appearing(jid), effects.user, PresenceKind.UNAVAILABLE))
    return replace(forget_clients(contacts, effects), subscribed=())
