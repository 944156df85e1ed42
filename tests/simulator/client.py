"""An XMPP client of the user, as far as calls go, and the server that speaks for it when it is gone.

Rules:

1. A command reaches it at once; what it says waits in `sent`, in order, until the world delivers it. So everything
   can cross everything, but one client's stanzas never overtake each other.
2. It answers an IQ that it understands with a result, one about a session that it does not know with item-not-found.
   While it is offline its server answers for it.
3. A client that asks first (XEP-0353) proposes its calls, and is proposed to. What one client says about a proposal
   the others learn from their server when it passes there (`overhears`).
4. It speaks in one manner, and makes nothing of a description in another.
5. `Broken` is raised for what no gateway may do to a client.
"""

from collections.abc import Callable, Iterator
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.legs.user_agent.offer_answer import UNKNOWN
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import (
    Content,
    IceUdp,
    MediaProfile,
    RawUdp,
    Role,
    Senders,
    Transport,
    address,
    profile,
)
from fargo.statemachine.media.pictures import VideoFlow
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AskFeatures,
    ChangeContent,
    Command,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    Issued,
    MessageCall,
    PresenceKind,
    ProposeCall,
    RefuseIq,
    RejectContents,
    SendPresence,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentAccepted,
    ContentAdded,
    ContentChanged,
    ContentModified,
    ContentRejected,
    ContentRemoved,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)

from .broken import Broken
from .quirks import Quirk
from .values import (
    BOB,
    FEATURES,
    GATEWAY,
    JMI,
    OPUS,
    PCMA,
    PCMU,
    PHONE,
    RELAY,
    ROSTERX,
    SEES,
    audio,
    client_media,
    client_video,
)

OFFERS: Final = {"call": (PCMU, PCMA), "call in pieces": (PCMU, PCMA), "call with strange codecs": (OPUS,)}
ACTIONS: Final = {kind.action: kind for kind in get_args(ContentChanged)}
ANSWERS: Final = {
    "accept": (PCMU,), "accept in pieces": (PCMU,), "accept with strange codecs": (OPUS,),
    "accept in another manner": (PCMU,),
}  # fmt: skip
ENDINGS: Final = {"decline": "decline", "busy": "busy", "hang up": "success", "cancel": "cancel"}
INFOS: Final = ("ringing", "hold", "unhold", "mute", "dtmf", "")
CHANGES: Final = (
    "transport-info", "content-add", "content-modify", "content-remove", "description-info", "transport-replace",
)  # fmt: skip
DIGITS: Final = {"dtmf": "digit1"}
"""The name under which the adapter keeps what was pressed."""
OTHERS: Final = {
    MediaProfile.PLAIN: MediaProfile.ICE,
    MediaProfile.ICE: MediaProfile.PLAIN,
    MediaProfile.DTLS: MediaProfile.ICE,
}
HOLDING: Final = Content("voice", senders="none")
SAID: Final = {
    "say it rings": CallAction.RINGING, "proceed": CallAction.PROCEED, "reject": CallAction.REJECT,
    "retract": CallAction.RETRACT,
}  # fmt: skip


class Session(Struct, frozen=True):
    """A call as the client sees it: proposing, calling, proposed, proceeding, invited, or talking.

    ``us``: the gateway's end. ``command``: the InitiateSession that began it. ``relay``: where it was told to send
    audio to, if that is the relay; ``phone``: the same if it is the phone. ``ufrag``: of its own ICE; ``restarting``:
    it has restarted that, and waits for the answer. ``rerouted``: the relay was restarted meanwhile. ``doubted``:
    stanzas may have been lost, so the gateway may accept it a second time. ``seen``: the name of the content of video,
    "" if there is none; ``asked``: the command that has asked it for video, "" if none has. ``senders``: who sends
    video, as it last heard or said. ``begun``: it has called. ``camera``: that is on.
    """

    sid: str
    us: str
    phase: str
    command: str = ""
    relay: Transport | None = None
    phone: str = ""
    ufrag: str = "client"
    restarting: bool = False
    rerouted: bool = False
    doubted: bool = False
    seen: str = ""
    asked: str = ""
    senders: Senders = "both"
    begun: bool = False
    camera: bool = True

    @property
    def role(self) -> Role:
        """Its part in the session."""
        return "initiator" if self.begun else "responder"

    @property
    def flow(self) -> VideoFlow:
        """Its use of video."""
        return pictures.flow(self.senders, self.role)


