"""Several calls of one user: another rings during a call, one is held for the other, and who is not to be disturbed."""

from collections.abc import Mapping, Sequence

import pytest

from fargo.statemachine import texts
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, HangUp, ReceivingStateChanged, RequestHold
from fargo.statemachine.model.commands import (
    AskFeatures,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import FeaturesLearned, IqFailed, PolicyChanged, ResourceAvailable
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
)
from fargo.statemachine.model.sip_messages import SendResponse
from fargo.statemachine.snapshot import condensed

from .story import ABLE, ALICE, BOB, DESK, GATEWAY, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story
from .user_agent.phone import Phoning

ASKS_FIRST = (*ABLE, "urn:xmpp:jingle-message:0")
TABLET = "alice@localhost/tablet"
CAROL = "carol@sip.localhost/fargo"
CAPS = "https://example.org#hash"
BUSY = 8


def arrive(story: Story, channel: str = "c1", caller: str = "bob") -> str:
    """Somebody calls; the id of the session, "" if nobody rings."""
    uri = f"sip:{caller}@sip.test"
    story.tell(CallArrived(channel, story.id_of(SignIn), uri, (PCMU,), PHONE_ADDRESS, 3))
    invited, proposed = story.all(InitiateSession), story.all(ProposeCall)
    return next((each.sid for each in invited), "") or next((each.sid for each in proposed), "")


def accept(story: Story, sid: str, of: str, channel: str) -> None:
    story.tell(SessionAccepted(story.iq(of), sid, (OFFER,)))
    story.tell(ReceivingStateChanged(channel, 3))


def held(story: Story) -> list[tuple[str, bool]]:
    return [(each.channel, each.hold) for each in story.all(RequestHold)]


def test_another_call_rings_is_taken_and_the_two_are_swapped() -> None:
    story = Story().signed_in()
    first = arrive(story)
    accept(story, first, BOB, "c1")
    second = arrive(story, "c2", "carol")
    assert second not in ("", first)
    story.tell(SessionInformed(story.iq(BOB), first, "hold"))
    assert held(story) == [("c1", True)]
    accept(story, second, CAROL, "c2")
    story.tell(SessionInformed(story.iq(CAROL), second, "hold"))
    assert held(story) == [("c2", True)]
    story.hangs_up(first, BOB)
    assert [each.channel for each in story.all(HangUp)] == ["c1"]
    assert [call.sip.name for call in story.user.calls.values() if call.sip.name == "c2"] == ["c2"]


# --- how many


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_operator_says_how_many_calls_there_are_at_a_time(most: int) -> None:
    story = Story().signed_in()
    story.tell(PolicyChanged(Policy(most_calls=most)))
    for number in range(most):
        accept(story, arrive(story, f"c{number}"), BOB, f"c{number}")
    assert arrive(story, "more") == ""
    assert [(each.reason, each.message) for each in story.all(HangUp)] == [(BUSY, texts.CALLED_IN_TOO_MANY_CALLS)]
    assert story.all(SendText)
    story.tell(SessionInitiated(story.iq(CAROL), "out", (OFFER,)))
    assert f"({most})" in story.the(RefuseIq).text
    assert "End one" in story.the(RefuseIq).text


# --- not to be disturbed


def online(clients: Mapping[str, tuple[Sequence[str], bool]]) -> Story:
    """Alice with these clients: their features, and if they are not to ring."""
    story = Story()
    for client, (features, dnd) in clients.items():
        story.online(client, tuple(features))
        story.tell(ResourceAvailable(client, GATEWAY, CAPS, dnd))
    story.register()
    return story


def ringing(story: Story) -> set[str]:
    return {each.to for each in story.all(InitiateSession)} | {each.to for each in story.all(ProposeCall)}


