"""Calls that are answered: hold, moves, and offers that cross (RFC 3261 §14; RFC 3264 §8; RFC 3311)."""

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import texts
from fargo.statemachine.legs.user_agent.phases import Confirmed, OfferDeferred
from fargo.statemachine.media.description import Content, RawUdp, Senders
from fargo.statemachine.model.commands import InformTransport
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.jingle_events import TransportInformed
from fargo.statemachine.model.sip_messages import SendResponse
from fargo.statemachine.model.sip_values import Endpoint, OtherBody, Sdp, SipHeaders
from fargo.statemachine.reason import Cause, Reason

from ..registering import MD5, REGISTRAR
from ..story import BOB, PCMA, PCMU
from .phone import AT_SERVER, CALLEE, CAROL, G722, NO_AUDIO, PROXY, TONES, ZERO, Phoning, sdp
from .talking import AWAY, EITHER_WAY, MOVED, Beginning, called_in, direction, out, said, sid, told

# --- the phone holds (RFC 3264 §8.4)


@EITHER_WAY
@pytest.mark.parametrize(
    ("hold", "answer"),
    [
        (sdp(PCMU, PCMA, senders="initiator"), "initiator"),
        (sdp(PCMU, PCMA, senders="none"), "none"),
        (sdp(PCMU, PCMA, at=ZERO), "both"),
        (sdp(PCMA, senders="initiator"), "initiator"),
        (sdp(PCMA, PCMU, senders="initiator"), "initiator"),
        (sdp(G722, PCMU, PCMA, TONES, senders="initiator"), "initiator"),
    ],
    ids=["agreed codecs", "inactive", "0.0.0.0", "fewer", "reordered", "more"],
)
def test_a_phone_holds_and_resumes(begin: Beginning, hold: Sdp, answer: Senders) -> None:
    story = begin()
    assert told(story.sends("INVITE", hold)) == ["hold"]
    assert story.statuses == [200]
    assert direction(said(story)) == answer
    head = story.the(SendResponse).head
    assert story.unanswered() == ["200"]
    assert told(story.acknowledges(head)) == []
    assert story.unanswered() == []
    assert told(story.sends("INVITE", sdp(PCMU, PCMA, TONES))) == ["unhold"]
    assert direction(said(story)) == "both"
    body = said(story)
    assert body.audio
    assert body.audio.description
    assert body.audio.description.codecs == (PCMU, PCMA)


@EITHER_WAY
def test_a_phone_plays_music_from_another_host(begin: Beginning) -> None:
    story = begin()
    assert told(story.sends("INVITE", sdp(PCMU, senders="initiator", at=AWAY))) == ["moved", "hold"]
    assert told(story.sends("INVITE", sdp(PCMU))) == ["moved", "unhold"]


def test_a_hold_by_address_is_no_move() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMU, at=ZERO))
    assert told(story.sends("INVITE", sdp(PCMU))) == ["unhold"]


@EITHER_WAY
def test_a_phone_moves(begin: Beginning) -> None:
    """RFC 3264 §8.3.1."""
    story = begin()
    assert told(story.sends("INVITE", sdp(PCMU, at=AWAY))) == ["moved"]
    transport = story.the(InformTransport).content.transport
    assert isinstance(transport, RawUdp)
    assert [(each.ip, each.port, each.generation) for each in transport.candidates] == [
        ("127.0.0.8", 6000, 1),
        ("127.0.0.8", 6001, 1),
    ]
    assert told(story.sends("INVITE", sdp(PCMU, at=AWAY))) == []


@EITHER_WAY
def test_an_update_with_a_description_is_answered_at_once(begin: Beginning) -> None:
    """RFC 3311 §5.2."""
    story = begin()
    assert told(story.sends("UPDATE", sdp(PCMU, senders="initiator"))) == ["hold"]
    assert direction(said(story)) == "initiator"
    assert story.unanswered() == []


@EITHER_WAY
@pytest.mark.parametrize("body", [NO_AUDIO, sdp(G722), sdp(TONES)], ids=["no audio", "other codec", "no voice"])
def test_an_offer_that_cannot_be_had_is_refused_and_the_call_goes_on(begin: Beginning, body: Sdp) -> None:
    """RFC 3261 §14.1."""
    story = begin()
    before = story.confirmed.session
    for method in ("INVITE", "UPDATE"):
        assert told(story.sends(method, body)) == []
        assert story.statuses == [488]
        assert [each.code for each in story.the(SendResponse).headers.warning] == [305]
        assert story.confirmed.session == before
    story.sends("INVITE", sdp(PCMU))
    assert story.statuses == [200]


