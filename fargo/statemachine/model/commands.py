"""The commands: what the adapters are to do. A command is carried out only after the event that caused it is logged.

Rules:

1. A command contains all that the adapter needs; the adapter decides nothing.
2. Its id, ``<version>.<place>``, is the id of the IQ stanza or SIP channel that it leads to (see events.py, rule 3).
   The id also names the event that caused the command.
3. A command that starts something is issued once. A command that stops something may be repeated; if the thing is
   already gone, that is success.
"""

from enum import StrEnum
from typing import Final, Literal, TypeAlias, assert_never

from msgspec import Struct

from fargo.statemachine.media.bundle import Bundle
from fargo.statemachine.media.description import Content, Srtp
from fargo.statemachine.model import call1, sip_endings
from fargo.statemachine.model.call1 import Call1Command
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import CallAction
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.ng import DeleteRelay, RelayCommand
from fargo.statemachine.model.requests import CommandForm
from fargo.statemachine.model.sip_messages import UserAgentCommand


class _CoreCommand(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


# --- answers to IQs


class AcceptIq(_CoreCommand, frozen=True, tag="AcceptIq"):
    """An empty IQ-result. ``text``: for people, if it was asked by chat or command."""

    iq: Iq
    text: str = ""


class RefuseIq(_CoreCommand, frozen=True, tag="RefuseIq"):
    """An IQ-error. ``kind`` and ``condition``: the error's type and condition (RFC 6120 §8.3). ``text``: for people.
    ``jingle``: a Jingle error (XEP-0166 §10), None if it is none.
    """

    iq: Iq
    kind: str
    condition: str
    text: str
    jingle: str | None = None


class SendRegistrationForm(_CoreCommand, frozen=True, tag="SendRegistrationForm"):
    """The registration form with the account's values, but never its password (XEP-0077 §3.1). ``transports``: those
    that the user can choose from. ``srtp``: how audio may be encrypted, none if the SIP engine cannot encrypt it.
    """

    iq: Iq
    account: SipAccount | None
    transports: tuple[str, ...] = ("udp", "tcp")
    srtp: tuple[Srtp, ...] = ()


class SendForm(_CoreCommand, frozen=True, tag="SendForm"):
    """The form that an ad-hoc command has for the user to fill in (XEP-0050 §2.4.2)."""

    iq: Iq
    form: CommandForm


class AnswerCommand(_CoreCommand, frozen=True, tag="AnswerCommand"):
    """The ad-hoc command is completed (XEP-0050 §2.4.1), with a text for people."""

    iq: Iq
    text: str


class SendContact(_CoreCommand, frozen=True, tag="SendContact"):
    """The JID of what the user has typed (XEP-0100 §6.3)."""

    iq: Iq
    jid: str


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


class SendPresence(_CoreCommand, frozen=True, tag="SendPresence"):
    """A presence stanza (RFC 6121 §4.7). An available contact's carries the capabilities of a phone (XEP-0115)."""

    sender: str
    to: str
    kind: PresenceKind
    show: str | None = None
    status: str | None = None


class ShowContacts(_CoreCommand, frozen=True, tag="ShowContacts"):
    """The presence of every contact that the user has subscribed to, all of the same kind: one stanza each. Which these
    are is in the user's state (`Contacts.subscribed`), so that the command stays small however many they are.
    """

    to: str
    kind: PresenceKind


class AskFeatures(_CoreCommand, frozen=True, tag="AskFeatures"):
    """A disco#info request to a client (XEP-0030 §3). ``caps``: its announced ``node#ver`` (XEP-0115 §6.2),
    None if it announced none.
    """

    sender: str
    to: str
    caps: str | None


# --- Jingle


RejectingAction: TypeAlias = Literal["content-reject", "transport-reject"]
ChangingAction: TypeAlias = Literal["content-add", "content-accept", "content-modify", "content-remove"]


class InitiateSession(_CoreCommand, frozen=True, tag="InitiateSession"):
    """session-initiate to a client (XEP-0166 §6.2). The sender is the initiator. ``bundle``: the BUNDLE group that is
    offered (XEP-0338). ``introduces``: the sender's available presence, with its capabilities, is sent before it, as
    the client may not know of the sender (XEP-0276). ``nick``: as the sender calls themselves, then (XEP-0172).
    """

    sender: str
    to: str
    sid: str
    content: Content
    bundle: Bundle = ()
    introduces: bool = False
    nick: str | None = None


class AcceptSession(_CoreCommand, frozen=True, tag="AcceptSession"):
    """session-accept to the client that called (XEP-0166 §6.5).

    ``before`` and ``after``: the contents that are declined, by their places among those that the client has offered.
    ``bundle``: the BUNDLE group that is agreed on (XEP-0338).
    """

    sender: str
    to: str
    sid: str
    content: Content
    before: tuple[Content, ...] = ()
    after: tuple[Content, ...] = ()
    bundle: Bundle = ()


class InformSession(_CoreCommand, frozen=True, tag="InformSession"):
    """session-info with a payload of XEP-0167 §8, such as "ringing"; None for a ping (XEP-0166 §6.8)."""

    sender: str
    to: str
    sid: str
    info: str | None


class InformTransport(_CoreCommand, frozen=True, tag="InformTransport"):
    """transport-info: the address to send audio to from now on (XEP-0166 §7.2.13). The content has only a transport."""

    sender: str
    to: str
    sid: str
    content: Content


class InformDescription(_CoreCommand, frozen=True, tag="InformDescription"):
    """description-info: the codecs that audio is sent in from now on (XEP-0166 §7.2.7, XEP-0167 §6.4). The content has
    only a description.
    """

    sender: str
    to: str
    sid: str
    content: Content


class ChangeContent(_CoreCommand, frozen=True, tag="ChangeContent"):
    """content-add, content-accept, content-modify or content-remove (``action``, XEP-0166 §7.2) with one content. That
    of the last two has only its name and who sends.
    """

    sender: str
    to: str
    sid: str
    action: ChangingAction
    content: Content


class RejectContents(_CoreCommand, frozen=True, tag="RejectContents"):
    """content-reject or transport-reject (``action``, XEP-0166 §7.2): what the client wanted to add or replace is not
    taken, with a reason of XEP-0166 §7.4 and a text for people. Contents of the latter have the transport that is not
    taken; they have nothing else.
    """

    sender: str
    to: str
    sid: str
    action: RejectingAction
    contents: tuple[Content, ...]
    condition: str
    text: str


class TerminateSession(_CoreCommand, frozen=True, tag="TerminateSession"):
    """session-terminate with a reason of XEP-0166 §7.4 and a text for people."""

    sender: str
    to: str
    sid: str
    condition: str
    text: str = ""


# --- Jingle Message Initiation, and messages to read


class ProposeCall(_CoreCommand, frozen=True, tag="ProposeCall"):
    """<propose/> of an audio call to all of a user's clients (XEP-0353 §3.1). ``to`` is a bare JID. ``nick``: as the
    sender calls themselves, if the user may not know them (XEP-0172). ``video``: of a call with video, too.
    """

    sender: str
    to: str
    sid: str
    nick: str | None = None
    video: bool = False


class MessageCall(_CoreCommand, frozen=True, tag="MessageCall"):
    """Any other message about a proposed call (XEP-0353 §3). ``condition``: a reason of XEP-0166 §7.4, None if there is
    none. ``tie_break``: with <tie-break/> (XEP-0353 §4).
    """

    sender: str
    to: str
    sid: str
    action: CallAction
    condition: str | None = None
    text: str = ""
    tie_break: bool = False


class SendText(_CoreCommand, frozen=True, tag="SendText"):
    """A chat message for people (RFC 6121 §5). ``at``: when what it tells of happened, in seconds since 1970; None if
    now. ``nick``: see `ProposeCall`.
    """

    sender: str
    to: str
    text: str
    at: float | None = None
    nick: str | None = None


class OfferContact(_CoreCommand, frozen=True, tag="OfferContact"):
    """A message that lets a client (``to``) ask whether to add a contact (bare JID) to the roster, under a name
    (XEP-0144 §3.1). Nobody reads the message itself.
    """

    sender: str
    to: str
    contact: str
    name: str


# --- texts between users and SIP addresses


class DeliverText(_CoreCommand, frozen=True, tag="DeliverText"):
    """A chat message with a text that has come in by SIP. ``to`` is a bare JID. The text is forgotten then. ``nick``:
    see `ProposeCall`.
    """

    sender: str
    to: str
    text: KeptText
    nick: str | None = None


class ShowTyping(_CoreCommand, frozen=True, tag="ShowTyping"):
    """A chat state (XEP-0085): a contact types (``active``), or does not any more. ``to`` is a bare JID. ``seconds``:
    after which that is no longer believed.
    """

    sender: str
    to: str
    active: bool
    seconds: int


class ConfirmText(_CoreCommand, frozen=True, tag="ConfirmText"):
    """The receipt for a client's message (XEP-0184 §5.2), by the id of its stanza."""

    sender: str
    to: str
    stanza: str


class RefuseText(_CoreCommand, frozen=True, tag="RefuseText"):
    """A client's message was not delivered, as an error (RFC 6120 §8.3): ``stanza`` is the id of its stanza, None if
    it has none; ``kind`` and ``condition`` are the error's type and condition, and ``text`` is for people.
    """

    sender: str
    to: str
    stanza: str | None
    kind: str
    condition: str
    text: str


class ForgetText(_CoreCommand, frozen=True, tag="ForgetText"):
    """Forget a text that is under way no longer, by its name."""

    name: str


# --- the SIP account


class SignIn(_CoreCommand, frozen=True, tag="SignIn"):
    """Sign the account in. The command's id becomes the connection's name. ``secret``: the password's name in the
    vault.
    """

    account: SipAccount
    secret: str


class SignOut(_CoreCommand, frozen=True, tag="SignOut"):
    """Sign out and release the connection."""

    connection: str


class ForgetSecret(_CoreCommand, frozen=True, tag="ForgetSecret"):
    """Erase a password from the vault, by its name there."""

    secret: str


# --- the gateway itself


class Fault(_CoreCommand, frozen=True, tag="Fault"):
    """Folding an event raised an exception: a bug.

    ``call``: the call that was ended because of it, None if none was.
    """

    call: str | None
    error: str


class Forget(_CoreCommand, frozen=True, tag="Forget"):
    """Erase the user's stream, including this command: the user cancelled the registration some time ago."""


XmppCommand: TypeAlias = (
    AcceptIq
    | RefuseIq
    | SendRegistrationForm
    | SendForm
    | AnswerCommand
    | SendContact
    | SendPresence
    | ShowContacts
    | AskFeatures
    | InitiateSession
    | AcceptSession
    | InformSession
    | InformTransport
    | InformDescription
    | ChangeContent
    | RejectContents
    | TerminateSession
    | ProposeCall
    | MessageCall
    | SendText
    | OfferContact
    | DeliverText
    | ShowTyping
    | ConfirmText
    | RefuseText
)
SipCommand: TypeAlias = SignIn | SignOut | Call1Command | UserAgentCommand
VaultCommand: TypeAlias = ForgetSecret
TextCommand: TypeAlias = ForgetText
Command: TypeAlias = XmppCommand | SipCommand | RelayCommand | VaultCommand | TextCommand | Forget | Fault | LogRecord


class Issued(Struct, frozen=True, gc=False):
    """A command on its way to an adapter, with its id and the user (bare JID) for whom it is carried out. ``call``: the
    id of the user's call that it belongs to, None if it belongs to none.
    """

    user: str
    id: str
    command: Command
    call: str | None = None


_LAST_WORDS: Final = frozenset({CallAction.REJECT, CallAction.RETRACT, CallAction.FINISH})
_WENT: Final = frozenset({PresenceKind.UNAVAILABLE, PresenceKind.UNSUBSCRIBE, PresenceKind.UNSUBSCRIBED})


def ends(command: Command) -> bool:
    """Return True if a command only ends something, answers somebody who waits, or is for the log: it may still be
    carried out when nothing may begin any more. All others begin something or go on with it.
    """
    match command:
        case AcceptIq() | RefuseIq() | AnswerCommand() | SendText():
            return True
        case RejectContents() | TerminateSession() | SignOut():
            return True
        case DeliverText() | ConfirmText() | RefuseText() | ForgetText():
            return True
        case ShowTyping(active=active):
            return not active
        case (
            SendRegistrationForm()
            | SendForm()
            | SendContact()
            | AskFeatures()
            | InitiateSession()
            | AcceptSession()
            | InformSession()
        ):
            return False
        case InformTransport() | InformDescription() | ChangeContent():
            return False
        case ProposeCall() | OfferContact() | SignIn() | ForgetSecret():
            return False
        case SendPresence(kind=kind) | ShowContacts(kind=kind):
            return kind in _WENT
        case MessageCall(action=action):
            return action in _LAST_WORDS
        case _ if isinstance(command, Call1Command):
            return call1.ends(command)
        case _ if isinstance(command, UserAgentCommand):
            return sip_endings.ends(command)
        case _ if isinstance(command, RelayCommand):
            return isinstance(command, DeleteRelay)
        case Forget() | Fault():
            return True
        case _ if isinstance(command, LogRecord):
            return True
        case _:
            assert_never(command)
