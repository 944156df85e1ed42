"""A user who transfers a call to a number, or joins two calls, with the phones at the far ends."""

from typing import Any

from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.events import GatewayAsked
from fargo.statemachine.model.requests import GatewayRequest, TransferCall
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestReceived, SipResponseReceived
from fargo.statemachine.model.sip_values import Body

from .forwarding import AT_TARGET
from .registering import REGISTRAR
from .story import DESK, GATEWAY, PCMA, PCMU
from .user_agent.phone import CALLEE, Phoning, sdp

NUMBER = "+441632960111"
URI = f"sip:{NUMBER}@sip.test"


class HandingOver(Phoning):
    """A user in a call with Bob (`phone` of the base). `target` is the other phone."""

    def asks(self, request: GatewayRequest) -> str:
        self.tell(GatewayAsked(DESK, GATEWAY, request))
        return self.all(SendText)[-1].text

    def transfers(self, number: str | None = "+44 1632 960111") -> str:
        """The user writes “transfer”, and perhaps a number."""
        return self.asks(TransferCall(number))

    @property
    def said(self) -> list[str]:
        """The texts that the last event has made the gateway send."""
        return [each.text for each in self.all(SendText)]

    def invite(self, tag: str | None = None) -> tuple[str, SendRequest]:
        """The latest INVITE, with its id; of the dialog with the phone of that tag."""
        found = [each for each in self.sent_all("INVITE") if tag is None or each[1].recipient.tag == tag]
        return found[-1]

    def responds_to(self, tag: str, status: int, body: Body | None = None, **fields: Any) -> None:
        """The phone of a tag responds to the latest INVITE in its dialog, or to that which it was called with."""
        own = [each for each in self.sent_all("INVITE") if each[1].recipient.tag == tag]
        command, request = own[-1] if own else [each for each in self.sent_all("INVITE") if not each[1].dialog][-1]
        response = SipResponseReceived(
            request.dialog or command, command, "INVITE", status, "", REGISTRAR, tag, CALLEE, body=body, **fields
        )
        self.tell(response)

    def target_sends(self, method: str, body: Body | None = None) -> None:
        """The target sends a request in its dialog."""
        name, request = [each for each in self.sent_all("INVITE") if not each[1].dialog][-1]
        head = self.head(method, call_id=request.call_id)
        self.tell(SipRequestReceived(name, head, REGISTRAR, "target", CALLEE, body=body))

    def bob_sends(self, method: str, body: Body | None = None) -> None:
        """Bob, who was called by the user, sends a request in his dialog."""
        name, request = self.sent_all("INVITE")[0]
        head = self.head(method, call_id=request.call_id)
        self.tell(SipRequestReceived(name, head, REGISTRAR, "bob", CALLEE, body=body))

    def joined(self) -> "HandingOver":
        """The call is transferred, and everybody has agreed."""
        self.talking(body=sdp(PCMU, PCMA))
        self.transfers()
        self.responds_to("target", 180)
        self.responds_to("target", 200, sdp(PCMU, at=AT_TARGET))
        self.responds_to("bob", 200, sdp(PCMU))
        return self