@pytest.mark.parametrize(
    ("body", "status"),
    [(OtherBody("text/plain", 5), 415), (OtherBody("application/sdp", 5, "It is broken."), 488)],
)
def test_an_offer_that_cannot_be_read_is_refused(body: OtherBody, status: int) -> None:
    story = out()
    story.sends("INVITE", body)
    assert story.statuses == [status]
    assert isinstance(story.leg, Confirmed)


def test_a_description_has_a_higher_version_only_if_it_differs() -> None:
    """RFC 3264 §8."""
    story = out()
    versions = []
    for senders in ("initiator", "initiator", "both", "initiator"):
        story.sends("INVITE", sdp(PCMU, PCMA, senders=senders))
        versions.append(said(story).version)
    assert versions == [1, 1, 2, 3]


def test_an_answer_has_the_numbers_of_the_offer_each_time() -> None:
    story = Phoning().called(sdp(PCMU, TONES))
    lines = ("video 6000 RTP/AVP 31", "audio 5000 RTP/AVP 0 96")
    story.sends("INVITE", sdp(PCMU, replace(TONES, id=96), media=lines, place=1))
    answer = said(story)
    assert answer.audio
    assert answer.audio.description
    assert [codec.id for codec in answer.audio.description.codecs] == [0]
    assert (answer.media, answer.place) == (lines, 1)
    story = Phoning()
    story.invites(sdp(PCMU, TONES))
    story.accepts(PCMU, TONES)
    story.acknowledges()
    story.sends("INVITE", sdp(PCMU, replace(TONES, id=96)))
    answer = said(story)
    assert answer.audio
    assert answer.audio.description
    assert [codec.id for codec in answer.audio.description.codecs] == [0, 96]


# --- re-INVITEs without an offer


@EITHER_WAY
def test_a_phone_asks_for_our_offer(begin: Beginning) -> None:
    """RFC 3261 §14.2: the ACK has the answer."""
    story = begin()
    assert told(story.sends("INVITE")) == []
    assert direction(said(story)) == "both"
    head = story.the(SendResponse).head
    assert told(story.acknowledges(head, body=sdp(PCMU, at=AWAY, senders="initiator"))) == ["moved", "hold"]


@pytest.mark.parametrize("body", [None, NO_AUDIO, sdp(G722)])
def test_a_late_answer_that_is_of_no_use_changes_nothing(body: Sdp | None) -> None:
    story = out()
    story.sends("INVITE")
    assert story.acknowledges(story.the(SendResponse).head, body=body) == []
    assert story.confirmed.exchange is None


def test_an_update_without_a_description_asks_for_nothing() -> None:
    story = out()
    story.sends("UPDATE")
    assert story.the(SendResponse).body is None
    assert story.unanswered() == []


def test_an_update_without_a_description_leaves_ours_as_it_was() -> None:
    story = out()
    story.sends("UPDATE", sdp(PCMU, senders="initiator"))
    before = story.confirmed.session
    story.sends("UPDATE")
    assert story.confirmed.session == before


# --- the client holds


@EITHER_WAY
def test_a_client_holds_and_resumes(begin: Beginning) -> None:
    story = begin()
    story.holds(sid(story))
    hold = story.now("INVITE")
    assert direction(hold.body) == "responder"
    assert hold.uri == CALLEE
    story.responds(200, body=sdp(PCMU, senders="responder"))
    assert story.methods == ["ACK"]
    assert story.now("ACK").cseq == hold.cseq
    assert story.unanswered() == []
    story.resumes(sid(story))
    resume = story.now("INVITE")
    assert direction(resume.body) == "both"
    assert resume.cseq == hold.cseq + 1
    story.responds(200, body=sdp(PCMU))
    assert story.methods == ["ACK"]


def test_both_ends_hold() -> None:
    """RFC 3264 §6.1."""
    story = out()
    story.holds()
    story.responds(200, body=sdp(PCMU, senders="responder"))
    assert told(story.sends("INVITE", sdp(PCMU, senders="initiator"))) == ["hold"]
    assert direction(said(story)) == "none"
    story.acknowledges(story.the(SendResponse).head)
    assert told(story.sends("INVITE", sdp(PCMU))) == ["unhold"]
    assert direction(said(story)) == "responder"


def test_a_phone_that_only_takes_audio_is_held_all_the_same() -> None:
    """RFC 3264 §6.1."""
    story = out()
    story.holds()
    story.responds(200, body=sdp(PCMU, senders="responder"))
    story.sends("INVITE", sdp(PCMU, senders="responder"))
    assert direction(said(story)) == "responder"
    story.sends("INVITE", sdp(PCMU, senders="none"))
    assert direction(said(story)) == "none"


