"""The events that are tried: a selection of each class that fits the open calls and requests of a user."""

from collections.abc import Iterator
from typing import Final, get_args

from fargo.statemachine.account.account_state import connection_of
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle import jingle_leg, jmi
from fargo.statemachine.legs.jingle.forking import Inviting
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.telepathy.phases import TelepathyPhase
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, Fingerprint, IceUdp, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    HELD,
    RINGING,
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
from fargo.statemachine.model.events import (
    Announced,
    ClockJumped,
    ContactAsked,
    Event,
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    PolicyChanged,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Stopping,
    StreamOpened,
    TimePassed,
    UserRemoved,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentChanged,
    ContentModified,
    ContentRemoved,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)
from fargo.statemachine.model.ng import RelayCommand, RelayDescribed, RelayDone, RelayLost, RelayRefused
from fargo.statemachine.model.sip_messages import (
    Binding,
    EdgeRestarted,
    FlowClosed,
    RegisterAnswered,
    RegisterUndelivered,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Challenge, Endpoint, SipHeaders
from fargo.statemachine.user_state import User

USER: Final = "alice@example.org"
DESK: Final = f"{USER}/desk"
PHONE: Final = f"{USER}/phone"
"""A client that supports Jingle Message Initiation (XEP-0353)."""
GATEWAY: Final = "sip.example.org"
BOB: Final = f"bob%example.net@{GATEWAY}/fargo"

_ABLE: Final = (
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:transports:raw-udp:1",
)
_SECURE: Final = (*_ABLE[:3], "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0")
_ASKS: Final = "urn:xmpp:jingle-message:0"
REGISTRAR: Final = Endpoint("tcp", "192.0.2.5", 5060)
EDGE, OTHER_EDGE = "192.0.2.1 5060 5061", "192.0.2.2 5060 5061"
"""Two SIP edges of the gateway."""
VOICE: Final = (Codec(0, "PCMU", 8000),)
_OTHER: Final = (Codec(18, "G729", 8000),)
_ADDRESS: Final = (Candidate(1, "192.0.2.1", 5000), Candidate(2, "192.0.2.1", 5001))
_AWAY: Final = (Candidate(1, "192.0.2.9", 5000),)
AUDIO: Final = (Content("voice", description=Description("audio", VOICE, RawUdp(_ADDRESS))),)
_PRINT: Final = Fingerprint("sha-256", "actpass", "AB:CD")
_SECURED: Final = (Content("voice", description=Description("audio", VOICE, IceUdp("u1", "p1", (), _PRINT), mux=True)),)
_UNNAMED: Final = (Content("voice", description=Description("audio", VOICE, IceUdp("", "", (), _PRINT), mux=True)),)
_CANDIDATES: Final = (Content("voice", transport=IceUdp("u1", "p1", _ADDRESS)),)
_RESTART: Final = (Content("voice", transport=IceUdp("u2", "p2")),)
_NO_AUDIO: Final = (Content("face", description=Description("video", VOICE, RawUdp(_ADDRESS))),)
_HEARS: Final = (Content("voice", senders="both"),)
_DEAF: Final = (Content("voice", senders="none"),)


# --- the account


def of_account(user: User) -> Iterator[Event]:
    """Yield registrations, sign-ins and changes of clients. There are no calls."""
    yield RegistrationAsked(_iq(GATEWAY))
    for address, secret in (("alice@example.net", "first"), ("alice@example.com", "second"), ("nonsense", "third")):
        yield RegistrationSubmitted(_iq(GATEWAY), SipAccount(address), secret, "nonce")
    yield RegistrationCancelled(_iq(GATEWAY))
    yield from (ContactAsked(_iq(GATEWAY), typed) for typed in ("bob", "bob@"))
    yield ResourceAvailable(DESK, GATEWAY)
    yield ResourceUnavailable(DESK, GATEWAY)
    for connection in (connection_of(user.account) or "0.0", "0.0"):
        yield SipSignedIn(connection)
        for trouble in SipTrouble:
            yield SipSignedOut(connection, trouble)
    yield from _of_gateway()


def signed_in(secure: bool = False, asks: bool = True) -> Iterator[Event]:
    """Yield the events that bring a user online, with two clients and an account.

    ``secure``: the clients support only DTLS over ICE, and there is a relay. ``asks``: one of the clients supports
    Jingle Message Initiation.
    """
    features = _SECURE if secure else _ABLE
    yield RegistrationSubmitted(_iq(GATEWAY), SipAccount("alice@example.net"), "secret", "nonce")
    yield SipSignedIn("1.0")
    yield ResourceAvailable(DESK, GATEWAY)
    yield FeaturesLearned("3.0", DESK, features)
    yield ResourceAvailable(PHONE, GATEWAY)
    yield FeaturesLearned("5.0", PHONE, (*features, _ASKS) if asks else features)
    if secure:
        yield PolicyChanged(Policy(relay=True))


# --- a registration of our own user agent


def with_user_agent() -> Iterator[Event]:
    """Yield the events before the first registration."""
    yield PolicyChanged(Policy(engine="sip", edge=EDGE))
    yield ResourceAvailable(DESK, GATEWAY)


def registered_by_user_agent() -> Iterator[Event]:
    """Yield the events that bring a user online, with one client and an account that our own user agent has."""
    yield from with_user_agent()
    yield FeaturesLearned("2.0", DESK, _ABLE)
    yield RegistrationSubmitted(_iq(GATEWAY), SipAccount("alice@example.net"), "secret", "nonce")
    own = Binding("sip:alice@192.0.2.1", 3600, ours=True, name="4.0")
    yield RegisterAnswered("4.0", "4.0", 200, "OK", source=REGISTRAR, bindings=(own,))


def of_registration(user: User) -> Iterator[Event]:
    """Yield the events of the user's registration. There are none as long as a second one is there."""
    if len(user.registrations) > 1:
        return
    yield RegistrationSubmitted(_iq(GATEWAY), SipAccount("alice@example.net"), "secret", "nonce")
    yield RegistrationCancelled(_iq(GATEWAY))
    yield from (ResourceAvailable(DESK, GATEWAY), ResourceUnavailable(DESK, GATEWAY))
    for name, registration in user.registrations.items():
        if registration.awaited:
            yield from _answers(name, registration.awaited.command)
        yield FlowClosed(name)
    yield EdgeRestarted()
    yield from _of_gateway()


def _answers(name: str, command: str) -> Iterator[Event]:
    own = Binding("sip:alice@192.0.2.1", 3600, ours=True, name=name)
    old = Binding("sip:alice@192.0.2.1:5070", 1800, ours=True)
    for bindings in ((own,), (own, old)):
        yield RegisterAnswered(name, command, 200, "OK", source=REGISTRAR, bindings=bindings)
    for nonce in ("first", "second"):
        challenge = Challenge("example.net", nonce)
        yield RegisterAnswered(name, command, 401, "Unauthorized", source=REGISTRAR, challenges=(challenge,))
    brief = SipHeaders(min_expires=7200)
    yield RegisterAnswered(name, command, 423, "Interval Too Brief", source=REGISTRAR, headers=brief)
    for status, phrase in ((403, "Forbidden"), (503, "Service Unavailable")):
        yield RegisterAnswered(name, command, status, phrase, source=REGISTRAR)
    for why in (Undelivered.SILENT, Undelivered.SECRET):
        yield RegisterUndelivered(name, command, why)


# --- a call


def of_call(user: User) -> Iterator[Event]:
    """Yield the events of one call, outgoing or incoming. There are none once it is over, or once another has taken the
    place of an invitation with its id.
    """
    if not user.calls:
        yield from _beginnings(user)
    if len(user.calls) > 1:
        return
    for call in user.calls.values():
        yield from _of_jingle(call, user)
        yield from _of_sip_leg(call.sip)
        yield SipSignedOut(call.connection, SipTrouble.NETWORK)
        yield from (ResourceUnavailable(DESK, GATEWAY), ResourceUnavailable(USER, GATEWAY))
        yield RegistrationCancelled(_iq(GATEWAY))
        yield from _of_gateway()


def _beginnings(user: User) -> Iterator[Event]:
    yield CallProposed(DESK, BOB, "proposed", ("audio",))
    for sid in ("session", *(proposal.sid for proposal in jmi.proposals(user.pending).values())):
        yield SessionInitiated(_iq(BOB), sid, AUDIO)
        yield SessionInitiated(_iq(BOB), sid, _NO_AUDIO)
    connection = connection_of(user.account) or "0.0"
    for codecs in (VOICE, ()):
        yield CallArrived(f"{connection}/1", connection, "sip:bob@example.net", codecs, _ADDRESS, CallState.INITIALISED)


def _of_jingle(call: Call, user: User) -> Iterator[Event]:
    for session in jingle_leg.sessions(call.jingle):
        yield from _of_session(Iq(session.client, session.us, "iq"), session.sid)
        yield from _messages(session.client, session.us, session.sid)
    if isinstance(call.jingle, Inviting):
        yield from _messages(PHONE, call.jingle.invitation.us, call.jingle.invitation.sid)
    for command in [name for name, each in user.pending.items() if not isinstance(each.command, RelayCommand)]:
        for client in (DESK, PHONE):
            yield IqSucceeded(command, client)
            yield from (IqFailed(command, client, condition) for condition in ("item-not-found", "bad-request"))


def _of_session(iq: Iq, sid: str) -> Iterator[Event]:
    yield SessionInitiated(iq, sid, AUDIO)
    yield from (SessionAccepted(iq, sid, contents) for contents in (AUDIO, _NO_AUDIO))
    for info in (None, "ringing", "mute", "hold", "unhold", "active", "nonsense"):
        yield SessionInformed(iq, sid, info)
    yield from (SessionTerminated(iq, sid, condition) for condition in ("success", "busy", "decline"))
    yield from (kind(iq, sid) for kind in get_args(ContentChanged) if kind is not ContentModified)
    yield from (ContentModified(iq, sid, contents) for contents in (_HEARS, _DEAF))
    yield ContentRemoved(iq, sid, _HEARS)


def _messages(client: str, us: str, sid: str) -> Iterator[Event]:
    yield from (CallMessaged(client, us, sid, action) for action in CallAction)


def _of_sip_leg(leg: SipLeg) -> Iterator[Event]:
    if not isinstance(leg, TelepathyPhase):
        return
    channel = leg.name
    for state in (CallState.INITIALISED, CallState.ACCEPTED, CallState.ACTIVE, CallState.ENDED):
        yield CallStateChanged(channel, state)
    yield from (CallMembersChanged(channel, flags) for flags in (RINGING, HELD, 0))
    yield from (CandidatesReceived(channel, candidates) for candidates in (_ADDRESS, _AWAY))
    yield from (DescriptionReceived(channel, codecs) for codecs in (VOICE, _OTHER))
    for flow in (FlowState.PENDING_START, FlowState.PENDING_STOP):
        yield SendingStateChanged(channel, flow)
        yield ReceivingStateChanged(channel, flow)
    yield from (HoldStateChanged(channel, state) for state in range(4))
    yield HoldPostponed(channel)
    yield CallFailed(channel, "org.freedesktop.Telepathy.Error.NotAvailable")
    yield ChannelClosed(channel)


# --- a call through the relay


def of_relayed_call(user: User) -> Iterator[Event]:
    """Yield the events of a relay session in one call, outgoing or incoming. There are none once it is over."""
    if not user.calls:
        connection = connection_of(user.account) or "0.0"
        yield from (SessionInitiated(_iq(BOB), "session", contents) for contents in (_SECURED, _UNNAMED))
        yield CallArrived(f"{connection}/1", connection, "sip:bob@example.net", VOICE, _ADDRESS, CallState.INITIALISED)
    for call in user.calls.values():
        for session in jingle_leg.sessions(call.jingle):
            yield from _of_secure_session(Iq(session.client, session.us, "iq"), session.sid)
        yield from _of_answering(call.sip)
        for command in [name for name, each in user.pending.items() if isinstance(each.command, RelayCommand)]:
            yield RelayDescribed(command, Description("audio", VOICE, RawUdp(_ADDRESS)))
            yield RelayDone(command)
            yield from (RelayRefused(command, "It is overloaded.", silent) for silent in (False, True))
        yield RelayLost("It does not answer.")
        yield from (TimePassed(), Restarted(), Stopping(), UserRemoved())


def _of_secure_session(iq: Iq, sid: str) -> Iterator[Event]:
    yield from (SessionAccepted(iq, sid, contents) for contents in (_SECURED, _UNNAMED, AUDIO))
    yield from (TransportInformed(iq, sid, contents) for contents in (_CANDIDATES, _RESTART))
    yield SessionInformed(iq, sid, "dtmf", digit="digit")
    yield SessionTerminated(iq, sid, "success")


def _of_answering(leg: SipLeg) -> Iterator[Event]:
    if not isinstance(leg, TelepathyPhase):
        return
    channel = leg.name
    yield from (CandidatesReceived(channel, candidates) for candidates in (_ADDRESS, _AWAY))
    yield DescriptionReceived(channel, VOICE)
    yield from (CallStateChanged(channel, state) for state in (CallState.ACTIVE, CallState.ENDED))


def _of_gateway() -> Iterator[Event]:
    yield from (TimePassed(), ClockJumped(60), StreamOpened(), Restarted(), Stopping())
    yield from (Announced("There will be a pause tonight."), UserRemoved())


def _iq(to: str) -> Iq:
    return Iq(DESK, to, "iq")
