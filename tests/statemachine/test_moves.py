"""A phone that wants its audio elsewhere in the middle of a call: who is told, and what is no move. A client that moves
restarts ICE: see test_relay.py.
"""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.media.description import Candidate, Content, Description, MediaProfile, RawUdp
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CandidatesReceived,
    HangUp,
    PlaceCall,
    ReceivingStateChanged,
)
from fargo.statemachine.model.commands import (
    AcceptSession,
    Command,
    InformSession,
    InformTransport,
    InitiateSession,
    SignIn,
)
from fargo.statemachine.model.events import IqFailed
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionTerminated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed, RelayParty

from .relayed import AT_CLIENT, AT_RELAY, DTLS, FOR_CLIENT, FOR_PHONE, OPUS, RELAY_ADDRESS, Relayed
from .story import ADDRESS, BOB, DESK, OFFER, PCMU, PHONE_ADDRESS, Story

RTP, RTCP = Candidate(1, "127.0.0.6", 6000), Candidate(2, "127.0.0.6", 6001)
RESTART = replace(AT_CLIENT, ufrag="anew", candidates=())


@pytest.fixture
def story() -> Story:
    """A direct call of Alice's that is established."""
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    return story


def moves(story: Story, *candidates: Candidate) -> list[Command]:
    """Addresses of the phone are signalled; what follows of the last of them."""
    channel = story.channel
    commands: list[Command] = []
    for each in candidates or (RTP, RTCP):
        commands += story.tell(CandidatesReceived(channel, (each,)))
    return commands


def told(*candidates: Candidate, generation: int = 1, sid: str = "s1") -> InformTransport:
    """Return the transport-info that tells the client these candidates of the phone."""
    named = (replace(c, generation=generation, id=f"c{c.component}g{generation}") for c in candidates)
    return InformTransport(BOB, DESK, sid, Content("voice", transport=RawUdp(tuple(named))))


# --- directly


def test_the_client_is_told_once_where_the_phone_that_it_called_is(story: Story) -> None:
    assert moves(story) == [told(RTP, RTCP)]


def test_the_client_is_told_where_its_caller_is() -> None:
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    sid = story.the(InitiateSession).sid
    story.tell(SessionAccepted(story.iq(BOB), sid, (OFFER,)))
    story.tell(ReceivingStateChanged("c1", 3))
    assert moves(story, *PHONE_ADDRESS) == []
    assert moves(story) == [told(RTP, RTCP, sid=sid)]


def test_every_move_has_a_generation_and_names_of_its_own(story: Story) -> None:
    moves(story)
    assert moves(story, *PHONE_ADDRESS) == [told(*PHONE_ADDRESS, generation=2)]


@pytest.mark.parametrize("there", [Candidate(1, RTP.ip, PHONE_ADDRESS[0].port), Candidate(1, PHONE_ADDRESS[0].ip, 9)])
def test_an_address_and_a_port_alone_are_followed(story: Story, there: Candidate) -> None:
    assert moves(story, there) == [told(there, Candidate(2, there.ip, there.port + 1))]


def test_rtcp_that_does_not_follow_rtp_is_told_too(story: Story) -> None:
    apart = replace(RTCP, port=7777)
    assert moves(story, RTP, apart) == [told(RTP, RTCP), told(RTP, apart, generation=2)]
    assert moves(story, RTP, apart) == []


def test_both_at_once_are_one_move(story: Story) -> None:
    channel = story.channel
    apart = replace(RTCP, port=7777)
    assert story.tell(CandidatesReceived(channel, (apart, RTP))) == [told(RTP, apart)]


def test_a_hold_by_0_0_0_0_is_no_move_nor_is_its_end(story: Story) -> None:
    channel = story.channel
    assert moves(story, *(replace(each, ip="0.0.0.0") for each in PHONE_ADDRESS)) == []
    assert story.tell(CallMembersChanged(channel, 2)) == [InformSession(BOB, DESK, "s1", "hold")]
    assert moves(story, *PHONE_ADDRESS) == []
    assert story.tell(CallMembersChanged(channel, 0)) == [InformSession(BOB, DESK, "s1", "unhold")]


def test_a_phone_may_come_back_from_a_hold_elsewhere(story: Story) -> None:
    moves(story, *(replace(each, ip="0.0.0.0") for each in PHONE_ADDRESS))
    assert moves(story) == [told(RTP, RTCP)]


def test_what_is_no_address_is_no_move(story: Story) -> None:
    assert moves(story, replace(RTP, ip="phone.example"), replace(RTCP, ip="2001:db8::1")) == []


