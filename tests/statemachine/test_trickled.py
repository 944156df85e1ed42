"""All that ICE needs may come in any stanza of a session before it is needed: calls in and out, in all orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.legs.jingle.texts import NO_CREDENTIALS
from fargo.statemachine.legs.jingle.trickled import Trickled, heard
from fargo.statemachine.media.description import (
    Candidate,
    Content,
    Description,
    Fingerprint,
    IceUdp,
    MediaProfile,
    RawUdp,
    RefusedAddress,
    Transport,
    Unreachable,
)
from fargo.statemachine.media.texts import CLIENT_UNREACHABLE, OTHER_PROFILE
from fargo.statemachine.model.call1 import HangUp, PlaceCall
from fargo.statemachine.model.call_records import RecordBegun, RecordEnded, RecordPath
from fargo.statemachine.model.commands import (
    AcceptSession,
    InitiateSession,
    RefuseIq,
    TerminateSession,
)
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInitiated, TransportInformed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.reason import Cause

from .relayed import AT_CLIENT, DTLS, FOR_CLIENT, FOR_PHONE, ICE, PRINT, Relayed
from .story import BOB, DESK, PHONE

NOTHING = IceUdp()
CREDENTIALS = IceUdp("client", "pwd")
FIRST = Candidate(1, "192.0.2.1", 4000, "1", foundation="1", priority=9, type="host")
SECOND = Candidate(1, "192.0.2.2", 4002, "2", foundation="2", priority=8, type="srflx")
WHOLE = IceUdp("client", "pwd", (FIRST, SECOND), PRINT)
IN_PIECES = {
    "all at once": (WHOLE,),
    "nothing, then all": (NOTHING, WHOLE),
    "credentials first": (CREDENTIALS, IceUdp(candidates=(FIRST, SECOND)), IceUdp(fingerprint=PRINT)),
    "candidates first": (
        IceUdp(candidates=(FIRST,)),
        IceUdp(candidates=(SECOND,)),
        replace(CREDENTIALS, fingerprint=PRINT),
    ),
    "the fingerprint first": (IceUdp(fingerprint=PRINT), replace(CREDENTIALS, candidates=(FIRST, SECOND))),
    "each candidate with credentials": (
        replace(WHOLE, candidates=(FIRST,)),
        replace(CREDENTIALS, candidates=(SECOND,)),
    ),
    "everything twice": (WHOLE, WHOLE),
    "the password later": (IceUdp("client", candidates=(FIRST, SECOND)), IceUdp(pwd="pwd", fingerprint=PRINT)),
    "first of another ICE": (
        IceUdp("old", "older", (Candidate(1, "192.0.2.9", 9000),), PRINT),
        replace(WHOLE, fingerprint=None),
    ),
    "with late candidates of another ICE": (
        IceUdp("old", "older"),
        WHOLE,
        IceUdp("old", "older", (Candidate(1, "192.0.2.9", 9000),)),
    ),
}
"""Ways to say the same of a transport, each a list of transports in stanzas, one after the other."""


def content(transport: Transport, description: Description = DTLS) -> Content:
    return Content("voice", description=replace(description, transport=transport))


def calls(story: Relayed, transport: Transport, description: Description = DTLS) -> None:
    story.tell(SessionInitiated(story.iq(BOB), "s1", (content(transport, description),)))


def informs(story: Relayed, transport: Transport, sid: str = "s1", client: str = DESK) -> None:
    story.tell(TransportInformed(story.iq(BOB, client), sid, (Content("voice", transport=transport),)))


def accepts(story: Relayed, transport: Transport, sid: str, client: str = DESK) -> None:
    story.tell(SessionAccepted(story.iq(BOB, client), sid, (content(transport),)))


def the_last(story: Relayed, kind: type[OfferRelay] | type[AnswerRelay]) -> OfferRelay | AnswerRelay:
    return next(each.command for each in reversed(story.issued) if isinstance(each.command, kind))


def described(kind: type[OfferRelay | AnswerRelay], story: Relayed) -> Transport:
    [command] = story.all(kind)
    return command.description.transport


# --- what is put together


@pytest.mark.parametrize("pieces", IN_PIECES.values(), ids=IN_PIECES)
def test_pieces_are_put_together(pieces: tuple[IceUdp, ...]) -> None:
    told = Trickled()
    for piece in pieces:
        told = heard(told, piece)
    assert told.transport == WHOLE


ufrags = st.sampled_from(["", "a", "b", "c"])
pieces = st.builds(
    IceUdp,
    ufrags,
    ufrags,
    st.lists(st.builds(Candidate, st.sampled_from([1, 2]), st.just("192.0.2.1"), st.integers(4000, 4004))).map(tuple),
    st.none() | st.builds(Fingerprint, st.just("sha-256"), st.just("actpass"), ufrags),
)
others = st.sampled_from([None, RawUdp((FIRST,)), RawUdp()])


@given(st.lists(pieces | others, max_size=8), pieces)
def test_the_last_word_counts_and_what_is_not_said_again_stays(
    before: list[IceUdp | RawUdp | None], last: IceUdp
) -> None:
    told = heard(Trickled(), IceUdp())
    for each in before:
        told = heard(told, each)
    was = told.transport
    assert isinstance(was, IceUdp)
    after = heard(told, last)
    now = after.transport
    assert isinstance(now, IceUdp)
    if last.ufrag in told.left:
        assert after == told
        return
    assert now.ufrag == (last.ufrag or was.ufrag)
    assert now.fingerprint == (last.fingerprint or was.fingerprint)
    assert set(last.candidates) <= set(now.candidates)
    if now.ufrag == was.ufrag or not was.ufrag:
        assert now.pwd == (last.pwd or was.pwd)
        assert set(was.candidates) <= set(now.candidates)
    else:
        assert (now.pwd, set(now.candidates)) == (last.pwd, set(last.candidates))
        assert was.ufrag in after.left
    assert heard(after, last) == after


def test_no_client_lets_the_state_grow() -> None:
    told = heard(Trickled(), NOTHING)
    for number in range(100):
        told = heard(told, IceUdp(f"ufrag{number}", "pwd"))
    for number in range(100):
        told = heard(told, IceUdp(candidates=(Candidate(1, "192.0.2.1", 10_000 + number),)))
    assert isinstance(told.transport, IceUdp)
    assert (len(told.left), len(told.transport.candidates)) == (16, 64)


def test_plain_addresses_are_replaced() -> None:
    told = heard(heard(Trickled(), RawUdp((FIRST,))), RawUdp((SECOND,)))
    assert told.transport == RawUdp((SECOND,))
    assert heard(told, RawUdp()) == heard(told, CREDENTIALS) == told


# --- calls out


@pytest.mark.parametrize("said", IN_PIECES.values(), ids=IN_PIECES)
def test_a_call_out_in_pieces_is_one_call(said: tuple[IceUdp, ...]) -> None:
    """No phone is called before the credentials are there. In the end the relay knows all of it, but for candidates
    that come alone: the client is found by its packets.
    """
    story = Relayed(MediaProfile.DTLS)
    calls(story, said[0])
    for piece in said[1:]:
        informs(story, piece)
        assert story.all(RefuseIq) == []
    story.described(OfferRelay, FOR_PHONE)
    assert len([each for each in story.issued if isinstance(each.command, PlaceCall)]) == 1
    story.phone_answers()
    if not story.all(AnswerRelay):
        story.described(OfferRelay, FOR_PHONE)
    assert story.the(AnswerRelay).profile is MediaProfile.DTLS
    offered = the_last(story, OfferRelay)
    transport = offered.description.transport
    assert isinstance(transport, IceUdp)
    assert replace(transport, candidates=()) == replace(WHOLE, candidates=())
    assert transport.candidates in (WHOLE.candidates, WHOLE.candidates[:1])
    story.described(AnswerRelay, FOR_CLIENT)
    assert story.the(AcceptSession).content == Content("voice", description=FOR_CLIENT)
    assert len([note for note in story.noted() if isinstance(note, RecordPath)]) == 1


def test_no_phone_is_called_before_the_client_has_named_its_credentials() -> None:
    story = Relayed(MediaProfile.ICE)
    calls(story, NOTHING, ICE)
    assert story.all(OfferRelay) == []
    assert [type(note) for note in story.noted()] == [RecordBegun]
    informs(story, IceUdp(candidates=(FIRST,)))
    assert story.all(OfferRelay) == []
    informs(story, CREDENTIALS)
    assert described(OfferRelay, story) == IceUdp("client", "pwd", (FIRST,))
    assert [type(note) for note in story.noted()] == [RecordBegun, RecordPath]


def test_candidates_that_come_before_the_answer_give_the_phone_no_other_address() -> None:
    """An offer that is made again does, and so the phone would get a re-INVITE after each answer."""
    story = Relayed(MediaProfile.DTLS)
    calls(story, replace(CREDENTIALS, fingerprint=PRINT))
    story.described(OfferRelay, FOR_PHONE)
    for candidate in (FIRST, SECOND):
        informs(story, replace(CREDENTIALS, candidates=(candidate,)))
        assert story.all(OfferRelay) == []
    story.phone_answers()
    assert story.all(OfferRelay) == []
    assert story.the(AnswerRelay).description.codecs
    story.described(AnswerRelay, FOR_CLIENT)
    assert story.all(AcceptSession)


def test_a_restart_of_ice_before_the_answer_counts() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    anew = IceUdp("anew", "password", (SECOND,))
    informs(story, anew)  # the relay has yet to answer the offer
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    assert described(OfferRelay, story) == replace(anew, fingerprint=PRINT)
    story.described(OfferRelay, FOR_PHONE)
    story.described(AnswerRelay, FOR_CLIENT)
    assert story.all(AcceptSession)
    informs(story, AT_CLIENT)  # late candidates of the ICE before
    assert story.all(OfferRelay) == []


def test_a_client_that_names_no_credentials_is_told_so() -> None:
    story = Relayed(MediaProfile.ICE)
    calls(story, NOTHING, ICE)
    story.tell(TimePassed(), after=19)
    assert story.all(TerminateSession) == []
    story.tell(TimePassed(), after=2)
    ended = story.the(TerminateSession)
    assert (ended.condition, ended.text) == ("incompatible-parameters", NO_CREDENTIALS)
    assert [note.cause for note in story.noted() if isinstance(note, RecordEnded)] == [Cause.MEDIA]
    assert story.over()


def test_a_client_that_hangs_up_instead_has_cancelled() -> None:
    story = Relayed(MediaProfile.ICE)
    calls(story, NOTHING, ICE)
    story.hangs_up("s1")
    assert [note.cause for note in story.noted() if isinstance(note, RecordEnded)] == [Cause.CANCELLED]
    assert story.over()


def test_a_client_whose_every_address_is_refused_is_told_so() -> None:
    story = Relayed(MediaProfile.ICE)
    calls(story, NOTHING, ICE)
    informs(story, replace(CREDENTIALS, refused=(RefusedAddress(1, "127.0.0.1", 4000, Unreachable.LOOPBACK),)))
    assert story.the(TerminateSession).text == CLIENT_UNREACHABLE
    assert story.over()


# --- calls in


def sid_of(story: Relayed) -> str:
    return next(each.command.sid for each in story.issued if isinstance(each.command, InitiateSession))


def rings(*profiles: MediaProfile) -> Relayed:
    story = Relayed(*(profiles or (MediaProfile.DTLS,)))
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    return story


@pytest.mark.parametrize("accepted_at", range(4))
@pytest.mark.parametrize("said", IN_PIECES.values(), ids=IN_PIECES)
def test_a_call_in_is_answered_in_pieces(said: tuple[IceUdp, ...], accepted_at: int) -> None:
    """The acceptance is one of the pieces, or has none; those after it count too."""
    story = rings()
    sid = sid_of(story)
    said = (*said, *(NOTHING,) * (accepted_at + 1 - len(said)))
    for place, piece in enumerate(said):
        if place == accepted_at:
            accepts(story, piece, sid)
        else:
            informs(story, piece, sid)
        assert story.all(RefuseIq) == []
        known = said[: place + 1]
        if place >= accepted_at and any(each.pwd for each in known) and not any(each.fingerprint for each in known):
            # Once the call is accepted, credentials without a certificate are another profile.
            assert story.the(TerminateSession).text == OTHER_PROFILE.format(answered="ice", offered="dtls")
            return
    answered = the_last(story, AnswerRelay).description.transport
    assert isinstance(answered, IceUdp)
    assert (answered.fingerprint, bool(answered.pwd)) == (PRINT, True)
    if accepted_at == len(said) - 1:
        assert answered == WHOLE


def test_gabbles_early_credentials_and_candidates_reach_the_relay() -> None:
    story = rings(MediaProfile.ICE)
    sid = sid_of(story)
    informs(story, replace(CREDENTIALS, candidates=(FIRST,)), sid)
    story.tell(SessionAccepted(story.iq(BOB), sid, (content(NOTHING, ICE),)))
    assert described(AnswerRelay, story) == IceUdp("client", "pwd", (FIRST,))


def test_what_one_of_several_clients_says_is_its_own() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    sid = sid_of(story)
    informs(story, replace(WHOLE, ufrag="desk"), sid)
    informs(story, replace(WHOLE, ufrag="phone"), sid, PHONE)
    accepts(story, NOTHING, sid, PHONE)
    assert described(AnswerRelay, story) == replace(WHOLE, ufrag="phone")


def test_a_client_that_accepts_and_names_no_credentials_is_out_of_the_call() -> None:
    story = rings()
    accepts(story, IceUdp(fingerprint=PRINT), sid_of(story))
    assert story.all(AnswerRelay) == []
    story.tell(TimePassed(), after=21)
    assert story.the(TerminateSession).text == NO_CREDENTIALS
    assert story.all(HangUp)


def test_an_acceptance_without_credentials_is_no_answer_until_they_are_there() -> None:
    story = rings()
    sid = sid_of(story)
    accepts(story, IceUdp(fingerprint=PRINT), sid)
    assert story.all(AnswerRelay) == []
    informs(story, CREDENTIALS, sid)
    assert described(AnswerRelay, story) == replace(CREDENTIALS, fingerprint=PRINT)


def test_an_answer_to_an_offer_of_plain_rtp_is_not_waited_for() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.arrives()
    story.tell(SessionAccepted(story.iq(BOB), sid_of(story), (content(NOTHING, ICE),)))
    assert story.the(TerminateSession).text == OTHER_PROFILE.format(answered="ice", offered="plain")