@pytest.mark.parametrize(
    ("clients", "rings"),
    [
        ({DESK: (ABLE, True), PHONE: (ABLE, False)}, {PHONE}),
        ({DESK: (ASKS_FIRST, True), PHONE: (ABLE, False)}, {PHONE}),
        ({DESK: (ABLE, True), PHONE: (ASKS_FIRST, False)}, {ALICE}),
        ({DESK: (ASKS_FIRST, True), PHONE: (ASKS_FIRST, False)}, {PHONE}),
        ({DESK: (ASKS_FIRST, True), PHONE: (ASKS_FIRST, False), TABLET: (ASKS_FIRST, False)}, {PHONE, TABLET}),
        ({DESK: (ASKS_FIRST, False), PHONE: (ASKS_FIRST, False)}, {ALICE}),
    ],
)
def test_who_is_not_to_be_disturbed_does_not_ring(
    clients: Mapping[str, tuple[Sequence[str], bool]], rings: set[str]
) -> None:
    story = online(clients)
    arrive(story)
    assert ringing(story) == rings


@pytest.mark.parametrize("features", [ABLE, ASKS_FIRST])
def test_if_nobody_is_to_be_disturbed_the_user_is_busy(features: Sequence[str]) -> None:
    story = online({DESK: (features, True), PHONE: ((), False)})
    arrive(story)
    assert ringing(story) == set()
    assert [(each.reason, each.message) for each in story.all(HangUp)] == [(BUSY, texts.CALLED_UNDISTURBED)]
    assert story.all(SendText), "the call was missed"


def test_so_the_caller_hears_with_our_own_user_agent() -> None:
    story = Phoning()
    story.tell(ResourceAvailable(DESK, GATEWAY, CAPS, True))
    story.invites()
    assert [each.status for each in story.all(SendResponse)] == [486]


def test_who_may_be_disturbed_again_rings() -> None:
    story = online({DESK: (ABLE, True)})
    story.tell(ResourceAvailable(DESK, GATEWAY, CAPS))
    assert arrive(story)


def test_a_client_of_which_it_is_learned_what_it_can_do_rings_only_if_it_may() -> None:
    story = online({DESK: (ABLE, False)})
    arrive(story)
    for client, dnd in ((PHONE, True), (TABLET, False)):
        story.tell(ResourceAvailable(client, GATEWAY, "x#y", dnd))
        story.tell(FeaturesLearned(story.id_of(AskFeatures), client, ABLE))
        assert ringing(story) == (set() if dnd else {client})


def test_it_is_known_after_a_snapshot() -> None:
    story = online({DESK: (ABLE, True)})
    snapshot = condensed(story.user)
    assert snapshot
    assert snapshot.clients[DESK].dnd


def asked_apart() -> tuple[Story, str]:
    story = online({DESK: (ASKS_FIRST, True), PHONE: (ASKS_FIRST, False), TABLET: (ASKS_FIRST, False)})
    return story, arrive(story)


def test_who_was_asked_apart_proceeds_and_takes_the_call() -> None:
    story, sid = asked_apart()
    story.tell(CallMessaged(TABLET, BOB, sid, CallAction.PROCEED))
    assert story.the(InitiateSession).to == TABLET
    assert not story.waiting(ProposeCall)
    accept(story, sid, BOB, "c1")


def test_a_proposal_to_one_client_that_comes_back_leaves_the_others() -> None:
    story, _ = asked_apart()
    to = {each.command.to: each.id for each in story.issued if isinstance(each.command, ProposeCall)}
    story.tell(IqFailed(to[PHONE], PHONE, "service-unavailable"))
    assert not story.all(HangUp)
    story.tell(IqFailed(to[TABLET], TABLET, "service-unavailable"))
    assert story.all(HangUp)
    assert not story.waiting(ProposeCall)


def test_one_who_declines_declines_for_all() -> None:
    story, sid = asked_apart()
    story.tell(CallMessaged(PHONE, BOB, sid, CallAction.REJECT))
    assert story.the(MessageCall).action is CallAction.RETRACT
    assert not story.waiting(ProposeCall)
    assert not story.all(TerminateSession)