class Client(Struct, frozen=True):
    """One client. ``calls``: how many it may still begin. ``profile``: how it sends and receives audio. ``asked``: its
    open IQs, each with the session it is about and what it wants. ``since``: when its server went away. ``sees``: it
    has video.
    """

    jid: str
    profile: MediaProfile = MediaProfile.PLAIN
    online: bool = False
    asks_first: bool = False
    calls: int = 0
    stanzas: int = 0
    sessions: tuple[Session, ...] = ()
    asked: tuple[tuple[str, str, str], ...] = ()
    since: float = 0.0
    sent: tuple[Event, ...] = ()
    sees: bool = False

    # --- what it may do next

    def moves(self, quirks: frozenset[Quirk]) -> Iterator[tuple[str, str]]:
        """Everything it could do of its own accord: what, and in which session."""
        if not self.online:
            yield ("come online", "")
            if self.sessions:
                yield ("come online anew", "")
            return
        yield ("go offline", "")
        if self.calls:
            yield ("propose" if self.asks_first else "call", "")
            if Quirk.CODECS in quirks and not self.asks_first:
                yield ("call with strange codecs", "")
            if Quirk.CHATTER in quirks and self.profile is not MediaProfile.PLAIN and not self.asks_first:
                yield ("call in pieces", "")
        for session in self.sessions:
            yield from ((move, session.sid) for move in self._about(session, quirks))

    def _about(self, session: Session, quirks: frozenset[Quirk]) -> Iterator[str]:
        match session.phase:
            case "proposing":
                yield "retract"
            case "proposed":
                yield from ("say it rings", "proceed", "reject")
            case "proceeding":
                yield "reject"
            case "calling":
                yield "cancel"
            case "invited":
                yield from ("accept", "decline", "busy")
                if Quirk.CHATTER in quirks and self.profile is not MediaProfile.PLAIN:
                    yield "accept in pieces"
                if Quirk.CODECS in quirks:
                    yield from ("accept with strange codecs", "accept in another manner")
            case _:
                yield "hang up"
                if Quirk.CHATTER in quirks and self.profile is not MediaProfile.PLAIN and not session.restarting:
                    yield "restart ICE"
                if Quirk.CHATTER in quirks and self.sees:
                    yield "remove video" if session.seen else "add video"
                    if session.seen:
                        yield "turn the camera"
                if session.asked:
                    yield from ("take video", "refuse video")
        if session.phase not in ("calling", "invited", "talking"):
            return
        if Quirk.CHATTER in quirks:
            yield from (*(f"info {each}" for each in INFOS), *(f"modify {each}" for each in CHANGES))
        if Quirk.NONSENSE in quirks:
            yield "forget"
            if not (session.doubted and session.phase == "invited"):  # it would overrule an invitation that was lost
                yield "call again"
            if session.phase != "invited":
                yield "accept again"

    def act(self, what: str, sid: str) -> "Client":
        """The client after it has done so."""
        match what:
            case "come online":
                return replace(self, online=True)._says(ResourceAvailable(self.jid, GATEWAY, "https://example.org#1"))
            case "come online anew":
                return replace(self, sessions=()).act("come online", "")
            case "go offline":
                gone = replace(self, online=False, sessions=(), asked=())
                return gone._says(ResourceUnavailable(self.jid, GATEWAY))
            case "call" | "call in pieces" | "call with strange codecs":
                return self._begins("calling")._initiates(f"{self.jid}-{self.calls}", what)
            case "propose":
                proposing = self._begins("proposing")
                return proposing._says(CallProposed(self.jid, BOB, f"{self.jid}-{self.calls}", ("audio",)))
        session = self._session(sid)
        assert session is not None
        return self._in(session, what)

    def _in(self, session: Session, what: str) -> "Client":
        """It does something in a session."""
        sid, (kind, _, detail) = session.sid, what.partition(" ")
        if what in SAID:
            return self._messages(session, what)
        if what in ANSWERS:
            talking = self._with(replace(session, phase="talking"))
            accepts = talking._asks(session, what, lambda iq: SessionAccepted(iq, sid, (self._answer(what),)))
            return accepts._completes(session, what)
        if what in ENDINGS:
            ended = self._asks(session, what, lambda iq: SessionTerminated(iq, sid, ENDINGS[what]))
            return ended._without(sid)
        match kind, detail:
            case "info", _:
                return self._asks(
                    session, what, lambda iq: SessionInformed(iq, sid, detail or None, digit=DIGITS.get(detail))
                )
            case "modify", _:
                contents = self._modified(detail, session)
                told = self._with(replace(session, asked="")) if detail == "content-remove" else self
                return told._asks(session, what, lambda iq: ACTIONS[detail](iq, sid, contents))
            case "restart", _:
                ufrag = f"client{self.stanzas}"
                anew = Content("voice", transport=client_media(self.profile, ufrag))
                moved = self._with(replace(session, restarting=True, ufrag=ufrag))
                return moved._asks(session, what, lambda iq: TransportInformed(iq, sid, (anew,)))
            case _, "video":
                return self._changes_video(session, kind)
            case _, "the camera":
                return self._turns_camera(session)
            case "call", "again":
                return self._asks(session, what, lambda iq: SessionInitiated(iq, sid, (self._offer("call"),)))
            case "accept", "again":
                return self._asks(session, what, lambda iq: SessionAccepted(iq, sid, (self._answer("accept"),)))
            case "forget", _:
                return self._without(sid)
        raise AssertionError(f"a client has no move {what}")

    def _changes_video(self, session: Session, what: str) -> "Client":
        """It adds or removes video, or answers that it was asked for it."""
        sid, video = session.sid, client_video(self.profile)
        match what:
            case "add":
                content = Content("camera", description=video)
                return self._asks(session, what, lambda iq: ContentAdded(iq, sid, (content,)))
            case "remove":
                name = Content(session.seen)
                gone = self._with(replace(session, seen=""))
                return gone._asks(session, what, lambda iq: ContentRemoved(iq, sid, (name,)))
            case "take":
                taken = self._with(replace(session, asked="", seen="video", senders="both", camera=True))
                content = Content("video", description=video)
                return taken._asks(session, what, lambda iq: ContentAccepted(iq, sid, (content,)))
            case _:
                refused = self._with(replace(session, asked=""))
                return refused._asks(session, what, lambda iq: ContentRejected(iq, sid, (Content("video"),)))

    def _turns_camera(self, session: Session) -> "Client":
        """It turns its camera off, or on."""
        flow = replace(session.flow, sends=not session.flow.sends)
        senders = pictures.senders(*((flow.sends, flow.takes) if session.begun else (flow.takes, flow.sends)))
        turned = self._with(replace(session, senders=senders, camera=flow.sends))
        content = Content(session.seen, senders=senders)
        return turned._asks(session, "turn", lambda iq: ContentModified(iq, session.sid, (content,)))

    def _begins(self, phase: str) -> "Client":
        session = Session(f"{self.jid}-{self.calls}", BOB, phase, begun=True)
        return replace(self, calls=self.calls - 1, sessions=(*self.sessions, session))

    def _initiates(self, sid: str, what: str = "call") -> "Client":
        session = self._session(sid)
        assert session is not None
        calls = self._asks(session, what, lambda iq: SessionInitiated(iq, sid, (self._offer(what),)))
        return calls._completes(session, what)

    def _completes(self, session: Session, what: str) -> "Client":
        """It sends what it has left out of its offer or answer, if it sends that in pieces."""
        return self._in(session, "modify transport-info") if what.endswith("in pieces") else self

    def _offer(self, what: str) -> Content:
        return _in_pieces(what, audio(*OFFERS[what], profile=self.profile))

    def _answer(self, what: str) -> Content:
        profile = OTHERS[self.profile] if what.endswith("manner") else self.profile
        return _in_pieces(what, audio(*ANSWERS[what], profile=profile))

    def _modified(self, action: str, session: Session) -> tuple[Content, ...]:
        match action:
            case "content-modify":
                return (HOLDING,)
            case "content-add":
                return (Content("video"),)
            case "content-remove":
                return (Content("video" if session.asked else "slides"),)
            case "transport-replace":
                return (Content("voice", transport=RawUdp()),)
            case "transport-info":
                return (Content("voice", transport=self._media(session)),)
            case _:
                return ()

    def _media(self, session: Session) -> Transport:
        """Return its transport, with a candidate that it has not named before."""
        transport = client_media(self.profile, session.ufrag)
        if not isinstance(transport, IceUdp):
            return transport
        found = replace(transport.candidates[0], port=5000 + self.stanzas)
        return replace(transport, candidates=(*transport.candidates, found), complete=True)

    def _messages(self, session: Session, what: str) -> "Client":
        """It says something about a proposal."""
        said = self._says(CallMessaged(self.jid, session.us, session.sid, SAID[what]))
        match what:
            case "say it rings":
                return said
            case "proceed":
                return said._with(replace(session, phase="proceeding"))
            case _:
                return said._without(session.sid)

    # --- what it is told

    def hear(self, issued: Issued) -> "Client":
        """The client after a command has reached it."""
        command = issued.command
        match command:
            case AcceptIq(iq) | RefuseIq(iq):
                return self._answered(iq.id, isinstance(command, AcceptIq))
            case SendPresence(kind=PresenceKind.PROBE) if self.online:
                return self._says(ResourceAvailable(self.jid, GATEWAY, "https://example.org#1"))
            case AskFeatures():
                more = (*((JMI, ROSTERX) if self.asks_first else ()), *((SEES,) if self.sees else ()))
                features = (*FEATURES[self.profile], *more)
                return self._says(FeaturesLearned(issued.id, self.jid, features if self.online else ()))
            case InitiateSession() | AcceptSession() | InformSession() | InformTransport() if not self.online:
                return self._says(IqFailed(issued.id, self.jid, "service-unavailable"))
            case InformDescription() | ChangeContent() | RejectContents() | TerminateSession() if not self.online:
                return self._says(IqFailed(issued.id, self.jid, "service-unavailable"))
            case InitiateSession(us, _, sid, content):
                return self._invited(issued.id, us, sid, *self._sends_to(content))
            case (
                AcceptSession(_, _, sid)
                | InformSession(_, _, sid)
                | InformTransport(_, _, sid)
                | InformDescription(_, _, sid)
                | ChangeContent(_, _, sid)
                | RejectContents(_, _, sid)
                | TerminateSession(_, _, sid)
            ):
                return self._told(issued.id, sid, command)
            case ProposeCall(us, _, sid) if self.online and self.asks_first and not self._session(sid):
                return replace(self, sessions=(*self.sessions, Session(sid, us, "proposed")))
            case MessageCall(_, _, sid, action) if self.online:
                return self._messaged(sid, action)
            case _:
                return self

    def _answered(self, iq: str, accepted: bool) -> "Client":
        found = next((each for each in self.asked if each[0] == iq), None)
        if found is None:
            return self
        heard = replace(self, asked=tuple(each for each in self.asked if each is not found))
        _, sid, what = found
        return heard._without(sid) if not accepted and what in (*OFFERS, *ANSWERS) else heard

    def _sends_to(self, content: Content) -> tuple[Transport | None, str]:
        """Return the address to which it is told to send audio: the phone's, or the relay's."""
        told = content.description
        assert told is not None
        where = address(told)
        if where is None and told.codecs == UNKNOWN.codecs and self.profile is MediaProfile.PLAIN:
            return None, ""  # the phone wants us to make the offer, and has no address before its answer
        if profile(told) is not self.profile or where is None or told.mux != (self.profile is MediaProfile.DTLS):
            raise Broken("a client is told what it can use", (self, content))
        if where.ip not in ((RELAY,) if self.profile is MediaProfile.ICE else (PHONE, RELAY)):
            raise Broken("a client is told where the phone is, or the relay if it needs one", (self, content))
        return (told.transport, "") if where.ip == RELAY else (None, where.ip)

    def _invited(self, command: str, us: str, sid: str, relay: Transport | None, phone: str) -> "Client":
        session = self._session(sid)
        if session and session.phase not in ("proposed", "proceeding"):
            raise Broken("a client is invited once", (self, sid))
        rings = self._without(sid)
        invited = replace(rings, sessions=(*rings.sessions, Session(sid, us, "invited", command, relay, phone)))
        return invited._says(IqSucceeded(command, self.jid))

    def _told(self, command: str, sid: str, told: Command) -> "Client":
        session = self._session(sid)
        if session is None:
            return self._says(IqFailed(command, self.jid, "item-not-found", jingle="unknown-session"))
        heard = self._says(IqSucceeded(command, self.jid))
        match told:
            case AcceptSession() if session.phase == "talking" and session.doubted:
                return self._says(IqFailed(command, self.jid, "unexpected-request"))
            case AcceptSession() if session.phase != "calling":
                raise Broken("what a client did not begin is not accepted", (self, sid))
            case AcceptSession(content=content):
                relay, phone = self._sends_to(content)
                return heard._with(replace(session, phase="talking", relay=relay, phone=phone))
            case InformTransport(content=content):
                return heard._with(_moved(session, content))
            case ChangeContent(action="content-add"):
                if not self.sees or ((session.seen or session.asked) and not session.doubted):
                    raise Broken("a client is asked for video if it has it, and once", (self, told))
                return heard._with(replace(session, asked=command))
            case ChangeContent(action="content-accept", content=content):
                return heard._with(replace(session, seen=content.name, senders="both", camera=True))
            case ChangeContent(action="content-modify", content=content):
                told_of = replace(session, senders=content.senders)
                crossed = session.doubted or any(what == "turn" for *_, what in self.asked)
                if told_of.flow.sends is not session.camera and not crossed:
                    raise Broken("nobody tells a client what to send", (self, told))
                return heard._with(told_of)
            case ChangeContent():
                return heard._with(replace(session, seen="", asked=""))
            case TerminateSession():
                return heard._without(sid)
            case _:
                return heard

    def _messaged(self, sid: str, action: CallAction) -> "Client":
        """About a proposal of its own, or one to it; about a session that there is, only Jingle counts."""
        session = self._session(sid)
        match action, session and session.phase:
            case CallAction.PROCEED, "proposing":
                assert session is not None
                return self._with(replace(session, phase="calling"))._initiates(sid)
            case CallAction.REJECT | CallAction.FINISH, "proposing":
                return self._without(sid)
            case CallAction.RETRACT | CallAction.FINISH, "proposed" | "proceeding":
                return self._without(sid)
            case _:
                return self

    def overhears(self, event: Event) -> "Client":
        """Another client of the user has said something, and the server passed it on to this one too (XEP-0280)."""
        match event:
            case CallMessaged(sender, _, sid, CallAction.PROCEED | CallAction.REJECT) if sender != self.jid:
                session = self._session(sid)
                return self._without(sid) if session and session.phase == "proposed" else self
            case _:
                return self

    def refuses(self) -> "Client":
        """The client after it refused, rather than took, what it is about to answer; an invitation goes with it, and
        the wish for video.
        """
        taken, *rest = self.sent
        assert isinstance(taken, IqSucceeded)
        invited = (session for session in self.sessions if session.command != taken.command)
        left = tuple(replace(each, asked="") if each.asked == taken.command else each for each in invited)
        return replace(self, sessions=left, sent=(IqFailed(taken.command, self.jid, "bad-request"), *rest))

    def times_out(self) -> "Client":
        """The client after the stream broke: what it had sent is lost, and what it began with it comes to nothing."""
        client = self
        for _, sid, what in self.asked:
            client = client._without(sid) if what in (*OFFERS, *ANSWERS) else client
        left = tuple(replace(session, doubted=True) for session in client.sessions if session.phase != "proposing")
        return replace(client, sent=(), asked=(), sessions=left)

    def disconnected(self, at: float) -> "Client":
        """The client after its server went away. It keeps its sessions, and forgets what was only proposed."""
        client = self.times_out()
        kept = tuple(session for session in client.sessions if session.phase in ("calling", "invited", "talking"))
        return replace(client, online=False, sessions=kept, since=at if self.online else self.since)

    def told_of_nobody(self) -> "Client":
        """The client after its server has said that none of the user's clients is online (RFC 6121 §4.3.2)."""
        return self._says(ResourceUnavailable(bare(self.jid), GATEWAY))

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


