"""The XMPP adapter: dispatch stanzas and commands to the modules that translate them.

Rules:

1. A user who is not allowed gets an error or no reply, and so does one who has reached a limit. No event is put, so
   nobody can fill the event log. The `Admission` decides on limits. What no server can have sent is dropped.
2. Every request is answered: later, by a command, or here if the answer depends on no state.
3. No stanza ends the stream or the program.
4. What comes for a user whom another worker has is handed on as it came: what it means depends on the user's state.
5. The stanzas of a user take effect in the order in which they came, also if one has to wait (`in_order`).
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias, assert_never

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.put import KeepDigit, KeepTexts, PutEvent
from fargo.adapters.xmpp import (
    adhoc,
    admins,
    chat,
    conferences,
    disco,
    dtmf,
    jingle,
    jingle_message,
    messages,
    people,
    presence,
    prompt,
    registration,
    replies,
    senders,
    stateless_iq,
    texts,
    turning_down,
)
from fargo.adapters.xmpp.admins import Administer
from fargo.adapters.xmpp.conversations import OF_CONVERSATIONS, Conversations, OfConversation
from fargo.adapters.xmpp.in_order import InOrder
from fargo.adapters.xmpp.passing_on import Elsewhere, as_text, from_text
from fargo.adapters.xmpp.readers import Readers
from fargo.adapters.xmpp.settings import XmppSettings
from fargo.adapters.xmpp.stanza import (
    NS_COMMANDS,
    NS_GATEWAY,
    NS_JINGLE,
    NS_REGISTER,
    MalformedError,
    attribute,
    elements,
    iq_error,
    iq_of,
    iq_result,
    make_stanza,
    refuse_long,
    sender_of,
    stanza_error,
)
from fargo.adapters.xmpp.stream import Stream, call_later
from fargo.adapters.xmpp.submitting import StorePassword, Submitting
from fargo.limits.rejection import Rejection
from fargo.statemachine.account import roster
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.address import bare, domain_of, local_of
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AnswerCommand,
    AskFeatures,
    ChangeContent,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    Issued,
    MessageCall,
    OfferContact,
    PresenceKind,
    ProposeCall,
    RefuseIq,
    RejectContents,
    SendContact,
    SendForm,
    SendPresence,
    SendRegistrationForm,
    SendText,
    ShowContacts,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    IqFailed,
    IqMalformed,
    RegistrationAsked,
    RegistrationCancelled,
)
from fargo.statemachine.model.iq import ByCommand, Iq
from fargo.statemachine.model.jingle_events import SessionInformed

_OneStanza: TypeAlias = (
    AcceptIq
    | RefuseIq
    | SendForm
    | AnswerCommand
    | SendRegistrationForm
    | SendContact
    | SendPresence
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
)

log = Logger("fargo.adapters.xmpp")


class Admission(Protocol):
    """Decides what is let in (`fargo.limits.gate.Gate`)."""

    def stanza(self, kind: str, sender: str, to: str, /) -> Rejection | None:
        """Return why a stanza is not let in, None if it is."""

    def event(self, user: str, event: Event, /) -> Rejection | None:
        """Return why an event of a user (bare JID) is not let in, None if it is."""


class XmppAdapter:
    """The link between the XMPP server and the engine.

    `put` is called with each event. `store_password` and `keep_digit` keep a secret out of the events: these carry the
    name that the function returns. `kept` does the same for texts. `admission` is asked about each stanza and each
    event. `contacts` returns those of a user (bare JID), and `prompted` the SIP address whose password the user is
    asked for in the chat, None if it is not. `country` returns the one in which a user dials, if it is known.
    `administer` answers an admin. `opened` is called each time the stream is opened. `troubled` is called with a
    sentence for the operator, once or rarely, about what keeps it from being open. `elsewhere` hands stanzas on,
    if users belong to workers.
    """

    def __init__(
        self,
        put: PutEvent,
        store_password: StorePassword,
        keep_digit: KeepDigit,
        kept: KeepTexts,
        admission: Admission,
        contacts: Callable[[str], Contacts],
        prompted: Callable[[str], str | None],
        country: Callable[[str], str | None],
        administer: Administer,
        settings: XmppSettings,
        opened: Callable[[], None],
        troubled: Callable[[str], None],
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._in_order = InOrder(put)
        self._put = self._in_order.put
        self._submitting = Submitting(self._in_order, store_password, self._admit, self._send)
        self._keep_digit = keep_digit
        self._admission = admission
        self._contacts = contacts
        self._prompted = prompted
        self._country = country
        self._administer = administer
        self._elsewhere = elsewhere
        self._readers = Readers()
        self.serve(settings)
        self._stream = Stream(
            settings.domain, settings.secret, self._received, opened, troubled, settings.longest_silence
        )
        self._conversations = Conversations(self._put_admitted, kept, self._send, self._stream.send_stanza, call_later)

    @property
    def is_open(self) -> bool:
        """True while there is a stream to the server."""
        return self._stream.is_open

    @property
    def trouble(self) -> str:
        """The trouble that keeps the stream from being open, as a sentence, "" if that is not known."""
        return self._stream.trouble

    def start(self) -> None:
        """Open the stream, and reopen it whenever it is lost."""
        self._stream.start(self._settings.server, self._settings.port)

    def serve(self, settings: XmppSettings) -> None:
        """Serve the users that these settings name from now on. Changes of the other settings have no effect."""
        self._settings = settings
        self._readers.default = settings.language
        contact = disco.SECURED_CONTACT if settings.secured else disco.CONTACT
        contact = disco.RELAYED_CONTACT if settings.relayed else contact
        contact = disco.with_video(contact) if settings.video else contact
        contact = disco.with_texts(contact) if settings.texts else contact
        self._contact = disco.with_transfers(contact) if settings.transfers else contact

    def reopen(self) -> None:
        """Open another stream to the server in the place of this one."""
        self._stream.reopen()

    def stop(self) -> Deferred[None]:
        """Close the stream for good. The Deferred fires when it is closed."""
        self._conversations.stop()
        return self._stream.stop()

    # --- commands to stanzas

    def do(self, issued: Issued) -> None:
        """Carry out one of the XmppCommands.

        Without a stream the stanza is lost. If the core waits for a reply to it, the event of a failure is put.
        Information about a session is lost without one: it would mean that the client is gone (XEP-0166 §10).
        """
        command: _OneStanza | OfConversation | ShowContacts = issued.command  # type: ignore[assignment]
        if isinstance(command, ShowContacts):
            for each in roster.shown_contacts(self._contacts(issued.user), command):
                self._say(presence.stanza(each, self._contact))
            return
        if isinstance(command, InitiateSession) and command.introduces:
            introduction = SendPresence(command.sender, command.to, PresenceKind.AVAILABLE)
            self._say(presence.stanza(introduction, self._contact, command.nick))
        if isinstance(command, OF_CONVERSATIONS):
            self._conversations.do(command, issued.id)
            return
        if self._say(self._stanza(command, issued.id)):
            return
        match command:
            case InitiateSession(to=to) | AcceptSession(to=to) | TerminateSession(to=to) | ProposeCall(to=to):
                self._put(issued.user, IqFailed(issued.id, to, "remote-server-not-found", texts.NO_STREAM))
            case AskFeatures(to=to):
                self._put(issued.user, FeaturesLearned(issued.id, to, ()))
            case InformSession() | InformTransport() | InformDescription() | ChangeContent() | RejectContents():
                pass
            case AcceptIq() | RefuseIq() | SendForm() | AnswerCommand() | SendRegistrationForm() | SendContact():
                pass
            case SendPresence() | MessageCall() | SendText() | OfferContact():
                pass

    def _stanza(self, command: _OneStanza, name: str) -> Element:
        match command:
            case AcceptIq() | RefuseIq():
                return replies.stanza(command, name)
            case SendForm() | AnswerCommand():
                return adhoc.stanza(command)
            case SendRegistrationForm(iq):
                shown = adhoc.stanza if isinstance(iq.by, ByCommand) else registration.stanza
                return shown(command, self._country(bare(iq.sender)))
            case SendContact():
                return prompt.stanza(command)
            case SendPresence():
                return presence.stanza(command, self._contact)
            case AskFeatures(sender, to, caps):
                request = disco.info_request(caps)
                return make_stanza("iq", sender, to, request, type="get", id=replies.features_id(name))
            case InitiateSession() | AcceptSession() | InformSession() | InformTransport():
                return jingle.stanza(command, name)
            case InformDescription() | ChangeContent() | RejectContents() | TerminateSession():
                return jingle.stanza(command, name)
            case ProposeCall() | MessageCall():
                return jingle_message.stanza(command, name)
            case SendText():
                return messages.stanza(command, name)
            case OfferContact():
                return people.offer(command, name)
            case _:
                assert_never(command)

    # --- stanzas to events

    def take(self, stanza: str) -> bool:
        """Take a stanza that another worker has received (`passing_on`). Return False if it is not for our domain."""
        found = from_text(stanza)
        if domain_of(attribute(found, "to")) != self._settings.domain:
            return False
        self._received(found, is_ours=True)
        return True

    def turn_down(self, stanza: str, refusal: Rejection) -> None:
        """Answer a stanza (`passing_on`) that is not taken, if its kind gets an answer."""
        self._send(turning_down.answer_unread(from_text(stanza), refusal))

    def _received(self, stanza: Element, is_ours: bool = False) -> None:
        try:
            sender = sender_of(stanza)
            self._readers.heard(sender, stanza)
            if not senders.is_possible(sender, self._settings.domain):
                log.debug(texts.SENDER_IMPOSSIBLE, kind=stanza.name)
            elif not self._settings.serve(sender):
                self._refuse(stanza)
            elif self._elsewhere and not is_ours and self._elsewhere(bare(sender), lambda: as_text(stanza)):
                pass
            elif refusal := self._admission.stanza(stanza.name, sender, attribute(stanza, "to")):
                self._send(turning_down.answer(stanza, refusal))
            else:
                self._dispatch(stanza)
        except MalformedError as problem:
            log.debug(texts.STANZA_DROPPED, kind=stanza.name, problem=problem)
        except Exception:
            log.failure(texts.STANZA_BUG, kind=stanza.name)

    def _dispatch(self, stanza: Element) -> None:
        event: Event | None = None
        match stanza.name, stanza.getAttribute("type"):
            case "iq", "get" | "set":
                self._request(stanza)
            case "iq", "result" | "error":
                event = replies.event(stanza)
            case "presence", _:
                event = presence.event(stanza)
            case "message", "error":
                event = replies.message_error(stanza)
            case "message", None | "normal" | "chat" if jingle_message.concerns(stanza):
                event = jingle_message.event(stanza)
            case "message", _ if problem := messages.objection(stanza):
                self._send(conferences.rejection(stanza))
                self._send(messages.refusal(stanza, problem))
            case "message", _ if not self._conversations.take(stanza):
                event = self._written(stanza)
        user = bare(sender_of(stanza))
        if event and local_of(user):
            if refusal := self._admission.event(user, event):
                self._send(turning_down.answer(stanza, refusal, event))
            else:
                self._put(user, event)

    def _refuse(self, stanza: Element) -> None:
        """Refuse a user who is not allowed (RFC 6120 §8.3.3.4, RFC 6121 §3.1.3)."""
        user = bare(sender_of(stanza))
        text = texts.USER_NOT_SERVED if user in self._settings.denied_users else texts.DOMAIN_NOT_SERVED
        error = stanza_error("auth", "forbidden", text.format(user=user, domain=domain_of(user)))
        match stanza.name, stanza.getAttribute("type"):
            case "iq", "get" | "set":
                self._send(iq_error(iq_of(stanza), error))
            case "message", _ if not jingle_message.concerns(stanza):
                self._send(messages.refusal(stanza, error))
            case "presence", "subscribe":
                to, sender = bare(attribute(stanza, "to")), bare(sender_of(stanza))
                self._send(make_stanza("presence", to, sender, type=PresenceKind.UNSUBSCRIBED.value))

    def _request(self, stanza: Element) -> None:
        """Answer an IQ of type get or set, or put the event that makes the core answer it."""
        iq, kind = iq_of(stanza), stanza["type"]
        try:
            refuse_long(iq)
            payloads = elements(stanza)
            if len(payloads) != 1:
                raise stanza_error("modify", "bad-request", texts.NOT_ONE_PAYLOAD)
            if not self._put_request(iq, kind, payloads[0]):
                self._send(iq_result(iq, *self._stateless(iq, kind, payloads[0])))
        except StanzaError as error:
            self._send(iq_error(iq, error))
        except MalformedError as problem:
            self._send(iq_error(iq, stanza_error("modify", "bad-request", str(problem))))
        except Exception:
            self._send(iq_error(iq, stanza_error("cancel", "internal-server-error", texts.BUG)))
            raise

    def _put_request(self, iq: Iq, kind: str, payload: Element) -> bool:
        """Put the event for a request whose answer depends on the user's state. Return False for any other request."""
        user = bare(iq.sender)
        if not local_of(user):
            return False
        try:
            match kind, payload.uri, payload.name:
                case "set", uri, "jingle" if uri == NS_JINGLE:
                    self._put_admitted(user, self._jingle(iq, payload))
                case "get", uri, "query" if uri == NS_REGISTER and not local_of(iq.to):
                    self._put_admitted(user, RegistrationAsked(iq))
                case "set", uri, "query" if uri == NS_REGISTER and not local_of(iq.to):
                    self._register(iq, payload)
                case "set", uri, "command" if uri == NS_COMMANDS and not local_of(iq.to):
                    self._run(iq, payload)
                case "set", uri, "query" if uri == NS_GATEWAY and not local_of(iq.to):
                    self._put_admitted(user, prompt.event(iq, payload))
                case _:
                    return False
        except MalformedError as problem:
            self._put_admitted(user, IqMalformed(iq, str(problem)))
        return True

    def _put_admitted(self, user: str, event: Event) -> None:
        """Put an event of a request. Raise StanzaError if it is not let in."""
        self._admit(user, event)
        self._put(user, event)

    def _admit(self, user: str, event: Event) -> None:
        if refusal := self._admission.event(user, event):
            raise stanza_error(refusal.kind, refusal.condition, refusal.text)

    def _jingle(self, iq: Iq, payload: Element) -> jingle.JingleActionEvent:
        event, key = jingle.event(iq, payload), dtmf.read(payload)
        if key is None or not isinstance(event, SessionInformed):
            return event
        if isinstance(key, dtmf.Release):
            return replace(event, releases=True)
        return replace(event, digit=self._keep_digit(key.digit), duration=key.duration)

    def _register(self, iq: Iq, query: Element) -> None:
        match registration.read(query):
            case registration.Removal():
                self._put_admitted(bare(iq.sender), RegistrationCancelled(iq))
            case registration.Dismissal():
                self._send(iq_result(iq))
            case registration.Submission() as submission:
                self._submitting.submit(iq, submission)

    def _stateless(self, iq: Iq, kind: str, payload: Element) -> list[Element]:
        admin, country = self._settings.is_admin(iq.sender), self._country(bare(iq.sender))
        return stateless_iq.answer(iq.to, kind, payload, self._contact, admin, country)

    def _run(self, iq: Iq, command: Element) -> None:
        match adhoc.read(iq, command, self._settings.is_admin(iq.sender)):
            case adhoc.AdminForm(step, form):
                self._send(adhoc.stanza(SendForm(step, form)))
            case adhoc.Administered(step, question):
                asked = self._administer(bare(iq.sender), question)
                asked.addCallback(lambda text: self._send(adhoc.stanza(AnswerCommand(step, text))))
            case adhoc.Cancelled(step):
                self._send(adhoc.canceled(step))
            case adhoc.Submitted(step, submission):
                self._submitting.submit(step, submission)
            case event:
                self._put_admitted(bare(iq.sender), event)

    def _written(self, message: Element) -> Event | None:
        """Return the event of a message to be read. One with a password is submitted, one that is not taken refused."""
        body = messages.text(message)
        if body is None:
            self._send(messages.refusal(message))
            return None
        address = self._prompted(bare(sender_of(message)))
        admin = address is None and self._settings.is_admin(sender_of(message))
        if admin and admins.answers(message, body, self._administer, self._send):
            return None
        if address is None or not chat.is_password(body):
            return messages.event(message, body)
        self._submitting.write(sender_of(message), bare(attribute(message, "to")), address, body)
        return None

    def _send(self, stanza: Element | None) -> None:
        """Send a reply. Without a stream it is lost."""
        if stanza is not None:
            self._say(stanza)

    def _say(self, stanza: Element) -> bool:
        """Send a stanza, with what is for people in the language of its recipient. Return False without a stream."""
        self._readers.translate(stanza)
        return self._stream.send_stanza(stanza)