def test_requests_and_responses_that_refresh_the_target_have_our_contact() -> None:
    """RFC 3261 §12.2.1.1, §12.2.2."""
    story = out()
    story.holds()
    assert story.now("INVITE").contact
    story.responds(200, body=sdp(senders="responder"))
    for method in ("INVITE", "UPDATE"):
        story.sends(method, sdp())
        assert story.the(SendResponse).contact


def test_what_a_client_wants_meanwhile_is_offered_next() -> None:
    story = out()
    story.holds()
    story.resumes()
    assert story.methods == []
    story.responds(200, body=sdp(PCMU, senders="responder"))
    assert story.methods == ["ACK", "INVITE"]
    assert direction(story.now("INVITE").body) == "both"
    story.responds(200, body=sdp(PCMU))
    assert story.methods == ["ACK"]


def test_a_hold_waits_for_the_ack_to_our_answer() -> None:
    """RFC 3261 §14.1: one INVITE at a time, in either direction."""
    story = Phoning()
    story.invites()
    story.accepts()
    story.holds(story.sid)
    assert story.methods == []
    story.acknowledges()
    assert story.methods == ["INVITE"]
    assert direction(story.now("INVITE").body) == "responder"


@pytest.mark.parametrize("status", [300, 403, 415, 488, 500, 606])
def test_a_hold_that_is_refused_leaves_the_call_as_it_was(status: int) -> None:
    story = out()
    story.holds()
    assert story.responds(status) == []
    assert story.confirmed.exchange is None
    story.resumes()
    assert story.methods == []
    story.holds()
    assert story.methods == ["INVITE"]


def test_what_a_client_wants_after_a_refusal_is_offered_all_the_same() -> None:
    story = out()
    story.tell(TransportInformed(story.iq(BOB), "s1", (Content("voice", transport=MOVED),)))
    story.holds()
    story.responds(488)
    offer = story.now("INVITE").body
    assert direction(offer) == "responder"


def test_an_answer_to_a_hold_that_is_of_no_use_leaves_the_call_as_it_was() -> None:
    story = out()
    before = story.confirmed.session
    story.holds()
    story.responds(200, body=NO_AUDIO)
    assert story.methods == ["ACK"]
    assert story.confirmed.session == replace(before, sent=story.confirmed.session.sent, version=1)


def test_a_client_moves() -> None:
    story = out()
    story.tell(TransportInformed(story.iq(BOB), "s1", (Content("voice", transport=MOVED),)))
    offer = story.now("INVITE").body
    assert isinstance(offer, Sdp)
    assert offer.audio
    assert offer.audio.description
    assert offer.audio.description.transport == MOVED
    assert offer.version == 1
    story.responds(200, body=sdp(PCMU))
    assert story.confirmed.wanted == story.confirmed.session.ours


@pytest.mark.parametrize("begin", [out, called_in])
def test_a_phone_that_moves_with_its_answer_is_followed(begin: Beginning) -> None:
    story = begin()
    story.holds(sid(story))
    assert told(story.responds(200, body=sdp(PCMU, senders="responder", at=AWAY))) == ["moved"]


def test_a_challenged_offer_is_sent_again() -> None:
    story = Phoning(login=True).talking(contact=AT_SERVER)
    story.holds()
    story.responds(407, challenges=(MD5,))
    again = story.now("INVITE")
    assert (again.cseq, bool(again.credentials), direction(again.body)) == (3, True, "responder")
    assert again.destination is None
    story.responds(200, body=sdp(senders="responder"), contact=AT_SERVER)
    assert story.now("ACK").credentials == again.credentials
    story.resumes()
    assert story.now("INVITE").cseq == 4


@pytest.mark.parametrize(
    ("realm", "source"),
    [("other.test", REGISTRAR), ("sip.test", replace(REGISTRAR, ip="198.51.100.9")), ("sip.test", None)],
)
def test_a_challenge_of_another_server_is_not_answered(realm: str, source: Endpoint | None) -> None:
    """Neither the phone nor whoever stands on the route must get material to guess the account's password from."""
    story = Phoning(login=True)
    story.calls(to=CAROL)
    story.answers(contact=AT_SERVER)
    story.holds(us=CAROL)
    story.responds(407, challenges=(replace(MD5, realm=realm),), source=source)
    assert story.methods == []
    assert isinstance(story.leg, Confirmed)


@pytest.mark.parametrize(
    ("contact", "routes"),
    [
        (CALLEE, ()),
        (f"{AT_SERVER};MADDR=198.51.100.9", ()),  # RFC 3261 §19.1.1: the request goes there
        (AT_SERVER, (PROXY,)),
        ("sip:bob@sip.test", (PROXY, "<sip:198.51.100.9;lr>")),
    ],
)
def test_a_challenge_in_a_call_that_goes_on_behind_the_server_is_not_answered(
    contact: str, routes: tuple[str, ...]
) -> None:
    story = Phoning(login=True).talking(contact=contact, record_route=routes)
    story.holds()
    story.responds(407, challenges=(MD5,))
    assert story.methods == []
    story.hangs_up("s1")
    story.responds(407, to="BYE", challenges=(MD5,))
    assert story.methods == []


