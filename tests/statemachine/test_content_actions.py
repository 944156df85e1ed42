"""Actions about contents: each is answered as Jingle has it, in each phase; the call goes on unless its audio goes."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.jingle.jingle_session import Terminated
from fargo.statemachine.legs.jingle.texts import UNKNOWN_CONTENT, UNSUPPORTED_ACTION
from fargo.statemachine.media.description import Content, IceUdp, MediaProfile
from fargo.statemachine.model.call1 import CallArrived, HangUp
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import (
    AcceptIq,
    InitiateSession,
    MessageCall,
    RefuseIq,
    RejectContents,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, StreamOpened, TimePassed
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentAccepted,
    ContentAdded,
    ContentChanged,
    ContentModified,
    ContentRejected,
    ContentRemoved,
    DescriptionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportAccepted,
    TransportInformed,
    TransportRejected,
    TransportReplaced,
)
from fargo.statemachine.model.ng import OfferRelay
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import TAKEN_BACK

from .relayed import AT_CLIENT, DTLS, FOR_CLIENT, Relayed
from .story import BOB, DESK, PCMU, PHONE, PHONE_ADDRESS

VOICE = Content("voice", description=DTLS)
VIDEO = Content("video", description=replace(DTLS, media="video"))
EMPTY = Content("voice", description=replace(DTLS, transport=IceUdp()))


def calling(offer: Content = VOICE) -> Relayed:
    """Return a story in which the client calls, with audio and video."""
    story = Relayed(MediaProfile.DTLS)
    story.tell(SessionInitiated(story.iq(BOB), "nonce6", (offer, VIDEO)))
    return story


def invited(*clients: str) -> Relayed:
    story = Relayed(MediaProfile.DTLS)
    for client in clients:
        story.comes(client, MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    return story


PHASES: dict[str, Callable[[], Relayed]] = {
    "describing": lambda: calling(EMPTY),
    "calling": calling,
    "invited": invited,
    "talking": lambda: Relayed(MediaProfile.DTLS).talking_in(),
}
"""A story in each phase. The id of the session is the same in all of them."""
phases = pytest.mark.parametrize("phase", PHASES)


def says(story: Relayed, kind: type[ContentChanged], *contents: Content, client: str = DESK) -> None:
    sid = next((i.command.sid for i in story.issued if isinstance(i.command, InitiateSession)), "nonce6")
    story.tell(kind(story.iq(BOB, client), sid, contents))


@phases
def test_what_is_to_be_added_is_rejected_and_the_call_goes_on(phase: str) -> None:
    story = PHASES[phase]()
    before = story.user.calls
    says(story, ContentAdded, Content("screen", "responder", "responder", replace(DTLS, media="video")))
    accepted, rejected = [each.command for each in story.last]
    assert isinstance(accepted, AcceptIq)
    text = UNSUPPORTED_ACTION.format(action="content-add")
    left = (Content("screen", "responder", "responder"),)
    sid = rejected.sid if isinstance(rejected, RejectContents) else ""
    assert rejected == RejectContents(BOB, DESK, sid, "content-reject", left, "unsupported-applications", text)
    assert story.user.calls == before


@phases
@pytest.mark.parametrize("transport", [AT_CLIENT, IceUdp()])
def test_another_transport_is_rejected_and_the_call_goes_on(phase: str, transport: IceUdp) -> None:
    story = PHASES[phase]()
    before = story.user.calls
    for named in (
        Content("voice", transport=transport),
        replace(VOICE, description=replace(DTLS, transport=transport)),
    ):
        says(story, TransportReplaced, named)
        rejected = story.the(RejectContents)
        assert story.all(AcceptIq)
        assert (rejected.action, rejected.contents) == ("transport-reject", (Content("voice", transport=transport),))
    assert story.user.calls == before


@phases
@pytest.mark.parametrize(
    "kind",
    [TransportInformed, TransportReplaced, ContentModified, ContentRemoved, DescriptionInformed, ContentRejected],
)
def test_an_unknown_content_is_not_found(phase: str, kind: type[ContentChanged]) -> None:
    story = PHASES[phase]()
    before = story.user.calls
    says(story, kind, Content("nothing"), Content("Voice"))
    [refused] = story.all(RefuseIq)
    assert (refused.condition, refused.text) == ("item-not-found", UNKNOWN_CONTENT)
    assert story.user.calls == before


@phases
@pytest.mark.parametrize("kind", [ContentAccepted, ContentRejected, TransportAccepted, TransportRejected])
def test_what_answers_nothing_is_out_of_order(phase: str, kind: type[ContentChanged]) -> None:
    story = PHASES[phase]()
    says(story, kind, Content("voice"))
    assert story.the(RefuseIq).jingle == "out-of-order"


def test_contents_that_are_not_carried_are_known_too() -> None:
    """A client may speak of them before it has heard that they are not."""
    story = calling()
    before = story.user.calls
    for kind in (TransportInformed, DescriptionInformed, ContentRemoved):
        says(story, kind, Content("video", transport=AT_CLIENT))
        assert [type(each.command) for each in story.last] == [AcceptIq]
    assert story.user.calls == before


@phases
def test_removing_the_audio_ends_the_session(phase: str) -> None:
    story = PHASES[phase]()
    says(story, ContentRemoved, Content("other"), Content("voice"))
    assert story.all(AcceptIq)
    assert story.the(TerminateSession).condition == "success"
    causes = {"describing": Cause.CANCELLED, "calling": Cause.CANCELLED, "invited": Cause.DECLINED}
    assert [note.cause for note in story.noted() if isinstance(note, RecordEnded)] == [causes.get(phase, Cause.HUNG_UP)]


# --- a called client that cancels


@pytest.mark.parametrize("condition", ["cancel", "success", "decline"])
def test_a_called_client_that_cancels_declines_for_all(condition: str) -> None:
    story = invited(PHONE)
    sid = story.all(InitiateSession)[0].sid
    story.tell(SessionTerminated(story.iq(BOB, PHONE), sid, condition))
    assert [each.to for each in story.all(TerminateSession)] == [DESK]
    assert story.all(HangUp)
    assert [note.cause for note in story.noted() if isinstance(note, RecordEnded)] == [Cause.DECLINED]


# --- ties, and calls that were taken back


@pytest.mark.parametrize(("caller", "wins"), [("aaron", True), ("bob", False)])
def test_of_two_invitations_with_one_id_that_of_the_lower_jid_counts(caller: str, wins: bool) -> None:
    """The other one is void (XEP-0166 §7.2.16); if that is ours, the caller finds the user busy."""
    story = Relayed(MediaProfile.DTLS)
    story.tell(CallArrived("c1", story.id_of(SignIn), f"sip:{caller}@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    story.described(OfferRelay, FOR_CLIENT)
    invited = story.the(InitiateSession)
    story.tell(SessionInitiated(story.iq(invited.sender), invited.sid, (VOICE,)))
    if wins:
        assert story.the(RefuseIq).jingle == "tie-break"
        assert len(story.user.calls) == 1
        return
    assert story.all(AcceptIq)
    assert story.all(OfferRelay)
    assert [note.cause for note in story.noted() if isinstance(note, RecordEnded)] == [Cause.BUSY]
    story.tell(IqFailed(story.id_of(InitiateSession), DESK, "conflict", jingle="tie-break"))
    assert [call.caller for call in story.user.calls.values() if call.jingle != Terminated()] == [None]


def test_an_id_that_the_client_knows_already_is_out_of_order() -> None:
    story = invited()
    story.tell(IqSucceeded(story.id_of(InitiateSession), DESK))
    story.tell(SessionInitiated(story.iq(BOB), "nonce6", (VOICE,)))
    assert story.the(RefuseIq).jingle == "out-of-order"


@pytest.mark.parametrize("action", [CallAction.RETRACT, CallAction.FINISH])
def test_a_call_that_was_taken_back_reaches_no_phone(action: CallAction) -> None:
    story = Relayed(MediaProfile.DTLS)
    story.tell(CallProposed(DESK, BOB, "p1", ("audio",)))
    story.tell(CallMessaged(DESK, BOB, "p1", action))
    story.tell(StreamOpened())
    assert story.all(MessageCall) == []
    story.tell(SessionInitiated(story.iq(BOB), "p1", (VOICE,)))
    assert story.all(AcceptIq)
    ended = story.the(TerminateSession)
    assert (ended.condition, ended.text) == ("cancel", TAKEN_BACK)
    assert [note.cause for note in story.noted() if isinstance(note, RecordEnded)] == [Cause.CANCELLED]
    assert not story.user.calls


def test_a_call_that_was_taken_back_may_be_proposed_again() -> None:
    story = Relayed(MediaProfile.DTLS)
    for action in (CallAction.RETRACT, None):
        story.tell(CallProposed(DESK, BOB, "p1", ("audio",)))
        proceeds = story.the(MessageCall)
        assert (proceeds.action, proceeds.condition) == (CallAction.PROCEED, None)
        if action:
            story.tell(CallMessaged(DESK, BOB, "p1", action, "cancel"))
    story.tell(SessionInitiated(story.iq(BOB), "p1", (VOICE,)))
    assert story.all(OfferRelay)


def test_calls_that_were_taken_back_are_forgotten() -> None:
    story = Relayed(MediaProfile.DTLS)
    for number in range(20):
        story.tell(CallProposed(DESK, BOB, f"p{number}", ("audio",)), after=0.1)
        story.tell(CallMessaged(DESK, BOB, f"p{number}", CallAction.RETRACT), after=0.1)
    assert len(story.waiting(MessageCall)) == 8
    assert story.tell(TimePassed(), after=31) == []
    assert story.waiting(MessageCall) == []
