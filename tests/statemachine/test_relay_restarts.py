"""The relay loses its sessions in the middle of calls. They are made again, and the ends are told its new addresses.
Calls whose ends cannot follow are ended with the reason.
"""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.relay.texts import FAILED
from fargo.statemachine.media.description import Candidate, Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import HangUp, PlaceCall
from fargo.statemachine.model.commands import AcceptSession, InformTransport, InitiateSession, TerminateSession
from fargo.statemachine.model.events import IqFailed, IqSucceeded, PolicyChanged, StreamOpened
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionTerminated
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay, OfferRelay, RelayDescribed, RelayLost, RelayRefused
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from fargo.statemachine.model.sip_values import Sdp

from .relayed import FOR_CLIENT, FOR_PHONE, PRINT, Relayed
from .story import BOB, DESK, OFFER, PCMU
from .user_agent.encrypting import CHOSEN, OF_RELAY, Encrypting
from .user_agent.phone import Phoning, sdp

LOST = RelayLost("It was restarted.")
WHY = FAILED.format(problem=LOST.problem)
UNKNOWN = "It does not know the call."


def plain(port: int) -> Description:
    """Return the relay's description of itself for an end with plain RTP."""
    addresses = (Candidate(1, "127.0.0.9", port), Candidate(2, "127.0.0.9", port + 1))
    return Description("audio", (PCMU,), RawUdp(addresses))


def ice(ufrag: str, fingerprint: str = "") -> Description:
    """Return the relay's description of itself for a client with ICE, and DTLS if it has a certificate."""
    certificate = replace(PRINT, value=fingerprint) if fingerprint else None
    return Description("audio", (PCMU,), IceUdp(ufrag, "pwd", (Candidate(1, "127.0.0.9", 30002),), certificate))


class Call(Phoning):
    """A call with the engine "sip", through the relay: the phone is told of ports 1000 and on, the client of others."""

    def __init__(self) -> None:
        super().__init__()
        self.tell(PolicyChanged(Policy("relay", relay=True, engine="sip")))

    def described(self, kind: type[OfferRelay | AnswerRelay], port: int) -> None:
        """The relay answers the latest command of a kind."""
        self.tell(RelayDescribed(self.id_of(kind), plain(port)))

    def rings_out(self) -> "Call":
        self.calls()
        self.described(OfferRelay, 1000)
        self.responds(180, "Ringing")
        return self

    def rings_in(self) -> "Call":
        self.invites(sdp(PCMU))
        self.described(OfferRelay, 2000)
        return self

    def accepted(self) -> None:
        self.tell(SessionAccepted(self.iq(BOB), self.sid, (OFFER,)))

    def talks_out(self) -> "Call":
        self.rings_out()
        self.answers(sdp(PCMU))
        self.described(AnswerRelay, 2000)
        return self

    def talks_in(self) -> "Call":
        self.rings_in()
        self.accepted()
        self.described(AnswerRelay, 1000)
        self.acknowledges()
        return self

    def phone_told(self) -> int:
        """The port that the phone is told of in the last event's INVITE or 200."""
        bodies = [each.body for each in self.all(SendRequest)] + [each.body for each in self.all(SendResponse)]
        [sdp] = [each for each in bodies if isinstance(each, Sdp)]
        return port_of(sdp)

    def client_told(self) -> tuple[int, int]:
        """The port and generation that the client is told of in the last event's transport-info."""
        transport = self.the(InformTransport).content.transport
        assert isinstance(transport, RawUdp)
        return transport.candidates[0].port, transport.candidates[0].generation


def port_of(body: object) -> int:
    assert isinstance(body, Sdp)
    assert body.audio
    assert body.audio.description
    assert isinstance(body.audio.description.transport, RawUdp)
    return body.audio.description.transport.candidates[0].port


# --- calls that are answered


