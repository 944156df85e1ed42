"""Actions about contents: each is answered as Jingle has it, in each phase; the call goes on unless its audio goes."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fargo.statemachine.legs.jingle.texts import UNKNOWN_CONTENT, UNSUPPORTED_ACTION
from fargo.statemachine.media.description import Content, IceUdp, MediaProfile
from fargo.statemachine.model.call1 import HangUp
from fargo.statemachine.model.call_records import RecordEnded
from fargo.statemachine.model.commands import AcceptIq, InitiateSession, RefuseIq, RejectContents, TerminateSession
from fargo.statemachine.model.events import (
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

from .relayed import AT_CLIENT, DTLS, FOR_CLIENT, Relayed
from .story import BOB, DESK, PHONE

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
