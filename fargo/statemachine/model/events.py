"""What was signalled, in the past tense. Every event belongs to one XMPP user and is written to their stream.

Rules:

1. An event says what arrived, not what it means for a call: adapters translate and decide nothing.
2. A password is a reference into the vault (`secret`); nothing that could open an account or decrypt audio is in an
   event.
3. Names of our own commands (`command`) are ``<version>.<place>``: the version of the event that caused it and its
   place among that event's commands.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Content
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import Call1Event
from fargo.statemachine.model.ng import RelayEvent
from fargo.statemachine.model.presence import Client, Connection, SignedOut
from fargo.statemachine.model.rules import RULES


class Iq(Struct, frozen=True, gc=False):
    """An IQ that wants an answer: who asked (full JID), whom, and under which id (RFC 6120 §8.2.3)."""

    sender: str
    to: str
    id: str


class SipAccount(Struct, frozen=True, gc=False, omit_defaults=True):
    """A SIP account as its user gave it; "" and 0 where they left the field out."""

    address: str
    """The SIP address as typed; the core checks it."""
    auth_user: str = ""
    proxy: str = ""
    port: int = 0
    transport: str = ""
    engine: str = "telepathy"
    """The SIP engine that the account is signed in with: a `SipEngine`, or one that this version does not know."""


class _Event(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


# --- the gateway as a whole


class PolicyChanged(_Event, frozen=True, tag="PolicyChanged"):
    """What the operator's configuration says about audio, from now on."""

    policy: Policy


class Restarted(_Event, frozen=True, tag="Restarted"):
    """The gateway came up; whatever this user had open on the SIP side is gone."""


class Stopping(_Event, frozen=True, tag="Stopping"):
    """The gateway is about to stop: end what is open and sign out."""


class StreamOpened(_Event, frozen=True, tag="StreamOpened"):
    """The stream to the XMPP server is up (again): who is online has to be asked anew."""


class TimePassed(_Event, frozen=True, tag="TimePassed"):
    """The earliest deadline of this user came; the envelope's `at` says what is due."""


class Snapshot(_Event, frozen=True, tag="Condensed"):
    """All that the user's events up to this one have come to, in whose place it stands: the account and its connection
    (``account`` None if there is none), the clients online, the contacts, the policy. Nothing else was going on.
    """

    account: SipAccount | None = None
    secret: str = ""
    nonce: str = ""
    gateway: str = ""
    connection: Connection = SignedOut()
    clients: Mapping[str, Client] = {}
    subscribed: tuple[str, ...] = ()
    policy: Policy = Policy()


# --- registration: XEP-0077, XEP-0100 §4.1 to 4.3


class RegistrationAsked(_Event, frozen=True, tag="RegistrationAsked"):
    """What does the gateway want to know, and what does it know already?"""

    iq: Iq


class RegistrationSubmitted(_Event, frozen=True, tag="RegistrationSubmitted"):
    """A new or changed SIP account. ``nonce``: random text for this account's session ids."""

    iq: Iq
    account: SipAccount
    secret: str
    """The vault's name for the password; "" if none was given."""
    nonce: str


class RegistrationCancelled(_Event, frozen=True, tag="RegistrationCancelled"):
    """The user wants to be forgotten."""

    iq: Iq


class IqMalformed(_Event, frozen=True, tag="IqMalformed"):
    """An IQ-set that could not be understood; `problem` says what is wrong with it, in a sentence."""

    iq: Iq
    problem: str


# --- presence: XEP-0100 §4.4, 5


class ResourceAvailable(_Event, frozen=True, tag="ResourceAvailable"):
    """A client of the user is online; caps is its XEP-0115 ``node#ver``, "" if it announced none."""

    resource: str
    to: str
    caps: str = ""


class ResourceUnavailable(_Event, frozen=True, tag="ResourceUnavailable"):
    """A client of the user went offline (full JID), or the server says that none is there (bare JID)."""

    resource: str
    to: str


