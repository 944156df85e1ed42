"""The events that are tried in a call of our own user agent."""

from collections.abc import Iterator
from typing import Final

from documentation.events import AUDIO, BOB, DESK, EDGE, OTHER_EDGE, REGISTRAR, VOICE
from msgspec.structs import replace

from fargo.statemachine.account.account_state import connection_of
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.legs.user_agent.phases import Confirmed, UacCancelling, UserAgentPhase
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp, Senders
from fargo.statemachine.model.events import Event, PolicyChanged, Restarted, TimePassed
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInformed, SessionInitiated, SessionTerminated
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    InviteReceived,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Party, RAck, RequestHead, Sdp, SipHeaders
from fargo.statemachine.user_state import User

_CONTACT: Final = "sip:bob@192.0.2.7"
_TAG: Final = "bob"
_OTHER_TAG: Final = "desk"
"""That of another phone that the call is forked to."""
_CALL_ID: Final = "call"
_RELIABLE: Final = SipHeaders(require=("100rel",), rseq=1)
_REQUIRED: Final = SipHeaders(require=("100rel",))
_NO_HEADERS: Final = SipHeaders()
_REFERRED: Final = SipHeaders(refer_to="<sip:carol@example.net>")
_METHODS: Final = ("BYE", "INFO", "OPTIONS", "PRACK", "REFER", "MESSAGE")


def _description(senders: Senders = "both", codec: Codec = VOICE[0]) -> Sdp:
    description = Description("audio", (codec,), RawUdp((Candidate(1, "192.0.2.7", 5000),)))
    return Sdp(Content("", senders=senders, description=description), ("audio 5000 RTP/AVP 0",), 0)


_AUDIO: Final = _description()
_HOLD: Final = _description("initiator")
_OTHER: Final = _description(codec=Codec(18, "G729", 8000))


def of_call(user: User) -> Iterator[Event]:
    """Yield the events of one call, outgoing or incoming. There are none once it is over, or another phone has it by a
    transfer: that is in a call like any other. If the gateway has another edge, it is started next.
    """
    if user.moved:
        yield Restarted()
        return
    if not (user.calls or user.pending):
        yield SessionInitiated(Iq(DESK, BOB, "iq"), "session", AUDIO)
        for place, headers in enumerate((SipHeaders(), _REQUIRED, SipHeaders(require=("unknown",)))):
            yield _invite(user, place, headers, _AUDIO)
        yield from (_invite(user, 3, SipHeaders(), body) for body in (None, _OTHER, Sdp(None)))
    for call in user.calls.values():
        if call.transfers:
            yield from _of_transfer(user, call)
            continue
        for session in jingle_leg.sessions(call.jingle):
            yield from _of_client(session, call)
        if isinstance(call.sip, UserAgentPhase):
            yield from _of_phone(user, call.sip.name)
        yield from (TimePassed(), EdgeRestarted(), Restarted())
        yield PolicyChanged(replace(user.policy, edge=OTHER_EDGE if user.policy.edge == EDGE else EDGE))


def _invite(user: User, place: int, headers: SipHeaders, body: Sdp | None) -> InviteReceived:
    connection = connection_of(user.account) or "0.0"
    return InviteReceived(
        f"{connection}-{place}",
        connection,
        _head("INVITE", 1),
        REGISTRAR,
        Party("sip:bob@example.net", _TAG),
        _CONTACT,
        headers,
        body,
    )


def _head(method: str, number: int, call_id: str = _CALL_ID) -> RequestHead:
    to = "<sip:alice@example.net>"
    return RequestHead(method, "sip:token@192.0.2.1", ("SIP/2.0/UDP 192.0.2.5",), "<x>", to, call_id, number)


def _of_client(session: Session, call: Call) -> Iterator[Event]:
    iq = Iq(session.client, session.us, "iq")
    yield from (SessionInformed(iq, session.sid, info) for info in ("ringing", "hold", "unhold"))
    yield SessionAccepted(iq, session.sid, AUDIO)
    yield SessionTerminated(iq, session.sid, "busy" if call.caller else "success")


