"""An XMPP client of the user, as far as calls go, and the server that speaks for it when it is gone.

Rules:

1. A command reaches it at once; what it says waits in `sent`, in order, until the world delivers it. So everything
   can cross everything, but one client's stanzas never overtake each other.
2. It answers an IQ that it understands with a result, one about a session that it does not know with item-not-found.
   While it is offline its server answers for it.
3. `Broken` is raised for what no gateway may do to a client.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from fargo.statemachine.commands import (
    AcceptIq,
    AcceptSession,
    AskFeatures,
    Command,
    InformSession,
    InitiateSession,
    Issued,
    PresenceKind,
    RefuseIq,
    SendPresence,
    TerminateSession,
)
from fargo.statemachine.events import (
    Event,
    FeaturesLearned,
    Iq,
    IqFailed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionModified,
    SessionTerminated,
)

from .invariants import Broken
from .quirks import Quirk
from .values import ABLE, BOB, GATEWAY, OPUS, PCMA, PCMU, audio

OFFERS: Final = {"call": audio(PCMU, PCMA), "call with strange codecs": audio(OPUS)}
ANSWERS: Final = {"accept": audio(PCMU), "accept with strange codecs": audio(OPUS)}
ENDINGS: Final = {"decline": "decline", "busy": "busy", "hang up": "success", "cancel": "cancel"}
INFOS: Final = ("ringing", "hold", "active", "mute", "")
CHANGES: Final = ("transport-info", "content-add", "content-modify", "description-info")


@dataclass(frozen=True, slots=True)
class Session:
    """A Jingle session as the client sees it: calling, invited, or talking. ``us`` is the gateway's end."""

    sid: str
    us: str
    phase: str


