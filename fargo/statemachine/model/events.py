"""The events: what was signalled. Every event belongs to one XMPP user and is logged in that user's stream.

Rules:

1. An event reports what arrived, not what it means for a call: adapters translate and decide nothing.
2. A password is a name in the vault (``secret``). No event contains anything that could open an account or decrypt
   audio.
3. The id of a command of ours (``command``) is ``<version>.<place>``: the version of the event that caused it, and its
   place among the commands of that event.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Srtp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import Call1Event
from fargo.statemachine.model.composing import Typing
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    CallMessaged,
    CallProposed,
    ContentChanged,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.mailbox import Mailbox
from fargo.statemachine.model.ng import RelayEvent
from fargo.statemachine.model.presence import Client, Connection, SignedOut
from fargo.statemachine.model.registrations import Registration
from fargo.statemachine.model.requests import AccountTrouble, GatewayRequest, LastStranger, RecentCall, Settings
from fargo.statemachine.model.rules import RULES
from fargo.statemachine.model.sip import DEFAULT_ENGINE
from fargo.statemachine.model.sip_messages import UserAgentEvent


class SipAccount(Struct, frozen=True, gc=False, omit_defaults=True):
    """A SIP account as the user typed it; None for fields left empty."""

    address: str
    """The SIP address as typed; the core checks it."""
    auth_user: str | None = None
    proxy: str | None = None
    port: int | None = None
    transport: str | None = None
    engine: str = DEFAULT_ENGINE
    """The SIP engine that the account is signed in with: a `SipEngine`, or one that this version does not know."""
    srtp: Srtp = "optional"
    """The encryption of audio to the provider. There is none unless that is reached over TLS (`paths`, rule 5)."""
    country: str | None = None
    """The country in which numbers without a + are dialled (ISO 3166); None for that of the policy."""


class _Event(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


# --- the gateway as a whole


class PolicyChanged(_Event, frozen=True, tag="PolicyChanged"):
    """The operator's configuration changed; the policy is valid from now on."""

    policy: Policy


class RoomChanged(_Event, frozen=True, tag="RoomChanged"):
    """The disk with the log has become almost full (``none``: no call may begin), or has room again."""

    none: bool


class DrainChanged(_Event, frozen=True, tag="DrainChanged"):
    """The operator has begun to drain the gateway (``on``: no call may begin), or has ended that."""

    on: bool


class RefusedUser(Struct, frozen=True, gc=False):
    """A user (bare JID), and how much was refused to them."""

    user: str
    count: int


class RequestsRefused(_Event, frozen=True, tag="RequestsRefused"):
    """The requests that the limits have refused within about a minute; nothing else is written about it. It is in a
    stream of its own, under the gateway's domain. ``counts``: by limit. ``most``: the users of whom most was refused.
    """

    counts: Mapping[str, int]
    most: tuple[RefusedUser, ...] = ()


class Restarted(_Event, frozen=True, tag="Restarted"):
    """The gateway was started; all that this user had open on the SIP side is lost."""


class Stopping(_Event, frozen=True, tag="Stopping"):
    """The gateway is about to stop: all calls end, and the account signs out."""


class StreamOpened(_Event, frozen=True, tag="StreamOpened"):
    """The stream to the XMPP server is up, or up again, so presence may have been missed."""


class ClockJumped(_Event, frozen=True, tag="ClockJumped"):
    """The wall clock has gone ahead of the time of the events by so many seconds: the machine was suspended, or the
    clock was set. For others that time may have passed.
    """

    seconds: float


class Announced(_Event, frozen=True, tag="Announced"):
    """The operator has something to say to the user."""

    text: str


class UserRemoved(_Event, frozen=True, tag="UserRemoved"):
    """The operator removes the user: the registration is cancelled, and everything about the user is to be erased."""


class TimePassed(_Event, frozen=True, tag="TimePassed"):
    """The user's earliest deadline has passed. `Recorded.at` determines what is due."""


