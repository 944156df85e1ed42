"""Calls whose media relay fails or refuses, and those whose client restarts ICE."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import machine
from fargo.statemachine.call.texts import CODECS_REFUSED, RELAY_FAILED
from fargo.statemachine.legs.relay.texts import FAILED, SILENT
from fargo.statemachine.media.description import Content, Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.media.paths import Choice
from fargo.statemachine.media.texts import BOTH_PLAIN, NO_COMMON_CODEC_OFFERED
from fargo.statemachine.model.call1 import (
    AnswerCall,
    CallState,
    CallStateChanged,
    ChangeReason,
    CloseChannel,
    HangUp,
    PlaceCall,
)
from fargo.statemachine.model.call_records import AudioPath, RecordEnded, Side
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    Command,
    InformTransport,
    InitiateSession,
    RefuseIq,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, TimePassed
from fargo.statemachine.model.jingle_events import (
    DescriptionInformed,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    RelayDescribed,
    RelayLost,
    RelayParty,
)
from fargo.statemachine.reason import Cause

from .relayed import (
    ANSWERED,
    AT_CLIENT,
    AT_RELAY,
    DTLS,
    FOR_CLIENT,
    FOR_PHONE,
    FOR_PHONES,
    LATE,
    NOT_FOR_PHONES,
    OPUS,
    OVERLOADED,
    PHONE_OFFER,
    PRINT,
    RELAY_ADDRESS,
    RELAY_RESTARTED,
    RESTART,
    Relayed,
    end,
    paths,
)
from .story import ADDRESS, BOB, DESK, NAMED, PCMA, PCMU, PHONE, PHONE_ADDRESS

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


def failed_for_one() -> Relayed:
    """A call in rings at a client of each manner, and the relay fails the one that needs it."""
    story = Relayed(MediaProfile.DTLS)
    story.comes(PHONE, MediaProfile.PLAIN)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    story.tell(RelayLost(RELAY_RESTARTED))
    story.refused(OfferRelay)
    return story


def test_only_clients_of_the_manner_whose_session_failed_are_cut_off() -> None:
    story = failed_for_one()
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
    story = failed_for_one()
    story.comes(LATE, MediaProfile.DTLS)
    assert story.all(InitiateSession) == []
    assert story.the(OfferRelay).session == "nonce8-13-dtls"


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