def _in_pieces(what: str, content: Content) -> Content:
    """Return the content without its credentials for ICE, if they are to come by transport-info."""
    described = content.description
    if described is None or not what.endswith("in pieces"):
        return content
    return replace(content, description=replace(described, transport=IceUdp()))


def _is_elsewhere(before: RawUdp | IceUdp, now: RawUdp | IceUdp) -> bool:
    """Return True if a relay was restarted: it has other ports, and with ICE other credentials."""
    anew = not isinstance(before, IceUdp) or not isinstance(now, IceUdp) or before.ufrag != now.ufrag
    return anew and before.candidates[0].port != now.candidates[0].port


def _moved(session: Session, content: Content) -> Session:
    """The session after a transport-info: an answer to a restart of ICE, a phone that has moved, or a new relay."""
    before, now = session.relay, content.transport
    if isinstance(now, RawUdp) and before is None:
        return replace(session, phone=now.candidates[0].ip)
    if isinstance(now, IceUdp) and before is None and session.phone and (session.restarting or session.doubted):
        return replace(session, phone=now.candidates[0].ip, restarting=False)
    if session.doubted and (now == before or session.phase == "calling"):
        return session  # it is told again, or has missed the acceptance, which comes again
    if isinstance(now, RawUdp | IceUdp) and isinstance(before, type(now)) and _is_elsewhere(before, now):
        return replace(session, relay=now, restarting=False, rerouted=True)
    # The answer to a restart of ICE may come after a new relay has been told, for which it was taken.
    if not (session.restarting or session.rerouted) or not isinstance(before, IceUdp) or not isinstance(now, IceUdp):
        raise Broken("a client is told of another transport when it restarts ICE", (session, content))
    if now.ufrag == before.ufrag or replace(now, ufrag=before.ufrag) != before:
        raise Broken("a restart of ICE is answered with other credentials and nothing else", (session, content))
    return replace(session, relay=now, restarting=False)
