"""A user whose calls are forwarded, with the caller and the target at the two ends of such a call."""

from typing import Any

from fargo.statemachine.media.description import Candidate, Description, RawUdp
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.events import GatewayAsked, ResourceUnavailable
from fargo.statemachine.model.requests import DialRule, SetBusy, SetForward, SetStay, ShowCalls, ShowStatus
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestReceived
from fargo.statemachine.model.sip_values import Body, Sdp

from .registering import REGISTRAR
from .story import DESK, GATEWAY, PCMA, PCMU
from .user_agent.phone import CALLEE, Phoning, sdp

TARGET = "+441632960111"
URI = f"sip:{TARGET}@sip.test"
AT_TARGET = (Candidate(1, "127.0.0.5", 7000), Candidate(2, "127.0.0.5", 7001))
ELSEWHERE = (Candidate(1, "127.0.0.6", 7000), Candidate(2, "127.0.0.6", 7001))
RULES = (DialRule("s/^17$/112/"), DialRule("s/^1900.*//"))
NEVER_CALLED = [
    ("alice@sip.test", "own"),
    ("112", "emergency"),
    ("17", "emergency"),
    ("1900123", "not allowed"),
    ("+", "number"),
]
"""Numbers that the gateway calls for nobody under these rules, and a word with which it says why."""


def media(body: Body | None) -> Description:
    """The audio in a body."""
    assert isinstance(body, Sdp)
    assert body.audio
    assert body.audio.description
    return body.audio.description


def place(body: Body | None) -> tuple[str, int]:
    """Return the place where audio goes that a body describes."""
    transport = media(body).transport
    assert isinstance(transport, RawUdp)
    return transport.candidates[0].ip, transport.candidates[0].port


class Forwarding(Phoning):
    """A user whose calls are forwarded. `phone` of the base is the caller."""

    def __init__(self, online: bool = False) -> None:
        super().__init__()
        self.asks(SetForward("+44 1632 960111"))
        if not online:
            self.tell(ResourceUnavailable(DESK, GATEWAY))

    def asks(self, request: SetForward | SetBusy | SetStay | ShowStatus | ShowCalls) -> str:
        self.tell(GatewayAsked(DESK, GATEWAY, request))
        return self.the(SendText).text

    @property
    def forwarded(self) -> SendRequest:
        """The INVITE to the target that the last event led to."""
        return self.now("INVITE")

    def target_sends(self, method: str, body: Body | None = None, **fields: Any) -> None:
        """The target sends a request within its dialog."""
        name, request = self.sent_all("INVITE")[0]
        self.remote_tag, caller = "target", self.remote_tag
        head = self.head(method, call_id=request.call_id)
        contact = CALLEE if method in ("INVITE", "UPDATE") else None
        self.tell(SipRequestReceived(name, head, REGISTRAR, "target", contact, body=body, **fields))
        self.remote_tag = caller

    def target_is_heard(self, body: Body | None, **fields: Any) -> None:
        """The target describes its audio before it answers."""
        self.responds(183, "Session Progress", body, remote_tag="target", **fields)

    def joined(self) -> "Forwarding":
        """A call is forwarded, and answered by the target."""
        self.invites(sdp(PCMU, PCMA))
        self.responds(180, "Ringing", remote_tag="target")
        self.answers(sdp(PCMA, at=AT_TARGET), remote_tag="target")
        self.acknowledges()
        return self
