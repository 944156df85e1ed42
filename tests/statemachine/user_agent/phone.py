"""A user with an account of our own user agent, and a phone at the other end of their calls."""

from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from fargo.statemachine.legs.user_agent.phases import Confirmed, UserAgentPhase
from fargo.statemachine.media.description import Candidate, Codec, Content, Crypto, Description, RawUdp, Senders
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import AcceptSession, Command, InitiateSession
from fargo.statemachine.model.events import IqSucceeded, SipAccount
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInformed, SessionInitiated
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Body, Endpoint, Party, RequestHead, Sdp, SipHeaders
from fargo.statemachine.reason import Reason

from ..registering import REGISTRAR, Registering
from ..story import BOB, DESK, OFFER, PCMU

CAROL = "carol%other.test@sip.localhost/fargo"
"""A contact of another domain than the account's."""
CALLEE = "sip:bob@192.0.2.7:5070"
"""The phone's Contact."""
AT_SERVER = f"sip:bob@{REGISTRAR.ip}:5060"
"""The Contact of a provider that is itself the other end of the call."""
PROXY = "<sip:proxy.sip.test;lr>"
TONES = Codec(101, "telephone-event", 8000)
G722 = Codec(9, "G722", 8000)
ELSEWHERE = Endpoint("udp", "198.51.100.9", 5060)
"""A place that signals come from, other than the registrar."""
THERE = (Candidate(1, "127.0.0.4", 5000), Candidate(2, "127.0.0.4", 5001))


def sdp(
    *codecs: Codec,
    senders: Senders = "both",
    at: tuple[Candidate, ...] = THERE[:1],
    media: tuple[str, ...] = ("audio 5000 RTP/AVP 0",),
    place: int = 0,
    crypto: tuple[Crypto, ...] = (),
    required: bool = False,
) -> Sdp:
    """A phone's description. `required`: its profile is RTP/SAVP."""
    description = Description("audio", codecs or (PCMU,), RawUdp(at), encryption_required=required, crypto=crypto)
    return Sdp(Content("", senders=senders, description=description), media, place)


SOME_SDP = sdp()
NO_AUDIO = Sdp(None, ("audio 0 RTP/AVP 0",))
ZERO = (Candidate(1, "0.0.0.0", 5000),)
"""The address of a phone that holds as RFC 2543 has it."""


