"""Changes of the rules about replies, and about commands that nobody answers."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from statemachine.relayed import FOR_CLIENT, FOR_PHONE, Relayed
from statemachine.story import ALICE, BOB, DESK, PCMU, PHONE_ADDRESS, Story

from fargo.statemachine.media.description import Candidate, MediaProfile
from fargo.statemachine.model.call1 import CallArrived, CallMembersChanged, CandidatesReceived
from fargo.statemachine.model.commands import (
    AcceptSession,
    Fault,
    InformSession,
    InitiateSession,
    Issued,
    MessageCall,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, StreamOpened, TimePassed
from fargo.statemachine.model.jingle_events import CallAction, CallProposed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed, RelayRefused
from fargo.statemachine.model.rules import (
    ALL_THAT_IS_DUE,
    EVERY_PROPOSAL_ANSWERED,
    LATE_ANSWER,
    LATE_REFUSAL,
    REFUSAL_OF_OVERTAKEN,
    RuleChange,
)
from fargo.store.entries import Entry
from replay.verifying.changes import explained
from replay.verifying.verify import verify

from .older_rules import differing, older, only, with_commands


def silent_clients() -> list[Entry]:
    """Five clients do not answer their invitations; by the older rules one leaves at a time."""
    story = Story().signed_in()
    for number in range(4):
        story.online(f"{ALICE}/{number}")
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    story.tell(TimePassed(), 40)
    entries, done = older(story)[:-1], [each.command for each in story.last]
    version, at = story.entries[-1][0].version, story.at
    for number in range(5):
        recorded = replace(story.entries[-1][0], version=version + number, at=at + number, rules=1)
        commands = done[number : number + 1] if number < 4 else done[number:]
        issued = [Issued(ALICE, f"{recorded.version}.{n}", command) for n, command in enumerate(commands)]
        entries.append((recorded, tuple(issued)))
    return entries


def refused_acceptance() -> list[Entry]:
    """A client takes back its acknowledgement, and by the older rules is put on hold as if it talked."""
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.answered(channel)
    story.tell(IqFailed(story.id_of(AcceptSession), DESK, "bad-request"))
    story.tell(CallMembersChanged(channel, 2))
    entries = older(story)
    with_commands(entries, -2)
    with_commands(entries, -1, InformSession(BOB, DESK, "s1", "hold"))
    return entries


def refused_invitation() -> list[Entry]:
    """A client takes back its acknowledgement of an invitation, and by the older rules goes on ringing."""
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    invited, sid = story.id_of(InitiateSession), story.the(InitiateSession).sid
    story.tell(IqSucceeded(invited, DESK))
    story.tell(IqFailed(invited, DESK, "bad-request"))
    story.tell(StreamOpened())
    entries = older(story)
    with_commands(entries, -2)
    with_commands(entries, -1, InformSession(BOB, DESK, sid, ""), *(each.command for each in story.last))
    return entries


def unknown_at_last() -> list[Entry]:
    """A client knows no session when the time for its answer is over, and by the older rules is taken off hold."""
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.answered(channel)
    story.tell(CallMembersChanged(channel, 2))
    held = story.id_of(InformSession)
    story.tell(TimePassed(), 40)
    story.tell(IqFailed(held, DESK, "item-not-found"))
    story.tell(CallMembersChanged(channel, 0))
    entries = older(story)
    with_commands(entries, -2)
    with_commands(entries, -1, InformSession(BOB, DESK, "s1", "unhold"))
    return entries


def there_after_all() -> list[Entry]:
    """A client has been asked twice whether it rings, and by the older rules only its second answer counts."""
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    story.tell(StreamOpened())
    asked = story.id_of(InformSession)
    story.tell(StreamOpened())
    story.tell(IqSucceeded(asked, DESK))
    entries = older(story)
    with_commands(entries, -1)
    return entries


def overtaken(silent: bool | None) -> list[Entry]:
    """The relay refuses what has been asked again since; the call goes on by the older rules."""
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.tell(CandidatesReceived(story.channel, (Candidate(1, "127.0.0.6", 5000),)))
    first = story.id_of(OfferRelay)
    story.tell(CandidatesReceived(story.channel, (Candidate(1, "127.0.0.7", 5000),)))
    second = story.id_of(OfferRelay)
    if silent is None:
        story.tell(RelayDescribed(second, FOR_PHONE))
        story.described(AnswerRelay, FOR_CLIENT)
        story.tell(TimePassed(), 15)
        entries = older(story)
        with_commands(entries, -1)
        return entries
    story.tell(RelayRefused(first, "It will not.", silent))
    story.tell(RelayDescribed(second, FOR_PHONE))
    entries = older(story)
    with_commands(entries, -2)
    answers = [each.command for each in story.issued if isinstance(each.command, AnswerRelay)]
    with_commands(entries, -1, answers[-1])
    return entries


def ignored_proposal(*earlier: str) -> list[Entry]:
    """A proposal is ignored by the older rules, as there are too many or it comes a second time."""
    story = Story().signed_in()
    for sid in (*earlier, "p1"):
        story.tell(CallProposed(DESK, BOB, sid, ("audio",)))
    entries = older(story)
    with_commands(entries, -1)
    return entries


def begun_call_proposed() -> list[Entry]:
    """A client proposes the call that it has begun; by the older rules it is to begin it again, and is late."""
    story = Story().signed_in()
    story.call_out("s1")
    story.tell(CallProposed(DESK, BOB, "s1", ("audio",)))
    story.tell(TimePassed(), 30)
    entries, done = older(story), [each.command for each in story.last]
    with_commands(entries, -2, MessageCall(BOB, DESK, "s1", CallAction.PROCEED))
    with_commands(entries, -1, MessageCall(BOB, DESK, "s1", CallAction.FINISH, "expired"), *done)
    return entries


@pytest.mark.parametrize(
    ("change", "recorded"),
    [
        (EVERY_PROPOSAL_ANSWERED, lambda: ignored_proposal("p1")),
        (EVERY_PROPOSAL_ANSWERED, lambda: ignored_proposal(*(f"p{number}" for number in range(2, 10)))),
        (EVERY_PROPOSAL_ANSWERED, begun_call_proposed),
        (ALL_THAT_IS_DUE, silent_clients),
        (LATE_REFUSAL, refused_acceptance),
        (LATE_REFUSAL, refused_invitation),
        (LATE_ANSWER, unknown_at_last),
        (LATE_ANSWER, there_after_all),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(False)),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(True)),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(None)),
    ],
)
def test_a_listed_change_explains_what_older_rules_recorded(
    change: RuleChange, recorded: Callable[[], list[Entry]]
) -> None:
    entries = recorded()
    only(entries, change)
    first = next(number for number in range(len(entries)) if verify(entries[: number + 1]).groups)
    where, issued = entries[first]
    entries[first] = where, (*issued, Issued(ALICE, "99.0", TerminateSession("a", "b", "c", "success")))
    assert verify(entries[: first + 1]).differences == 1, "what the change does not explain is a failure"


@pytest.mark.parametrize(
    ("change", "recorded"),
    [
        (ALL_THAT_IS_DUE, silent_clients),
        (LATE_REFUSAL, refused_acceptance),
        (LATE_ANSWER, unknown_at_last),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(False)),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(None)),
        (EVERY_PROPOSAL_ANSWERED, lambda: ignored_proposal("p1")),
        (EVERY_PROPOSAL_ANSWERED, begun_call_proposed),
    ],
)
def test_a_change_does_not_explain_a_fault_or_what_another_call_does(
    change: RuleChange, recorded: Callable[[], list[Entry]]
) -> None:
    found = differing(recorded())
    assert explained(found) == change
    fault = Issued(ALICE, "9.9", Fault("", "KeyError: 1"), found.call_now)
    elsewhere = Issued(ALICE, "9.9", TerminateSession("a", "b", "c", "success"), "99")
    for other in (fault, elsewhere):
        assert explained(replace(found, now=(*found.now, other))) is None, other


def test_only_superfluous_answers_to_a_proposal_may_be_missing() -> None:
    found = differing(begun_call_proposed())
    for action in (CallAction.REJECT, CallAction.FINISH):
        other = Issued(ALICE, found.then[0].id, MessageCall(BOB, DESK, "s1", action), found.call_now)
        assert explained(replace(found, then=(other,))) is None
    waiting = Story().signed_in()
    waiting.tell(CallProposed(DESK, BOB, "s1", ("audio",)))
    assert explained(replace(found, before=waiting.user)) is None
