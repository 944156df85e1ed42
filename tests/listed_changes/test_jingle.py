"""Changes of the rules about Jingle sessions and their proposals."""

import pytest
from msgspec.structs import replace
from statemachine.relayed import DTLS, FOR_CLIENT, FOR_PHONE, Relayed
from statemachine.story import BOB, DESK, OFFER, PCMU, PHONE, PHONE_ADDRESS, Story

from fargo.statemachine.media.description import Candidate, Content, IceUdp, MediaProfile
from fargo.statemachine.model.call1 import CallArrived, HangUp
from fargo.statemachine.model.commands import (
    AcceptIq,
    Command,
    InitiateSession,
    RefuseIq,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentAdded,
    ContentChanged,
    ContentRejected,
    ContentRemoved,
    SessionAccepted,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
    TransportReplaced,
)
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.rules import CANCEL_DECLINES, ICE_IN_ANY_STANZA, JINGLE_REFUSALS, TAKEN_BACK
from fargo.store.correlation import correlated
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

EMPTY = Content("voice", description=replace(DTLS, transport=IceUdp()))
FOUND = Content("voice", transport=IceUdp("client", "pwd", (Candidate(1, "192.0.2.1", 4000),)))
RESTARTED = Content("voice", transport=IceUdp("anew", "pwd", (Candidate(1, "192.0.2.1", 4000),)))


def test_a_call_that_is_not_placed_yet_is_explained() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.tell(SessionInitiated(story.iq(BOB), "s1", (EMPTY,)))
    entries = before(ICE_IN_ANY_STANZA, story)
    [accepted] = [each.command for each in story.last if isinstance(each.command, AcceptIq)]
    assert EMPTY.description
    with_commands(entries, -1, accepted, OfferRelay("nonce6", EMPTY.description, MediaProfile.PLAIN, False))
    only(entries, ICE_IN_ANY_STANZA)


def test_early_facts_in_an_answer_are_explained() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    sid = story.the(InitiateSession).sid
    story.tell(TransportInformed(story.iq(BOB), sid, (FOUND,)))
    story.tell(SessionAccepted(story.iq(BOB), sid, (EMPTY,)))
    entries = before(ICE_IN_ANY_STANZA, story)
    [accepted] = [each.command for each in story.last if isinstance(each.command, AcceptIq)]
    with_commands(entries, -1, accepted)
    only(entries, ICE_IN_ANY_STANZA)


def test_an_offer_that_is_made_again_before_the_answer_is_explained_and_nothing_else_is() -> None:
    story = Relayed(MediaProfile.DTLS)
    story.calls_out()
    story.described(OfferRelay, FOR_PHONE)
    story.tell(TransportInformed(story.iq(BOB), "s1", (RESTARTED,)))
    story.phone_answers()
    entries = before(ICE_IN_ANY_STANZA, story)
    commands = [each.command for each in story.last]
    place = next(n for n, each in enumerate(commands) if isinstance(each, OfferRelay))
    answered = AnswerRelay("nonce6", FOR_PHONE, MediaProfile.DTLS, True)
    with_commands(entries, -1, *commands[:place], answered, *commands[place + 1 :])
    only(entries, ICE_IN_ANY_STANZA)
    with_commands(entries, -1, *commands[:place], HangUp("c", 5), *commands[place + 1 :])
    assert verify(list(correlated(entries))).differences == 1


def refused(kind: type[ContentChanged], *contents: Content, by: str = "feature-not-implemented") -> Command:
    """Return the command by which the older rules refused an action, after a test that today's do otherwise."""
    story = Story().signed_in()
    story.call_out("s1")
    iq = story.iq(BOB)
    story.tell(kind(iq, "s1", contents))
    entries = before(JINGLE_REFUSALS, story)
    then = AcceptIq(iq) if by == "" else RefuseIq(iq, "cancel", by, "It is not supported.")
    with_commands(entries, -1, then)
    only(entries, JINGLE_REFUSALS)
    with_commands(entries, -1, TerminateSession(BOB, DESK, "s1", "success"))
    assert verify(list(correlated(entries))).differences == 1
    return then


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ContentAdded, "video"),
        (TransportReplaced, "voice"),
        (TransportReplaced, "video"),
        (ContentRemoved, "video"),
        (ContentRemoved, "voice"),
        (ContentRejected, "voice"),
    ],
)
def test_refusals_as_jingle_has_them_are_explained(kind: type[ContentChanged], name: str) -> None:
    refused(kind, Content(name))


def test_an_unknown_content_is_explained() -> None:
    refused(TransportInformed, Content("video"), by="")


def test_a_client_that_cancels_is_explained_and_one_that_is_busy_is_not() -> None:
    for condition, differences in (("cancel", 0), ("busy", 1)):
        story = Story().signed_in()
        story.online(PHONE)
        story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
        sid = story.all(InitiateSession)[0].sid
        story.tell(SessionTerminated(story.iq(BOB), sid, condition))
        entries = before(CANCEL_DECLINES, story)
        [accepted] = [each.command for each in story.last if isinstance(each.command, AcceptIq)]
        with_commands(entries, -1, accepted, *(() if condition == "cancel" else (HangUp("c1", 5),)))
        assert verify(list(correlated(entries))).differences == differences
        if condition == "cancel":
            only(entries, CANCEL_DECLINES)


def test_a_call_that_was_taken_back_is_explained() -> None:
    story = Story().signed_in()
    story.tell(CallProposed(DESK, BOB, "p1", ("audio",)))
    story.tell(CallMessaged(DESK, BOB, "p1", CallAction.RETRACT))
    story.tell(SessionInitiated(story.iq(BOB), "p1", (OFFER,)))
    entries = before(TAKEN_BACK, story)
    [accepted] = [each.command for each in story.last if isinstance(each.command, AcceptIq)]
    with_commands(entries, -1, accepted)
    only(entries, TAKEN_BACK)
