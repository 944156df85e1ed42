"""Sessions with several contents: which is carried, what the others are answered, and BUNDLE groups (RFC 9143)."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.legs.jingle import texts
from fargo.statemachine.media.bundle import Bundle, OfferedContents, answer
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    IceUdp,
    MediaProfile,
    Parameter,
    RawUdp,
    Transport,
    UnknownApplication,
)
from fargo.statemachine.media.offer import Audio, audio
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    TerminateSession,
)
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, CallProposed, SessionInitiated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay

from .relayed import AT_CLIENT, AT_RELAY, DTLS, FOR_CLIENT, FOR_PHONE, ICE, PRINT, Relayed
from .story import BOB, DESK, OFFER, PCMU, PHONE, Story

VP8 = Codec(96, "VP8", 90000, parameters=(Parameter("max-fr", "30"),))
OTHER = IceUdp("other", "secret", (Candidate(1, "127.0.0.1", 11, type="host"),), PRINT)
BARE = IceUdp()
DATA = Content("data", unknown=UnknownApplication("urn:xmpp:jingle:transports:dtls-sctp:1"), transport=OTHER)


def voice(name: str = "voice", transport: Transport = AT_CLIENT) -> Content:
    return Content(name, description=replace(DTLS, transport=transport))


def video(name: str = "video", transport: Transport = OTHER) -> Content:
    return Content(name, description=Description("video", (VP8, Codec(97, "rtx", 90000)), transport, ssrc="7"))


def offer_to(story: Relayed, contents: tuple[Content, ...], *bundles: Bundle) -> OfferRelay:
    """The client offers this; what the relay is offered of it."""
    story.tell(SessionInitiated(story.iq(BOB), "s1", contents, bundles))
    return story.the(OfferRelay)


def accepted(contents: tuple[Content, ...], *bundles: Bundle) -> tuple[OfferRelay, AcceptSession]:
    """Return what the relay is offered of a call with these contents, and what the client is answered."""
    story = Relayed(MediaProfile.DTLS)
    offered = offer_to(story, contents, *bundles)
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.described(AnswerRelay, FOR_CLIENT)
    return offered, story.the(AcceptSession)


def in_order(accept: AcceptSession) -> tuple[Content, ...]:
    return (*accept.before, accept.content, *accept.after)


CARRIED = {
    "audio alone": ((voice(),), (), AT_CLIENT, ()),
    "audio alone, in a group": ((voice(),), (("voice",),), AT_CLIENT, ("voice",)),
    "audio and video": ((voice(), video()), (("voice", "video"),), AT_CLIENT, ("voice",)),
    "video is bundle-only": ((voice(), video(transport=BARE)), (("voice", "video"),), AT_CLIENT, ("voice",)),
    "video first": ((video(), voice()), (("video", "voice"),), OTHER, ("video", "voice")),
    "audio is bundle-only": ((video(), voice(transport=BARE)), (("video", "voice"),), OTHER, ("video", "voice")),
    "the group has another order": ((video(), voice()), (("voice", "video"),), AT_CLIENT, ("voice",)),
    "two audio": ((voice(), voice("1", BARE)), (("voice", "1"),), AT_CLIENT, ("voice",)),
    "four": ((voice(), video("1"), DATA, voice("3", OTHER)), (("voice", "1", "data"),), AT_CLIENT, ("voice",)),
    "four, video first": (
        (video("0"), voice(), voice("2"), DATA),
        (("0", "voice", "2", "data"),),
        OTHER,
        ("0", "voice"),
    ),
    "data first": ((DATA, voice()), (("data", "voice"),), OTHER, ("data", "voice")),
    "video outside the group": ((voice(), video()), (("voice",),), AT_CLIENT, ("voice",)),
    "audio outside the group": ((video(), voice(), video("slides")), (("video", "slides"),), AT_CLIENT, ()),
    "two groups": ((video(), voice(), DATA), (("video",), ("data", "voice")), OTHER, ("data", "voice")),
    "the group names what is not there": ((video(), voice()), (("gone", "voice"),), AT_CLIENT, ("voice",)),
    "no group": ((voice(), video()), (), AT_CLIENT, ()),
}


@pytest.mark.parametrize(("contents", "bundles", "transport", "agreed"), CARRIED.values(), ids=CARRIED)
def test_one_content_is_carried_and_each_has_an_answer(
    contents: tuple[Content, ...], bundles: tuple[Bundle, ...], transport: IceUdp, agreed: Bundle
) -> None:
    offered, accepts = accepted(contents, *bundles)
    assert offered.description.transport == transport
    assert accepts.content == Content("voice", description=FOR_CLIENT)
    assert [each.name for each in in_order(accepts)] == [each.name for each in contents]
    assert accepts.bundle == agreed
    for each in (*accepts.before, *accepts.after):
        assert each.senders == "none"
        left = each.description.transport if each.description else each.transport
        assert left == (AT_RELAY if each.name in agreed else BARE), each.name


def test_a_declined_content_has_one_codec_and_no_source() -> None:
    _, accepts = accepted((voice(), video()), ("voice", "video"))
    [declined] = accepts.after
    assert declined.description == Description("video", (VP8,), BARE)


DUMB = replace(DTLS, codecs=(Codec(13, "CN", 8000),))
LOCKED = replace(DTLS, transport=replace(AT_CLIENT, fingerprint=None), encryption_required=True)


@pytest.mark.parametrize("first", [DUMB, LOCKED], ids=["no voice", "SDES"])
def test_the_first_audio_that_can_be_used_is_carried(first: Description) -> None:
    _, accepts = accepted((Content("first", description=first), voice()))
    assert accepts.content.name == "voice"
    assert [each.name for each in accepts.before] == ["first"]


def test_what_is_wrong_with_the_first_audio_is_told_if_none_can_be_used() -> None:
    story = Relayed(MediaProfile.DTLS)
    contents = (video(), Content("first", description=DUMB), Content("second", description=LOCKED))
    story.tell(SessionInitiated(story.iq(BOB), "s1", contents))
    assert story.the(TerminateSession).text == "Your client's offer contains no voice codec."


def test_plain_rtp_beside_video_is_answered_without_an_address_for_video() -> None:
    story = Story().signed_in()
    beside = Content("video", description=Description("video", (VP8,), RawUdp((Candidate(1, "127.0.0.1", 4002),))))
    story.tell(SessionInitiated(story.iq(BOB), "s1", (OFFER, beside)))
    story.answered(story.channel)
    [accepts] = [each.command for each in story.issued if isinstance(each.command, AcceptSession)]
    [declined] = accepts.after
    assert declined == Content("video", senders="none", description=Description("video", (VP8,), RawUdp()))


# --- after the answer


def test_only_the_transport_that_is_used_is_followed() -> None:
    story = Relayed(MediaProfile.DTLS)
    offer_to(story, (video(), voice()), ("video", "voice"))
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.described(AnswerRelay, FOR_CLIENT)
    anew = replace(AT_CLIENT, ufrag="anew")
    assert [type(each) for each in story.moves("s1", anew, name="voice")] == [AcceptIq]
    _, offered = story.moves("s1", anew, name="video")
    assert isinstance(offered, OfferRelay)
    assert offered.description.transport == anew
    story.described(OfferRelay, FOR_PHONE)
    story.described(AnswerRelay, replace(FOR_CLIENT, transport=replace(AT_RELAY, ufrag="there")))
    assert story.the(InformTransport).content.name == "video"


@pytest.mark.parametrize("when", ["before the answer", "after it"])
def test_candidates_of_a_declined_content_are_acknowledged(when: str) -> None:
    story = Relayed(MediaProfile.DTLS)
    offer_to(story, (voice(), video()), ("voice", "video"))
    story.described(OfferRelay, FOR_PHONE)
    if when == "after it":
        story.phone_answers()
        story.described(AnswerRelay, FOR_CLIENT)
    assert [type(each) for each in story.moves("s1", OTHER, name="video")] == [AcceptIq]


# --- what clients are offered


@pytest.mark.parametrize("profile", MediaProfile)
@pytest.mark.parametrize("asks_first", [True, False], ids=["asked first", "direct"])
def test_a_group_is_offered_to_whoever_announces_it(profile: MediaProfile, asks_first: bool) -> None:
    for announces in (True, False):
        story = Relayed()
        story.comes(PHONE, profile, asks_first=asks_first, bundles=announces)
        story.arrives()
        if profile is not MediaProfile.PLAIN:
            story.described(OfferRelay, FOR_CLIENT if profile is MediaProfile.DTLS else ICE)
        if asks_first:
            [sid] = {each.command.sid for each in story.user.pending.values() if hasattr(each.command, "sid")}
            story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
        invites = next(each.command for each in story.issued if isinstance(each.command, InitiateSession))
        assert invites.bundle == (("voice",) if announces else ()), announces


def test_a_proposal_is_of_audio_alone() -> None:
    for media, action, text in (
        (("audio",), CallAction.PROCEED, ""),
        (("audio", "audio"), CallAction.PROCEED, ""),
        (("audio", "video"), CallAction.REJECT, texts.WITHOUT_VIDEO),
        (("video", "audio"), CallAction.REJECT, texts.WITHOUT_VIDEO),
        (("video",), CallAction.REJECT, texts.VOICE_ONLY),
        ((), CallAction.REJECT, texts.VOICE_ONLY),
    ):
        story = Story().signed_in()
        story.tell(CallProposed(DESK, BOB, "p", media))
        told = story.the(MessageCall)
        assert (told.action, told.text) == (action, text), media


# --- any offer

names = st.sampled_from(("0", "1", "2", "3"))
kinds: st.SearchStrategy[Literal["audio", "video", "data"]] = st.sampled_from(("audio", "video", "data"))
ways = st.sampled_from((AT_CLIENT, OTHER, BARE, RawUdp()))


@st.composite
def offers(draw: st.DrawFn) -> tuple[Content, ...]:
    chosen = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    made = {"audio": voice, "video": video, "data": lambda name, way: replace(DATA, name=name, transport=way)}
    return tuple(made[draw(kinds)](name, draw(ways)) for name in chosen)


@given(offers(), st.lists(st.lists(names, max_size=4).map(tuple), max_size=3))
def test_any_offer_has_an_answer_in_its_order_or_a_reason(contents: tuple[Content, ...], bundles: list[Bundle]) -> None:
    found = audio(contents, tuple(bundles))
    if not isinstance(found, Audio):
        assert found.text
        return
    given = answer(OfferedContents(contents, found.place, found.bundle), FOR_CLIENT)
    answered = (*given.before, given.content, *given.after)
    assert [(each.name, each.creator, each.unknown) for each in answered] == [
        (each.name, each.creator, each.unknown) for each in contents
    ]
    assert [each.senders for each in answered].count("none") == len(contents) - 1
    assert given.content.description == FOR_CLIENT
    assert set(found.bundle) <= {each.name for each in contents}
    assert not found.bundle or given.content.name in found.bundle
    carrier = next(each for each in contents if each.name == found.carrier)
    theirs = carrier.description.transport if carrier.description else carrier.transport
    assert found.description.transport == theirs
    assert PCMU in found.description.codecs