def test_a_client_that_does_not_follow_stays_in_the_call(story: Story) -> None:
    moves(story)
    assert story.tell(IqFailed(story.id_of(InformTransport), DESK, "feature-not-implemented")) == []
    assert story.user.calls


def test_a_phone_that_moves_after_the_client_hung_up_is_not_followed(story: Story) -> None:
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    assert story.all(HangUp)
    assert moves(story) == []


# --- through the relay


@pytest.mark.parametrize(
    ("talking", "client", "by"),
    [
        (Relayed.talking_out, DTLS, RelayParty.OFFERER),
        (Relayed.talking_in, replace(DTLS, codecs=(PCMU,)), RelayParty.ANSWERER),
    ],
)
def test_the_relay_is_told_and_the_client_need_not_know(
    talking: Callable[[Relayed], object], client: Description, by: RelayParty
) -> None:
    story = Relayed(MediaProfile.DTLS)
    talking(story)
    [offered] = moves(story)
    assert isinstance(offered, OfferRelay)
    assert (offered.description, offered.by) == (client, by)
    [answered] = story.described(OfferRelay, FOR_PHONE)
    assert isinstance(answered, AnswerRelay)
    assert _places(answered) == (RTP, RTCP)
    assert answered.by is not by
    assert story.described(AnswerRelay, FOR_CLIENT) == []


def _places(command: AnswerRelay) -> tuple[Candidate, ...]:
    """Return the address to which the relay is told to send audio, without what only clients need."""
    transport = command.description.transport
    assert isinstance(transport, RawUdp)
    return tuple(replace(each, generation=0) for each in transport.candidates)


def test_so_it_is_for_a_client_that_speaks_plain_rtp() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (OPUS,), ADDRESS))
    story.described(OfferRelay, FOR_PHONE)
    story.tell(ReceivingStateChanged(story.id_of(PlaceCall), 1))
    story.phone_answers()
    story.described(AnswerRelay, Description("audio", (OPUS,), RawUdp(RELAY_ADDRESS)))
    [offered] = moves(story)
    assert isinstance(offered, OfferRelay)
    [answered] = story.described(OfferRelay, FOR_PHONE)
    assert isinstance(answered, AnswerRelay)
    assert _places(answered) == (RTP, RTCP)
    assert story.described(AnswerRelay, Description("audio", (OPUS,), RawUdp(RELAY_ADDRESS))) == []


def test_a_move_while_the_answer_is_with_the_relay_follows_it() -> None:
    """As of a PBX that steps out of the way at once."""
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    assert moves(story) == []
    story.described(AnswerRelay, FOR_CLIENT)
    assert story.the(AcceptSession)
    assert story.the(OfferRelay).description == DTLS
    [answered] = story.described(OfferRelay, FOR_PHONE)
    assert isinstance(answered, AnswerRelay)
    assert _places(answered) == (RTP, RTCP)


def test_a_second_move_overtakes_the_first() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    moves(story)
    first = story.id_of(OfferRelay)
    moves(story, *PHONE_ADDRESS)
    assert story.tell(RelayDescribed(first, FOR_PHONE)) == []
    [answered] = story.described(OfferRelay, FOR_PHONE)
    assert isinstance(answered, AnswerRelay)
    assert _places(answered) == PHONE_ADDRESS


@pytest.mark.parametrize("answers", [0, 1])
@pytest.mark.parametrize("phone_first", [False, True])
def test_both_ends_move_and_the_client_is_told_of_its_own_move(answers: int, phone_first: bool) -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    steps: list[Callable[[], object]] = [lambda: story.moves("s1", RESTART), lambda: moves(story)]
    for number, step in enumerate(reversed(steps) if phone_first else steps):
        step()
        if answers and not number:
            story.described(OfferRelay, FOR_PHONE)
    offers = [issued.command for issued in story.issued if isinstance(issued.command, OfferRelay)]
    assert offers[-1].description.transport == RESTART
    [answered] = story.described(OfferRelay, FOR_PHONE)
    assert isinstance(answered, AnswerRelay)
    assert _places(answered) == (RTP, RTCP)
    [informed] = story.described(AnswerRelay, replace(FOR_CLIENT, transport=replace(AT_RELAY, ufrag="anew")))
    assert isinstance(informed, InformTransport)
    moves(story, *PHONE_ADDRESS)
    story.described(OfferRelay, FOR_PHONE)
    assert story.described(AnswerRelay, FOR_CLIENT) == []