class PresenceProbed(_Event, frozen=True, tag="PresenceProbed"):
    """The user's server asks for the presence of the gateway or of a contact."""

    to: str


class SubscriptionAction(StrEnum):
    """RFC 6121 §3."""

    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBE = "unsubscribe"
    UNSUBSCRIBED = "unsubscribed"


class SubscriptionChanged(_Event, frozen=True, tag="SubscriptionChanged"):
    """The user asked for, granted, or took back a subscription between them and `to`."""

    to: str
    action: SubscriptionAction


class FeaturesLearned(_Event, frozen=True, tag="FeaturesLearned"):
    """A client's answer to our disco#info question (XEP-0030); () if it gave an error."""

    command: str
    resource: str
    features: tuple[str, ...]


# --- Jingle: XEP-0166


class SessionEvent(_Event, frozen=True):
    """A Jingle action of a client (XEP-0166 §7.2): the IQ-set that brought it, and the session's id."""

    iq: Iq
    sid: str


class SessionInitiated(SessionEvent, frozen=True, tag="SessionInitiated"):
    """session-initiate (XEP-0166 §6.2)."""

    contents: tuple[Content, ...]


class SessionAccepted(SessionEvent, frozen=True, tag="SessionAccepted"):
    """session-accept (XEP-0166 §6.4)."""

    contents: tuple[Content, ...]


class SessionInformed(SessionEvent, frozen=True, tag="SessionInformed"):
    """session-info (XEP-0166 §6.8, XEP-0167 §8): `info` is the payload's element name, "" for a ping.

    For "dtmf" (XEP-0181): ``digit`` is the name under which the digit is kept in memory, as it may be part of a PIN;
    ``duration`` is in milliseconds, 0 if not said.
    """

    info: str
    namespace: str = ""
    digit: str = ""
    duration: int = 0


class SessionTerminated(SessionEvent, frozen=True, tag="SessionTerminated"):
    """session-terminate (XEP-0166 §6.7): `condition` is the reason's element name, "success" if none was given."""

    condition: str
    text: str = ""


class ContentEvent(SessionEvent, frozen=True):
    """A Jingle action about contents of a session that has begun; ``action`` is its name in XEP-0166 §7.2."""

    action: ClassVar[str]
    contents: tuple[Content, ...] = ()


class ContentAccepted(ContentEvent, frozen=True, tag="ContentAccepted"):
    """The client takes a content that we added."""

    action = "content-accept"


class ContentAdded(ContentEvent, frozen=True, tag="ContentAdded"):
    """The client wants to add contents to the session."""

    action = "content-add"


class ContentModified(ContentEvent, frozen=True, tag="ContentModified"):
    """The client changes who sends in a content (XEP-0166 §7.3, `senders`)."""

    action = "content-modify"


class ContentRejected(ContentEvent, frozen=True, tag="ContentRejected"):
    """The client refuses a content that we added."""

    action = "content-reject"


class ContentRemoved(ContentEvent, frozen=True, tag="ContentRemoved"):
    """The client takes contents out of the session."""

    action = "content-remove"


class DescriptionInformed(ContentEvent, frozen=True, tag="DescriptionInformed"):
    """The client gives parameters of a description that has been agreed (XEP-0167 §6.6)."""

    action = "description-info"


class SecurityInformed(ContentEvent, frozen=True, tag="SecurityInformed"):
    """The client sends information of a security precondition."""

    action = "security-info"


class TransportAccepted(ContentEvent, frozen=True, tag="TransportAccepted"):
    """The client takes the transport that we wanted instead."""

    action = "transport-accept"


class TransportInformed(ContentEvent, frozen=True, tag="TransportInformed"):
    """The client gives candidates or credentials of a transport (XEP-0176 §5.3)."""

    action = "transport-info"