# --- offers that cross (RFC 3261 §14.1)


@EITHER_WAY
def test_offers_cross(begin: Beginning) -> None:
    story = begin()
    story.holds(sid(story))
    story.sends("INVITE", sdp(PCMU, senders="initiator"))
    assert story.statuses == [491]
    story.responds(491)
    exchange = story.confirmed.exchange
    assert isinstance(exchange, OfferDeferred)
    pause = exchange.until - story.at
    assert 2.1 <= pause <= 4.0 if begin is out else 0 <= pause <= 2.0
    story.sends("INVITE", sdp(PCMU, senders="initiator"))
    assert story.statuses == [200]
    assert direction(said(story)) == "none"
    story.acknowledges(story.the(SendResponse).head)
    assert story.confirmed.wanted == story.confirmed.session.ours


@pytest.mark.parametrize("on_hold", [False, True])
def test_a_phone_that_repeats_that_it_is_on_hold_while_the_client_resumes_is_taken_off(on_hold: bool) -> None:
    """Else nobody would hear it any more. One that is silent by itself is not asked again."""
    story = out()
    if on_hold:
        story.holds()
        story.answers(sdp(PCMU, senders="responder"))
        story.resumes()
        story.responds(491)
    story.sends("INVITE", sdp(PCMU, senders="responder"))
    assert direction(said(story)) == "responder"
    story.acknowledges(story.the(SendResponse).head)
    assert story.methods == (["INVITE"] if on_hold else [])
    if on_hold:
        assert direction(story.now("INVITE").body) == "both"
        story.answers(sdp(PCMU))
        assert story.confirmed.wanted == story.confirmed.session.ours
        assert story.methods == ["ACK"]


def test_an_offer_that_has_crossed_is_made_again() -> None:
    story = out()
    story.holds()
    story.responds(491)
    story.pass_time()
    assert story.methods == ["INVITE"]
    assert direction(story.now("INVITE").body) == "responder"


def test_the_pauses_are_drawn_anew_each_time() -> None:
    """From the time, so that a replay draws the same."""
    story = out()
    story.holds()
    pauses = []
    for _ in range(8):
        story.responds(491)
        pauses.append(round(story.pass_time(), 2))
    assert len(set(pauses)) > 4
    again = out()
    again.holds()
    again.responds(491)
    assert round(again.pass_time(), 2) == pauses[0]


def test_an_update_that_crosses_an_offer_is_refused() -> None:
    """RFC 3311 §5.2. One without an offer is not."""
    story = out()
    story.holds()
    story.sends("UPDATE", sdp(PCMU))
    assert story.statuses == [491]
    story.sends("UPDATE")
    assert story.statuses == [200]


def test_an_update_that_crosses_our_late_offer_is_refused() -> None:
    story = out()
    story.sends("INVITE")
    story.sends("UPDATE", sdp(PCMU))
    assert story.statuses == [491]


def test_an_offer_that_comes_instead_of_an_ack_is_answered() -> None:
    """The ACK was lost, or is late."""
    for first, method in ((None, "INVITE"), (sdp(PCMU), "UPDATE")):
        story = out()
        story.sends("INVITE", first)
        story.sends(method, sdp(PCMU))
        assert story.statuses == [200]


def test_a_server_that_asks_for_a_later_attempt_gets_one() -> None:
    """RFC 3261 §14.2: 500 with Retry-After."""
    story = out()
    story.holds()
    story.responds(500, headers=SipHeaders(retry_after=3))
    assert story.pass_time() == 3
    assert story.methods == ["INVITE"]
    story.responds(500, headers=SipHeaders(retry_after=3000))
    assert story.pass_time() == 10


def test_a_new_invite_takes_the_place_of_one_that_was_not_acknowledged() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMU))
    story.sends("INVITE", sdp(PCMU, senders="initiator"))
    assert story.statuses == [200]
    assert story.unanswered() == ["200"]


def test_a_change_without_an_ack_ends_the_call() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMU))
    story.tell(TimePassed(), 32)
    assert story.methods == ["BYE"]
    assert story.ended == Reason(Cause.NETWORK, texts.NOT_CONFIRMED)


def test_an_ack_of_something_else_settles_nothing() -> None:
    story = out()
    story.sends("INVITE", sdp(PCMU))
    head = story.the(SendResponse).head
    story.acknowledges(replace(head, cseq=head.cseq + 1))
    assert story.unanswered() == ["200"]
