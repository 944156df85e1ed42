"""A user whose calls may have video: a client with DTLS, a relay, and a phone with video."""

from msgspec.structs import replace

from fargo.statemachine.media.description import Candidate, Codec, Content, Description, Feedback, IceUdp, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import AskFeatures, Command, InitiateSession
from fargo.statemachine.model.events import FeaturesLearned, PolicyChanged, ResourceAvailable
from fargo.statemachine.model.jingle_events import ContentAdded, SessionAccepted, SessionInitiated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed
from fargo.statemachine.model.sip_values import NO_HEADERS, Sdp, SipHeaders

from ..relayed import AT_CLIENT, AT_RELAY, DTLS, FEATURES, FOR_CLIENT, FOR_PHONE
from ..story import BOB, DESK, GATEWAY
from .phone import Phoning, sdp

POLICY = Policy(relay=True, engine="sip", video=True)
PLI = (Feedback("nack", "pli"),)
VP8 = Codec(96, "VP8", 90000, feedback=PLI)
H264 = Codec(102, "H264", 90000)
RTX = Codec(97, "rtx", 90000)
CLIENT_VIDEO = Description("video", (VP8, RTX, H264), replace(AT_CLIENT, ufrag="seen"), mux=True)
RELAY_VIDEO = Description("video", (VP8, H264), replace(AT_RELAY, ufrag="shown"), mux=True)
"""The relay's description in the place of the phone's."""
FOR_PHONE_VIDEO = Description("video", (VP8, H264), RawUdp((Candidate(1, "127.0.0.9", 30010),)))
PHONE_VIDEO = Description("video", (VP8,), RawUdp((Candidate(1, "127.0.0.4", 5010),)))
MUTE = replace(FOR_PHONE_VIDEO, codecs=(replace(VP8, feedback=()),))
"""The video of a client that names no feedback."""
INFORMS = SipHeaders(allow=("INVITE", "INFO"))
OFFERED = (Content("voice", description=DTLS), Content("camera", description=CLIENT_VIDEO))
LINES = ("audio 5000 RTP/AVP 0", "video 5010 RTP/AVP 96")


def seen(video: Description | None = PHONE_VIDEO) -> Sdp:
    """A phone's description with video; with None, the stream is rejected."""
    if video is None:
        return replace(sdp(media=(LINES[0], "video 0 RTP/AVP 96")), video_place=None)
    return replace(sdp(media=LINES), video=Content("", description=video), video_place=1)


class Seeing(Phoning):
    """The client announces video, unless said otherwise."""

    def __init__(self, sees: bool = True, policy: Policy = POLICY) -> None:
        super().__init__()
        self.tell(PolicyChanged(policy))
        self.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#video"))
        more = ("urn:xmpp:jingle:apps:rtp:video",) if sees else ()
        features = (*FEATURES["dtls"], *more)  # type: ignore[index]
        self.tell(FeaturesLearned(self.id_of(AskFeatures), DESK, features))

    def described(self, kind: type[OfferRelay | AnswerRelay], audio: Description, video: Description | None) -> None:
        """The relay answers the latest command of a kind."""
        self.tell(RelayDescribed(self.id_of(kind), replace(audio, video=video)))

    def calls_seen(self, *contents: Content) -> list[Command]:
        """The client calls Bob with video."""
        return self.tell(SessionInitiated(self.iq(BOB), "s1", contents or OFFERED))

    def sees_bob(
        self, answer: Sdp | None = None, shown: Description = FOR_PHONE_VIDEO, headers: SipHeaders = NO_HEADERS
    ) -> "Seeing":
        """A call out with video is answered, with video unless said otherwise. `shown`: the video of the client."""
        self.calls_seen()
        self.described(OfferRelay, FOR_PHONE, shown)
        answer = answer or seen()
        self.answers(answer, headers=headers)
        self.described(AnswerRelay, FOR_CLIENT, RELAY_VIDEO if answer.video else None)
        return self

    def hears_bob(self) -> "Seeing":
        """A call out of audio is answered."""
        self.tell(SessionInitiated(self.iq(BOB), "s1", OFFERED[:1]))
        self.described(OfferRelay, FOR_PHONE, None)
        self.answers()
        self.described(AnswerRelay, FOR_CLIENT, None)
        return self

    def takes(self, *contents: Content) -> list[Command]:
        """The client accepts the call of the phone."""
        sid = next(each.command.sid for each in reversed(self.issued) if isinstance(each.command, InitiateSession))
        return self.tell(SessionAccepted(self.iq(BOB), sid, contents))

    def is_heard_by_bob(self) -> "Seeing":
        """A call in of audio is answered."""
        self.invites()
        self.described(OfferRelay, FOR_CLIENT, None)
        self.takes(Content("voice", description=DTLS))
        self.described(AnswerRelay, FOR_PHONE, None)
        self.acknowledges()
        return self

    def adds_video(self, sid: str = "s1") -> list[Command]:
        """The client adds video."""
        return self.tell(ContentAdded(self.iq(BOB), sid, (OFFERED[1],)))

    def wants_video(self) -> list[Command]:
        """The phone offers video in a call of audio."""
        return self.sends("INVITE", seen())


def trickled(transport: IceUdp) -> Content:
    """A content with more of the video's transport."""
    return Content("camera", transport=transport)
