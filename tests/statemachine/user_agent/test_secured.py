"""A client with DTLS and a phone with DTLS: audio goes directly, encrypted from end to end."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.call.texts import DTLS_REFUSED
from fargo.statemachine.legs.jingle.texts import NO_CANDIDATES
from fargo.statemachine.legs.user_agent import secured
from fargo.statemachine.legs.user_agent.texts import ANSWER_WITHOUT_AUDIO, OFFER_RESTARTS_ICE
from fargo.statemachine.media.description import Candidate, IceUdp, MediaProfile
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.media.texts import END_TO_END
from fargo.statemachine.model.call_records import AudioPath, RecordMedia, RecordPath
from fargo.statemachine.model.commands import AcceptSession, InformTransport, InitiateSession
from fargo.statemachine.model.events import IqSucceeded, Restarted
from fargo.statemachine.model.jingle_events import SessionTerminated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed

from ..relayed import FOR_CLIENT, FOR_PHONE
from ..story import BOB, DESK
from .phone import sdp
from .securing import ALONE, HOST, OF_CLIENT, OF_PHONE, REFLEXIVE, WITH_RELAY, Securing, in_role, phone_says

NAMED = replace(OF_PHONE, candidates=tuple(replace(each, id="c1") for each in OF_PHONE.candidates))
"""The phone, as a client is told of it."""
TO_PHONE = replace(OF_CLIENT, candidates=tuple(replace(each, id="") for each in OF_CLIENT.candidates), complete=False)
"""The client, as a phone is told of it."""
NEW = replace(OF_CLIENT, ufrag="again", pwd="of-the-client-again", candidates=(HOST,))


def paths(story: Securing) -> list[tuple[AudioPath, str]]:
    return [(each.path, each.why) for each in story.noted() if isinstance(each, RecordPath)]


def talking_out() -> Securing:
    story = Securing()
    story.calls_out()
    story.answers(phone_says())
    return story


def talking_in() -> Securing:
    story = Securing()
    story.invites(phone_says("actpass"))
    story.takes()
    story.acknowledges()
    return story


# --- calls out


def test_a_phone_is_offered_what_the_client_has() -> None:
    story = Securing()
    story.calls_out()
    offered = story.said(story.request("INVITE").body)
    assert isinstance(offered.transport, IceUdp)
    assert (offered.transport.ufrag, offered.transport.pwd) == ("client", "of-the-client")
    assert offered.transport.fingerprint == OF_CLIENT.fingerprint
    assert [(each.ip, each.port) for each in offered.transport.candidates] == [
        ("192.0.2.1", 4000),
        ("198.51.100.1", 4002),
    ]
    assert offered.mux
    assert paths(story) == [(AudioPath.DIRECT, END_TO_END)]


def test_the_client_is_told_what_the_phone_answers() -> None:
    story = talking_out()
    told = story.the(AcceptSession).content.description
    assert told
    assert told.transport == in_role(NAMED, "active")
    assert told.mux
    [record] = [each for each in story.noted() if isinstance(each, RecordMedia)]
    assert record.encrypted
    assert (record.local, record.remote) == (None, None)


@pytest.mark.parametrize(("said", "ours"), [("active", "passive"), ("passive", "active"), ("actpass", "passive")])
def test_the_role_in_the_handshake_stays_as_it_was_settled(said: str, ours: str) -> None:
    story = Securing()
    story.calls_out()
    story.answers(phone_says(said))
    story.holds()
    assert story.said(story.now("INVITE").body).transport == in_role(TO_PHONE, ours)


@pytest.mark.parametrize("answer", [sdp(), phone_says(mux=False), phone_says(transport=replace(OF_PHONE, pwd=""))])
def test_an_answer_of_another_kind_ends_the_call(answer: object) -> None:
    story = Securing()
    story.calls_out()
    story.answers(answer)  # type: ignore[arg-type]
    assert story.ended.text == ANSWER_WITHOUT_AUDIO


# --- candidates that come one by one


def test_candidates_are_awaited_until_the_client_says_that_these_are_all() -> None:
    story = Securing()
    story.calls_out(replace(OF_CLIENT, candidates=(), complete=False))
    assert not story.methods
    story.informs(replace(OF_CLIENT, candidates=(HOST,), complete=False))
    assert not story.methods
    story.informs(replace(OF_CLIENT, candidates=(REFLEXIVE,)))
    offered = story.said(story.now("INVITE").body).transport
    assert isinstance(offered, IceUdp)
    assert len(offered.candidates) == 2


def test_candidates_are_awaited_for_two_seconds() -> None:
    story = Securing()
    story.calls_out(replace(OF_CLIENT, candidates=(HOST,), complete=False))
    begun = story.at
    story.pass_time()
    assert story.methods == ["INVITE"]
    assert story.at == begun + 2


def test_a_client_without_a_candidate_is_told_so() -> None:
    story = Securing()
    story.calls_out(replace(OF_CLIENT, candidates=(), complete=False))
    story.pass_time()
    assert story.ended.text == NO_CANDIDATES


def test_a_called_client_has_two_seconds_too() -> None:
    story = Securing()
    story.invites(phone_says("actpass"))
    story.takes(replace(OF_CLIENT, candidates=(HOST,), complete=False))
    assert not story.statuses
    story.pass_time()
    assert story.statuses == [200]


# --- calls in


def test_a_client_is_offered_what_the_phone_has() -> None:
    story = Securing()
    story.invites(phone_says("passive"))
    assert story.invited.transport == in_role(NAMED, "passive")
    assert story.invited.mux
    story.takes(setup="active")
    assert story.said(story.response(200).body).transport == in_role(TO_PHONE, "active")
    assert paths(story) == [(AudioPath.DIRECT, END_TO_END)]


@pytest.mark.parametrize("setup", ["passive", "actpass", ""])
def test_a_caller_that_leaves_it_open_begins_the_handshake(setup: str) -> None:
    story = Securing()
    story.invites(phone_says("actpass"))
    assert story.invited.transport == in_role(NAMED, "active")
    story.takes(setup=setup)
    assert story.said(story.response(200).body).transport == in_role(TO_PHONE, "passive")


def test_a_client_that_begins_the_handshake_all_the_same_is_believed() -> None:
    story = Securing()
    story.invites(phone_says("actpass"))
    story.takes(setup="active")
    assert story.said(story.response(200).body).transport == in_role(TO_PHONE, "active")


def test_without_a_port_for_both_there_is_no_direct_call() -> None:
    story = Securing()
    story.invites(phone_says("actpass", mux=False))
    assert story.statuses == [488]


def test_other_clients_of_the_user_are_called_through_the_relay() -> None:
    story = Securing(Policy("relay", relay=True, engine="sip"))
    story.invites(phone_says("actpass"))
    offer = story.the(OfferRelay)
    assert offer.profile is MediaProfile.DTLS
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_CLIENT))
    story.takes()
    answer = story.the(AnswerRelay)
    assert (answer.profile, answer.mux) == (MediaProfile.DTLS, True)
    story.tell(RelayDescribed(story.id_of(AnswerRelay), FOR_CLIENT))
    assert isinstance(story.said(story.response(200).body).transport, IceUdp)


# --- in mid-call


@pytest.mark.parametrize("begin", [talking_out, talking_in])
def test_a_client_that_begins_ice_anew_is_followed(begin: object) -> None:
    story = begin()  # type: ignore[operator]
    sid = "s1" if begin is talking_out else story.sid
    story.informs(replace(OF_CLIENT, candidates=(Candidate(1, "192.0.2.99", 9),)), sid)
    assert not story.methods, "candidates alone change nothing"
    story.informs(NEW, sid)
    offer = story.said(story.now("INVITE").body)
    assert isinstance(offer.transport, IceUdp)
    assert offer.transport.ufrag == "again"
    assert secured.role(offer.transport) in ("active", "passive")
    again = replace(OF_PHONE, ufrag="phone-again", pwd="of-the-phone-again")
    story.responds(200, "OK", phone_says("active", again))
    told = story.the(InformTransport).content.transport
    assert isinstance(told, IceUdp)
    assert told.ufrag == "phone-again"


def begins_anew(story: Securing, times: int) -> None:
    """The client begins ICE anew, and the phone does so, too."""
    story.informs(replace(OF_CLIENT, ufrag=f"client{times}", pwd="of-the-client-again"))
    story.responds(200, "OK", phone_says("active", replace(OF_PHONE, ufrag=f"phone{times}", pwd="again")))


def test_credentials_that_are_not_those_of_today_are_not_said_again() -> None:
    story = talking_out()
    begins_anew(story, 1)
    begins_anew(story, 2)
    latest = story.the(InformTransport)
    story.tell(Restarted())
    assert story.all(InformTransport) == [latest]
    story.tell(IqSucceeded(story.id_of(InformTransport), DESK))
    story.tell(Restarted())
    assert not story.all(InformTransport)


@pytest.mark.parametrize("begin", [talking_out, talking_in])
def test_a_phone_holds_and_resumes(begin: object) -> None:
    story = begin()  # type: ignore[operator]
    story.sends("INVITE", phone_says("actpass", senders="initiator"))
    answer = story.response(200).body
    assert secured.role(story.said(answer).transport) in ("active", "passive")
    assert story.confirmed.session.held
    story.acknowledges(story.final("INVITE")[-1].head)
    story.sends("INVITE", phone_says("actpass"))
    assert not story.confirmed.session.held


def test_a_phone_that_begins_ice_anew_is_refused_and_the_call_goes_on() -> None:
    story = talking_out()
    story.sends("INVITE", phone_says("actpass", replace(OF_PHONE, ufrag="phone-again", pwd="of-the-phone-again")))
    assert story.statuses == [488]
    assert story.response(488).headers.warning[0].text == OFFER_RESTARTS_ICE
    assert not story.ends()
    story.sends("INVITE", sdp())
    assert story.statuses == [488]


# --- with a relay


def test_a_phone_that_has_called_with_dtls_is_called_with_it() -> None:
    story = Securing(WITH_RELAY)
    story.calls_out()
    assert story.the(OfferRelay)
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    story.invites(phone_says("actpass"))
    assert story.the(InitiateSession)
    story.cancels()
    story.acknowledges()
    story.calls_out()
    assert isinstance(story.said(story.now("INVITE").body).transport, IceUdp)


def test_a_phone_that_refuses_is_called_through_the_relay_and_not_asked_again() -> None:
    story = Securing(replace(WITH_RELAY, end_to_end="always"))
    story.calls_out()
    story.responds(488, "Not Acceptable Here")
    assert story.the(OfferRelay)
    assert paths(story) == [(AudioPath.DIRECT, END_TO_END), (AudioPath.RELAY, DTLS_REFUSED)]
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    assert story.methods == ["INVITE"]
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    story.calls_out()
    assert story.the(OfferRelay)
    assert not story.methods


def test_a_phone_that_answers_otherwise_is_called_through_the_relay_the_next_time() -> None:
    """So does linphone with DTLS, but without ICE."""
    story = Securing(replace(WITH_RELAY, end_to_end="always"))
    story.calls_out()
    story.answers(sdp())
    assert story.ended.text == ANSWER_WITHOUT_AUDIO
    story.responds(200, "OK", to="BYE")
    story.calls_out()
    assert story.the(OfferRelay)


def test_without_a_relay_the_refusal_is_told() -> None:
    story = Securing()
    story.calls_out()
    story.responds(488, "Not Acceptable Here")
    assert story.ended.text == "sip.test says: “Not Acceptable Here” (488)"


def test_an_operator_may_want_none_of_it() -> None:
    story = Securing(replace(ALONE, end_to_end="never"))
    story.calls_out()
    assert story.ended.text.endswith("has no media relay.")


# --- parts


@pytest.mark.parametrize(
    ("offer", "answer", "roles"),
    [
        ("actpass", "active", ("passive", "active")),
        ("actpass", "passive", ("active", "passive")),
        ("active", "", ("active", "passive")),
        ("passive", "actpass", ("passive", "active")),
        ("", "", ("passive", "active")),
    ],
)
def test_roles_are_opposite(offer: str, answer: str, roles: tuple[str, str]) -> None:
    ours, theirs = secured.settled(in_role(OF_CLIENT, offer), in_role(OF_PHONE, answer))
    assert (secured.role(ours), secured.role(theirs)) == roles


def test_a_certificate_is_the_same_however_it_is_written() -> None:
    assert OF_PHONE.fingerprint
    written = replace(OF_PHONE, fingerprint=replace(OF_PHONE.fingerprint, hash="SHA-256", value="cc:dd"))
    assert not secured.begins_anew(OF_PHONE, written)
    assert secured.begins_anew(OF_PHONE, replace(OF_PHONE, pwd="another"))