class Phoning(Registering):
    """A user who is signed in, with a client online. The phone at the other end has one dialog with them at a time."""

    def __init__(self, account: SipAccount | None = None, login: bool = False, **accepted: Any) -> None:
        """`login`: the registrar asks for one. `accepted`: fields of its final response."""
        super().__init__()
        self.online()
        self.submit(account)
        if login:
            self.challenge()
        self.accept(**accepted)
        self.remote_tag: str | None = "bob"
        self._arrived: InviteReceived | None = None
        self._cseq = 100

    # --- what the gateway sends

    def sent_all(self, method: str) -> list[tuple[str, SendRequest]]:
        """Every request of a method so far, each with its id."""
        return [
            (each.id, each.command)
            for each in self.issued
            if isinstance(each.command, SendRequest) and each.command.method == method
        ]

    def request(self, method: str) -> SendRequest:
        """The latest request of a method."""
        return self.sent_all(method)[-1][1]

    def now(self, method: str) -> SendRequest:
        """The one request of a method that the last event led to."""
        [found] = [each for each in self.all(SendRequest) if each.method == method]
        return found

    @property
    def methods(self) -> list[str]:
        """The methods of the requests that the last event led to."""
        return [each.method for each in self.all(SendRequest)]

    @property
    def statuses(self) -> list[int]:
        """The statuses of the responses that the last event led to."""
        return [each.status for each in self.all(SendResponse)]

    def final(self, method: str) -> list[SendResponse]:
        """The final responses to requests of a method so far."""
        said = (each.command for each in self.issued if isinstance(each.command, SendResponse))
        return [each for each in said if each.head.method == method and each.status >= 200]

    def response(self, status: int) -> SendResponse:
        """The latest response with a status."""
        said = (each.command for each in reversed(self.issued))
        return next(each for each in said if isinstance(each, SendResponse) and each.status == status)

    def unanswered(self) -> list[str]:
        """The methods, or statuses, of the pending messages."""
        waiting = (each.command for each in self.user.pending.values())
        return [
            each.method if isinstance(each, SendRequest) else str(each.status)
            for each in waiting
            if isinstance(each, SendRequest | SendResponse)
        ]

    # --- what becomes of the call

    @property
    def leg(self) -> UserAgentPhase:
        """The SIP leg of the only call."""
        [call] = self.user.calls.values()
        assert isinstance(call.sip, UserAgentPhase)
        return call.sip

    @property
    def confirmed(self) -> Confirmed:
        """The leg, whose dialog is confirmed."""
        leg = self.leg
        assert isinstance(leg, Confirmed)
        return leg

    def ends(self) -> list[Reason]:
        """The reasons for which calls have ended so far."""
        return [Reason(each.cause, each.text) for each in self.noted() if isinstance(each, RecordEnded)]

    @property
    def ended(self) -> Reason:
        """The reason for which the call has ended."""
        return self.ends()[-1]

    # --- a call out

    def calls(self, *offered: Content, to: str = BOB, sid: str = "s1") -> list[Command]:
        """The client calls Bob."""
        return self.tell(SessionInitiated(self.iq(to), sid, offered or (OFFER,)))

    def responds(
        self, status: int, phrase: str = "", body: Body | None = None, to: str = "INVITE", **fields: Any
    ) -> list[Command]:
        """The phone, or a server on the way, responds to the latest request of a method."""
        command, request = self.sent_all(to)[-1]
        if request.cancels:
            command = request.cancels
        response = SipResponseReceived(
            request.dialog or command,
            command,
            to,
            status,
            phrase or str(status),
            source=REGISTRAR,
            remote_tag=self.remote_tag,
            contact=CALLEE,
            body=body,
        )
        return self.tell(replace(response, **fields))

    def undeliverable(self, why: Undelivered, to: str = "INVITE", text: str | None = None) -> list[Command]:
        """The latest request of a method gets no response."""
        command, request = self.sent_all(to)[-1]
        return self.tell(SipRequestUndelivered(request.dialog or command, command, why, text))

    def answers(self, body: Body | None = SOME_SDP, **fields: Any) -> list[Command]:
        """The phone answers."""
        return self.responds(200, "OK", body, **fields)

    def talking(self, **fields: Any) -> "Phoning":
        """A call of the client is answered."""
        self.calls()
        self.responds(180, "Ringing")
        self.answers(**fields)
        self.tell(IqSucceeded(self.id_of(AcceptSession), DESK))
        return self

    # --- a call in

    def head(self, method: str, **fields: Any) -> RequestHead:
        """The head of a request of the phone."""
        self._cseq += 1
        head = RequestHead(
            method,
            "sip:token@192.0.2.1",
            (f"SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK{self._cseq}",),
            f'"Bob" <sip:bob@sip.test>;tag={self.remote_tag}',
            "<sip:alice@sip.test>",
            "call-of-bob",
            self._cseq,
        )
        return replace(head, **fields)

    def invites(self, body: Body | None = SOME_SDP, supported: tuple[str, ...] = (), **fields: Any) -> list[Command]:
        """The phone calls. Fields of the headers are in `headers`."""
        head = fields.pop("head", None) or self.head("INVITE")
        name = f"{self.name}-{sha256((head.call_id + str(self.remote_tag)).encode()).hexdigest()[:16]}"
        invite = InviteReceived(
            name,
            self.name,
            head,
            REGISTRAR,
            Party("sip:bob@sip.test", self.remote_tag, "Bob"),
            CALLEE,
            SipHeaders(supported=supported),
            body,
        )
        self._arrived = replace(invite, **fields)
        return self.tell(self._arrived)

    @property
    def arrived(self) -> InviteReceived:
        """The latest INVITE of the phone."""
        assert self._arrived
        return self._arrived

    @property
    def sid(self) -> str:
        """The Jingle session of the call in."""
        return next(i.command.sid for i in reversed(self.issued) if isinstance(i.command, InitiateSession))

    def rings(self) -> list[Command]:
        """The client says that it rings."""
        return self.tell(SessionInformed(self.iq(BOB), self.sid, "ringing"))

    def accepts(self, *codecs: Codec) -> list[Command]:
        """The client accepts the call."""
        assert OFFER.description
        description = replace(OFFER.description, codecs=codecs or OFFER.description.codecs)
        return self.tell(SessionAccepted(self.iq(BOB), self.sid, (replace(OFFER, description=description),)))

    def acknowledges(self, of: RequestHead | None = None, **fields: Any) -> list[Command]:
        """The phone sends the ACK to the final response to an INVITE; to the first one unless said otherwise."""
        invite = of or self.arrived.head
        return self.sends("ACK", head=replace(invite, method="ACK"), **fields)

    def called(self, body: Body | None = SOME_SDP, **fields: Any) -> "Phoning":
        """A call of the phone is answered."""
        self.invites(body, **fields)
        self.rings()
        self.accepts()
        self.acknowledges()
        return self

    # --- within a dialog

    def sends(self, method: str, body: Body | None = None, **fields: Any) -> list[Command]:
        """The phone sends a request within the dialog."""
        dialog, call_id = self.of_dialog()
        head = fields.pop("head", None) or self.head(method, call_id=call_id)
        request = SipRequestReceived(
            dialog, head, REGISTRAR, self.remote_tag, CALLEE if method in ("INVITE", "UPDATE") else None, body=body
        )
        return self.tell(replace(request, **fields))

    @property
    def has_dialog(self) -> bool:
        """Return True if there was an INVITE either way."""
        return self._arrived is not None or bool(self.sent_all("INVITE"))

    def of_dialog(self) -> tuple[str, str]:
        """The name and the Call-ID of the dialog that the latest INVITE began, either way."""
        if self._arrived is not None:
            return self._arrived.name, self._arrived.head.call_id
        invites = self.sent_all("INVITE")
        return invites[0][1].dialog or invites[0][0], invites[0][1].call_id

    def cancels(self, **fields: Any) -> list[Command]:
        """The calling phone gives up."""
        return self.sends("CANCEL", head=replace(self.arrived.head, method="CANCEL"), **fields)

    # --- what the client does

    def holds(self, sid: str = "s1", us: str = BOB) -> list[Command]:
        """The client puts the phone on hold."""
        return self.tell(SessionInformed(self.iq(us), sid, "hold"))

    def resumes(self, sid: str = "s1") -> list[Command]:
        """The client takes the phone off hold."""
        return self.tell(SessionInformed(self.iq(BOB), sid, "unhold"))