@pytest.mark.parametrize("talks", [Call.talks_out, Call.talks_in])
def test_both_ends_are_told_where_the_new_relay_is(talks: Callable[[Call], Call]) -> None:
    story = talks(Call())
    assert [type(each) for each in story.tell(LOST)] == [OfferRelay]
    story.described(OfferRelay, 1100)
    assert [type(each) for each in story.all(AnswerRelay)] == [AnswerRelay]
    story.described(AnswerRelay, 2100)
    assert story.client_told() == (2100, 1)
    assert story.phone_told() == 1100
    story.answers(sdp(PCMU), to="INVITE")
    assert story.confirmed.session.ours.local.transport == plain(1100).transport
    assert not story.all(OfferRelay)


def test_a_relay_that_has_kept_the_session_has_nothing_new() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.described(OfferRelay, 1000)
    story.described(AnswerRelay, 2000)
    assert story.last == ()


def test_a_relay_that_is_lost_twice_is_asked_twice() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.described(OfferRelay, 1100)
    story.tell(LOST)
    story.described(OfferRelay, 1200)
    story.described(AnswerRelay, 2200)
    assert (story.client_told()[0], story.phone_told()) == (2200, 1200)


def test_a_phone_that_refuses_the_new_address_is_out_of_the_call() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.described(OfferRelay, 1100)
    story.described(AnswerRelay, 2100)
    story.responds(488, "Not Acceptable Here")
    assert story.methods == ["BYE"]
    assert story.the(TerminateSession).text == WHY
    assert story.the(DeleteRelay)


def test_so_is_a_client() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.described(OfferRelay, 1100)
    story.described(AnswerRelay, 2100)
    story.tell(IqFailed(story.id_of(InformTransport), DESK, "feature-not-implemented", ""))
    assert story.methods == ["BYE"]
    assert story.the(TerminateSession).text == WHY


def test_a_client_that_takes_it_stays() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.described(OfferRelay, 1100)
    story.described(AnswerRelay, 2100)
    assert story.tell(IqSucceeded(story.id_of(InformTransport), DESK)) == []


def test_a_client_is_told_again_if_the_stream_was_lost_meanwhile() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.described(OfferRelay, 1100)
    story.described(AnswerRelay, 2100)
    told = story.the(InformTransport)
    story.tell(StreamOpened())
    assert story.the(InformTransport) == told
    story.tell(IqSucceeded(story.id_of(InformTransport), DESK))
    story.tell(StreamOpened())
    assert not story.all(InformTransport)


def test_a_relay_that_stays_away_ends_the_call() -> None:
    story = Call().talks_out()
    story.tell(LOST)
    story.tell(RelayRefused(story.id_of(OfferRelay), "It is gone.", silent=True))
    assert story.methods == ["BYE"]
    assert story.the(TerminateSession).text == FAILED.format(problem="It is gone.")


def test_encrypted_audio_goes_on_with_new_keys() -> None:
    story = Encrypting().talks()
    story.tell(LOST)
    offer = story.the(OfferRelay)
    assert offer.srtp == "required"
    anew = tuple(replace(each, key=f"new {each.tag}", tag=each.tag + 10) for each in OF_RELAY)
    there = replace(FOR_PHONE, transport=plain(1100).transport, crypto=anew, encryption_required=True)
    story.tell(RelayDescribed(story.id_of(OfferRelay), there))
    [told] = story.the(AnswerRelay).description.crypto
    assert (told.suite, told.key, told.tag) == (CHOSEN[0].suite, CHOSEN[0].key, CHOSEN[0].tag + 10)
    story.tell(RelayDescribed(story.id_of(AnswerRelay), plain(2100)))
    body = story.now("INVITE").body
    assert isinstance(body, Sdp)
    assert body.audio
    assert body.audio.description
    [ours] = body.audio.description.crypto
    assert (ours.suite, ours.key) == (CHOSEN[0].suite, f"new {CHOSEN[0].tag}")


# --- calls in set-up


def test_a_phone_that_rings_is_told_after_its_answer() -> None:
    story = Call().rings_out()
    assert [type(each) for each in story.tell(LOST)] == [OfferRelay]
    story.described(OfferRelay, 1100)
    assert story.last == ()
    story.answers(sdp(PCMU))
    story.described(AnswerRelay, 2100)
    assert port_of_accept(story) == 2100
    assert story.phone_told() == 1100


