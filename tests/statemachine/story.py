"""A user's story told in events, for tests of the core: fold them one by one and look at the commands."""

from typing import TypeVar

from fargo.statemachine.legs.jingle import jmi
from fargo.statemachine.machine import fold, new
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.model.call1 import (
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    DescriptionReceived,
    PlaceCall,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.model.call_records import CallRecord, LogRecord, RecordAccount
from fargo.statemachine.model.commands import AcceptSession, AskFeatures, Command, Issued, SignIn, TerminateSession
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    IqSucceeded,
    Recorded,
    RegistrationSubmitted,
    ResourceAvailable,
    SipAccount,
    SipSignedIn,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInitiated, SessionTerminated
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry

ALICE = "alice@localhost"
DESK = "alice@localhost/desk"
PHONE = "alice@localhost/phone"
GATEWAY = "sip.localhost"
BOB = "bob@sip.localhost/fargo"
ABLE = (
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:transports:raw-udp:1",
)
PCMU = Codec(0, "PCMU", 8000)
PCMA = Codec(8, "PCMA", 8000)
ADDRESS = RawUdp((Candidate(1, "127.0.0.1", 4000), Candidate(2, "127.0.0.1", 4001)))
PHONE_ADDRESS = (Candidate(1, "127.0.0.4", 5000), Candidate(2, "127.0.0.4", 5001))
NAMED = RawUdp((Candidate(1, "127.0.0.4", 5000, "c1"), Candidate(2, "127.0.0.4", 5001, "c2")))
"""The phone's address as clients are told it."""
DESCRIPTION = Description("audio", (PCMU, PCMA), ADDRESS)
OFFER = Content("voice", description=DESCRIPTION)

C = TypeVar("C", bound=Command)


class Story:
    """One user's stream; every event comes a second after the one before unless `at` says otherwise."""

    def __init__(self) -> None:
        self.user: User = new(ALICE)
        self.at = 1000.0
        self.last: tuple[Issued, ...] = ()
        self.issued: list[Issued] = []
        self.entries: list[Entry] = []
        self._iqs = 0

    def tell(self, event: Event, after: float = 1.0) -> list[Command]:
        """Fold an event that comes `after` so many seconds; its commands, without what is only noted."""
        self.at += after
        recorded = Recorded(self.user.jid, len(self.entries) + 1, self.at, event)
        self.user, self.last, call = fold(self.user, recorded)
        self.issued.extend(self.last)
        self.entries.append((recorded.folded(call), self.last))
        return [issued.command for issued in self.last if not isinstance(issued.command, LogRecord)]

    def noted(self) -> list[CallRecord]:
        """All notes about calls so far."""
        return [issued.command for issued in self.issued if isinstance(issued.command, CallRecord)]

    def accounts(self) -> list[RecordAccount]:
        """All notes about the account so far."""
        return [issued.command for issued in self.issued if isinstance(issued.command, RecordAccount)]

    def iq(self, to: str = GATEWAY, sender: str = DESK) -> Iq:
        """A new IQ-set from one of the user's clients."""
        self._iqs += 1
        return Iq(sender, to, f"iq{self._iqs}")

    def the(self, kind: type[C]) -> C:
        """The one command of a kind that the last event led to."""
        [found] = self.all(kind)
        return found

    def all(self, kind: type[C]) -> list[C]:
        """The commands of a kind that the last event led to."""
        return [issued.command for issued in self.last if isinstance(issued.command, kind)]

    def id_of(self, kind: type[Command]) -> str:
        """The id of the latest command of a kind."""
        return next(issued.id for issued in reversed(self.issued) if isinstance(issued.command, kind))

    def waiting(self, *kinds: type[Command]) -> list[Command]:
        """The commands of these kinds that wait for a reply."""
        return [each.command for each in self.user.pending.values() if isinstance(each.command, kinds)]

    def proposals(self) -> list[str]:
        """The session ids of the calls that clients have proposed and were told to proceed with."""
        return [each.sid for each in jmi.proposals(self.user.pending).values()]

    def over(self) -> bool:
        """The clients acknowledge every session-terminate; whether no call is left then."""
        for issued in tuple(self.issued):
            if isinstance(issued.command, TerminateSession):
                self.tell(IqSucceeded(issued.id, issued.command.to))
        return not self.user.calls

    @property
    def channel(self) -> str:
        """The SIP channel of the only call."""
        [call] = self.user.calls.values()
        assert call.sip.name
        return call.sip.name

    # --- chapters

    def online(self, client: str = DESK, features: tuple[str, ...] = ABLE) -> list[Command]:
        """A client comes online and says what it can do."""
        self.tell(ResourceAvailable(client, GATEWAY, "https://example.org#hash"))
        return self.tell(FeaturesLearned(self.id_of(AskFeatures), client, features))

    def register(self, account: SipAccount | None = None, secret: str = "s1") -> None:
        """The user registers an account, and the registrar accepts it."""
        account = account or SipAccount("alice@sip.test")
        self.tell(RegistrationSubmitted(self.iq(), account, secret, "nonce"))
        self.tell(SipSignedIn(self.id_of(SignIn)))

    def signed_in(self) -> "Story":
        """A user with one client online and an account signed in."""
        self.online()
        self.register()
        return self

    def call_out(self, sid: str = "s1", to: str = BOB) -> str:
        """The user calls; the channel's name, once the INVITE is out."""
        self.tell(SessionInitiated(self.iq(to), sid, (OFFER,)))
        channel = self.id_of(PlaceCall)
        self.tell(ReceivingStateChanged(channel, 1))
        return channel

    def answered(self, channel: str) -> None:
        """The called phone rings and answers, in the order that the connection manager signals it."""
        self.tell(CallMembersChanged(channel, 1))
        for candidate in PHONE_ADDRESS:
            self.tell(CandidatesReceived(channel, (candidate,)))
        self.tell(DescriptionReceived(channel, (PCMU,)))
        self.tell(CallStateChanged(channel, CallState.ACCEPTED))
        self.tell(CallStateChanged(channel, CallState.ACTIVE))
        self.tell(SendingStateChanged(channel, 1))
        self.tell(IqSucceeded(self.id_of(AcceptSession), DESK))

    def hangs_up(self, sid: str, us: str = BOB, client: str = DESK, condition: str = "success") -> None:
        """A client of the user hangs up."""
        self.tell(SessionTerminated(self.iq(us, client), sid, condition))
