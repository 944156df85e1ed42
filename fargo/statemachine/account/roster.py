"""The user's online clients and their media profiles, and the contacts at the gateway that the user subscribed to.

Rules:

1. A client is online from its first available presence to any address of the gateway until it sends unavailable
   presence to the gateway itself (XEP-0100 §4.4, §4.5). Unavailable presence to a contact hides it from that contact
   only. A client is asked for its features once per announced set of capabilities (XEP-0115).
2. While the XMPP stream was down, presence may have been missed. Afterwards every client is in doubt until it is seen
   again; a client that is not seen in time counts as offline.
3. A subscription to a contact is granted at once: a phone's presence is not private. A probe for an unknown contact
   means that it is in the user's roster, so it is added here.
4. A contact is available while the account is signed in.
5. The gateway asks to see the user's presence when the user registers, and again after each outage of the XMPP stream
   until the user has answered: the request may have been lost. It sends no probe before: a server refuses that, and may
   forget the request.
6. Presence that a client sends to a contact to whom the user has not subscribed is answered with the contact's, with
   or without <decloak/>, which asks for that in any case (XEP-0276 §5). So a client can call whoever is not on the
   roster. Who calls is shown to a client before it is called (`InitiateSession.introduces`): it may take no call from
   whom it knows nothing of. Such a contact stays shown to that client until the client hides from it or goes offline.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from fargo.statemachine import address, dialling
from fargo.statemachine.account import texts
from fargo.statemachine.address import SipUri
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.effects import Effects
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import Policy, reaches
from fargo.statemachine.model.commands import AskFeatures, PresenceKind, SendPresence, ShowContacts
from fargo.statemachine.model.events import FeaturesLearned, ResourceAvailable, ResourceUnavailable, SubscriptionAction
from fargo.statemachine.model.presence import Client
from fargo.statemachine.pending import PendingCommands

RESOURCE: Final = "fargo"
"""The resource of every contact: clients want a full JID to call."""

# The features that a client must announce to be called (XEP-0167 §10), and those that a media profile requires
# (XEP-0177 §5, XEP-0176 §7.1, XEP-0320 §2).
_NEEDED: Final = frozenset({"urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio"})
_PROFILES: Final = {
    MediaProfile.PLAIN: frozenset({"urn:xmpp:jingle:transports:raw-udp:1"}),
    MediaProfile.ICE: frozenset({"urn:xmpp:jingle:transports:ice-udp:1"}),
    MediaProfile.DTLS: frozenset({"urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0"}),
}
_ASKS_FIRST: Final = "urn:xmpp:jingle-message:0"
"""Announced by clients that want a proposal before the session-initiate (XEP-0353)."""
_BUNDLES: Final = "urn:ietf:rfc:5888"
"""Announced by clients that understand groups of contents (XEP-0338)."""
_SEES: Final = "urn:xmpp:jingle:apps:rtp:video"
"""Announced by clients that take video (XEP-0167 §10)."""
_TAKES_CONTACTS: Final = "http://jabber.org/protocol/rosterx"
"""Announced by clients that ask their user whether to add contacts that they are sent (XEP-0144)."""
_LONGEST_DOUBT: Final = 30.0  # seconds
_MOST_CLIENTS: Final = 64
_MOST_CONTACTS: Final = 2000
_MOST_SPELLED: Final = 500
_MOST_SECURED: Final = 500
_MOST_STRANGERS: Final = 16
"""The contacts beside the subscribed ones whose presence one client is kept up to date with."""


class Contacts(Struct, frozen=True, gc=False):
    """Online clients by full JID, and the bare JIDs of the contacts that the user has subscribed to.

    ``asks``: the user has not yet answered that the gateway asks to see their presence. ``spelled``: SIP users whose
    spelling their JID does not keep, see `dialling.AddressBook`. ``secured``: the phones, by SIP address, that
    have shown that they have DTLS (True), or have refused it (False).
    """

    clients: Mapping[str, Client] = field(default_factory=dict)
    subscribed: tuple[str, ...] = ()
    asks: bool = False
    spelled: Mapping[str, str] = field(default_factory=dict)
    secured: Mapping[str, bool] = field(default_factory=dict)


class Shown(Struct, frozen=True, gc=False):
    """The presence of the gateway and its contacts as shown to the user. ``show`` and ``status``: of the gateway
    (RFC 6121 §4.7.2); ``show`` is None if the gateway is simply available or unavailable.
    """

    gateway: str
    account: SipUri
    available: bool
    show: str | None
    status: str


# --- clients


def available(contacts: Contacts, event: ResourceAvailable, gateway: str, effects: Effects) -> Contacts:
    """Add an online client, and ask for its features unless they are known."""
    known = contacts.clients.get(event.resource)
    if known is None and len(contacts.clients) >= _MOST_CLIENTS:
        return contacts
    # What is said to one contact does not take back what was said to the gateway.
    dnd = event.dnd or (known is not None and known.dnd and bool(address.local_of(event.to)))
    if known is not None and known.caps == event.caps and (known.profiles or known.doubted is None):
        return _with(contacts, event.resource, replace(known, doubted=None, dnd=dnd))
    _forget_questions(event.resource, effects)
    effects.emit_pending(AskFeatures(gateway, event.resource, event.caps), None)
    strangers = known.strangers if known else ()
    return _with(contacts, event.resource, Client(event.caps, dnd=dnd, strangers=strangers))


def _forget_questions(resource: str, effects: Effects) -> None:
    """Drop the pending requests for the features of a client (full JID) or of all clients (bare JID)."""
    for name, question in questions(effects.pending).items():
        if resource in (question.to, address.bare(question.to)):
            effects.settle(name)


def questions(pending: PendingCommands) -> dict[str, AskFeatures]:
    """Return the pending requests for clients' features, by command id. They have no deadline: a call that waits for
    the answers has one of its own (`forking`).
    """
    return {name: each.command for name, each in pending.items() if isinstance(each.command, AskFeatures)}


def unavailable(contacts: Contacts, resource: str, effects: Effects) -> Contacts:
    """Remove a client (full JID), or all of them (bare JID), that went offline."""
    _forget_questions(resource, effects)
    left = {jid: c for jid, c in contacts.clients.items() if resource not in (jid, address.bare(jid))}
    return replace(contacts, clients=left)


def drop(contacts: Contacts, resource: str) -> Contacts:
    """Remove clients as `unavailable` does, with as little code as possible, because that has failed."""
    left = {jid: client for jid, client in contacts.clients.items() if resource not in (jid, jid.partition("/")[0])}
    return replace(contacts, clients=left)


def learned(contacts: Contacts, event: FeaturesLearned, effects: Effects) -> Contacts:
    """Store the features with which a client answered our request."""
    question = questions(effects.pending).get(event.command)
    client = contacts.clients.get(event.resource)
    if question is None or client is None or question.to != event.resource:
        return contacts
    effects.settle(event.command)
    known = replace(
        client,
        profiles=_profiles(event.features),
        asks_first=_ASKS_FIRST in event.features,
        bundles=_BUNDLES in event.features,
        sees=_SEES in event.features,
        takes_contacts=_TAKES_CONTACTS in event.features,
    )
    return _with(contacts, event.resource, known)


def sees(contacts: Contacts, client: str) -> bool:
    """Return True if a client (full JID) is known to take video."""
    known = contacts.clients.get(client)
    return known is not None and known.sees


def _profiles(features: tuple[str, ...]) -> tuple[MediaProfile, ...]:
    """Return the profiles in which a client can be called.

    A client with DTLS is not called in the plain profile even if it announces raw-udp: Dino announces it, but accepts
    without an address.
    """
    able = tuple(profile for profile, needed in _PROFILES.items() if (needed | _NEEDED).issubset(features))
    return (
        tuple(profile for profile in able if profile is not MediaProfile.PLAIN) if MediaProfile.DTLS in able else able
    )


def able(contacts: Contacts, spoken: tuple[MediaProfile, ...], policy: Policy) -> Mapping[str, Client]:
    """Return the clients that can take a call, by full JID. ``spoken``: the media profiles of the SIP engine."""
    return {jid: client for jid, client in contacts.clients.items() if reaches(client.profiles, spoken, policy)}


def asks_apart(contacts: Contacts) -> bool:
    """Return True if clients that want to be asked first must be asked one by one, as one of them is not to ring."""
    return any(client.dnd and client.asks_first for client in contacts.clients.values())


def heard(contacts: Contacts, resource: str) -> Contacts:
    """Take a client (full JID) that was in doubt for online: something has come from it (rule 2). One that could not
    take calls is asked again when its presence comes, as its answer may have been lost.
    """
    known = contacts.clients.get(resource)
    if known is None or known.doubted is None or not known.profiles:
        return contacts
    return _with(contacts, resource, replace(known, doubted=None))


def forget_clients(contacts: Contacts, effects: Effects) -> Contacts:
    """Remove all clients and the pending requests to them: the gateway was down."""
    for name in questions(effects.pending):
        effects.settle(name)
    return replace(contacts, clients={})


def _doubted(contacts: Contacts, effects: Effects) -> Contacts:
    """Put every client in doubt (rule 2)."""
    until = effects.at + _LONGEST_DOUBT
    return replace(contacts, clients={jid: replace(c, doubted=until) for jid, c in contacts.clients.items()})


def missing(contacts: Contacts, at: float) -> tuple[str, ...]:
    """Return the full JIDs of the clients that were not seen in time (rule 2)."""
    return tuple([jid for jid, c in contacts.clients.items() if c.doubted is not None and c.doubted <= at])


def deadlines(contacts: Contacts) -> Iterator[Deadline]:
    """Yield the times at which the clients in doubt count as offline."""
    for jid, client in contacts.clients.items():
        if client.doubted is not None:
            yield Deadline(texts.PRESENCE.format(jid=jid), client.doubted)


def _with(contacts: Contacts, jid: str, client: Client) -> Contacts:
    return replace(contacts, clients={**contacts.clients, jid: client})


# --- subscriptions and presence


def ask(contacts: Contacts, gateway: str, effects: Effects) -> Contacts:
    """Ask to see the user's presence."""
    effects.emit(SendPresence(gateway, effects.user, PresenceKind.SUBSCRIBE))
    return replace(contacts, asks=True)


