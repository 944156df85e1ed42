"""Calls through a media relay, told in events: what the ends and the relay say, and the chapters that stories share."""

from msgspec.structs import replace

from fargo.statemachine.legs.relay.texts import FAILED
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Fingerprint,
    IceUdp,
    MediaProfile,
    RawUdp,
)
from fargo.statemachine.media.paths import Choice, Policy
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    DescriptionReceived,
    PlaceCall,
    ReceivingStateChanged,
)
from fargo.statemachine.model.call_records import AudioPath, RecordEnded, RecordPath
from fargo.statemachine.model.commands import AskFeatures, Command, InitiateSession, SignIn
from fargo.statemachine.model.events import FeaturesLearned, PolicyChanged, ResourceAvailable
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInitiated, TransportInformed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed, RelayRefused

from .story import ABLE, BOB, DESK, GATEWAY, PCMA, PCMU, PHONE_ADDRESS, Story

OPUS = Codec(111, "opus", 48000, 2)
FEATURES = {
    MediaProfile.PLAIN: ABLE,
    MediaProfile.ICE: (*ABLE[:3], "urn:xmpp:jingle:transports:ice-udp:1"),
    MediaProfile.DTLS: (*ABLE[:3], "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0"),
}
PRINT = Fingerprint("sha-256", "actpass", "AB:CD")
AT_CLIENT = IceUdp("client", "pwd", (Candidate(1, "127.0.0.1", 9, type="host"),), PRINT)
DTLS = Description("audio", (OPUS, PCMU), AT_CLIENT, mux=True)
ICE = replace(DTLS, transport=replace(AT_CLIENT, fingerprint=None), mux=False)
PHONE_OFFER = Description("audio", (PCMU,), RawUdp(PHONE_ADDRESS))
RELAY_ADDRESS = (Candidate(1, "127.0.0.9", 30000), Candidate(2, "127.0.0.9", 30001))
FOR_PHONE = Description("audio", (OPUS, PCMU, PCMA), RawUdp(RELAY_ADDRESS))
"""The relay's description in the place of the client's."""
AT_RELAY = IceUdp("relay", "pwd", (Candidate(1, "127.0.0.9", 30002, "c1", type="host"),), PRINT)
FOR_CLIENT = Description("audio", (PCMU,), AT_RELAY, mux=True)
"""The relay's description in the place of the phone's, for a client with DTLS."""
FOR_PHONES = ("G722", "PCMU", "PCMA", "opus", "GSM", "telephone-event")
FOR_CLIENTS = ("opus", "G722", "PCMU", "PCMA", "telephone-event")
NOT_FOR_PHONES = ("red", "CN")
OVERLOADED = FAILED.format(problem="It is overloaded.")
RELAY_RESTARTED = "The media relay was restarted."
LATE = "alice@localhost/late"
ANSWERED = Description("audio", (PCMU,), RawUdp(PHONE_ADDRESS))
RESTART = replace(AT_CLIENT, ufrag="anew", candidates=())
"""The transport of a client that begins ICE anew."""


class Relayed(Story):
    """A story in which there is a relay, and the policy is what is said. The first client is called DESK."""

    def __init__(self, *profiles: MediaProfile, path: Choice = "auto") -> None:
        super().__init__()
        self.tell(PolicyChanged(Policy(path, relay=True)))
        self.comes(DESK, *profiles)
        self.register()

    def comes(self, client: str, *profiles: MediaProfile, asks_first: bool = False, bundles: bool = False) -> None:
        """A client comes online and says what it can do."""
        features = {feature: None for profile in profiles for feature in FEATURES[profile]}
        self.tell(ResourceAvailable(client, GATEWAY, f"{client}#1"))
        more = {"urn:xmpp:jingle-message:0": asks_first, "urn:ietf:rfc:5888": bundles}
        also = [feature for feature, has in more.items() if has]
        self.tell(FeaturesLearned(self.id_of(AskFeatures), client, (*features, *also)))

    def calls_out(self, description: Description = DTLS, sid: str = "s1") -> list[Command]:
        """The client calls Bob."""
        return self.tell(SessionInitiated(self.iq(BOB), sid, (Content("voice", description=description),)))

    def arrives(self, *codecs: Codec) -> list[Command]:
        """Bob calls Alice."""
        connection = self.id_of(SignIn)
        arrived = CallArrived("c1", connection, "sip:bob@sip.test", codecs or (PCMU,), PHONE_ADDRESS, 3)
        return self.tell(arrived)

    def described(self, kind: type[OfferRelay | AnswerRelay], description: Description) -> list[Command]:
        """The relay answers the latest command of a kind."""
        return self.tell(RelayDescribed(self.id_of(kind), description))

    def refused(self, kind: type[OfferRelay | AnswerRelay], silent: bool = False) -> list[Command]:
        """The relay refuses it."""
        return self.tell(RelayRefused(self.id_of(kind), "It is overloaded.", silent))

    def phone_answers(self, *codecs: Codec) -> None:
        """The called phone answers, with these codecs or PCMU."""
        channel = self.id_of(PlaceCall)
        self.tell(CandidatesReceived(channel, PHONE_ADDRESS))
        self.tell(DescriptionReceived(channel, codecs or (PCMU,)))
        self.tell(CallStateChanged(channel, CallState.ACTIVE))

    def accepts(self, description: Description = DTLS, client: str = DESK) -> list[Command]:
        """The called client accepts."""
        sid = next(i.command.sid for i in reversed(self.issued) if isinstance(i.command, InitiateSession))
        return self.tell(SessionAccepted(self.iq(BOB, client), sid, (Content("voice", description=description),)))

    def moves(self, sid: str, transport: IceUdp, *before: Content, name: str = "voice") -> list[Command]:
        """Send a transport-info of the client; ``before``: the contents before the audio, which is called ``name``."""
        contents = (*before, Content(name, transport=transport))
        return self.tell(TransportInformed(self.iq(BOB), sid, contents))

    def talking_out(self) -> "Relayed":
        """Until Alice, who called, and Bob hear each other."""
        self.calls_out()
        self.described(OfferRelay, FOR_PHONE)
        self.tell(ReceivingStateChanged(self.id_of(PlaceCall), 1))
        self.phone_answers()
        self.described(AnswerRelay, FOR_CLIENT)
        return self

    def talking_in(self) -> "Relayed":
        """Until Bob, who called, and Alice hear each other."""
        self.arrives()
        self.described(OfferRelay, FOR_CLIENT)
        self.accepts()
        self.described(AnswerRelay, FOR_PHONE)
        self.tell(ReceivingStateChanged("c1", 3))
        return self


def paths(story: Relayed) -> list[tuple[AudioPath, str]]:
    return [(note.path, note.why) for note in story.noted() if isinstance(note, RecordPath)]


def end(story: Relayed) -> RecordEnded:
    [ended] = [note for note in story.noted() if isinstance(note, RecordEnded)]
    return ended
