"""The invariants of any run, for any behaviour of the peers: checked after every event.

1. No Fault.
2. Every IQ-set is answered exactly once; all but a registration in the turn they come in.
3. What starts something is issued once for it, and never because the gateway came up: `PlaceCall` (once directly, once
   through the relay) and `AcceptSession` for a session of a client, `InitiateSession` for a client and sid while they
   are in no session, `AnswerCall` for a channel, `ProposeCall` for a sid. `SignIn` only while no connection is up.
4. A leg that has ended, or was told to end, gets nothing but what ends it.
5. Codecs that are passed on are within the offer they answer, or are.
6. No password is in an event or a command.
7. A call is noted as begun once, and then once as ended; notes come after the commands.
8. A session of the relay is offered and answered once, and once more whenever a client restarts ICE or the relay has
   lost it; it is also offered once more before the answer, if the client that calls has named other candidates since.
   It gets only its deletion once it has failed or is to end.
9. When a call is answered, the last that was noted of its path is true.
10. The description of an answer is never rejected because the connection manager said something: that may cross its
   end, which kills the manager.
11. A command to a leg names the leg's call, and so does a record of a call. A leg is always of the same call, unless
   another call begins a session of the same name: a client may use any; or the user joins two calls.
12. A command that waits for a reply belongs to something that there is (`waiting`, which looks into the state).
13. What our own user agent sends is SIP (`sip_invariants`).
"""

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.legs.jingle.jingle_session import named
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import Codec, Content
from fargo.statemachine.media.pictures import without
from fargo.statemachine.model.call1 import (
    AcceptDescription,
    AnswerCall,
    CallArrived,
    CallFailed,
    CallState,
    CallStateChanged,
    ChannelClosed,
    CloseChannel,
    DescriptionReceived,
    HangUp,
    PlaceCall,
    RejectDescription,
)
from fargo.statemachine.model.call_records import (
    AudioPath,
    CallRecord,
    Direction,
    LogRecord,
    RecordAnswered,
    RecordBegun,
    RecordEarlyAudio,
    RecordEnded,
    RecordPath,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AnswerCommand,
    ChangeContent,
    Command,
    Fault,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    Issued,
    ProposeCall,
    RefuseIq,
    SendContact,
    SendForm,
    SendRegistrationForm,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    CommandAsked,
    Event,
    GatewayAsked,
    IqFailed,
    RegistrationSubmitted,
    ResourceUnavailable,
    Restarted,
    SipSignedIn,
    SipSignedOut,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.jingle_events import (
    SessionAccepted,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    RelayDescribed,
    RelayLost,
    RelayRefused,
)
from fargo.statemachine.model.requests import TransferCall
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SipResponseReceived
from fargo.statemachine.model.sip_values import Sdp, SipHeaders

from .about import Leg, arriving, leg_of, places, sender_of, session_of, tells_of_audio
from .broken import Broken, Entry
from .sip_invariants import SipWatch
from .values import PASSWORD

Offer = tuple[tuple[str, int, int], ...]

_SAYS = InitiateSession | AcceptSession | InformSession | InformTransport | InformDescription | ChangeContent
_ANSWERS = CallStateChanged | SipResponseReceived
"""The events by which a phone answers, or is heard before it does."""
_STOPS = (HangUp, CloseChannel, TerminateSession, DeleteRelay, SendRequest)
"""The commands that end a leg. `SipWatch` judges what a SIP dialog gets after its end."""


_SESSION: Final = 3
"""The parts of a Jingle session's name."""


class Watch(Struct, frozen=True):
    """The facts about a run that are needed to judge its next event."""

    owed: tuple[str, ...] = ()
    started: tuple[Leg, ...] = ()
    ended: tuple[Leg, ...] = ()
    offers: tuple[tuple[Leg, Offer], ...] = ()
    channels: tuple[tuple[str, str], ...] = ()
    placed: tuple[tuple[str, Leg], ...] = ()
    """Channels of calls that were placed, and for which session."""
    connections: tuple[str, ...] = ()
    said: tuple[tuple[str, Leg, type[Command]], ...] = ()
    """The commands in Jingle sessions: a command's id, its session, and its type."""
    unheard: frozenset[str] = frozenset()
    """The clients that nothing has come from since the stream was opened."""
    missed: frozenset[Leg] = frozenset()
    """The legs of which a client that was not connected has to be told again."""
    noted: tuple[str, ...] = ()
    """The calls that were noted to begin, and not yet to end."""
    out: frozenset[str] = frozenset()
    """Those that were begun by the user."""
    paths: tuple[tuple[str, AudioPath], ...] = ()
    """The path last recorded for each call."""
    early: tuple[str, ...] = ()
    """The calls whose client has heard a phone that had not answered."""
    relayed: tuple[tuple[str, Leg, Leg], ...] = ()
    """Of each offer and answer to the relay: the command, the relay's session, and the client's that it is for (() if
    the phone calls).
    """
    sip: SipWatch = SipWatch()
    offered_again: frozenset[str | None] = frozenset()
    """The calls whose offers a relay was sent again that had lost them."""
    calls: tuple[tuple[Leg, str], ...] = ()
    """Each leg with its call: with several, if sessions of several calls had the same name."""
    joined: bool = False
    """The user has joined two calls: the phone of one is in the other since."""

    def judge(self, entry: Entry) -> "Watch":
        """Return the facts after an event and its commands. Raises Broken."""
        recorded, commands = entry
        event = recorded.event
        _confidential(entry)
        after = replace(self._heard(event), sip=self.sip.judge(recorded, commands))
        if isinstance(event, SessionInitiated) and recorded.call is not None:
            after = replace(after, calls=(*after.calls, (session_of(event), recorded.call)))
        if sorted(commands, key=lambda each: isinstance(each.command, LogRecord)) != list(commands):
            raise Broken("notes come last", commands)
        for issued in commands:
            after = after._obeys(issued, event)
        if isinstance(event, RelayLost | _ANSWERS):
            again = {each.call for each in commands if isinstance(each.command, OfferRelay)}
            after = replace(after, offered_again=after.offered_again | again)
        if isinstance(event, SessionInitiated) and not self._knows(session_of(event)) and _refuses(event, commands):
            after = after._forgets(session_of(event))
        kept = {event.iq.id} if isinstance(event, RegistrationSubmitted) else set()
        if set(after.owed) - set(self.owed) - kept:
            raise Broken("every IQ is answered", event)
        for joined in (
            each.command for each in commands if isinstance(each.command, RecordAnswered | RecordEarlyAudio)
        ):
            # The relay had its answer then, or gets it after the offer.
            if joined.call in after.early or joined.call in after.offered_again:
                continue
            relayed = any(isinstance(each.command, AnswerRelay) for each in commands)
            if dict(after.paths).get(joined.call) is not (AudioPath.RELAY if relayed else AudioPath.DIRECT):
                raise Broken("the path that is noted is the path that is taken", entry)
            if isinstance(joined, RecordEarlyAudio):
                after = replace(after, early=(*after.early, joined.call))
        return after

    def _heard(self, event: Event) -> "Watch":
        """After an event, before its commands."""
        iq = getattr(event, "iq", None)
        heard = replace(self, owed=(*self.owed, iq.id)) if iq is not None else self
        heard = replace(heard, unheard=heard.unheard - {sender_of(event)})
        match event:
            case GatewayAsked(request=TransferCall(None)) | CommandAsked(request=TransferCall(None)):
                return replace(heard, joined=True)
            case CallStateChanged(channel, CallState.ENDED) | CallFailed(channel) | ChannelClosed(channel):
                return heard._ends((channel,))
            case InviteReceived(name, body=Sdp(audio=Content() as audio)):
                return heard._offered((name,), _codecs((audio,)))
            case CallArrived(channel=channel, connection=connection, codecs=codecs):
                return heard._offered((channel,), codecs)._carries(channel, connection)
            case SessionInitiated(iq, sid, contents):
                leg = (iq.to, iq.sender, sid)
                return heard if heard._knows(leg) else heard._forgets(leg)._offered(leg, _codecs(contents))
            case SessionTerminated(iq, sid):
                return heard._ends((iq.to, iq.sender, sid))
            case IqFailed(command):
                for _, said_in, kind in (each for each in heard.said if each[0] == command):
                    if self._fails(event, kind):
                        heard = heard._ends(said_in)
                    elif kind is AcceptSession:
                        heard = replace(heard, missed=heard.missed | {("accept", *said_in)})
                return heard
            case StreamOpened():
                return replace(heard, unheard=frozenset(leg[1] for leg, _ in heard.offers if len(leg) == _SESSION))
            case ResourceUnavailable(resource):
                return heard._ends(*(leg for leg, _ in heard.offers if leg[1:2] == (resource,)))
            case SipSignedIn(connection):
                return replace(heard, connections=(*heard.connections, connection))
            case SipSignedOut(connection):
                return heard._disconnected(connection)
            case Restarted():
                channels = ((channel,) for channel, _ in heard.channels)
                return replace(heard._ends(*channels), connections=())
            case RelayRefused(command, unknown=False):
                return heard._ends(*(session for name, session, _ in heard.relayed if name == command))
            case _:
                return heard

    def _fails(self, event: IqFailed, said: type[Command]) -> bool:
        """Return True if the session ends with the refusal of what was said in it."""
        invites = said is InitiateSession
        if event.condition == "service-unavailable":
            return invites or event.resource not in self.unheard
        refused = event.condition != "unexpected-request"  # to a second acceptance
        return event.condition == "item-not-found" or (refused and (invites or said is AcceptSession))

    def _obeys(self, issued: Issued, event: Event) -> "Watch":
        """After one of the event's commands."""
        command = issued.command
        if isinstance(command, InitiateSession) and leg_of(command) in self.ended:
            return self._forgets(leg_of(command))._obeys(issued, event)
        return self._correlates(issued)._carries_out(issued, event)

    def _correlates(self, issued: Issued) -> "Watch":
        """Rule 11."""
        command, leg = issued.command, (issued.id,) if places(issued.command) else leg_of(issued.command)
        if isinstance(command, CallRecord) and command.call != issued.call:
            raise Broken("a record names its call", issued)
        if not leg:
            return self
        calls = [call for other, call in self.calls if other == leg]
        begins = not calls or isinstance(command, InitiateSession) or (self.joined and isinstance(command, SendRequest))
        if issued.call is None or not (begins or issued.call in calls):
            raise Broken("a command names its call", (issued, calls))
        return self if issued.call in calls else replace(self, calls=(*self.calls, (leg, issued.call)))

    def _carries_out(self, issued: Issued, event: Event) -> "Watch":
        command = issued.command
        if (leg := leg_of(command)) in self.ended and not isinstance(command, _STOPS):
            raise Broken("a leg that has ended gets only what ends it", command)
        said = replace(self, said=(*self.said, (issued.id, leg, type(command)))) if isinstance(command, _SAYS) else self
        return said._does(issued, event)

    def _does(self, issued: Issued, event: Event) -> "Watch":
        command = issued.command
        match command:
            case Fault():
                raise Broken("no fault", command)
            case (
                AcceptIq(iq)
                | RefuseIq(iq)
                | SendRegistrationForm(iq)
                | SendForm(iq)
                | AnswerCommand(iq)
                | SendContact(iq)
            ):
                if iq.id not in self.owed:
                    raise Broken("no IQ is answered twice, or that was not asked", command)
                return replace(self, owed=tuple(each for each in self.owed if each != iq.id))
            case SignIn():
                if self.connections:
                    raise Broken("one connection at a time", (self.connections, command))
                return self
            case SignOut(connection):
                return replace(self, connections=tuple(c for c in self.connections if c != connection))
            case ProposeCall(us, user, sid):
                return self._starts(("propose", us, user, sid), event)
            case PlaceCall(connection, codecs=codecs):
                return self._placed(issued, codecs, event)._carries(issued.id, connection)
            case SendRequest(
                dialog=None, headers=SipHeaders(diversion=(_, *_)), body=Sdp(audio=Content() as audio), repeats=None
            ):
                return self._forwards(issued, _codecs((audio,)), event)
            case SendRequest(dialog=None, headers=SipHeaders(referred_by=str()), repeats=None):
                return self._starts(("transfer", issued.id), event)
            case SendRequest(dialog=None, body=Sdp(), repeats=None) if isinstance(event, GatewayAsked | CommandAsked):
                return self._starts(("transfer", issued.id), event)
            case SendRequest(dialog=None, body=Sdp(audio=Content() as audio), repeats=None):
                return self._placed(issued, _codecs((audio,)), event)
            case AnswerCall(channel, codecs):
                self._within((channel,), codecs)
                return self._starts(("answer", channel), event)
            case InitiateSession(us, client, sid, content):
                offered = self._offered((us, client, sid), _codecs((content,)))
                if isinstance(event, CallArrived | InviteReceived) and (leg := arriving(event)) in dict(self.offers):
                    self._within(leg, _codecs((content,)))
                if isinstance(event, RelayDescribed) and content.description != named(without(event.description)):
                    raise Broken("what the relay says is passed on", (event, command))
                return offered._starts(("initiate", us, client, sid), event)
            case AcceptSession(us, client, sid, content):
                self._within((us, client, sid), _codecs((content,)))
                return self._starts(("accept", us, client, sid), event)
            case InformDescription(us, client, sid, content):
                self._within((us, client, sid), _codecs((content,)))
                return self
            case AcceptDescription(channel, codecs):
                if not isinstance(event, DescriptionReceived) or not _kinds(codecs) <= _kinds(event.codecs):
                    raise Broken("a new description is accepted as far as it goes", (event, command))
                return self
            case RejectDescription():
                raise Broken("no description is rejected", (event, command))
            case HangUp() | TerminateSession() | DeleteRelay():
                return self._ends(leg_of(command))
            case OfferRelay() if tells_of_audio(event):
                again = replace(
                    self, started=tuple(what for what in self.started if what != ("join", *leg_of(command)))
                )
                return again._relays(issued.id, leg_of(command), self._asks(event))
            case OfferRelay() | AnswerRelay() if isinstance(event, Restarted):
                return self._relays_again(issued.id, leg_of(command))
            case OfferRelay() if isinstance(event, _ANSWERS) and ("offer", *leg_of(command)) in self.started:
                return self._relays(issued.id, leg_of(command), self._asks(event))
            case OfferRelay():
                return self._starts(("offer", *leg_of(command)), event)._relays(
                    issued.id, leg_of(command), self._asks(event)
                )
            case AnswerRelay():
                return self._starts(("join", *leg_of(command)), event)._relays(issued.id, leg_of(command), ())
            case RecordPath(call, path):
                return replace(self, paths=(*self.paths, (call, path)))
            case RecordBegun(call, direction):
                if call in self.noted:
                    raise Broken("a call begins once", command)
                out = self.out | {call} if direction is Direction.OUT else self.out
                return replace(self, noted=(*self.noted, call), out=out)
            case RecordEnded(call):
                if call not in self.noted:
                    raise Broken("a call that has begun ends once", command)
                return replace(self, noted=tuple(each for each in self.noted if each != call))
            case _:
                return self

    def _placed(self, issued: Issued, codecs: tuple[Codec, ...], event: Event) -> "Watch":
        channel, leg = issued.id, self._caller(event, issued.call)
        if isinstance(event, RelayDescribed):
            if codecs != event.description.codecs:
                raise Broken("what the relay says is passed on", (event, codecs))
        else:
            self._within(leg, codecs)
        way = "place relayed" if isinstance(event, RelayDescribed) else "place"
        placed = replace(self, placed=(*self.placed, (channel, leg)))
        return placed._starts((way, *leg), event)

    def _forwards(self, issued: Issued, codecs: tuple[Codec, ...], event: Event) -> "Watch":
        """After a call in was forwarded. A caller who makes no offer may be offered anything."""
        known = [leg for leg, call in self.calls if call == issued.call and len(leg) == 1]
        for leg in [(event.name,)] if isinstance(event, InviteReceived) else known:
            if leg in dict(self.offers):
                self._within(leg, codecs)
        return self._starts(("forward", issued.call or ""), event)

    def _asks(self, event: Event) -> Leg:
        """The client's session that the relay is asked for; () if a phone calls."""
        match event:
            case SessionInitiated(iq, sid) | TransportInformed(iq, sid):
                return iq.to, iq.sender, sid
            case CallStateChanged(channel) | SipResponseReceived(channel):
                return dict(self.placed).get(channel, ())
            case _:
                return ()

    def _caller(self, event: Event, call: str | None) -> Leg:
        """The client's session that a call is placed for; after news of the relay as a whole, the first that waits. If
        the user has asked for the call, it is the session with whom took it.
        """
        if call in self.out and isinstance(event, SessionAccepted | TransportInformed):
            return event.iq.to, event.iq.sender, event.sid
        match event:
            case SessionInitiated(iq, sid) | TransportInformed(iq, sid):
                return iq.to, iq.sender, sid
            case RelayDescribed(command) | RelayRefused(command):
                found = [leg for name, _, leg in self.relayed if name == command]
                if call in self.out and not any(found):
                    found = [leg for leg, of in self.calls if of == call and len(leg) == _SESSION]
            case TimePassed():
                placed = [what[1:] for what in self.started if what[0].startswith("place")]
                found = [leg for leg, of in self.calls if of == call and len(leg) == _SESSION]
                found = found or [leg for _, _, leg in self.relayed if leg and leg not in (*placed, *self.ended)]
            case _:
                found = []
        if not found or not found[0]:
            raise Broken("only a client places calls", event)
        return found[0]

    def _relays_again(self, command: str, session: Leg) -> "Watch":
        """After the relay was asked again for something in a session that it has been asked for before."""
        callers = [leg for _, other, leg in self.relayed if other == session]
        if not callers:
            raise Broken("a restart begins nothing", command)
        return self._relays(command, session, callers[0])

    def _relays(self, command: str, session: Leg, caller: Leg) -> "Watch":
        return replace(self, relayed=(*self.relayed, (command, session, caller)))

    def _starts(self, what: Leg, event: Event) -> "Watch":
        known = what in self.started
        if isinstance(event, Restarted | StreamOpened):
            if not known or isinstance(event, StreamOpened):
                raise Broken("a restart begins nothing", (event, what))
            return self
        if what in self.missed:
            return replace(self, missed=self.missed - {what})
        if known:
            raise Broken("nothing starts again", (event, what))
        return replace(self, started=(*self.started, what))

    def _ends(self, *legs: Leg) -> "Watch":
        return replace(self, ended=(*self.ended, *(leg for leg in legs if leg not in self.ended)))

    def _knows(self, leg: Leg) -> bool:
        """Return True if a session has begun and not ended."""
        return leg in dict(self.offers) and leg not in self.ended

    def _forgets(self, *legs: Leg) -> "Watch":
        """A session begun anew has no past: a client came back into a call that still rings, or reuses a sid."""
        return replace(
            self,
            ended=tuple(leg for leg in self.ended if leg not in legs),
            started=tuple(what for what in self.started if what[1:] not in legs),
            offers=tuple(offer for offer in self.offers if offer[0] not in legs),
            said=tuple(said for said in self.said if said[1] not in legs),
        )

    def _offered(self, leg: Leg, codecs: tuple[Codec, ...]) -> "Watch":
        return replace(self, offers=(*self.offers, (leg, tuple(sorted(_kinds(codecs))))))

    def _carries(self, channel: str, connection: str) -> "Watch":
        return replace(self, channels=(*self.channels, (channel, connection)))

    def _disconnected(self, connection: str) -> "Watch":
        ended = self._ends(*((channel,) for channel, over in self.channels if over == connection))
        return replace(ended, connections=tuple(c for c in self.connections if c != connection))

    def _within(self, leg: Leg, codecs: tuple[Codec, ...]) -> None:
        offered = dict(self.offers).get(leg, ())
        if not codecs or not _kinds(codecs) <= set(offered):
            raise Broken("codecs are within the offer", (leg, offered, codecs))


def _refuses(event: SessionInitiated, commands: tuple[Issued, ...]) -> bool:
    return any(isinstance(each.command, RefuseIq) and each.command.iq == event.iq for each in commands)


def _codecs(contents: tuple[Content, ...]) -> tuple[Codec, ...]:
    return tuple(codec for content in contents if content.description for codec in content.description.codecs)


def _kinds(codecs: tuple[Codec, ...]) -> set[tuple[str, int, int]]:
    return {kind(codec) for codec in codecs}


def _confidential(entry: Entry) -> None:
    if PASSWORD.encode() in msgspec.json.encode(entry):
        raise Broken("no password is seen", entry)