def look(contacts: Contacts, gateway: str, effects: Effects) -> Contacts:
    """Ask which clients are online, as presence may have been missed (rules 2 and 5)."""
    if contacts.asks:
        return _doubted(ask(contacts, gateway, effects), effects)
    effects.emit(SendPresence(gateway, effects.user, PresenceKind.PROBE))
    return _doubted(contacts, effects)


def subscription(
    contacts: Contacts, to: str, action: SubscriptionAction, shown: Shown | None, effects: Effects
) -> Contacts:
    """Take in the user's answer to the gateway, or answer the user's change of a subscription to the gateway or a
    contact. ``shown`` is None without an account.
    """
    to = address.bare(to)
    match action:
        case SubscriptionAction.SUBSCRIBE:
            return _subscribe(contacts, to, shown, effects)
        case SubscriptionAction.UNSUBSCRIBE:
            effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED))
            effects.emit(SendPresence(_full_jid(to), effects.user, PresenceKind.UNAVAILABLE))
            return replace(contacts, subscribed=tuple(c for c in contacts.subscribed if c != to))
        case SubscriptionAction.SUBSCRIBED | SubscriptionAction.UNSUBSCRIBED:
            return replace(contacts, asks=False) if contacts.asks and not address.local_of(to) else contacts