class Snapshot(_Event, frozen=True, tag="Condensed"):
    """The user's state, in place of all the events before it. It is taken only while nothing else is going on.

    ``account``: None if the user has none; then ``secret`` and ``nonce`` are None, too. ``gateway``: the gateway's JID,
    None if there is neither an account nor a client that has been asked anything. ``subscribed``: bare JIDs of the
    contacts that the user has subscribed to. ``registrations``: those of our own user agent, by name. ``asks``: the
    user has not yet answered that the gateway asks to see their presence. ``spelled``: SIP users whose spelling their
    JID does not keep. ``secured``: the phones that have DTLS, or have refused it (`roster.Contacts`). ``settings``:
    what the user wants of the gateway; ``recent``: their latest calls. ``trouble``: of the account, as far as the user
    is told of it. ``stranger``: who has called or written last without being on the roster. ``mailbox``: that of the
    account. ``typing``: see there.
    """

    account: SipAccount | None = None
    secret: str | None = None
    nonce: str | None = None
    gateway: str | None = None
    connection: Connection = SignedOut()
    clients: Mapping[str, Client] = {}
    subscribed: tuple[str, ...] = ()
    policy: Policy = Policy()
    registrations: Mapping[str, Registration] = {}
    asks: bool = False
    spelled: Mapping[str, str] = {}
    secured: Mapping[str, bool] = {}
    settings: Settings = Settings()
    recent: tuple[RecentCall, ...] = ()
    trouble: AccountTrouble | None = None
    stranger: LastStranger | None = None
    mailbox: Mailbox | None = None
    typing: Typing = Typing()


# --- requests to the gateway itself


class GatewayAsked(_Event, frozen=True, tag="GatewayAsked"):
    """A user (``sender``: full JID) asks something of the gateway (``to``) in a chat."""

    sender: str
    to: str
    request: GatewayRequest


class CommandAsked(_Event, frozen=True, tag="CommandAsked"):
    """A user asks something of the gateway by an ad-hoc command (XEP-0050)."""

    iq: Iq
    request: GatewayRequest


# --- texts: RFC 6121 §5


class TextWritten(_Event, frozen=True, tag="TextWritten"):
    """A client (``sender``) writes a text to a contact. ``id``: that of the stanza, None if it has none. ``parts``: the
    text, in pieces that SIP can carry. ``receipt``: the client wants to know when it is delivered (XEP-0184 §5.1).
    """

    sender: str
    to: str
    id: str | None
    parts: tuple[KeptText, ...]
    receipt: bool = False


class TypingNoticed(_Event, frozen=True, tag="TypingNoticed"):
    """A client (``sender``) tells a contact (``to``: bare JID) that its user types (``active``), or does not any more
    (XEP-0085).
    """

    sender: str
    to: str
    active: bool


# --- registration: XEP-0077, XEP-0100 §4.1 to 4.3


class RegistrationAsked(_Event, frozen=True, tag="RegistrationAsked"):
    """The user's client requested the registration form (XEP-0077 §3.1)."""

    iq: Iq


class RegistrationSubmitted(_Event, frozen=True, tag="RegistrationSubmitted"):
    """The user submitted a new or changed SIP account. ``nonce``: random text from which this account's session ids are
    made.
    """

    iq: Iq
    account: SipAccount
    secret: str | None
    """The password's name in the vault; None if no password was given."""
    nonce: str
    plain: bool = False
    """The user has filled in the plain fields, which have an address and a password only (XEP-0077 §3.3)."""


class ContactAsked(_Event, frozen=True, tag="ContactAsked"):
    """The user's client asks for the JID of what the user has typed: a number or a SIP address (XEP-0100 §6.3)."""

    iq: Iq
    typed: str


class RegistrationCancelled(_Event, frozen=True, tag="RegistrationCancelled"):
    """The user cancelled the registration (XEP-0077 §3.2)."""

    iq: Iq


class IqMalformed(_Event, frozen=True, tag="IqMalformed"):
    """An IQ-set that could not be parsed. ``problem``: what is wrong with it, as a sentence."""

    iq: Iq
    problem: str


# --- presence: XEP-0100 §4.4 to 4.7


class ResourceAvailable(_Event, frozen=True, tag="ResourceAvailable"):
    """A client of the user is online. ``caps``: its ``node#ver`` (XEP-0115 §4), None if it announced none. ``dnd``: its
    user does not want to be disturbed (RFC 6121 §4.7.2.1). ``decloaks``: it asks for the presence of whom it sends this
    to (XEP-0276).
    """

    resource: str
    to: str
    caps: str | None = None
    dnd: bool = False
    decloaks: bool = False


class ResourceUnavailable(_Event, frozen=True, tag="ResourceUnavailable"):
    """A client of the user went offline. ``resource`` is its full JID, or the bare JID if none of them is online."""

    resource: str
    to: str


