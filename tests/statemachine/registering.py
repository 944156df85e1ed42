"""A user of our own user agent, and the answers of a SIP registrar to them."""

from typing import Any

from msgspec.structs import replace

from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Command, Issued, SendPresence
from fargo.statemachine.model.events import (
    Event,
    PolicyChanged,
    RegistrationSubmitted,
    ResourceAvailable,
    SipAccount,
    TimePassed,
)
from fargo.statemachine.model.registrations import Bound, Registration
from fargo.statemachine.model.sip_messages import (
    Binding,
    RegisterAnswered,
    RegisterUndelivered,
    SendRegister,
    SendRequest,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Challenge, Endpoint, SipHeaders

from .story import DESK, GATEWAY, Story

REGISTRAR = Endpoint("udp", "192.0.2.5", 5060)
BY_SIP = PolicyChanged(Policy(engine="sip"))
MD5 = Challenge("sip.test", "nonce1", qop=("auth",))
URI = "sip:alice@sip.test"
TCP = Endpoint("tcp", "192.0.2.5", 5060)
OLD = Binding("sip:fg-1@192.0.2.1:5070", 1800, ours=True)
OTHER_PHONE = Binding("sip:alice@198.51.100.7", 30)
OWN = Binding("sip:our@192.0.2.1", 1200, ours=True, name="2.0")


def _asks_mailbox(issued: Issued) -> bool:
    return isinstance(issued.command, SendRequest) and issued.command.method == "SUBSCRIBE"


class Registering(Story):
    """A user whose gateway uses our own user agent. The provider has no mailbox, and says so at once: the stories do
    not tell that.
    """

    has_mailbox = False

    def __init__(self) -> None:
        super().__init__()
        self.tell(BY_SIP)

    def tell(self, event: Event, after: float = 1.0) -> list[Command]:
        told = super().tell(event, after)
        asked = [each for each in self.last if _asks_mailbox(each)]
        if self.has_mailbox or not asked:
            return told
        last = tuple(each for each in self.last if not _asks_mailbox(each))
        name = next(each.command.dialog for each in asked if isinstance(each.command, SendRequest))
        super().tell(SipResponseReceived(name or "", asked[0].id, "SUBSCRIBE", 489, "Bad Event", REGISTRAR), 0.0)
        self.last, self.issued = last, [each for each in self.issued if not _asks_mailbox(each)]
        return [each for each in told if each != asked[0].command]

    def submit(self, account: SipAccount | None = None, secret: str = "s1") -> None:
        """The user registers an account. The first REGISTER is sent."""
        self.tell(RegistrationSubmitted(self.iq(), account or SipAccount("alice@sip.test"), secret, "nonce"))

    def registered(self, expires: int = 3600, client: bool = True) -> "Registering":
        """The account is signed in, with a client online unless otherwise stated."""
        if client:
            self.tell(ResourceAvailable(DESK, GATEWAY))
        self.submit()
        self.accept(expires)
        return self

    @property
    def sent(self) -> SendRegister:
        """The latest REGISTER."""
        return next(each.command for each in reversed(self.issued) if isinstance(each.command, SendRegister))

    @property
    def name(self) -> str:
        """The name of the registration that the latest REGISTER belongs to."""
        return self.sent.connection or self.id_of(SendRegister)

    @property
    def registration(self) -> Registration:
        """The only registration."""
        [registration] = self.user.registrations.values()
        return registration

    def answer(self, status: int, phrase: str = "", after: float = 1.0, **fields: Any) -> list[Command]:
        """The registrar answers the latest REGISTER."""
        answer = RegisterAnswered(self.name, self.id_of(SendRegister), status, phrase, source=REGISTRAR)
        return self.tell(replace(answer, **fields), after)

    def accept(self, expires: int | None = 3600, after: float = 1.0, **fields: Any) -> list[Command]:
        """The registrar accepts the latest REGISTER, with our Contact and these seconds in it."""
        own = Binding("sip:our@192.0.2.1", expires, ours=True, name=self.name)
        return self.answer(200, "OK", after, **{"bindings": (own,), **fields})

    def challenge(self, *challenges: Challenge, status: int = 401, after: float = 1.0) -> list[Command]:
        """The registrar asks for a login."""
        return self.answer(status, "Unauthorized", after, challenges=challenges or (MD5,))

    def headed(self, status: int, phrase: str, headers: SipHeaders) -> list[Command]:
        """The registrar answers with these headers."""
        return self.answer(status, phrase, headers=headers)

    def undelivered(self, why: Undelivered, text: str | None = None) -> list[Command]:
        """The latest REGISTER gets no answer."""
        return self.tell(RegisterUndelivered(self.name, self.id_of(SendRegister), why, text))

    def pass_time(self) -> float:
        """Let the earliest deadline come. Return how long that takes."""
        after = max(0.0, min(due.at for due in deadlines(self.user)) - self.at)
        self.tell(TimePassed(), after)
        return after

    def shown(self) -> tuple[str, str | None]:
        """The latest presence of the gateway."""
        presence = [each.command for each in self.issued if isinstance(each.command, SendPresence)]
        last = next(each for each in reversed(presence) if each.sender == GATEWAY)
        return last.show or last.kind, last.status


def connection_of(story: Story) -> object:
    assert isinstance(story.user.account, Registered)
    return story.user.account.connection


def bound(story: Registering) -> Bound:
    phase = story.registration.phase
    assert isinstance(phase, Bound)
    return phase
