"""The events that are tried: a choice of each class, aimed at what a user has open."""

import re
from collections.abc import Iterator
from typing import Final

from fargo.statemachine import session as jingle
from fargo.statemachine.account import connection_of
from fargo.statemachine.call import Call
from fargo.statemachine.call1 import (
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
    HoldStateChanged,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.events import (
    CallAction,
    CallMessaged,
    CallProposed,
    Event,
    FeaturesLearned,
    Iq,
    IqFailed,
    IqSucceeded,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionModified,
    SessionTerminated,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.media import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.session import Inviting
from fargo.statemachine.state import User

USER: Final = "alice@example.org"
DESK: Final = f"{USER}/desk"
PHONE: Final = f"{USER}/phone"
"""Wants to be asked before it is called (XEP-0353)."""
GATEWAY: Final = "sip.example.org"
BOB: Final = f"bob%example.net@{GATEWAY}/fargo"

_ABLE: Final = (
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:transports:raw-udp:1",
)
_ASKS: Final = (*_ABLE, "urn:xmpp:jingle-message:0")
_VOICE: Final = (Codec(0, "PCMU", 8000),)
_OTHER: Final = (Codec(18, "G729", 8000),)
_ADDRESS: Final = (Candidate(1, "192.0.2.1", 5000), Candidate(2, "192.0.2.1", 5001))
_AUDIO: Final = (Content("voice", description=Description("audio", _VOICE, RawUdp(_ADDRESS))),)
_NO_AUDIO: Final = (Content("face", description=Description("video", _VOICE, RawUdp(_ADDRESS))),)
_HEARS: Final = (Content("voice", senders="both"),)
_DEAF: Final = (Content("voice", senders="none"),)
_COMMAND: Final = re.compile(r"'(\d+\.\d+)'")


# --- the account


def of_account(user: User) -> Iterator[Event]:
    """Registrations, sign-ins and clients; there are no calls."""
    yield RegistrationAsked(_iq(GATEWAY))
    for address, secret in (("alice@example.net", "first"), ("alice@example.com", "second"), ("nonsense", "third")):
        yield RegistrationSubmitted(_iq(GATEWAY), SipAccount(address), secret, "nonce")
    yield RegistrationCancelled(_iq(GATEWAY))
    yield ResourceAvailable(DESK, GATEWAY)
    yield ResourceUnavailable(DESK, GATEWAY)
    for connection in (connection_of(user.account) or "0.0", "0.0"):
        yield SipSignedIn(connection)
        for trouble in SipTrouble:
            yield SipSignedOut(connection, trouble)
    yield from _of_gateway()


def signed_in() -> Iterator[Event]:
    """What brings a user online, with two clients and an account."""
    yield RegistrationSubmitted(_iq(GATEWAY), SipAccount("alice@example.net"), "secret", "nonce")
    yield SipSignedIn("1.0")
    yield ResourceAvailable(DESK, GATEWAY)
    yield FeaturesLearned("3.0", DESK, _ABLE)
    yield ResourceAvailable(PHONE, GATEWAY)
    yield FeaturesLearned("5.0", PHONE, _ASKS)


# --- a call


def of_call(user: User) -> Iterator[Event]:
    """One call, from its beginning in either direction; nothing when it is over."""
    if not user.calls:
        yield from _beginnings(user)
    for call in user.calls.values():
        yield from _of_jingle(call)
        yield from _of_channel(call.sip.channel)
        yield SipSignedOut(call.connection, SipTrouble.NETWORK)
        yield from (ResourceUnavailable(DESK, GATEWAY), ResourceUnavailable(USER, GATEWAY))
        yield RegistrationCancelled(_iq(GATEWAY))
        yield from _of_gateway()


def _beginnings(user: User) -> Iterator[Event]:
    yield CallProposed(DESK, BOB, "proposed", ("audio",))
    for sid in ("session", *user.proposals):
        yield SessionInitiated(_iq(BOB), sid, _AUDIO)
        yield SessionInitiated(_iq(BOB), sid, _NO_AUDIO)
    connection = connection_of(user.account)
    for codecs in (_VOICE, ()):
        yield CallArrived(f"{connection}/1", connection, "sip:bob@example.net", codecs, _ADDRESS, CallState.INITIALISED)


def _of_jingle(call: Call) -> Iterator[Event]:
    for session in jingle.sessions(call.jingle):
        yield from _of_session(Iq(session.client, session.us, "iq"), session.sid)
        yield from _messages(session.client, session.us, session.sid)
    if isinstance(call.jingle, Inviting):
        yield from _messages(PHONE, call.jingle.us, call.jingle.sid)
    for command in dict.fromkeys(_COMMAND.findall(repr(call.jingle))):
        for client in (DESK, PHONE):
            yield IqSucceeded(command, client)
            yield from (IqFailed(command, client, condition) for condition in ("item-not-found", "bad-request"))


def _of_session(iq: Iq, sid: str) -> Iterator[Event]:
    yield SessionInitiated(iq, sid, _AUDIO)
    yield from (SessionAccepted(iq, sid, contents) for contents in (_AUDIO, _NO_AUDIO))
    for info in ("", "ringing", "mute", "hold", "unhold", "active", "nonsense"):
        yield SessionInformed(iq, sid, info)
    yield from (SessionTerminated(iq, sid, condition) for condition in ("success", "busy", "decline"))
    yield from (SessionModified(iq, sid, action) for action in ("transport-info", "content-add"))
    yield from (SessionModified(iq, sid, "content-modify", contents) for contents in (_HEARS, _DEAF))


def _messages(client: str, us: str, sid: str) -> Iterator[Event]:
    yield from (CallMessaged(client, us, sid, action) for action in CallAction)


def _of_channel(channel: str) -> Iterator[Event]:
    if not channel:
        return
    for state in (CallState.INITIALISED, CallState.ACCEPTED, CallState.ACTIVE, CallState.ENDED):
        yield CallStateChanged(channel, state)
    yield from (CallMembersChanged(channel, flags) for flags in (RINGING, HELD, 0))
    yield CandidatesReceived(channel, _ADDRESS)
    yield from (DescriptionReceived(channel, codecs) for codecs in (_VOICE, _OTHER))
    for flow in (FlowState.PENDING_START, FlowState.PENDING_STOP):
        yield SendingStateChanged(channel, flow)
        yield ReceivingStateChanged(channel, flow)
    yield from (HoldStateChanged(channel, state) for state in range(4))
    yield CallFailed(channel, "org.freedesktop.Telepathy.Error.NotAvailable")
    yield ChannelClosed(channel)


def _of_gateway() -> Iterator[Event]:
    yield from (TimePassed(), StreamOpened(), Restarted(), Stopping())


def _iq(to: str) -> Iq:
    return Iq(DESK, to, "iq")
