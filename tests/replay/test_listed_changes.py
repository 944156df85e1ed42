"""Each listed change of the rules explains what older rules have recorded, and nothing else.

Stories are told to today's code, and then written down as the older rules did.
"""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace
from statemachine.relayed import FOR_CLIENT, FOR_PHONE, Relayed
from statemachine.story import ALICE, BOB, DESK, PCMU, PHONE_ADDRESS, Story

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.phases import TelepathyLeg, TelepathyStep
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent
from fargo.statemachine.media.description import Candidate, MediaProfile
from fargo.statemachine.model.call1 import CallArrived, CallMembersChanged, CandidatesReceived, CloseChannel, HangUp
from fargo.statemachine.model.commands import (
    AcceptSession,
    Command,
    Fault,
    InformSession,
    InitiateSession,
    Issued,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, IqSucceeded, StreamOpened, TimePassed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed, RelayRefused
from fargo.statemachine.model.rules import (
    ALL_THAT_IS_DUE,
    END_AFTER_FAULT,
    LATE_REFUSAL,
    PLAIN_SENTENCES,
    REFUSAL_OF_OVERTAKEN,
    RuleChange,
)
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.reading.golden import GoldenLog
from replay.verifying.changes import FOR_PEOPLE
from replay.verifying.verify import Verdict, verify


def older(story: Story) -> list[Entry]:
    """Return what a story has recorded, as if older rules had folded it."""
    return [(replace(recorded, rules=1), issued) for recorded, issued in story.entries]


def with_commands(entries: list[Entry], place: int, *commands: Command) -> None:
    """The event led to these commands by the older rules."""
    recorded, _ = entries[place]
    named = [Issued(recorded.user, f"{recorded.version}.{n}", command) for n, command in enumerate(commands)]
    entries[place] = recorded, tuple(named)


def only(entries: list[Entry], change: RuleChange) -> Verdict:
    """See that the change explains all differences. By today's rules they would be a failure."""
    entries = list(correlated(entries))
    verdict = verify(entries)
    assert [group.kind for group in verdict.groups.values()] == [change]
    assert verdict.differences == 0
    today = [(replace(recorded, rules=change.version), issued) for recorded, issued in entries]
    assert verify(today).differences > 0
    return verdict


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


@pytest.mark.parametrize(
    ("change", "recorded"),
    [
        (ALL_THAT_IS_DUE, silent_clients),
        (LATE_REFUSAL, refused_acceptance),
        (LATE_REFUSAL, refused_invitation),
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


def test_the_end_after_a_fault_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older rules said less, and did not say it again when the stream had been lost."""
    fold = telepathy_leg.fold

    def broken(leg: TelepathyLeg, event: TelepathyEvent, effects: Effects) -> TelepathyStep:
        if isinstance(event, CallMembersChanged):
            raise ZeroDivisionError("a bug")
        return fold(leg, event, effects)

    monkeypatch.setattr(telepathy_leg, "fold", broken)
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    fault, ends = story.the(Fault), story.the(TerminateSession)
    story.tell(StreamOpened())
    again = [each.command for each in story.last]
    entries = older(story)
    with_commands(entries, -2, fault, ends, HangUp(channel, 9), CloseChannel(channel), story.noted()[-1])
    with_commands(entries, -1, *(each for each in again if each != ends))
    verdict = only(entries, END_AFTER_FAULT)
    assert verdict.explained == 2
    with_commands(entries, -2, replace(fault, error="KeyError: 1"), ends)
    assert verify(entries).differences > 0


OLD_SENTENCES = Path(__file__).parents[1] / "fixtures/logs/a124aa3/proposals-a-missed-call-leaves-a-message.jsonl"


def test_other_sentences_are_explained_and_nothing_else_is() -> None:
    entries = list(GoldenLog(OLD_SENTENCES).read())
    assert only(entries, PLAIN_SENTENCES).explained > 1
    [place] = [at for at, entry in enumerate(entries) if any(isinstance(i.command, TerminateSession) for i in entry[1])]
    recorded, issued = entries[place]
    end = next(at for at, each in enumerate(issued) if isinstance(each.command, TerminateSession))
    others = [
        replace(issued[end], command=replace(issued[end].command, condition="busy")),
        replace(issued[end], id="9.9"),
    ]
    for other in ([], *([each] for each in others)):
        entries[place] = recorded, (*issued[:end], *other, *issued[end + 1 :])
        assert verify(entries).differences == 1
    entries[place] = recorded, issued
    assert verify(entries).differences == 0


def test_only_texts_for_people_may_differ() -> None:
    found = {(kind.__name__, field) for kind in get_args(Command) for field in kind.__struct_fields__}
    assert {each for each in found if each[1] in FOR_PEOPLE} == {
        ("HangUp", "message"),
        ("MessageCall", "text"),
        ("RecordAccount", "status"),
        ("RecordEnded", "text"),
        ("RecordPath", "why"),
        ("RefuseIq", "text"),
        ("SendPresence", "status"),
        ("SendText", "text"),
        ("TerminateSession", "text"),
    }
