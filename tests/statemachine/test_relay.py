"""Calls through the media relay: out, in, with one client and with several, up to the end of its sessions."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.legs.telepathy.phases import Answering
from fargo.statemachine.media import texts
from fargo.statemachine.media.description import Content, Description, IceUdp, MediaProfile
from fargo.statemachine.media.texts import BOTH_PLAIN, OTHER_PROFILE, WANTS_OTHER_PROFILE
from fargo.statemachine.model.call1 import (
    AnswerCall,
    CallMembersChanged,
    ChangeReason,
    HangUp,
    PlaceCall,
    RequestHold,
)
from fargo.statemachine.model.call_records import AudioPath, RecordCarried
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    InformSession,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    TerminateSession,
)
from fargo.statemachine.model.events import ResourceUnavailable, Restarted, TimePassed
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    SessionInformed,
    SessionTerminated,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    Flow,
    OfferRelay,
    PlayDigit,
    Quality,
    RelayDescribed,
    RelayDone,
    RelayLost,
    RelayParty,
    RelayRefused,
)
from fargo.statemachine.texts import RESTARTED

from .relayed import (
    ANSWERED,
    AT_RELAY,
    DTLS,
    FOR_CLIENT,
    FOR_CLIENTS,
    FOR_PHONE,
    FOR_PHONES,
    ICE,
    LATE,
    NOT_FOR_PHONES,
    OVERLOADED,
    PHONE_OFFER,
    RELAY_ADDRESS,
    RELAY_RESTARTED,
    Relayed,
    paths,
)
from .story import ADDRESS, ALICE, BOB, DESK, PCMA, PCMU, PHONE

WANTS_DTLS = WANTS_OTHER_PROFILE.format(profile=texts.DTLS)


# --- out


def test_a_call_out() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    [offered] = story.all(OfferRelay)
    assert offered == OfferRelay("nonce6", DTLS, MediaProfile.PLAIN, False, FOR_PHONES, NOT_FOR_PHONES)
    assert story.all(PlaceCall) == []
    [placed] = story.described(OfferRelay, FOR_PHONE)
    assert isinstance(placed, PlaceCall)
    assert (placed.codecs, placed.candidates) == (FOR_PHONE.codecs, RELAY_ADDRESS)
    story.phone_answers()
    assert story.the(AnswerRelay) == AnswerRelay("nonce6", ANSWERED, MediaProfile.DTLS, True)
    assert story.all(AcceptSession) == []
    told = Content("voice", description=FOR_CLIENT)
    assert story.described(AnswerRelay, FOR_CLIENT) == [AcceptSession(BOB, DESK, "s1", told)]
    assert paths(story) == [(AudioPath.RELAY, WANTS_DTLS)]
    story.hangs_up("s1")
    assert story.the(DeleteRelay) == DeleteRelay("nonce6")
    story.tell(
        RelayDone(story.id_of(DeleteRelay), (Flow(RelayParty.OFFERER, 50, 8000), Flow(RelayParty.ANSWERER, 49, 7840)))
    )
    assert story.all(RecordCarried) == [RecordCarried("6", 50, 49)]


def test_one_that_never_carried_anything_is_not_noted_to() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.hangs_up("s1")
    nothing = (Flow(RelayParty.OFFERER), Flow(RelayParty.ANSWERER))
    assert story.tell(RelayDone(story.id_of(DeleteRelay), nothing)) == []
    assert story.all(RecordCarried) == []
    assert story.over()


def test_audio_from_one_end_only_is_noted() -> None:
    story = Relayed(MediaProfile.DTLS).talking_in()
    story.hangs_up("nonce6")
    story.tell(
        RelayDone(story.id_of(DeleteRelay), (Flow(RelayParty.OFFERER, 0, 0), Flow(RelayParty.ANSWERER, 9, 1440)))
    )
    assert story.all(RecordCarried) == [RecordCarried("6", 9, 0)]


def test_how_well_each_end_got_through_is_noted_as_the_relay_knows_it() -> None:
    heard = Quality(2.5, 7, 4.1, 60)
    flows = (Flow(RelayParty.OFFERER, 50, 8000, heard), Flow(RelayParty.ANSWERER, 49, 7840))
    out = Relayed(MediaProfile.DTLS).talking_out()
    out.hangs_up("s1")
    out.tell(RelayDone(out.id_of(DeleteRelay), flows))
    assert out.all(RecordCarried) == [RecordCarried("6", 50, 49, client_quality=heard)]
    called = Relayed(MediaProfile.DTLS).talking_in()
    called.hangs_up("nonce6")
    called.tell(RelayDone(called.id_of(DeleteRelay), flows))
    assert called.all(RecordCarried) == [RecordCarried("6", 49, 50, phone_quality=heard)]


def test_a_client_without_encryption_is_answered_without() -> None:
    story = Relayed(MediaProfile.ICE)
    story.calls_out(ICE)
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    assert story.the(AnswerRelay) == AnswerRelay("nonce6", ANSWERED, MediaProfile.ICE)


def test_a_call_that_is_given_up_while_the_relay_is_asked_reaches_no_phone() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.hangs_up("s1")
    assert story.all(DeleteRelay) == [DeleteRelay("nonce6")]
    assert story.described(OfferRelay, FOR_PHONE) == []
    assert story.all(PlaceCall) == []


# --- in


def test_a_call_in() -> None:
    story = Relayed(MediaProfile.DTLS)
    [offered] = story.arrives()
    assert offered == OfferRelay("nonce6-6-dtls", PHONE_OFFER, MediaProfile.DTLS, True, FOR_CLIENTS)
    [initiated] = story.described(OfferRelay, FOR_CLIENT)
    assert initiated == InitiateSession(BOB, DESK, "nonce6", Content("voice", description=FOR_CLIENT), introduces=True)
    assert paths(story) == []
    story.accepts(replace(DTLS, codecs=(PCMU, PCMA)))
    assert story.the(AnswerRelay) == AnswerRelay("nonce6-6-dtls", replace(DTLS, codecs=(PCMU,)), MediaProfile.PLAIN)
    assert paths(story) == [(AudioPath.RELAY, WANTS_DTLS)]
    [answered] = story.described(AnswerRelay, replace(FOR_PHONE, codecs=(PCMU,)))
    assert answered == AnswerCall("c1", (PCMU,), RELAY_ADDRESS)


def test_every_candidate_has_a_name_of_its_own() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    [named] = AT_RELAY.candidates
    candidates = (replace(named, id=""), replace(named, id="own"), replace(named, id=""))
    story.described(OfferRelay, replace(FOR_CLIENT, transport=replace(AT_RELAY, candidates=candidates)))
    offered = story.the(InitiateSession).content.description
    assert offered is not None
    assert isinstance(offered.transport, IceUdp)
    assert [candidate.id for candidate in offered.transport.candidates] == ["c1", "own", "c3"]


def test_a_client_that_speaks_ice_only_is_offered_two_ports_and_no_encryption() -> None:
    story = Relayed(MediaProfile.ICE)
    assert story.arrives() == [OfferRelay("nonce6-6-ice", PHONE_OFFER, MediaProfile.ICE, False, FOR_CLIENTS)]


def test_a_session_for_each_manner_and_all_but_the_answered_are_deleted() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.ICE)
    dtls, ice = story.arrives()
    assert isinstance(dtls, OfferRelay)
    assert isinstance(ice, OfferRelay)
    assert (dtls.profile, ice.profile) == (MediaProfile.DTLS, MediaProfile.ICE)
    for issued in story.last[:2]:
        story.tell(RelayDescribed(issued.id, FOR_CLIENT))
    assert story.the(InitiateSession).to == PHONE
    story.accepts()
    assert story.the(DeleteRelay) == DeleteRelay(ice.session)
    assert story.the(AnswerRelay).session == dtls.session
    assert story.the(TerminateSession).to == PHONE


def test_two_clients_of_a_manner_share_a_session() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.DTLS)
    assert len(story.arrives()) == 1
    story.described(OfferRelay, FOR_CLIENT)
    assert [initiated.to for initiated in story.all(InitiateSession)] == [DESK, PHONE]


def test_a_client_that_speaks_plain_rtp_rings_at_once_and_answers_without_the_relay() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.PLAIN)
    story.arrives()
    assert story.the(InitiateSession).to == PHONE
    dtls = story.the(OfferRelay)
    story.described(OfferRelay, FOR_CLIENT)
    plain = Description("audio", (PCMU,), ADDRESS)
    story.accepts(plain, PHONE)
    assert story.all(DeleteRelay) == [DeleteRelay(dtls.session)]
    assert story.the(AnswerCall).candidates == ADDRESS.candidates
    assert paths(story) == [(AudioPath.DIRECT, BOTH_PLAIN)]
    story.tell(RelayDone(story.id_of(DeleteRelay)))
    story.hangs_up("nonce8", client=PHONE)
    assert story.all(DeleteRelay) == []


def test_a_client_that_comes_late_needs_a_session_of_its_own() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.arrives()
    assert story.all(OfferRelay) == []
    story.comes(PHONE, MediaProfile.DTLS)
    assert story.the(OfferRelay).session == "nonce6-8-dtls"
    story.described(OfferRelay, FOR_CLIENT)
    assert story.the(InitiateSession).to == PHONE


def test_a_client_that_proceeds_before_the_offer_is_there_is_invited_then() -> None:
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    assert story.the(ProposeCall).sid == "nonce8"
    assert story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.PROCEED))[1:] == []
    [initiated] = story.described(OfferRelay, FOR_CLIENT)
    assert initiated == InitiateSession(BOB, PHONE, "nonce8", Content("voice", description=FOR_CLIENT), introduces=True)


def test_one_that_waits_for_the_offer_is_told_that_there_will_be_none() -> None:
    """And is told again if that may be lost: it rings."""
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.PROCEED))
    story.refused(OfferRelay)
    assert story.the(MessageCall) == MessageCall(
        BOB, ALICE, "nonce8", CallAction.RETRACT, "connectivity-error", OVERLOADED
    )
    assert story.waiting(MessageCall) == story.all(MessageCall)


def test_one_that_waits_for_the_offer_may_still_reject() -> None:
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.PROCEED))
    story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.REJECT))
    assert story.the(HangUp).reason == ChangeReason.REJECTED


def test_who_proceeds_takes_the_call_from_those_that_wait_for_the_offer() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.PROCEED))
    story.described(OfferRelay, FOR_CLIENT)
    assert story.the(InitiateSession).to == PHONE


@pytest.mark.parametrize(
    ("client", "profile"),
    [(PHONE, MediaProfile.DTLS), (LATE, MediaProfile.ICE), ("alice@localhost/unseen", MediaProfile.DTLS)],
)
def test_who_proceeds_is_offered_what_it_speaks_or_else_what_others_do(client: str, profile: MediaProfile) -> None:
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.comes(LATE, MediaProfile.ICE, asks_first=True)
    story.arrives()
    offers = [issued for issued in story.last if isinstance(issued.command, OfferRelay)]
    story.tell(CallMessaged(client, BOB, "nonce10", CallAction.PROCEED))
    for offer in offers:
        story.tell(RelayDescribed(offer.id, FOR_CLIENT))
        offered = isinstance(offer.command, OfferRelay) and offer.command.profile
        assert [each.to for each in story.all(InitiateSession)] == ([client] if offered is profile else [])


def test_one_that_waits_for_the_offer_and_goes_is_out_of_the_call() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.tell(ResourceUnavailable(DESK, "sip.localhost"))
    assert isinstance(story.the(HangUp), HangUp)
    assert story.the(DeleteRelay).session == "nonce6-6-dtls"


def test_a_client_that_answers_without_the_encryption_that_it_was_offered_is_refused() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts(ICE)
    ended = story.the(TerminateSession)
    assert ended.condition == "unsupported-transports"
    assert ended.text == OTHER_PROFILE.format(answered="ice", offered="dtls")
    assert story.all(AnswerRelay) == []
    assert isinstance(story.the(HangUp), HangUp)
    assert story.the(DeleteRelay).session == "nonce6-6-dtls"


# --- deletion


def deleted(story: Relayed) -> int:
    return sum(isinstance(issued.command, DeleteRelay) for issued in story.issued)


def test_what_was_not_heard_is_deleted_again_until_there_can_be_no_relay() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.hangs_up("s1")
    for times in range(1, 6):
        assert deleted(story) == times
        story.tell(RelayRefused(story.id_of(DeleteRelay), "It does not answer.", silent=True))
        story.tell(TimePassed(), 28.9)
        assert deleted(story) == times
        assert [due.name for due in machine.deadlines(story.user) if "relay" in due.name] == [
            "call 6: the media relay's answer"
        ]
        story.tell(TimePassed(), 0.1)
    assert deleted(story) == 5
    assert not [call.relay for call in story.user.calls.values() if call.relay]


@pytest.mark.parametrize("gone", [RelayDone("x"), RelayRefused("x", "It will not."), RelayDescribed("x", FOR_PHONE)])
def test_what_was_heard_is_not_deleted_again(gone: RelayDone | RelayRefused | RelayDescribed) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.hangs_up("s1")
    story.tell(replace(gone, command=story.id_of(DeleteRelay)))
    assert not story.user.calls
    story.tell(TimePassed(), 100.0)
    assert deleted(story) == 1


def test_after_a_restart_everything_is_deleted_again() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.calls_out(sid="s2")
    story.hangs_up("s2")
    ended = story.the(DeleteRelay).session
    story.tell(Restarted())
    assert {each.session for each in story.all(DeleteRelay)} == {"nonce6", ended}
    assert story.the(TerminateSession).text == RESTARTED
    assert story.all(OfferRelay) == []


def test_a_relay_that_is_lost_forgets_deletions_too_and_is_told_them_all_the_same() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.hangs_up("s1")
    assert story.tell(RelayLost(RELAY_RESTARTED)) == []
    story.tell(TimePassed(), 29.0)
    assert story.the(DeleteRelay).session == "nonce6"


@pytest.mark.parametrize("beginning", [RelayLost(RELAY_RESTARTED), Restarted()])
def test_deletions_are_counted_from_the_first(beginning: RelayLost | Restarted) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    if isinstance(beginning, RelayLost):
        story.refused(OfferRelay)
    story.tell(beginning)
    for _ in range(10):
        story.tell(TimePassed(), 30.0)
    assert deleted(story) == 5


def test_one_session_is_due_though_another_waits_for_nothing() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.comes(PHONE, MediaProfile.ICE)
    ice = story.the(OfferRelay).session
    story.tell(TimePassed(), 15.0)
    assert story.all(DeleteRelay) == [DeleteRelay(ice)]


def test_what_one_end_sent_is_noted_if_the_other_is_not_mentioned() -> None:
    for party, packets in ((RelayParty.OFFERER, (0, 7)), (RelayParty.ANSWERER, (7, 0))):
        story = Relayed(MediaProfile.DTLS).talking_in()
        story.hangs_up("nonce6")
        story.tell(RelayDone(story.id_of(DeleteRelay), (Flow(party, 7, 1120),)))
        assert story.all(RecordCarried) == [RecordCarried("6", *packets)]


# --- what happens meanwhile


def test_a_hold_of_the_phone_is_told_after_its_answer() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.tell(CallMembersChanged(story.id_of(PlaceCall), 2))
    assert story.all(InformSession) == []
    accepted, held = story.described(AnswerRelay, FOR_CLIENT)
    assert isinstance(accepted, AcceptSession)
    assert held == InformSession(BOB, DESK, "s1", "hold")


def test_one_that_is_over_by_then_is_not() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    for flags in (2, 0):
        story.tell(CallMembersChanged(story.id_of(PlaceCall), flags))
    [accepted] = story.described(AnswerRelay, FOR_CLIENT)
    assert isinstance(accepted, AcceptSession)


@pytest.mark.parametrize(("said", "hold"), [(("hold",), True), (("hold", "unhold"), False)])
def test_a_hold_of_the_client_is_told_after_its_answer(said: tuple[str, ...], hold: bool) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    for info in said:
        story.tell(SessionInformed(story.iq(BOB), "nonce6", info))
    [answered] = story.described(AnswerRelay, FOR_PHONE)
    assert isinstance(answered, AnswerCall)
    [call] = story.user.calls.values()
    assert isinstance(call.sip, Answering)
    assert call.sip.hold is hold
    assert story.all(RequestHold) == []


@pytest.mark.parametrize(
    ("away", "session", "to"),
    [(Relayed.talking_out, "nonce6", RelayParty.ANSWERER), (Relayed.talking_in, "nonce6-6-dtls", RelayParty.OFFERER)],
)
def test_a_digit_is_played_to_the_phone(away: Callable[[Relayed], object], session: str, to: RelayParty) -> None:
    story = Relayed(MediaProfile.DTLS)
    away(story)
    sid = "s1" if to is RelayParty.ANSWERER else "nonce6"
    iq = story.iq(BOB)
    dialled = SessionInformed(iq, sid, "dtmf", digit="d1", duration=200)
    assert story.tell(dialled) == [AcceptIq(iq), PlayDigit(session, to, "d1", 200)]
    assert story.tell(RelayRefused(story.id_of(PlayDigit), "It will not.")) == []
    assert story.tell(SessionInformed(iq, sid, "dtmf", releases=True)) == [AcceptIq(iq)]


def test_a_digit_before_the_ends_hear_each_other_is_refused() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.tell(SessionInformed(story.iq(BOB), "s1", "dtmf", digit="d1"))
    assert story.the(RefuseIq).jingle == "unsupported-info"


def test_the_client_that_hangs_up_while_its_answer_is_with_the_relay_ends_the_call() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    story.tell(SessionTerminated(story.iq(BOB), "nonce6", "success"))
    assert isinstance(story.the(HangUp), HangUp)
    assert story.the(DeleteRelay).session == "nonce6-6-dtls"
    assert story.described(AnswerRelay, FOR_PHONE) == []
