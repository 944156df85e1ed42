"""Calls through the media relay: out, in, with one client and with several, and what becomes of them if it fails."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.call.texts import CODECS_REFUSED, RELAY_FAILED
from fargo.statemachine.legs.relay.texts import FAILED, SILENT, UNASKED
from fargo.statemachine.legs.telepathy.phases import Answering
from fargo.statemachine.media import texts
from fargo.statemachine.media.description import Codec, Content, Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.media.paths import Choice
from fargo.statemachine.media.texts import BOTH_PLAIN, NO_COMMON_CODEC_OFFERED, OTHER_PROFILE, WANTS_OTHER_PROFILE
from fargo.statemachine.model.call1 import (
    AnswerCall,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    ChangeReason,
    CloseChannel,
    HangUp,
    PlaceCall,
    RequestHold,
)
from fargo.statemachine.model.call_records import AudioPath, RecordCarried, RecordEnded, RecordPath, Side
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    Command,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, ResourceUnavailable, Restarted, TimePassed
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    DescriptionInformed,
    SessionInformed,
    SessionInitiated,
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
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import RESTARTED

from .relayed import (
    AT_CLIENT,
    AT_RELAY,
    DTLS,
    FOR_CLIENT,
    FOR_CLIENTS,
    FOR_PHONE,
    FOR_PHONES,
    ICE,
    NOT_FOR_PHONES,
    OPUS,
    PHONE_OFFER,
    PRINT,
    RELAY_ADDRESS,
    Relayed,
)
from .story import ADDRESS, ALICE, BOB, DESK, NAMED, PCMA, PCMU, PHONE, PHONE_ADDRESS

OVERLOADED = FAILED.format(problem="It is overloaded.")
RELAY_RESTARTED = "The media relay was restarted."
LATE = "alice@localhost/late"
WANTS_DTLS = WANTS_OTHER_PROFILE.format(profile=texts.DTLS)
ANSWERED = Description("audio", (PCMU,), RawUdp(PHONE_ADDRESS))
RESTART = replace(AT_CLIENT, ufrag="anew", candidates=())


def paths(story: Relayed) -> list[tuple[AudioPath, str]]:
    return [(note.path, note.why) for note in story.noted() if isinstance(note, RecordPath)]


def end(story: Relayed) -> RecordEnded:
    [ended] = [note for note in story.noted() if isinstance(note, RecordEnded)]
    return ended


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


# --- it fails


@pytest.mark.parametrize("silent", [False, True])
def test_a_call_out_that_needs_it_fails_with_the_reason(silent: bool) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.refused(OfferRelay, silent)
    ended = story.the(TerminateSession)
    assert (ended.condition, ended.text) == ("connectivity-error", OVERLOADED)
    assert story.all(DeleteRelay) == [DeleteRelay("nonce6")]  # it may have been made all the same
    assert story.all(PlaceCall) == []
    assert end(story) == RecordEnded("6", Side.GATEWAY, Cause.NETWORK, OVERLOADED)


def test_a_call_out_that_can_do_without_goes_directly() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (OPUS,), ADDRESS))
    assert story.the(OfferRelay).profile is MediaProfile.PLAIN
    story.refused(OfferRelay)
    assert story.the(PlaceCall).candidates == ADDRESS.candidates
    assert story.the(PlaceCall).codecs == (OPUS,)
    assert story.all(DeleteRelay) == [DeleteRelay("nonce6")]
    assert paths(story) == [
        (AudioPath.RELAY, NO_COMMON_CODEC_OFFERED),
        (AudioPath.DIRECT, RELAY_FAILED),
    ]


def test_one_that_is_to_be_relayed_whatever_happens_does_not() -> None:
    story = Relayed(MediaProfile.PLAIN, path="relay")
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    story.refused(OfferRelay)
    assert story.all(PlaceCall) == []
    assert story.the(TerminateSession).text == OVERLOADED


def refuses(story: Relayed, message: str = "488 Not Acceptable Here") -> list[Command]:
    return story.tell(CallStateChanged(story.id_of(PlaceCall), CallState.ENDED, 2, message=message))


def test_a_phone_without_the_clients_codecs_is_called_again_through_the_relay() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    first = story.id_of(PlaceCall)
    offered = OfferRelay(
        "nonce6", Description("audio", (PCMU,), ADDRESS), MediaProfile.PLAIN, False, FOR_PHONES, NOT_FOR_PHONES
    )
    assert refuses(story) == [CloseChannel(first), offered]
    story.described(OfferRelay, FOR_PHONE)
    assert story.id_of(PlaceCall) != first
    story.phone_answers()
    story.described(AnswerRelay, Description("audio", (PCMU,), RawUdp(PHONE_ADDRESS)))
    assert story.all(AcceptSession)
    assert paths(story) == [
        (AudioPath.DIRECT, BOTH_PLAIN),
        (AudioPath.RELAY, CODECS_REFUSED),
    ]
    assert not [note for note in story.noted() if isinstance(note, RecordEnded)]


def test_it_is_called_again_once() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    refuses(story)
    story.described(OfferRelay, FOR_PHONE)
    refuses(story)
    assert story.the(TerminateSession).condition == "incompatible-parameters"
    assert story.all(DeleteRelay) == [DeleteRelay("nonce6")]
    assert story.all(PlaceCall) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [("direct", "488 Not Acceptable Here"), ("auto", "486 Busy Here"), ("auto", "404 Not Found")],
)
def test_it_is_not_called_again_for_another_reason_or_against_the_operators_will(path: Choice, message: str) -> None:
    story = Relayed(MediaProfile.PLAIN, path=path)
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    refuses(story, message)
    assert story.all(OfferRelay) == []
    assert len(story.all(TerminateSession)) == 1


def test_a_client_that_has_given_up_is_not_called_for_again() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    story.tell(SessionTerminated(story.iq(BOB), "s1", "cancel"))
    refuses(story)
    assert story.all(OfferRelay) == []


def test_a_call_in_that_can_do_without_goes_directly() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.arrives(OPUS)
    story.refused(OfferRelay)
    offered = story.the(InitiateSession).content.description
    assert offered == Description("audio", (OPUS,), NAMED)
    story.accepts(Description("audio", (OPUS,), ADDRESS))
    assert story.the(AnswerCall).candidates == ADDRESS.candidates
    assert paths(story) == [(AudioPath.DIRECT, BOTH_PLAIN)]


def test_only_clients_of_the_manner_whose_session_failed_are_cut_off() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.PLAIN)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.tell(RelayLost(RELAY_RESTARTED))
    story.refused(OfferRelay)
    ended = story.the(TerminateSession)
    assert (ended.to, ended.text) == (DESK, OVERLOADED)
    assert story.all(HangUp) == []
    story.accepts(Description("audio", (PCMU,), ADDRESS), PHONE)
    assert isinstance(story.the(AnswerCall), AnswerCall)


def test_the_caller_hears_what_tells_more_than_a_failure() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.DTLS)
    story.arrives()
    story.tell(SessionTerminated(story.iq(BOB), "nonce8", "busy", "On another line."))
    story.refused(OfferRelay)
    assert story.the(HangUp) == HangUp("c1", ChangeReason.BUSY, "On another line.")
    assert (end(story).by, end(story).cause) == (Side.CLIENT, Cause.BUSY)


def test_a_client_that_comes_after_a_failure_is_not_offered_what_has_failed() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.PLAIN)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.tell(RelayLost(RELAY_RESTARTED))
    story.refused(OfferRelay)
    story.comes(LATE, MediaProfile.DTLS)
    assert story.all(InitiateSession) == []
    assert story.the(OfferRelay).session == "nonce8-13-dtls"


# --- the numbers that each end has for a codec (RFC 3264 §6.1)

EVENTS = Codec(126, "telephone-event", 8000)
OTHER = replace(EVENTS, id=101)


def test_the_numbers_of_a_called_phone_are_reserved_before_its_answer() -> None:
    story = Relayed()
    offer = replace(DTLS, codecs=(OPUS, PCMU, EVENTS))
    for_phone = replace(FOR_PHONE, codecs=(OPUS, PCMU, EVENTS))
    story.calls_out(offer)
    first = story.the(OfferRelay)
    story.described(OfferRelay, for_phone)
    story.phone_answers(PCMU, OTHER)
    assert story.the(OfferRelay) == replace(first, reserved=(101,))
    story.described(OfferRelay, for_phone)
    assert story.the(AnswerRelay).description.codecs == (PCMU, OTHER)
    story.described(AnswerRelay, replace(FOR_CLIENT, codecs=(OPUS, EVENTS)))
    assert story.the(AcceptSession).content.description == replace(FOR_CLIENT, codecs=(OPUS, EVENTS))
    # The client moves: the numbers are reserved again.
    story.moves("s1", RESTART)
    assert story.the(OfferRelay).reserved == (101,)


def test_the_numbers_of_a_called_client_are_reserved_before_its_answer() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    first = story.the(OfferRelay)
    story.described(OfferRelay, replace(FOR_CLIENT, codecs=(PCMU, OTHER)))
    story.accepts(replace(DTLS, codecs=(PCMU, EVENTS)))
    assert story.the(OfferRelay) == replace(first, reserved=(126,))
    story.described(OfferRelay, replace(FOR_CLIENT, codecs=(PCMU, OTHER)))
    assert story.the(AnswerRelay).description.codecs == (PCMU, EVENTS)


@pytest.mark.parametrize("answer", [(PCMU,), (PCMU, EVENTS), (PCMU, replace(EVENTS, clockrate=48000))], ids=str)
def test_no_number_is_reserved_without_need(answer: tuple[Codec, ...]) -> None:
    story = Relayed()
    story.calls_out(replace(DTLS, codecs=(OPUS, PCMU, EVENTS)))
    story.described(OfferRelay, replace(FOR_PHONE, codecs=(OPUS, PCMU, EVENTS)))
    story.phone_answers(*answer)
    assert story.all(OfferRelay) == []
    assert story.the(AnswerRelay).description.codecs[0] == PCMU


def test_the_relay_is_not_blamed_for_what_it_was_not_asked() -> None:
    story = Relayed()
    story.calls_out()
    story.tell(RelayRefused(story.id_of(OfferRelay), "It has no codec.", unasked=True))
    ended = story.the(TerminateSession)
    assert (ended.condition, ended.text) == ("incompatible-parameters", UNASKED.format(problem="It has no codec."))


def test_a_proposal_is_taken_back_when_nobody_is_left_who_could_take_the_call() -> None:
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.comes(LATE, MediaProfile.ICE, asks_first=True)
    story.arrives()
    dtls, ice = (issued.id for issued in story.last if isinstance(issued.command, OfferRelay))
    story.tell(RelayRefused(dtls, "It is overloaded."))
    assert (story.all(MessageCall), story.all(HangUp)) == ([], [])
    story.tell(RelayRefused(ice, "It is overloaded."))
    retracted = MessageCall(BOB, ALICE, "nonce10", CallAction.RETRACT, "connectivity-error", OVERLOADED)
    assert story.all(MessageCall) == [retracted]
    assert story.the(HangUp).message == OVERLOADED


def test_one_that_is_taken_back_leaves_the_call_to_those_that_ring() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.refused(OfferRelay)
    assert story.the(MessageCall).action is CallAction.RETRACT
    assert story.all(HangUp) == []
    assert story.tell(CallMessaged(PHONE, BOB, "nonce8", CallAction.PROCEED)) == []
    story.hangs_up("nonce8", condition="busy")
    assert story.the(HangUp).reason == ChangeReason.BUSY


def test_one_that_is_taken_back_is_not_made_again() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.DTLS, asks_first=True)
    story.arrives()
    story.refused(OfferRelay)
    story.comes(LATE, MediaProfile.DTLS, asks_first=True)
    assert (story.all(ProposeCall), story.all(OfferRelay)) == ([], [])
    story.comes("alice@localhost/later", MediaProfile.DTLS)
    assert isinstance(story.the(OfferRelay), OfferRelay)


@pytest.mark.parametrize(("condition", "message"), [("gone", OVERLOADED), ("busy", "On another line.")])
def test_the_caller_hears_in_the_end_what_tells_more(condition: str, message: str) -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.comes(PHONE, MediaProfile.PLAIN)
    story.comes(LATE, MediaProfile.DTLS)
    story.arrives()
    story.tell(SessionTerminated(story.iq(BOB), "nonce10", condition, "On another line."))
    story.refused(OfferRelay)
    story.hangs_up("nonce10", client=PHONE, condition="gone")
    assert story.the(HangUp).message == message


def test_the_caller_hears_that_it_failed_if_nobody_else_could_take_the_call() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.refused(OfferRelay)
    assert story.the(HangUp).message == OVERLOADED
    assert story.all(DeleteRelay) == [DeleteRelay("nonce6-6-dtls")]


def test_one_that_is_lost_touches_no_call_that_does_without_it() -> None:
    story = Relayed(MediaProfile.PLAIN)
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    before = story.user.calls
    assert story.tell(RelayLost(RELAY_RESTARTED)) == []
    assert story.user.calls == before


@pytest.mark.parametrize("away", [Relayed.calls_out, Relayed.arrives])
def test_an_answer_that_does_not_come_counts_as_a_failure(away: Callable[[Relayed], object]) -> None:
    story = Relayed(MediaProfile.DTLS)
    away(story)
    story.tell(TimePassed(), 14.9)
    assert story.last == ()
    story.tell(TimePassed(), 0.1)
    assert end(story).text == FAILED.format(problem=SILENT)
    assert len(story.all(DeleteRelay)) == 1


def test_an_answer_to_the_answer_that_does_not_come_ends_the_call() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    story.tell(TimePassed(), 15.0)
    assert story.the(TerminateSession).text == FAILED.format(problem=SILENT)
    assert len(story.all(DeleteRelay)) == 1


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


# --- ICE restart


def test_a_client_that_called_restarts_ice() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    accepted, offered = story.moves("s1", RESTART)
    assert isinstance(accepted, AcceptIq)
    assert offered == OfferRelay(
        "nonce6", replace(DTLS, transport=RESTART), MediaProfile.PLAIN, False, FOR_PHONES, NOT_FOR_PHONES
    )
    assert story.described(OfferRelay, FOR_PHONE) == [AnswerRelay("nonce6", ANSWERED, MediaProfile.DTLS, True)]
    anew = replace(AT_RELAY, ufrag="anew", complete=True)
    [told] = story.described(AnswerRelay, replace(FOR_CLIENT, transport=anew))
    where = Content("voice", transport=replace(anew, complete=False))
    assert told == InformTransport(BOB, DESK, "s1", where)
    assert story.tell(IqSucceeded(story.id_of(InformTransport), DESK)) == []
    assert [due for due in machine.deadlines(story.user) if "client" in due.name] != []  # the session-accept's


def test_where_it_is_to_send_is_told_in_the_content_that_it_named() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.tell(SessionInitiated(story.iq(BOB), "s1", (Content("0", description=DTLS),)))
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.described(AnswerRelay, FOR_CLIENT)
    story.moves("s1", RESTART, name="0")
    story.described(OfferRelay, FOR_PHONE)
    story.described(AnswerRelay, FOR_CLIENT)
    assert story.the(InformTransport).content.name == "0"


def test_a_restart_is_found_behind_other_contents() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    _, offered = story.moves("s1", RESTART, Content("video", transport=replace(RESTART, ufrag="video")))
    assert isinstance(offered, OfferRelay)
    assert offered.description.transport == RESTART


def test_a_restart_of_a_content_that_is_not_there_is_refused() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    [refused] = story.moves("s1", RESTART, name="video")
    assert isinstance(refused, RefuseIq)
    assert refused.condition == "item-not-found"


def test_a_client_that_refuses_to_hear_of_it_stays_in_the_call() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.moves("s1", RESTART)
    story.described(OfferRelay, FOR_PHONE)
    story.described(AnswerRelay, FOR_CLIENT)
    assert story.tell(IqFailed(story.id_of(InformTransport), DESK, "feature-not-implemented")) == []


def test_a_client_that_was_called_restarts_ice() -> None:
    story = Relayed(MediaProfile.DTLS).talking_in()
    _, offered = story.moves("nonce6", replace(RESTART, fingerprint=None))
    client = replace(DTLS, codecs=(PCMU,), transport=RESTART)
    assert offered == OfferRelay(
        "nonce6-6-dtls", client, MediaProfile.PLAIN, False, FOR_PHONES, NOT_FOR_PHONES, RelayParty.ANSWERER
    )
    [answered] = story.described(OfferRelay, FOR_PHONE)
    assert answered == AnswerRelay("nonce6-6-dtls", PHONE_OFFER, MediaProfile.DTLS, True, RelayParty.OFFERER)
    [told] = story.described(AnswerRelay, replace(FOR_CLIENT, transport=replace(AT_RELAY, ufrag="anew")))
    assert isinstance(told, InformTransport)
    assert RESTART.fingerprint == PRINT


def test_what_the_phone_speaks_is_in_the_new_offer_too() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives(PCMU, replace(PCMA, id=18, name="G729"))
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    story.described(AnswerRelay, FOR_PHONE)
    story.moves("nonce6", RESTART)
    assert story.the(OfferRelay).transcode == (*FOR_PHONES, "G729")


@pytest.mark.parametrize("contents", [(), (Content("voice", description=DTLS),)])
def test_what_is_no_transport_is_acknowledged_and_no_more(contents: tuple[Content, ...]) -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    iq = story.iq(BOB)
    assert story.tell(DescriptionInformed(iq, "s1", contents)) == [AcceptIq(iq)]


@pytest.mark.parametrize("transport", [AT_CLIENT, replace(AT_CLIENT, ufrag=""), replace(AT_CLIENT, candidates=())])
def test_candidates_alone_are_acknowledged_and_no_more(transport: IceUdp) -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    [accepted] = story.moves("s1", transport)
    assert isinstance(accepted, AcceptIq)


def test_a_second_restart_overtakes_the_first() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.moves("s1", RESTART)
    first = story.id_of(OfferRelay)
    story.moves("s1", replace(RESTART, ufrag="again"))
    assert story.tell(RelayDescribed(first, FOR_PHONE)) == []
    assert len(story.described(OfferRelay, FOR_PHONE)) == 1
    story.moves("s1", replace(RESTART, ufrag="once more"))
    assert story.described(AnswerRelay, FOR_CLIENT) == []
    assert len(story.described(OfferRelay, FOR_PHONE)) == 1


def test_a_restart_while_the_answer_is_with_the_relay_follows_it() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    story.moves("nonce6", RESTART)
    assert story.all(OfferRelay) == []
    story.described(AnswerRelay, FOR_PHONE)
    assert story.the(OfferRelay).by is RelayParty.ANSWERER
    assert isinstance(story.the(AnswerCall), AnswerCall)


@pytest.mark.parametrize("late", [replace(AT_CLIENT, ufrag=""), AT_CLIENT])
def test_late_candidates_do_not_undo_such_a_restart(late: IceUdp) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.accepts()
    story.moves("nonce6", RESTART)
    story.moves("nonce6", late)
    story.described(AnswerRelay, FOR_PHONE)
    assert story.the(OfferRelay).description.transport == replace(RESTART, fingerprint=PRINT)


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_late_candidates_do_not_undo_a_restart_in_the_call_either(answers: int) -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.moves("s1", RESTART)
    for kind in (OfferRelay, AnswerRelay)[:answers]:
        story.described(kind, FOR_PHONE if kind is OfferRelay else FOR_CLIENT)
    story.moves("s1", AT_CLIENT)
    assert story.all(OfferRelay) == []
    story.moves("s1", replace(RESTART, ufrag="again"))
    assert story.the(OfferRelay).description.transport == replace(RESTART, ufrag="again")
    for late in (AT_CLIENT, RESTART):
        story.moves("s1", late)
        assert story.all(OfferRelay) == []


@pytest.mark.parametrize("answers", [0, 1])
def test_a_restart_that_the_relay_refuses_ends_the_call(answers: int) -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.moves("s1", RESTART)
    if answers:
        story.described(OfferRelay, FOR_PHONE)
    story.refused(AnswerRelay if answers else OfferRelay)
    assert story.the(TerminateSession).text == OVERLOADED
    assert len(story.all(DeleteRelay)) == 1


def test_a_call_that_such_a_restart_ends_was_not_missed() -> None:
    story = Relayed(MediaProfile.DTLS).talking_in()
    story.moves("nonce6", RESTART)
    story.refused(OfferRelay)
    assert story.all(HangUp)
    assert not story.all(SendText)


@pytest.mark.parametrize("answers", [0, 1])
def test_a_restart_that_the_relay_does_not_answer_ends_the_call(answers: int) -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.tell(IqSucceeded(story.id_of(AcceptSession), DESK))
    story.moves("s1", RESTART)
    if answers:
        story.described(OfferRelay, FOR_PHONE)
    story.tell(TimePassed(), 15.0)
    assert story.the(TerminateSession).text == FAILED.format(problem=SILENT)


def test_digits_are_played_while_ice_restarts() -> None:
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.moves("s1", RESTART)
    story.tell(SessionInformed(story.iq(BOB), "s1", "dtmf", digit="d1"))
    assert story.the(PlayDigit) == PlayDigit("nonce6", RelayParty.ANSWERER, "d1")


def test_plain_rtp_does_not_restart() -> None:
    story = Relayed(MediaProfile.PLAIN, path="relay")
    story.calls_out(Description("audio", (PCMU,), ADDRESS))
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.described(AnswerRelay, Description("audio", (PCMU,), RawUdp(RELAY_ADDRESS)))
    [accepted] = story.moves("s1", RESTART)
    assert isinstance(accepted, AcceptIq)