def _of_phone(user: User, name: str) -> Iterator[Event]:
    pending = {key: each.command for key, each in user.pending.items()}
    for key, command in pending.items():
        if isinstance(command, SendRequest):
            yield from _responses(name, key, command)
    [call] = user.calls.values()
    if isinstance(call.sip, UacCancelling):
        yield from _to_invite(name, call.sip.invite.command)
    for invite in getattr(call.sip, "invites", ())[:1]:
        yield _response(name, invite.command, "INVITE", 200, body=_AUDIO, tag=_OTHER_TAG)
    number = 2 + max((each.head.cseq for each in pending.values() if isinstance(each, SendResponse)), default=1)
    call_id = next((each.call_id for each in _known(call)), _CALL_ID)
    yield from (_request(name, _head(method, number, call_id)) for method in _METHODS)
    yield _request(name, _head("REFER", number, call_id), headers=_REFERRED)
    for method in ("INVITE", "UPDATE"):
        yield from (_request(name, _head(method, number, call_id), body) for body in (_AUDIO, _HOLD, _OTHER, None))
    yield _request(name, _head("BYE", number, "another-call"))
    for acknowledged in [each.head for each in pending.values() if isinstance(each, SendResponse)]:
        yield from (_request(name, _head("ACK", acknowledged.cseq, call_id), body) for body in (None, _AUDIO))
    yield _request(name, _head("CANCEL", 1, call_id))
    acknowledges = SipHeaders(rack=RAck(1, 1, "INVITE"))
    yield _request(name, _head("PRACK", number, call_id), headers=acknowledges)


def _of_transfer(user: User, call: Call) -> Iterator[Event]:
    """Yield what may happen while a transfer is under way that the phone has asked for."""
    name = call.transfer.leg.name if call.transfer else None
    if name is None or not isinstance(call.sip, Confirmed):
        return
    for key, command in [(key, each.command) for key, each in user.pending.items()]:
        if isinstance(command, SendRequest) and command.method == "NOTIFY":
            yield _response(call.sip.name, key, "NOTIFY", 200)
        if isinstance(command, SendRequest) and command.method == "INVITE":
            yield _response(name, key, "INVITE", 180)
            yield _response(name, key, "INVITE", 200, body=_AUDIO)
            yield _response(name, key, "INVITE", 486)
    head = _head("REFER", 1 + (call.sip.dialog.received or 1), call.sip.dialog.call_id)
    yield _request(call.sip.name, head, headers=_REFERRED)
    yield _request(call.sip.name, replace(head, method="BYE"))
    for session in jingle_leg.sessions(call.jingle):
        yield SessionTerminated(Iq(session.client, session.us, "iq"), session.sid, "success")


def _known(call: Call) -> Iterator[SendRequest]:
    invite = getattr(call.sip, "invite", None)
    if invite is not None:
        yield invite.request
    yield from (each.request for each in getattr(call.sip, "invites", ()))


def _responses(name: str, command: str, request: SendRequest) -> Iterator[Event]:
    if request.method == "INVITE":
        yield from _to_invite(name, command)
    else:
        said = request.cancels or command
        for status in (200, 408, 481):
            yield _response(name, said, request.method, status)
    yield SipRequestUndelivered(name, command, Undelivered.SILENT)


def _to_invite(name: str, command: str) -> Iterator[Event]:
    yield from (_response(name, command, "INVITE", 180, tag=tag) for tag in (_TAG, _OTHER_TAG))
    yield _response(name, command, "INVITE", 183, _RELIABLE, _AUDIO)
    yield from (_response(name, command, "INVITE", 200, body=body) for body in (_AUDIO, _HOLD, None))
    yield from (_response(name, command, "INVITE", status) for status in (302, 408, 481, 486, 491))


def _response(
    name: str,
    command: str,
    method: str,
    status: int,
    headers: SipHeaders = _NO_HEADERS,
    body: Sdp | None = None,
    tag: str = _TAG,
) -> SipResponseReceived:
    return SipResponseReceived(name, command, method, status, "", REGISTRAR, tag, _CONTACT, (), headers, body)


def _request(
    name: str, head: RequestHead, body: Sdp | None = None, headers: SipHeaders = _NO_HEADERS
) -> SipRequestReceived:
    return SipRequestReceived(name, head, REGISTRAR, _TAG, _CONTACT, headers, body)
