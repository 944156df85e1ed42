"""The XMPP adapter: which stanza goes to which room, and what becomes of those that no event is made of.

Rules:

1. Users of domains that are not allowed get an error, or nothing; never an event, so that nobody can fill the log from
   outside.
2. A request is always answered: by a command, later, or here, if the answer depends on nothing that happened.
3. No stanza ends the stream or the program, whatever is in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TypeAlias, assert_never

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import disco, dtmf, jingle, messages, presence, proposals, questions, registration, replies
from fargo.adapters.xmpp.stanza import (
    NS_JINGLE,
    NS_REGISTER,
    MalformedError,
    attribute,
    envelope,
    error,
    iq_of,
    refusal,
    result,
    sender_of,
)
from fargo.adapters.xmpp.stream import Stream
from fargo.statemachine.address import bare, domain_of, local_of
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AskFeatures,
    InformSession,
    InformTransport,
    InitiateSession,
    Issued,
    MessageCall,
    PresenceKind,
    ProposeCall,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SendText,
    TerminateSession,
    XmppCommand,
)
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    Iq,
    IqFailed,
    IqMalformed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    SessionInformed,
)

Put: TypeAlias = Callable[[str, Event], None]
Keep: TypeAlias = Callable[[str, str], Deferred[str]]
Whisper: TypeAlias = Callable[[str], str]

_NONCE_BYTES = 6  # eight characters

log = Logger("fargo.adapters.xmpp")


@dataclass(frozen=True, slots=True)
class XmppSettings:
    """Our name on the XMPP network, the server's component port and the secret shared with it; whose users we serve,
    and whether their calls can go through a media relay.
    """

    domain: str
    server: str
    port: int
    secret: str = field(repr=False)
    allowed_domains: frozenset[str]
    relayed: bool = False


class XmppAdapter:
    """Between the XMPP server and the engine.

    `put` takes an event of a user (bare JID); `keep` puts a user's password away and tells under which name, `whisper`
    so a digit. `opened` is called each time the stream is up (again), `failed` with a sentence for the operator when
    the server will not have us: nothing more comes after that.
    """

    def __init__(
        self,
        put: Put,
        keep: Keep,
        whisper: Whisper,
        settings: XmppSettings,
        opened: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self._put = put
        self._keep = keep
        self._whisper = whisper
        self._settings = settings
        self._contact = disco.RELAYED_CONTACT if settings.relayed else disco.CONTACT
        self._stream = Stream(settings.domain, settings.secret, self._received, opened, failed)

    def start(self) -> None:
        """Connect, and stay connected."""
        self._stream.start(self._settings.server, self._settings.port)

    def stop(self) -> Deferred[None]:
        """Disconnect for good; fires when that is done."""
        return self._stream.stop()

    # --- command -> stanza

    def do(self, issued: Issued) -> None:
        """Carry out one of the XmppCommands. Without a stream, what waits for an answer fails, the rest is lost."""
        command: XmppCommand = issued.command  # type: ignore[assignment]
        if self._stream.send_stanza(self._stanza(command, issued.id)):
            return
        match command:
            case (
                InitiateSession(to=to)
                | AcceptSession(to=to)
                | InformSession(to=to)
                | InformTransport(to=to)
                | TerminateSession(to=to)
                | ProposeCall(to=to)
            ):
                down = "There is no stream to the XMPP server."
                self._put(issued.user, IqFailed(issued.id, to, "remote-server-not-found", down))
            case AskFeatures(to=to):
                self._put(issued.user, FeaturesLearned(issued.id, to, ()))
            case AcceptIq() | RefuseIq() | SendRegistrationForm() | SendPresence() | MessageCall() | SendText():
                pass

    def _stanza(self, command: XmppCommand, name: str) -> Element:
        match command:
            case AcceptIq() | RefuseIq():
                return replies.stanza(command)
            case SendRegistrationForm():
                return registration.stanza(command)
            case SendPresence():
                return presence.stanza(command, self._contact)
            case AskFeatures(sender, to, caps):
                return envelope("iq", sender, to, disco.question(caps), type="get", id=replies.features_id(name))
            case InitiateSession() | AcceptSession() | InformSession() | InformTransport() | TerminateSession():
                return jingle.stanza(command, name)
            case ProposeCall() | MessageCall():
                return proposals.stanza(command, name)
            case SendText():
                return messages.stanza(command, name)
            case _:
                assert_never(command)

    # --- stanza -> event

    def _received(self, stanza: Element) -> None:
        try:
            sender = sender_of(stanza)
            if domain_of(sender) in self._settings.allowed_domains:
                self._translate(stanza)
            elif sender:
                self._turn_away(stanza)
        except MalformedError as problem:
            log.debug("Dropped a malformed {kind}: {problem}", kind=stanza.name, problem=problem)
        except Exception:
            log.failure("A bug: a stanza could not be handled ({kind})", kind=stanza.name)

    def _translate(self, stanza: Element) -> None:
        event: Event | None = None
        match stanza.name, stanza.getAttribute("type"):
            case "iq", "get" | "set":
                self._request(stanza)
            case "iq", "result" | "error":
                event = replies.event(stanza)
            case "presence", _:
                event = presence.event(stanza)
            case "message", "error":
                event = replies.bounced(stanza)
            case "message", None | "normal" | "chat" if proposals.concerns(stanza):
                event = proposals.event(stanza)
            case "message", _:
                self._send(messages.refusal(stanza))
        user = bare(sender_of(stanza))
        if event and local_of(user):
            self._put(user, event)

    def _turn_away(self, stanza: Element) -> None:
        """Someone whose domain is not served (RFC 6120 §8.3.3.4, RFC 6121 §3.1.3)."""
        match stanza.name, stanza.getAttribute("type"):
            case "iq", "get" | "set":
                iq = iq_of(stanza)
                text = f"This gateway does not serve the users of {domain_of(iq.sender)}."
                self._send(refusal(iq, error("auth", "forbidden", text)))
            case "presence", "subscribe":
                to, sender = bare(attribute(stanza, "to")), bare(sender_of(stanza))
                self._send(envelope("presence", to, sender, type=PresenceKind.UNSUBSCRIBED.value))

    def _request(self, stanza: Element) -> None:
        """An IQ that wants an answer."""
        iq, kind = iq_of(stanza), stanza["type"]
        try:
            payloads = list(stanza.elements())
            if len(payloads) != 1:
                raise error("modify", "bad-request", "A request has exactly one child element.")
            if not self._event_of(iq, kind, payloads[0]):
                self._send(result(iq, *questions.answer(iq.to, kind, payloads[0], self._contact)))
        except StanzaError as problem:
            self._send(refusal(iq, problem))
        except MalformedError as problem:
            self._send(refusal(iq, error("modify", "bad-request", str(problem))))
        except Exception:
            self._send(refusal(iq, error("cancel", "internal-server-error", "The gateway has a bug; see its log.")))
            raise

    def _event_of(self, iq: Iq, kind: str, payload: Element) -> bool:
        """Make an event of a request, if it is one that concerns a user's state."""
        user = bare(iq.sender)
        if not local_of(user):
            return False
        try:
            match kind, payload.uri, payload.name:
                case "set", uri, "jingle" if uri == NS_JINGLE:
                    self._put(user, self._jingle(iq, payload))
                case "get", uri, "query" if uri == NS_REGISTER and not local_of(iq.to):
                    self._put(user, RegistrationAsked(iq))
                case "set", uri, "query" if uri == NS_REGISTER and not local_of(iq.to):
                    self._register(iq, payload)
                case _:
                    return False
        except MalformedError as problem:
            self._put(user, IqMalformed(iq, str(problem)))
        return True

    def _jingle(self, iq: Iq, payload: Element) -> jingle.JingleEvent:
        event, key = jingle.event(iq, payload), dtmf.read(payload)
        if key and isinstance(event, SessionInformed):
            return replace(event, digit=self._whisper(key.digit), duration=key.duration)
        return event

    def _register(self, iq: Iq, query: Element) -> None:
        match registration.read(query):
            case registration.Removal():
                self._put(bare(iq.sender), RegistrationCancelled(iq))
            case registration.Submission(account, password):
                nonce = token_urlsafe(_NONCE_BYTES)

                def kept(secret: str) -> None:
                    self._put(bare(iq.sender), RegistrationSubmitted(iq, account, secret, nonce))

                if password:
                    self._keep(bare(iq.sender), password).addCallbacks(kept, self._not_kept, errbackArgs=(iq,))
                else:
                    kept("")

    def _not_kept(self, failure: Failure, iq: Iq) -> None:
        log.failure("A password could not be stored", failure=failure)
        text = "The gateway could not store your password; try again later."
        self._send(refusal(iq, error("wait", "internal-server-error", text)))

    def _send(self, stanza: Element | None) -> None:
        """Send an answer of our own; without a stream, nobody waits for it any more."""
        if stanza is not None:
            self._stream.send_stanza(stanza)
