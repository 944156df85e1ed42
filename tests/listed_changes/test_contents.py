"""Changes of the rules about sessions with several contents."""

from msgspec.structs import replace
from statemachine.relayed import DTLS, FOR_CLIENT, FOR_PHONE, Relayed
from statemachine.story import BOB, DESK, OFFER, PHONE, Story

from fargo.statemachine.media.description import Codec, Content, Description, MediaProfile, RawUdp
from fargo.statemachine.model.commands import AcceptIq, AcceptSession, InitiateSession, MessageCall, TerminateSession
from fargo.statemachine.model.jingle_events import CallAction, CallProposed, SessionInitiated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.rules import EVERY_CONTENT_ANSWERED
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

VIDEO = Content("video", description=replace(DTLS, media="video", codecs=(Codec(96, "VP8", 90000),)))
DUMB = Content("dumb", description=Description("audio", (), RawUdp()))


def with_other(entries: list[Entry], then: AcceptSession | InitiateSession) -> None:
    """By the older rules, the last event led to this command in the place of today's."""
    recorded, issued = entries[-1]
    entries[-1] = (
        recorded,
        tuple(replace(each, command=then) if isinstance(each.command, type(then)) else each for each in issued),
    )


def accepted() -> tuple[list[Entry], AcceptSession]:
    """Return the log of a call with video until it is accepted, and its last command."""
    story = Relayed(MediaProfile.DTLS)
    bundle = ("voice", "video")
    story.tell(SessionInitiated(story.iq(BOB), "s1", (Content("voice", description=DTLS), VIDEO), (bundle,)))
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.described(AnswerRelay, FOR_CLIENT)
    return before(EVERY_CONTENT_ANSWERED, story), story.the(AcceptSession)


def test_declined_contents_are_explained_and_nothing_else_is() -> None:
    log, accepts = accepted()
    alone = replace(accepts, after=(), bundle=())
    assert alone != accepts
    with_other(log, alone)
    only(log, EVERY_CONTENT_ANSWERED)
    with_other(log, replace(alone, content=replace(alone.content, senders="none")))
    assert verify(list(correlated(log))).differences == 1


def test_an_offered_group_is_explained_and_nothing_else_is() -> None:
    story = Relayed()
    story.comes(PHONE, MediaProfile.DTLS, bundles=True)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    invites = story.the(InitiateSession)
    assert invites.bundle == ("voice",)
    log = before(EVERY_CONTENT_ANSWERED, story)
    with_other(log, replace(invites, bundle=()))
    only(log, EVERY_CONTENT_ANSWERED)
    with_other(log, replace(invites, bundle=(), sid="other"))
    assert verify(list(correlated(log))).differences == 1


def test_a_second_audio_is_explained_and_nothing_else_is() -> None:
    for contents, explained in (((DUMB, OFFER), True), ((OFFER, DUMB), False)):
        story = Story().signed_in()
        story.tell(SessionInitiated(story.iq(BOB), "s1", contents))
        log = before(EVERY_CONTENT_ANSWERED, story)
        iq = story.the(AcceptIq).iq
        with_commands(log, -1, AcceptIq(iq), TerminateSession(BOB, iq.sender, "s1", "unsupported-transports", "No."))
        if explained:
            only(log, EVERY_CONTENT_ANSWERED)
        else:
            assert verify(list(correlated(log))).differences == 1


def test_a_rejected_proposal_is_explained_and_nothing_else_is() -> None:
    story = Story().signed_in()
    story.tell(CallProposed(DESK, BOB, "p", ("audio", "video")))
    rejects = story.the(MessageCall)
    log = before(EVERY_CONTENT_ANSWERED, story)
    with_commands(log, -1, replace(rejects, action=CallAction.PROCEED, condition=None, text=""))
    only(log, EVERY_CONTENT_ANSWERED)
    with_commands(log, -1, replace(rejects, action=CallAction.RETRACT))
    assert verify(list(correlated(log))).differences == 1
