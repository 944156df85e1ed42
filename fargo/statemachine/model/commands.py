"""What to do, in the imperative. A command is only carried out after the event that caused it is in the log.

Rules:

1. A command says all that the adapter needs; the adapter decides nothing.
2. Its id, ``<version>.<place>``, is the id of the IQ stanza or SIP channel that it leads to (see events.py, rule 3).
3. What starts something is issued once; what stops something may come again, and "it is already gone" is success.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from fargo.statemachine.media.description import Content
from fargo.statemachine.model.call1 import Call1Command
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.events import CallAction, Iq, SipAccount
from fargo.statemachine.model.ng import RelayCommand


class _Command(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


# --- answers to IQs


class AcceptIq(_Command, frozen=True, tag="AcceptIq"):
    """An empty IQ-result."""

    iq: Iq


class RefuseIq(_Command, frozen=True, tag="RefuseIq"):
    """An IQ-error: kind and condition as in RFC 6120 §8.3, `jingle` an error of XEP-0166 §10 or "", `text` for
    people.
    """

    iq: Iq
    kind: str
    condition: str
    text: str
    jingle: str = ""


class SendRegistrationForm(_Command, frozen=True, tag="SendRegistrationForm"):
    """The registration fields, filled with what is known of the account (XEP-0077 §3.1); never a password."""

    iq: Iq
    account: SipAccount | None


# --- presence


class PresenceKind(StrEnum):
    """The type of a presence stanza (RFC 6121 §4.7.1)."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBE = "unsubscribe"
    UNSUBSCRIBED = "unsubscribed"
    PROBE = "probe"


class SendPresence(_Command, frozen=True, tag="SendPresence"):
    """A presence stanza; an available contact's carries the caps of a phone (XEP-0115)."""

    sender: str
    to: str
    kind: PresenceKind
    show: str = ""
    status: str = ""


class AskFeatures(_Command, frozen=True, tag="AskFeatures"):
    """disco#info to a client (XEP-0030 §3); `caps` is its announced ``node#ver``."""

    sender: str
    to: str
    caps: str


# --- Jingle


class InitiateSession(_Command, frozen=True, tag="InitiateSession"):
    """session-initiate to a client; the sender is the initiator."""

    sender: str
    to: str
    sid: str
    content: Content


class AcceptSession(_Command, frozen=True, tag="AcceptSession"):
    """session-accept to the client that called."""

    sender: str
    to: str
    sid: str
    content: Content


class InformSession(_Command, frozen=True, tag="InformSession"):
    """session-info with a payload of XEP-0167 §8, such as "ringing"."""

    sender: str
    to: str
    sid: str
    info: str


class InformTransport(_Command, frozen=True, tag="InformTransport"):
    """transport-info: where audio goes from now on; the content has nothing but a transport."""

    sender: str
    to: str
    sid: str
    content: Content


class TerminateSession(_Command, frozen=True, tag="TerminateSession"):
    """session-terminate with a reason of XEP-0166 §7.4 and a text for people."""

    sender: str
    to: str
    sid: str
    condition: str
    text: str = ""


# --- Jingle Message Initiation, and what is left to read


class ProposeCall(_Command, frozen=True, tag="ProposeCall"):
    """<propose/> of an audio call to all of a user's clients (XEP-0353 §5.1); `to` is bare."""

    sender: str
    to: str
    sid: str


class MessageCall(_Command, frozen=True, tag="MessageCall"):
    """Anything else about a proposed call (XEP-0353 §5), with a reason of XEP-0166 §7.4 unless `condition` is ""."""

    sender: str
    to: str
    sid: str
    action: CallAction
    condition: str = ""
    text: str = ""
    tie_break: bool = False


class SendText(_Command, frozen=True, tag="SendText"):
    """A chat message for people (RFC 6121 §5)."""

    sender: str
    to: str
    text: str


# --- the SIP account


class SignIn(_Command, frozen=True, tag="SignIn"):
    """Sign the account in; the command's id is the connection's name from here on."""

    account: SipAccount
    secret: str


class SignOut(_Command, frozen=True, tag="SignOut"):
    """Sign out and let go of the connection."""

    connection: str


class ForgetSecret(_Command, frozen=True, tag="ForgetSecret"):
    """Erase a password from the vault."""

    secret: str


# --- ourselves


class Fault(_Command, frozen=True, tag="Fault"):
    """Folding an event raised an exception: a bug. `call` was ended because of it ("" if it was in no call)."""

    call: str
    error: str


class Forget(_Command, frozen=True, tag="Forget"):
    """Erase the user's stream, this command with it: they have cancelled, and nothing of it counts any more."""


XmppCommand: TypeAlias = (
    AcceptIq
    | RefuseIq
    | SendRegistrationForm
    | SendPresence
    | AskFeatures
    | InitiateSession
    | AcceptSession
    | InformSession
    | InformTransport
    | TerminateSession
    | ProposeCall
    | MessageCall
    | SendText
)
SipCommand: TypeAlias = SignIn | SignOut | Call1Command
VaultCommand: TypeAlias = ForgetSecret
Command: TypeAlias = XmppCommand | SipCommand | RelayCommand | VaultCommand | Forget | Fault | LogRecord


class Issued(Struct, frozen=True, gc=False):
    """A command on its way to an adapter: for whom (bare JID), its id, and what."""

    user: str
    id: str
    command: Command
