"""A user in a call, whose phone transfers it to another: what the three of them say."""

from typing import Any

from msgspec.structs import replace

from fargo.statemachine.media.description import Candidate, Description
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import RecordTransfer, TransferStep
from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestReceived, SipResponseReceived
from fargo.statemachine.model.sip_values import Body, SipFragment, SipHeaders

from ..registering import REGISTRAR
from ..relayed import DTLS, FOR_CLIENT, FOR_PHONE
from ..story import OFFER, PCMU
from .phone import CALLEE, Phoning, sdp

DAVE = "sip:dave@sip.test"
AT_DAVE = "sip:dave@192.0.2.8:5070"
AT_DAVES = (Candidate(1, "127.0.0.8", 6000), Candidate(2, "127.0.0.8", 6001))
"""The addresses of Dave's audio."""


class Transferring(Phoning):
    """Bob is the phone that transfers the call, and Dave the new one."""

    def __init__(self, **policy: Any) -> None:
        super().__init__()
        if policy:
            self.tell(PolicyChanged(Policy(engine="sip", **policy)))

    # --- through a relay

    def relay_describes(self, for_phone: Description = FOR_PHONE) -> None:
        """The relay answers all that it was asked for. ``for_phone``: how it describes itself to a phone."""
        while asked := [each for each in self.issued if each.id in self.user.pending and _is_for_relay(each.command)]:
            description = for_phone if isinstance(asked[0].command, OfferRelay) else FOR_CLIENT
            self.tell(RelayDescribed(asked[0].id, description))

    def talks_through_relay(self) -> "Transferring":
        """A call of a client that needs the relay is answered."""
        self.calls(replace(OFFER, description=DTLS))
        self.relay_describes()
        self.responds(180, "Ringing")
        self.answers(sdp(PCMU))
        self.relay_describes()
        return self

    # --- Bob

    def refers(self, to: str = f"<{DAVE}>", headers: SipHeaders | None = None) -> list[Command]:
        """Bob asks for a transfer."""
        return self.sends("REFER", headers=replace(headers or SipHeaders(), refer_to=to))

    def notices(self) -> list[tuple[int, str]]:
        """All that Bob was told of it so far: each status, and the state of his subscription."""
        found = []
        for _, notify in self.sent_all("NOTIFY"):
            assert isinstance(notify.body, SipFragment)
            assert notify.headers.subscription_state
            found.append((notify.body.status, notify.headers.subscription_state.state))
        return found

    def hears_notice(self, status: int = 200, **fields: Any) -> list[Command]:
        """Bob answers the latest notice."""
        return self.responds(status, to="NOTIFY", **fields)

    # --- Dave

    @property
    def to_dave(self) -> tuple[str, SendRequest]:
        """The INVITE to Dave, with its id."""
        sent = [each for each in self.sent_all("INVITE") if not each[1].repeats]
        return next(each for each in reversed(sent) if each[1].recipient.uri != "sip:bob@sip.test")

    def dave_responds(self, status: int, body: Body | None = None, **fields: Any) -> list[Command]:
        """Dave, or a server on the way, responds to it."""
        name, _ = self.to_dave
        response = SipResponseReceived(name, name, "INVITE", status, str(status), REGISTRAR, "dave", AT_DAVE, body=body)
        return self.tell(replace(response, **fields))

    def dave_sends(self, method: str, body: Body | None = None, **fields: Any) -> list[Command]:
        """Dave sends a request within his dialog."""
        name, invite = self.to_dave
        head = replace(self.head(method), call_id=invite.call_id)
        return self.tell(SipRequestReceived(name, head, REGISTRAR, "dave", CALLEE, body=body, **fields))

    def dave_takes_it(self) -> "Transferring":
        """Bob transfers the call to Dave, who takes it, and hangs up."""
        self.refers()
        self.dave_responds(200, sdp(PCMU, at=AT_DAVES))
        self.hears_notice()
        self.responds(200, to="BYE")
        return self

    def dave_refers(self, to: str) -> list[Command]:
        """Dave, who has the call by now, asks for a transfer."""
        return self.dave_sends("REFER", headers=SipHeaders(refer_to=to))

    # --- records

    def steps(self) -> list[TransferStep]:
        """The records of the transfers."""
        return [each.step for each in self.noted() if isinstance(each, RecordTransfer)]


def _is_for_relay(command: Command) -> bool:
    return isinstance(command, OfferRelay | AnswerRelay)