class TransportRejected(ContentEvent, frozen=True, tag="TransportRejected"):
    """The client refuses the transport that we wanted instead."""

    action = "transport-reject"


class TransportReplaced(ContentEvent, frozen=True, tag="TransportReplaced"):
    """The client wants another transport for a content."""

    action = "transport-replace"


ContentChanged: TypeAlias = (
    ContentAccepted
    | ContentAdded
    | ContentModified
    | ContentRejected
    | ContentRemoved
    | DescriptionInformed
    | SecurityInformed
    | TransportAccepted
    | TransportInformed
    | TransportRejected
    | TransportReplaced
)
"""Every Jingle action about contents after session-initiate and session-accept."""


# --- Jingle Message Initiation: XEP-0353


class CallAction(StrEnum):
    """What is said about a proposed call, but for the proposal itself (XEP-0353 §5)."""

    RINGING = "ringing"
    PROCEED = "proceed"
    ACCEPT = "accept"
    REJECT = "reject"
    RETRACT = "retract"
    FINISH = "finish"


class CallProposed(_Event, frozen=True, tag="CallProposed"):
    """<propose/>: a client wants to call `to`, and asks before it says how. `media`: of each description, such as
    "audio".
    """

    sender: str
    to: str
    sid: str
    media: tuple[str, ...]


class CallMessaged(_Event, frozen=True, tag="CallMessaged"):
    """What else a client says about a proposed call, ours or its own; `condition` is the reason's element name, ""
    if none.
    """

    sender: str
    to: str
    sid: str
    action: CallAction
    condition: str = ""
    text: str = ""


# --- answers to what we sent


class IqEvent(_Event, frozen=True):
    """The answer to the IQ, or message, that was `command`, in the name of a client (full JID)."""

    command: str
    resource: str


class IqSucceeded(IqEvent, frozen=True, tag="IqSucceeded"):
    """The client took it."""


class IqFailed(IqEvent, frozen=True, tag="IqFailed"):
    """The client, or a server on the way, refused it; condition as in RFC 6120 §8.3.3."""

    condition: str
    text: str = ""


# --- the SIP account


class SipTrouble(StrEnum):
    """Why a SIP account is not, or no longer, signed in."""

    CREDENTIALS = "credentials"
    """The registrar refused user name or password."""
    NETWORK = "network"
    """The registrar did not answer, could not be reached, or is broken."""
    IN_USE = "in-use"
    """Somebody else has this account at this gateway."""
    INVALID = "invalid"
    """The SIP side could make nothing of the account's settings."""
    HOST = "host"
    """The gateway's own SIP part broke; it is being started again."""
    SECRET = "secret"
    """The vault does not have the password."""
    ASKED = "asked"
    """We signed out."""


class SipSignedIn(_Event, frozen=True, tag="SipSignedIn"):
    """The registrar accepted the account."""

    connection: str


class SipSignedOut(_Event, frozen=True, tag="SipSignedOut"):
    """The account is not signed in (any more), or could not be signed in; the connection is gone."""

    connection: str
    trouble: SipTrouble
    text: str = ""


XmppEvent: TypeAlias = (
    RegistrationAsked
    | RegistrationSubmitted
    | RegistrationCancelled
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
    | IqSucceeded
    | IqFailed
)
SipEvent: TypeAlias = SipSignedIn | SipSignedOut | Call1Event
GatewayEvent: TypeAlias = PolicyChanged | Restarted | Stopping | StreamOpened | TimePassed | Snapshot
Event: TypeAlias = XmppEvent | SipEvent | RelayEvent | GatewayEvent


class Recorded(Struct, frozen=True, gc=False):
    """An event as it stands in the log: whose it is (bare JID), which of their events, and when.

    ``at`` is in seconds since 1970, and within a stream never goes back. ``rules`` is the version of the rules that the
    recorded commands follow from; folding does not look at it.
    """

    user: str
    version: int
    at: float
    event: Event
    rules: int = RULES