def _subscribe(contacts: Contacts, to: str, shown: Shown | None, effects: Effects) -> Contacts:
    if shown is None:
        effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED, status=texts.NOT_REGISTERED))
        return contacts
    if (problem := _unknown(to, shown)) is not None:
        effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED, status=problem))
        return contacts
    effects.emit(SendPresence(to, effects.user, PresenceKind.SUBSCRIBED))
    return probed(contacts, to, shown, effects)


def _unknown(to: str, shown: Shown) -> str | None:
    """Return a sentence that says why ``to`` is neither the gateway nor a contact of it; None if it is one."""
    if to == shown.gateway:
        return None
    parsed = dialling.target(to, AddressBook(shown.gateway, shown.account.domain))
    return parsed.problem if isinstance(parsed, address.BadAddress) else None


def probed(contacts: Contacts, to: str, shown: Shown | None, effects: Effects) -> Contacts:
    """Answer a presence probe of the user's server for the gateway or a contact, and add the contact (rule 3)."""
    to = address.bare(to)
    if shown is None or _unknown(to, shown) is not None:
        effects.emit(SendPresence(to, effects.user, PresenceKind.UNSUBSCRIBED))
        return contacts
    _show(to, shown, effects)
    if to == shown.gateway or to in contacts.subscribed or len(contacts.subscribed) >= _MOST_CONTACTS:
        return contacts
    return replace(contacts, subscribed=(*contacts.subscribed, to))


def spelled(contacts: Contacts, uri: SipUri) -> Contacts:
    """Remember how the user part of an address is spelled, so that it can be dialled."""
    known = dialling.remembered(contacts.spelled, uri, _MOST_SPELLED)
    return contacts if known is contacts.spelled else replace(contacts, spelled=known)


def shown_dtls(contacts: Contacts, address: str, able: bool) -> Contacts:
    """Remember whether a phone has DTLS, by its SIP address in words. The latest that were learned are kept."""
    if contacts.secured.get(address) is able:
        return contacts
    others = [(key, value) for key, value in contacts.secured.items() if key != address]
    return replace(contacts, secured=dict([*others, (address, able)][-_MOST_SECURED:]))


