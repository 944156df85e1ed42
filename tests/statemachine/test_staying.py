"""Users who stay signed in when none of their clients is online, and the clients that a call wakes."""

import pytest

from fargo.statemachine.account import connection
from fargo.statemachine.machine import condensed, fold, new
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import RING_SECONDS, Policy
from fargo.statemachine.model.commands import AskFeatures, InitiateSession, MessageCall, ProposeCall, SendText
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    GatewayAsked,
    IqFailed,
    PolicyChanged,
    Recorded,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
)
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged
from fargo.statemachine.model.ng import OfferRelay, RelayDescribed
from fargo.statemachine.model.requests import SetBusy, SetStay, ShowStatus
from fargo.statemachine.model.sip_messages import SendRegister
from fargo.statemachine.self_service import texts

from .relayed import FOR_CLIENT
from .story import ABLE, ALICE, BOB, DESK, GATEWAY, PCMU, PHONE
from .user_agent.phone import Phoning, sdp

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
GONE = ResourceUnavailable(DESK, GATEWAY)


def stays(on: bool = True) -> Event:
    return GatewayAsked(DESK, GATEWAY, SetStay(on))


def away() -> Phoning:
    """A user who stays signed in, with no client online."""
    story = Phoning()
    story.tell(stays())
    story.tell(GONE)
    return story


@pytest.mark.parametrize(
    ("policy", "wish", "stay"),
    [(False, None, False), (False, True, True), (True, None, True), (True, False, False)],
)
def test_a_user_stays_signed_in_as_they_wish_or_else_as_the_operator_does(
    policy: bool, wish: bool | None, stay: bool
) -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(engine="sip", stay_signed_in=policy)))
    if wish is not None:
        story.tell(stays(wish))
    story.tell(GONE)
    assert [each.expires for each in story.all(SendRegister)] == ([] if stay else [0])


def test_the_wish_takes_effect_at_once() -> None:
    story = away()
    story.tell(stays(False))
    assert story.the(SendText).text == texts.STAY_OFF
    assert story.the(SendRegister).expires == 0
    story.accept(0)
    story.tell(stays())
    assert story.the(SendText).text == texts.STAY_ON
    assert story.the(SendRegister).expires != 0


def test_the_status_says_that_the_user_stays() -> None:
    story = away()
    story.tell(GatewayAsked(DESK, GATEWAY, ShowStatus()))
    assert texts.STAYS in story.the(SendText).text


def test_the_wish_survives_a_snapshot_and_a_restart() -> None:
    story = away()
    snapshot = condensed(story.user)
    assert snapshot is not None
    user, _, _ = fold(new(ALICE), Recorded(ALICE, 1, story.at, snapshot))
    assert user == story.user
    story.tell(Restarted())
    assert all(each.expires != 0 for each in story.all(SendRegister))
    assert connection.deadline(story.user.account) is None
    story.invites(sdp(PCMU))
    assert story.the(ProposeCall).to == ALICE


def test_refused_credentials_are_tried_again_when_a_client_comes() -> None:
    story = away()
    story.pass_time()
    story.answer(403, "Forbidden")
    assert story.shown()[0] == "dnd"
    story.tell(ResourceAvailable(PHONE, GATEWAY))
    assert story.all(SendRegister)
    story.answer(403, "Forbidden")
    story.tell(ResourceAvailable(DESK, GATEWAY))
    assert not story.all(SendRegister)


# --- a call


def test_a_call_without_a_client_wakes_them_by_one_proposal() -> None:
    story = away()
    story.invites(sdp(PCMU))
    assert (story.the(ProposeCall).to, story.statuses) == (ALICE, [180])
    sid = story.the(ProposeCall).sid
    story.online(PHONE, ASKS_FIRST)
    assert not story.all(ProposeCall)
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    assert (story.the(InitiateSession).to, story.the(InitiateSession).sid) == (PHONE, sid)


def test_a_client_that_asks_for_no_proposal_is_called_when_it_comes() -> None:
    story = away()
    story.invites(sdp(PCMU))
    story.online()
    assert story.the(InitiateSession).to == DESK


def test_a_client_that_takes_the_proposal_at_once_is_taken_for_a_mobile_one() -> None:
    story = away()
    story.tell(PolicyChanged(Policy(engine="sip", relay=True)))
    story.invites(sdp(PCMU))
    asked, sid = story.the(OfferRelay), story.the(ProposeCall).sid
    assert asked.profile is MediaProfile.DTLS
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_CLIENT))
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.PROCEED))
    assert story.the(InitiateSession).to == PHONE


def test_clients_that_are_asked_what_they_can_do_come_first() -> None:
    story = away()
    story.tell(ResourceAvailable(DESK, GATEWAY, "hash"))
    question = story.id_of(AskFeatures)
    story.invites(sdp(PCMU))
    assert not story.all(ProposeCall)
    story.tell(FeaturesLearned(question, DESK, ()))
    assert story.the(ProposeCall).to == ALICE


def test_clients_that_do_not_say_what_they_can_do_are_not_waited_for() -> None:
    story = away()
    story.tell(ResourceAvailable(DESK, GATEWAY, "hash"))
    story.invites(sdp(PCMU))
    story.pass_time()
    assert story.the(ProposeCall).to == ALICE


def test_a_call_that_wakes_nobody_is_missed_when_it_has_rung_for_long() -> None:
    story = away()
    story.invites(sdp(PCMU))
    assert story.pass_time() == RING_SECONDS
    assert story.statuses == [480]
    assert "Missed call" in story.the(SendText).text
    assert story.the(MessageCall).action is CallAction.RETRACT


def test_a_proposal_that_comes_back_ends_the_call() -> None:
    story = away()
    story.invites(sdp(PCMU))
    story.tell(IqFailed(story.id_of(ProposeCall), ALICE, "service-unavailable"))
    assert story.statuses == [480]
    assert "Missed call" in story.the(SendText).text


def test_nobody_is_woken_who_does_not_want_to_be_called() -> None:
    story = away()
    story.tell(GatewayAsked(DESK, GATEWAY, SetBusy(True)))
    story.invites(sdp(PCMU))
    assert not story.all(ProposeCall)
    assert story.statuses == [486]