@dataclass(frozen=True, slots=True)
class Client:
    """One client. ``calls``: how many it may still begin. ``asked``: its open IQs, each with the session it is
    about and what it wants.
    """

    jid: str
    online: bool = False
    features: tuple[str, ...] = ABLE
    calls: int = 0
    stanzas: int = 0
    sessions: tuple[Session, ...] = ()
    asked: tuple[tuple[str, str, str], ...] = ()
    sent: tuple[Event, ...] = ()

    # --- what it may do next

    def moves(self, quirks: frozenset[Quirk]) -> Iterator[tuple[str, str]]:
        """Everything it could do of its own accord: what, and to which session."""
        if not self.online:
            yield ("come online", "")
            return
        yield ("go offline", "")
        if self.calls:
            yield ("call", "")
            if Quirk.CODECS in quirks:
                yield ("call with strange codecs", "")
        for session in self.sessions:
            yield from ((move, session.sid) for move in self._about(session, quirks))

    def _about(self, session: Session, quirks: frozenset[Quirk]) -> Iterator[str]:
        match session.phase:
            case "calling":
                yield "cancel"
            case "invited":
                yield from ("accept", "decline", "busy")
                if Quirk.CODECS in quirks:
                    yield "accept with strange codecs"
            case _:
                yield "hang up"
        if Quirk.CHATTER in quirks:
            yield from (*(f"info {each}" for each in INFOS), *(f"modify {each}" for each in CHANGES))
        if Quirk.NONSENSE in quirks:
            yield from ("accept again", "call again", "forget")

    def act(self, what: str, sid: str) -> "Client":
        """The client after it has done so."""
        match what:
            case "come online":
                return replace(self, online=True)._says(ResourceAvailable(self.jid, GATEWAY, "https://example.org#1"))
            case "go offline":
                gone = replace(self, online=False, sessions=(), asked=())
                return gone._says(ResourceUnavailable(self.jid, GATEWAY))
            case "call" | "call with strange codecs":
                return self._call(what)
        session = self._session(sid)
        assert session is not None
        if what == "forget":
            return self._without(sid)
        kind, _, detail = what.partition(" ")
        match kind:
            case "info":
                return self._asks(session, what, lambda iq: SessionInformed(iq, sid, detail))
            case "modify":
                return self._asks(session, what, lambda iq: SessionModified(iq, sid, detail))
        if what == "call again":
            return self._asks(session, what, lambda iq: SessionInitiated(iq, sid, (OFFERS["call"],)))
        if what == "accept again":
            return self._asks(session, what, lambda iq: SessionAccepted(iq, sid, (ANSWERS["accept"],)))
        if what in ANSWERS:
            talking = self._with(replace(session, phase="talking"))
            return talking._asks(session, what, lambda iq: SessionAccepted(iq, sid, (ANSWERS[what],)))
        ended = self._asks(session, what, lambda iq: SessionTerminated(iq, sid, ENDINGS[what]))
        return ended._without(sid)

    def _call(self, what: str) -> "Client":
        session = Session(f"{self.jid}-{self.calls}", BOB, "calling")
        calling = replace(self, calls=self.calls - 1, sessions=(*self.sessions, session))
        return calling._asks(session, what, lambda iq: SessionInitiated(iq, session.sid, (OFFERS[what],)))

    # --- what it is told

    def hear(self, issued: Issued) -> "Client":
        """The client after a command has reached it."""
        command = issued.command
        match command:
            case AcceptIq(iq) | RefuseIq(iq):
                return self._answered(iq.id, isinstance(command, AcceptIq))
            case SendPresence(kind=PresenceKind.PROBE):
                return self._probed()
            case AskFeatures():
                features = self.features if self.online else ()
                return self._says(FeaturesLearned(issued.id, self.jid, features))
            case InitiateSession() | AcceptSession() | InformSession() | TerminateSession() if not self.online:
                return self._says(IqFailed(issued.id, self.jid, "service-unavailable"))
            case InitiateSession(us, _, sid):
                return self._invited(issued.id, us, sid)
            case AcceptSession(_, _, sid) | InformSession(_, _, sid) | TerminateSession(_, _, sid):
                return self._told(issued.id, sid, command)
            case _:
                return self

    def _answered(self, iq: str, accepted: bool) -> "Client":
        found = next((each for each in self.asked if each[0] == iq), None)
        if found is None:
            return self
        heard = replace(self, asked=tuple(each for each in self.asked if each is not found))
        _, sid, what = found
        return heard._without(sid) if not accepted and what in (*OFFERS, *ANSWERS) else heard

    def _probed(self) -> "Client":
        if self.online:
            return self._says(ResourceAvailable(self.jid, GATEWAY, "https://example.org#1"))
        return self._says(ResourceUnavailable(self.jid, GATEWAY))

    def _invited(self, command: str, us: str, sid: str) -> "Client":
        if self._session(sid):
            raise Broken("a client is invited once", (self, sid))
        invited = replace(self, sessions=(*self.sessions, Session(sid, us, "invited")))
        return invited._says(IqSucceeded(command, self.jid))

    def _told(self, command: str, sid: str, told: Command) -> "Client":
        session = self._session(sid)
        if session is None:
            return self._says(IqFailed(command, self.jid, "item-not-found"))
        heard = self._says(IqSucceeded(command, self.jid))
        match told:
            case AcceptSession() if session.phase != "calling":
                raise Broken("what a client did not begin is not accepted", (self, sid))
            case AcceptSession():
                return heard._with(replace(session, phase="talking"))
            case TerminateSession():
                return heard._without(sid)
            case _:
                return heard

    def refuses(self) -> "Client":
        """The client after it refused, rather than took, what it is about to answer; a session goes with it."""
        taken, *rest = self.sent
        assert isinstance(taken, IqSucceeded)
        return replace(self, sent=(IqFailed(taken.command, self.jid, "bad-request"), *rest))

    def times_out(self) -> "Client":
        """The client after the stream broke: what it had sent is lost, and what it began with it comes to nothing."""
        client = self
        for _, sid, what in self.asked:
            client = client._without(sid) if what in (*OFFERS, *ANSWERS) else client
        return replace(client, sent=(), asked=())

    # --- itself

    def _session(self, sid: str) -> Session | None:
        return next((s for s in self.sessions if s.sid == sid), None)

    def _with(self, session: Session) -> "Client":
        return replace(self, sessions=tuple(session if s.sid == session.sid else s for s in self.sessions))

    def _without(self, sid: str) -> "Client":
        return replace(self, sessions=tuple(s for s in self.sessions if s.sid != sid))

    def _asks(self, session: Session, what: str, make: Callable[[Iq], Event]) -> "Client":
        """Send an IQ-set about a session."""
        iq = Iq(self.jid, session.us, f"{self.jid}-iq{self.stanzas}")
        asking = replace(self, stanzas=self.stanzas + 1, asked=(*self.asked, (iq.id, session.sid, what)))
        return asking._says(make(iq))

    def _says(self, event: Event) -> "Client":
        return replace(self, sent=(*self.sent, event))