def show_all(contacts: Contacts, shown: Shown, effects: Effects) -> None:
    """Send the user the presence of the gateway and of every contact."""
    _show(shown.gateway, shown, effects)
    if contacts.subscribed:
        effects.emit(ShowContacts(effects.user, _kind(shown)))


def shown_contacts(contacts: Contacts, command: ShowContacts) -> Iterator[SendPresence]:
    """Yield what a command to show all contacts consists of."""
    return (SendPresence(_full_jid(jid), command.to, command.kind) for jid in contacts.subscribed)


def directed(contacts: Contacts, event: ResourceAvailable, shown: Shown | None, effects: Effects) -> Contacts:
    """Answer presence that a client has sent to a contact (rule 6). ``shown`` is None without an account."""
    to = address.bare(event.to)
    asks = address.local_of(to) and (event.decloaks or not is_subscribed(contacts, to))
    if shown is None or not asks:
        return contacts
    problem = _unknown(to, shown)
    kind = PresenceKind.UNAVAILABLE if problem else _kind(shown)
    effects.emit(SendPresence(_full_jid(to), event.resource, kind, status=problem))
    return contacts if problem else introduced(contacts, to, (event.resource,))


def introduced(contacts: Contacts, stranger: str, clients: Iterable[str]) -> Contacts:
    """Note that a contact (bare JID) is shown to clients (full JIDs), unless the user has subscribed to it."""
    if is_subscribed(contacts, stranger):
        return contacts
    for jid in clients:
        known = contacts.clients.get(jid)
        if known and stranger not in known.strangers and len(known.strangers) < _MOST_STRANGERS:
            contacts = _with(contacts, jid, replace(known, strangers=(*known.strangers, stranger)))
    return contacts


def is_subscribed(contacts: Contacts, contact: str) -> bool:
    """Return whether the user has subscribed to a contact (bare JID), so that all clients know its presence."""
    return contact in contacts.subscribed


def hidden(contacts: Contacts, event: ResourceUnavailable, effects: Effects) -> Contacts:
    """Show a client no longer the contact that it hides from (rule 6)."""
    known, to = contacts.clients.get(event.resource), address.bare(event.to)
    if known is None or to not in known.strangers:
        return contacts
    effects.emit(SendPresence(_full_jid(to), event.resource, PresenceKind.UNAVAILABLE))
    return _with(contacts, event.resource, replace(known, strangers=tuple(c for c in known.strangers if c != to)))


def show_strangers(contacts: Contacts, shown: Shown, effects: Effects) -> None:
    """Send clients the presence of the contacts that only they know of (rule 6)."""
    _show_strangers(contacts, _kind(shown), effects)


def _show_strangers(contacts: Contacts, kind: PresenceKind, effects: Effects) -> None:
    for jid, client in contacts.clients.items():
        for stranger in client.strangers:
            if not is_subscribed(contacts, stranger):
                effects.emit(SendPresence(_full_jid(stranger), jid, kind))


def show_gateway(shown: Shown, effects: Effects) -> None:
    """Send the user the presence of the gateway only. A client that came online may not have it in its roster."""
    _show(shown.gateway, shown, effects)


def _show(jid: str, shown: Shown, effects: Effects) -> None:
    if jid == shown.gateway:
        kind = PresenceKind.AVAILABLE if shown.available or shown.show else PresenceKind.UNAVAILABLE
        effects.emit(SendPresence(jid, effects.user, kind, shown.show, shown.status))
    else:
        effects.emit(SendPresence(_full_jid(jid), effects.user, _kind(shown)))


def _kind(shown: Shown) -> PresenceKind:
    """Return the presence of a contact (rule 4)."""
    return PresenceKind.AVAILABLE if shown.available else PresenceKind.UNAVAILABLE


def _full_jid(jid: str) -> str:
    """Return the JID that sends the presence: the gateway itself has no resource, a contact has one."""
    return f"{jid}/{RESOURCE}" if address.local_of(jid) else jid


def part(contacts: Contacts, gateway: str, effects: Effects) -> Contacts:
    """Cancel every subscription, because the user cancelled the registration (XEP-0100 §4.3)."""
    for jid in (gateway, *contacts.subscribed):
        effects.emit(SendPresence(jid, effects.user, PresenceKind.UNSUBSCRIBE))
        effects.emit(SendPresence(jid, effects.user, PresenceKind.UNSUBSCRIBED))
        effects.emit(SendPresence(_full_jid(jid), effects.user, PresenceKind.UNAVAILABLE))
    _show_strangers(contacts, PresenceKind.UNAVAILABLE, effects)
    return replace(forget_clients(contacts, effects), subscribed=(), asks=False, spelled={}, secured={})
