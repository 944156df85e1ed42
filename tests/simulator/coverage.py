"""The events that have met each state: every pair of a phase and a kind of event.

An account's phase is its class, or its connection's once it is registered. It meets every event. A leg's phase, and
that of a session at the relay, is its class, or that of an exchange that is under way in a confirmed dialog; it meets
the events that concern it, and those that concern the user as a whole. A registration's phase is its class, too.

Runs bring the phases about; every event that exists is then made to happen there, aimed at what is open (`strays`).
"""

from collections.abc import Iterator
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.account import account_state, roster
from fargo.statemachine.legs.jingle import forking, jingle_leg, jingle_session
from fargo.statemachine.legs.jingle.invitations import Invitation
from fargo.statemachine.legs.relay import relay_leg, relay_session
from fargo.statemachine.legs.sip.phases import Preparing
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.telepathy.phases import TelepathyLeg, TelepathyPhase
from fargo.statemachine.legs.user_agent.phases import Confirmed, Exchange, UserAgentLeg, UserAgentPhase
from fargo.statemachine.legs.user_agent.user_agent_leg import UserAgentCallEvent
from fargo.statemachine.media.description import Content, Description, MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    Call1Event,
    CallArrived,
    CallFailed,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    ChannelClosed,
    DescriptionReceived,
    FlowState,
    HoldPostponed,
    HoldStateChanged,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.events import (
    Announced,
    ClockJumped,
    CommandAsked,
    ContactAsked,
    DrainChanged,
    Event,
    FeaturesLearned,
    GatewayAsked,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PolicyChanged,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    RequestsRefused,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    RoomChanged,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Snapshot,
    Stopping,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TextWritten,
    TimePassed,
    TypingNoticed,
    UserRemoved,
)
from fargo.statemachine.model.iq import ByChat, ByCommand, Iq
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentChanged,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.ng import (
    Flow,
    RelayCommand,
    RelayDescribed,
    RelayDone,
    RelayLost,
    RelayParty,
    RelayRefused,
)
from fargo.statemachine.model.presence import Connection, SignedIn
from fargo.statemachine.model.registrations import RegistrationPhase
from fargo.statemachine.model.requests import AddRule
from fargo.statemachine.model.sip_messages import (
    Binding,
    EdgeRestarted,
    FlowClosed,
    InviteReceived,
    RegisterAnswered,
    RegisterUndelivered,
    RegistrationEvent,
    SendRequest,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Challenge, Endpoint, Party, RequestHead, SipHeaders
from fargo.statemachine.pending import Reply
from fargo.statemachine.user_state import User, call_of

from .values import (
    ABLE,
    BOB,
    CALLER,
    GATEWAY,
    HEARD,
    NEW_RULE,
    OPUS,
    PCMU,
    REQUESTS,
    audio,
    client_media,
    phone_media,
    relay_media,
)
from .world import DESK


class Pair(Struct, frozen=True, order=True):
    """A phase of an account ("account"), of a registration ("registration"), of an XMPP leg ("xmpp"), of a SIP leg
    ("sip", or "user agent" if our own has it) or of a session at the relay ("relay"), and an event's class.
    """

    room: str
    phase: str
    event: str


TEXT: Final = KeptText("text1", 5)
_EVENTS: Final = frozenset(get_args(Event))
_JINGLE_EVENTS: Final = frozenset({*get_args(jingle_session.JingleEvent), IqSucceeded, IqFailed} - {Reply})
_SIP_EVENTS: Final = frozenset(get_args(Call1Event)) - {CallArrived}
_DIALOG_EVENTS: Final = frozenset(get_args(UserAgentCallEvent))
_REGISTRATION_EVENTS: Final = frozenset(get_args(RegistrationEvent))
_ANSWERS: Final = frozenset({RelayDescribed, RelayDone, RelayRefused})
_WHOLE: Final = _EVENTS - _JINGLE_EVENTS - _SIP_EVENTS - _DIALOG_EVENTS - _REGISTRATION_EVENTS - _ANSWERS
_UNASKED: Final = {relay_session.AwaitingAnswer, relay_session.Joined}
"""While a session at the relay is in one of these, the relay owes no answer."""


def every_pair() -> set[Pair]:
    """All that there are. A leg that is over is dropped at once: it meets nothing."""
    account = {*get_args(account_state.Account), *get_args(Connection)} - {account_state.Registered}
    xmpp = set(get_args(jingle_leg.JingleLeg)) - {jingle_session.Terminated}
    sip = {Preparing, *get_args(TelepathyLeg)}
    user_agent = {*get_args(UserAgentLeg), *get_args(Exchange)}
    registration = get_args(RegistrationPhase)
    relay = set(get_args(relay_session.RelaySession))
    # No client is known as long as one is searched for; a call has no channel before it is placed.
    of_xmpp = {phase: () if phase is forking.Searching else _JINGLE_EVENTS for phase in xmpp}
    of_sip = {phase: () if phase is Preparing else _SIP_EVENTS for phase in sip}
    of_relay = {phase: () if phase in _UNASKED else _ANSWERS for phase in relay}
    return {
        *(Pair("account", phase.__name__, event.__name__) for phase in account for event in _EVENTS),
        *(Pair("xmpp", phase.__name__, event.__name__) for phase in xmpp for event in (*of_xmpp[phase], *_WHOLE)),
        *(Pair("sip", phase.__name__, event.__name__) for phase in sip for event in (*of_sip[phase], *_WHOLE)),
        *(
            Pair("user agent", phase.__name__, event.__name__)
            for phase in user_agent
            for event in (*_DIALOG_EVENTS, *_WHOLE)
        ),
        *(
            Pair("registration", phase.__name__, event.__name__)
            for phase in registration
            for event in (*_REGISTRATION_EVENTS, *_WHOLE)
        ),
        *(Pair("relay", phase.__name__, event.__name__) for phase in relay for event in (*of_relay[phase], *_WHOLE)),
    }


def meeting(user: User, event: Event) -> Iterator[Pair]:
    """The pairs that an event makes with a user's state. A leg that is over waits for the other only."""
    kind, name = type(event), type(event).__name__
    whole = kind in _WHOLE
    account = user.account.connection if isinstance(user.account, account_state.Registered) else user.account
    yield Pair("account", type(account).__name__, name)
    for of, registration in user.registrations.items():
        if whole or (kind in _REGISTRATION_EVENTS and getattr(event, "connection", None) == of):
            yield Pair("registration", type(registration.phase).__name__, name)
    about = call_of(user, event)
    for call in user.calls.values():
        gone = isinstance(event, ResourceUnavailable) and jingle_leg.concerns(call.jingle, event)
        if whole or gone or (kind in _JINGLE_EVENTS and call is about):
            yield Pair("xmpp", type(call.jingle).__name__, name)
        if isinstance(call.sip, UserAgentPhase):
            if whole or (kind in _DIALOG_EVENTS and call is about):
                yield Pair("user agent", sip_phase(call.sip), name)
        elif whole or (kind in _SIP_EVENTS and call is about):
            yield Pair("sip", sip_phase(call.sip), name)
        for each in call.relay:
            if whole or (isinstance(event, RelayDescribed | RelayDone | RelayRefused) and _answers(user, event, each)):
                yield Pair("relay", type(each).__name__, name)


def sip_phase(leg: SipLeg) -> str:
    """Return the phase of a SIP leg, or the exchange that is under way in its dialog."""
    exchange = leg.exchange if isinstance(leg, Confirmed) else None
    return type(exchange or leg).__name__


def _answers(user: User, event: RelayDescribed | RelayDone | RelayRefused, session: relay_session.RelaySession) -> bool:
    """Return whether the event answers what the session was asked."""
    waiting = user.pending.get(event.command)
    return waiting is not None and relay_leg.concerns((session,), Reply(waiting.command, event))


def strays(user: User) -> Iterator[Event]:
    """Every kind of event, aimed at each thing that the user has open, and at none."""
    connection = account_state.connection_of(user.account) or "none"
    yield from _of_account(connection)
    awaited = [(name, each.awaited.command if each.awaited else "none") for name, each in user.registrations.items()]
    for name, command in (*awaited, ("none", "none")):
        yield from _of_registration(name, command)
    for client in (*user.contacts.clients, DESK.jid):
        yield from _of_client(client, user)
    for call in user.calls.values():
        if isinstance(call.sip, TelepathyPhase):
            yield from _of_channel(call.sip.name, connection)
        if isinstance(call.sip, UserAgentPhase):
            yield from _of_dialog(call.sip.name, connection, user)
        for each in jingle_leg.sessions(call.jingle):
            yield from _of_session(each)
        if isinstance(call.jingle, forking.Inviting):
            yield from _of_invitation(call.jingle.invitation)
    for name, waiting in (*user.pending.items(), ("none", None)):
        if waiting is None or isinstance(waiting.command, RelayCommand):
            profiles = [each.terms.profile for call in user.calls.values() for each in call.relay]
            yield from _of_relay(name, profiles[-1] if profiles else MediaProfile.PLAIN)
        if waiting is None or not isinstance(waiting.command, RelayCommand):
            yield from _of_iq(name, getattr(waiting.command, "to", DESK.jid) if waiting else DESK.jid)
    yield from _of_channel("none", connection)
    yield from _of_dialog("none", connection, user)
    yield from _of_session(jingle_session.Session("none", BOB, DESK.jid, calls=True))


def _of_account(connection: str) -> Iterator[Event]:
    iq = Iq(DESK.jid, GATEWAY, "stray")
    yield from (
        Restarted(),
        Stopping(),
        StreamOpened(),
        ClockJumped(60),
        Announced("Soon there will be a pause."),
        UserRemoved(),
        TimePassed(),
        RegistrationAsked(iq),
        RegistrationCancelled(iq),
    )
    step = Iq(DESK.jid, GATEWAY, "stray", ByCommand("status", "status:12345678"))
    yield GatewayAsked(iq.sender, GATEWAY, AddRule(NEW_RULE))
    yield from (GatewayAsked(iq.sender, GATEWAY, each) for each in REQUESTS)
    yield from (TextWritten(iq.sender, to, "stray", (TEXT, TEXT), receipt=True) for to in (BOB, "bob%@" + GATEWAY))
    yield from (TypingNoticed(iq.sender, BOB, active) for active in (True, False))
    head = _head("MESSAGE")
    for said in (TEXT, Composing(True), Composing(False)):
        yield TextReceived(
            f"{connection}-x", connection, head, Endpoint("udp", "192.0.2.5", 5060), Party(CALLER, "x"), said
        )
    yield from (CommandAsked(step, each) for each in REQUESTS)
    for way in (step, Iq(DESK.jid, GATEWAY, "stray", ByChat())):
        yield from (RegistrationSubmitted(way, SipAccount("alice@sip.test"), "s", "n"), RegistrationCancelled(way))
    yield from (ContactAsked(iq, typed) for typed in ("Bob", "+44 1632 960000", "bob@"))
    yield from (RegistrationSubmitted(iq, SipAccount("alice@sip.test"), "s", "n"), IqMalformed(iq, "It is broken."))
    yield from (RelayLost("It is gone."), PolicyChanged(Policy()), PolicyChanged(Policy("relay", relay=True)))
    yield from (PolicyChanged(Policy(engine="sip")), RoomChanged(True), RoomChanged(False))
    yield from (DrainChanged(True), DrainChanged(False))
    yield RequestsRefused({"stanzas": 1})
    yield from (PresenceProbed(BOB), SubscriptionChanged(BOB, SubscriptionAction.SUBSCRIBE), SipSignedIn(connection))
    yield from (SipSignedOut(connection, trouble) for trouble in SipTrouble)
    yield from (Snapshot(), Snapshot(SipAccount("alice@sip.test"), "s", "n", GATEWAY, SignedIn(connection)))


def _of_registration(name: str, command: str) -> Iterator[Event]:
    registrar, seen = Endpoint("tcp", "192.0.2.5", 5060), Endpoint("tcp", "203.0.113.1", 40000)
    answer = RegisterAnswered(name, command, 200, "OK", source=registrar)
    own = Binding("sip:alice@192.0.2.1", 60, ours=True, name=name)
    yield from (replace(answer, bindings=bindings) for bindings in ((), (own,), (own, replace(own, name=None))))
    yield replace(answer, bindings=(own,), seen=seen)
    for stale in (False, True):
        yield replace(answer, status=401, challenges=(Challenge("sip.test", f"stray{stale}", stale=stale),))
    yield replace(answer, status=423, headers=SipHeaders(min_expires=7200))
    yield from (replace(answer, status=status, headers=SipHeaders(retry_after=9)) for status in (302, 403, 503, 600))
    yield replace(answer, status=408, by_edge=True)
    yield from (RegisterUndelivered(name, command, why) for why in Undelivered)
    yield from (FlowClosed(name), EdgeRestarted())


def _of_client(jid: str, user: User) -> Iterator[Event]:
    yield from (ResourceAvailable(jid, GATEWAY, "new"), ResourceUnavailable(jid, GATEWAY))
    asked = [name for name, question in roster.questions(user.pending).items() if question.to == jid]
    yield FeaturesLearned(asked[0] if asked else "none", jid, ABLE)
    yield CallProposed(jid, BOB, "stray", ("audio",))


def _of_channel(name: str, connection: str) -> Iterator[Event]:
    yield CallArrived(name, connection, CALLER, (PCMU,), phone_media(), CallState.INITIALISED)
    yield from (CallStateChanged(name, state) for state in CallState)
    yield from (CallMembersChanged(name, flags) for flags in range(4))
    yield from (HoldStateChanged(name, state) for state in range(4))
    yield from (SendingStateChanged(name, state) for state in FlowState)
    yield from (ReceivingStateChanged(name, state) for state in FlowState)
    yield from (CandidatesReceived(name, phone_media()), DescriptionReceived(name, (PCMU,)))
    yield from (HoldPostponed(name), CallFailed(name, "InvalidArgument"), ChannelClosed(name))


def _of_dialog(name: str, connection: str, user: User) -> Iterator[Event]:
    source, caller = Endpoint("udp", "192.0.2.5", 5060), Party(CALLER, "stray")
    yield InviteReceived(name, connection, _head("INVITE"), source, caller, CALLER)
    for method in ("INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK", "INFO", "OPTIONS", "REFER", "MESSAGE"):
        yield SipRequestReceived(name, _head(method), source, "stray")
    for wanted in ("", "?Replaces=a%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy&Require=replaces"):
        headers = SipHeaders(refer_to=f"<sip:carol@sip.test{wanted}>")
        yield SipRequestReceived(name, _head("REFER"), source, "stray", headers=headers)
    takes_over = SipHeaders(replaces="stray;to-tag=stray;from-tag=stray")
    yield InviteReceived(name, connection, _head("INVITE"), source, caller, CALLER, takes_over, of_provider=True)
    yield SipRequestReceived(name, _head("NOTIFY"), source, "stray", body=MessageSummary(True, 2))
    sent = {key: each.command for key, each in user.pending.items() if isinstance(each.command, SendRequest)}
    methods = {key: request.method for key, request in sent.items() if request.dialog == name}
    texts = {key: request.method for key, request in sent.items() if request.method == "MESSAGE"}
    for command, method in {**methods, **texts, name: "INVITE"}.items():
        for status in (180, 200, 302, 401, 481, 491, 503, 603):
            yield SipResponseReceived(name, command, method, status, "", source, "stray")
    yield from (SipRequestUndelivered(name, each, why) for each in (name, *texts) for why in Undelivered)


def _head(method: str) -> RequestHead:
    return RequestHead(method, CALLER, ("via",), "from", "to", "stray", 1)


def _of_relay(command: str, profile: MediaProfile) -> Iterator[Event]:
    for codecs in ((PCMU,), (OPUS,), ()):
        yield RelayDescribed(command, Description("audio", codecs, relay_media(profile, 0)))
    yield from (RelayDone(command, flows) for flows in ((), (Flow(RelayParty.OFFERER, 1, 160, HEARD),)))
    yield from (RelayRefused(command, "It will not.", silent) for silent in (False, True))


def _of_session(each: jingle_session.Session) -> Iterator[Event]:
    iq, offer = Iq(each.client, each.us, "stray"), (audio(PCMU),)
    yield from (SessionInitiated(iq, each.sid, offer), SessionAccepted(iq, each.sid, offer))
    yield from (SessionInformed(iq, each.sid, info) for info in (None, "ringing", "hold", "unhold", "nonsense"))
    yield SessionInformed(iq, each.sid, "dtmf", digit="digit1")
    yield SessionInformed(iq, each.sid, "dtmf", releases=True)
    for to in (f"+441632960333@{GATEWAY}", "carol@localhost"):
        yield SessionInformed(iq, each.sid, "transfer", to=to)
        yield SessionInformed(iq, each.sid, "transfer", to=to, other_sid=each.sid)
    yield TransportInformed(iq, each.sid, (Content("voice", transport=client_media(MediaProfile.ICE, "new")),))
    yield from (kind(iq, each.sid, offer) for kind in get_args(ContentChanged))
    yield from (SessionTerminated(iq, each.sid, condition) for condition in ("success", "busy"))
    yield from (CallMessaged(each.client, each.us, each.sid, action) for action in CallAction)


def _of_invitation(invitation: Invitation) -> Iterator[Event]:
    yield from (CallMessaged(DESK.jid, invitation.us, invitation.sid, action) for action in CallAction)


def _of_iq(command: str, client: str) -> Iterator[Event]:
    yield from (IqSucceeded(command, client), IqFailed(command, client, "item-not-found", jingle="unknown-session"))