def test_so_is_one_that_answers_while_the_relay_is_asked() -> None:
    story = Call().rings_out()
    story.tell(LOST)
    story.answers(sdp(PCMU))
    assert not story.all(AnswerRelay)
    story.described(OfferRelay, 1100)
    story.described(AnswerRelay, 2100)
    assert (port_of_accept(story), story.phone_told()) == (2100, 1100)


@pytest.mark.parametrize("sign", [LOST, None])
def test_a_relay_that_is_lost_with_the_answer_gets_offer_and_answer_again(sign: RelayLost | None) -> None:
    story = Call().rings_out()
    story.answers(sdp(PCMU))
    story.tell(sign or RelayRefused(story.id_of(AnswerRelay), UNKNOWN, unknown=True))
    story.described(OfferRelay, 1100)
    story.described(AnswerRelay, 2100)
    assert (port_of_accept(story), story.phone_told()) == (2100, 1100)


def test_a_relay_that_never_knows_the_call_ends_it() -> None:
    story = Call().rings_out()
    story.answers(sdp(PCMU))
    story.tell(RelayRefused(story.id_of(AnswerRelay), UNKNOWN, unknown=True))
    story.described(OfferRelay, 1100)
    story.tell(RelayRefused(story.id_of(AnswerRelay), UNKNOWN, unknown=True))
    assert story.the(TerminateSession).text == FAILED.format(problem=UNKNOWN)


def port_of_accept(story: Call) -> int:
    description = story.the(AcceptSession).content.description
    assert description
    assert isinstance(description.transport, RawUdp)
    return description.transport.candidates[0].port


def test_a_client_that_rings_is_told_after_it_has_accepted() -> None:
    story = Call().rings_in()
    story.tell(LOST)
    story.described(OfferRelay, 2100)
    assert story.last == ()
    story.accepted()
    story.described(AnswerRelay, 1100)
    assert (story.phone_told(), story.client_told()) == (1100, (2100, 1))


def test_an_offer_that_the_new_relay_takes_is_as_good_as_any() -> None:
    story = Call()
    story.calls()
    assert story.tell(LOST) == []
    story.described(OfferRelay, 1000)
    assert story.methods == ["INVITE"]
    story.tell(LOST)
    story.described(OfferRelay, 1000)
    story.answers(sdp(PCMU))
    story.described(AnswerRelay, 2000)
    assert story.methods == []


# --- ends that cannot follow


def test_rakia_cannot_tell_a_phone() -> None:
    story = Relayed(MediaProfile.ICE)
    story.calls_out(Description("audio", (PCMU,), IceUdp("u", "p")))
    story.described(OfferRelay, plain(1000))
    story.tell(LOST)
    story.described(OfferRelay, plain(1100))
    assert isinstance(story.the(HangUp), HangUp)
    assert story.the(TerminateSession).text == WHY
    assert story.the(DeleteRelay)


def test_but_it_has_to_tell_none_that_waits_for_the_answer() -> None:
    story = Relayed(MediaProfile.ICE)
    story.arrives()
    story.described(OfferRelay, ice("one"))
    story.tell(LOST)
    story.described(OfferRelay, ice("two"))
    assert story.last == ()
    story.accepts(Description("audio", (PCMU,), IceUdp("u", "p")))
    story.described(AnswerRelay, plain(1100))
    transport = story.the(InformTransport).content.transport
    assert isinstance(transport, IceUdp)
    assert transport.ufrag == "two"


def test_a_client_with_encryption_takes_no_other_certificate() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, ice("one", "AA"))
    story.tell(LOST)
    story.described(OfferRelay, ice("two", "BB"))
    assert story.the(TerminateSession).text == WHY
    assert story.all(InitiateSession) == []


def test_it_does_not_ring_for_less_if_it_called() -> None:
    """The phone rings, and the client has been told nothing of the relay."""
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.described(OfferRelay, FOR_PHONE)
    story.tell(LOST)
    story.described(OfferRelay, FOR_PHONE)
    assert story.last == ()
    story.phone_answers()
    story.described(AnswerRelay, FOR_CLIENT)
    assert isinstance(story.the(AcceptSession), AcceptSession)
    assert isinstance(story.id_of(PlaceCall), str)
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