class PresenceProbed(_Event, frozen=True, tag="PresenceProbed"):
    """The user's server probed the presence of the gateway or of a contact (RFC 6121 §4.3)."""

    to: str


class SubscriptionAction(StrEnum):
    """A presence type that manages subscriptions (RFC 6121 §3)."""

    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBE = "unsubscribe"
    UNSUBSCRIBED = "unsubscribed"


class SubscriptionChanged(_Event, frozen=True, tag="SubscriptionChanged"):
    """The user requested, granted, cancelled or denied a subscription between them and ``to``."""

    to: str
    action: SubscriptionAction


class FeaturesLearned(_Event, frozen=True, tag="FeaturesLearned"):
    """A client answered our disco#info request (XEP-0030 §3). ``features`` is () if it answered with an error."""

    command: str
    resource: str
    features: tuple[str, ...]


# --- answers to what we sent


class IqEvent(_Event, frozen=True):
    """The answer to the IQ or message that ``command`` led to. ``resource``: full JID of the client that it came from,
    or in whose name it came.
    """

    command: str
    resource: str


class IqSucceeded(IqEvent, frozen=True, tag="IqSucceeded"):
    """The client accepted it."""


class IqFailed(IqEvent, frozen=True, tag="IqFailed"):
    """The client, or a server on the way, refused it. ``condition``: an error condition of RFC 6120 §8.3.3.

    ``jingle``: the condition of XEP-0166 §10 beside it, None if there is none. Only clients give one.
    """

    condition: str
    text: str = ""
    jingle: str | None = None


# --- the SIP account


class SipTrouble(StrEnum):
    """The reason why a SIP account is not signed in."""

    CREDENTIALS = "credentials"
    """The registrar refused the user name or password."""
    NETWORK = "network"
    """The registrar did not answer, could not be reached, or failed."""
    IN_USE = "in-use"
    """Another user has this account at this gateway."""
    INVALID = "invalid"
    """The SIP engine cannot use the account's settings."""
    HOST = "host"
    """The gateway's SIP engine failed and is being restarted."""
    SECRET = "secret"
    """The vault does not have the password."""
    ASKED = "asked"
    """We signed out."""


class SipSignedIn(_Event, frozen=True, tag="SipSignedIn"):
    """The registrar accepted the account."""

    connection: str


class SipSignedOut(_Event, frozen=True, tag="SipSignedOut"):
    """The account could not be signed in, or is no longer signed in; the connection no longer exists."""

    connection: str
    trouble: SipTrouble
    text: str = ""


XmppEvent: TypeAlias = (
    RegistrationAsked
    | RegistrationSubmitted
    | RegistrationCancelled
    | ContactAsked
    | IqMalformed
    | ResourceAvailable
    | ResourceUnavailable
    | PresenceProbed
    | SubscriptionChanged
    | FeaturesLearned
    | SessionInitiated
    | SessionAccepted
    | SessionInformed
    | SessionTerminated
    | ContentChanged
    | CallProposed
    | CallMessaged
    | GatewayAsked
    | CommandAsked
    | TextWritten
    | TypingNoticed
    | IqSucceeded
    | IqFailed
)
SipEvent: TypeAlias = SipSignedIn | SipSignedOut | Call1Event | UserAgentEvent
GatewayEvent: TypeAlias = (
    PolicyChanged
    | RoomChanged
    | DrainChanged
    | RequestsRefused
    | Restarted
    | Stopping
    | StreamOpened
    | ClockJumped
    | Announced
    | UserRemoved
    | TimePassed
    | Snapshot
)
Event: TypeAlias = XmppEvent | SipEvent | RelayEvent | GatewayEvent


class Recorded(Struct, frozen=True, gc=False):
    """An event as it is logged, with its user (bare JID) and its version, which counts the events of the user.

    ``at``: the time in seconds since 1970; it never decreases within a stream.

    Folding finds out the rest, and ignores it in its input. ``call``: the id of the call that the event belongs to,
    None if it belongs to none or to several. ``rules``: the version of the rules that the commands follow from.
    """

    user: str
    version: int
    at: float
    event: Event
    call: str | None = None
    rules: int = RULES

    def folded(self, call: str | None) -> "Recorded":
        """Return the event as it is logged once today's rules have folded it and found its call."""
        return Recorded(self.user, self.version, self.at, self.event, call, RULES)
