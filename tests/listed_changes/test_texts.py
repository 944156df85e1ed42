"""Changes of the rules about what people are shown."""

from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import fields, replace
from statemachine.registering import Registering
from statemachine.story import ALICE, Story

from fargo.statemachine.model.commands import (
    Command,
    PresenceKind,
    RefuseIq,
    SendPresence,
    ShowContacts,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import PresenceProbed, SipSignedOut, SipTrouble
from fargo.statemachine.model.rules import (
    CONTACTS_TOGETHER,
    MISSED_CALLS,
    PLAIN_SENTENCES,
    REFUSED_AS_SILENT,
    STRANGERS_SHOWN,
)
from fargo.statemachine.model.sip_messages import RegisterUndelivered, Undelivered
from fargo.store.entries import Entry
from replay.reading.golden import GoldenLog
from replay.verifying.listed.comparing import FOR_PEOPLE
from replay.verifying.verify import verify

from .older_rules import before, older, only, with_commands

OLD_SENTENCES = Path(__file__).parents[1] / "fixtures/logs/a124aa3/proposals-a-missed-call-leaves-a-message.jsonl"


def test_other_sentences_are_explained_and_nothing_else_is() -> None:
    entries = list(GoldenLog(OLD_SENTENCES).read())
    explained = verify(entries)
    assert (explained.differences, {*explained.groups}) == (0, {PLAIN_SENTENCES, MISSED_CALLS, STRANGERS_SHOWN})
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
    texts = (str, str | None)
    found = {(kind.__name__, each.name) for kind in get_args(Command) for each in fields(kind) if each.type in texts}
    assert {each for each in found if each[1] in FOR_PEOPLE} == {
        ("AcceptIq", "text"),
        ("AnswerCommand", "text"),
        ("HangUp", "message"),
        ("MessageCall", "text"),
        ("RecordAccount", "status"),
        ("RecordEnded", "text"),
        ("RecordPath", "why"),
        ("RecordTransfer", "why"),
        ("RefuseIq", "text"),
        ("RefuseText", "text"),
        ("RejectContents", "text"),
        ("SendPresence", "status"),
        ("SendText", "text"),
        ("TerminateSession", "text"),
    }


def with_contacts(count: int) -> list[Entry]:
    """Return a log in which an account with contacts is lost, and in which the older rules showed each contact."""
    story = Story().signed_in()
    for number in range(count):
        story.tell(PresenceProbed(f"{number}@sip.localhost"))
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.NETWORK))
    entries = older(story)
    commands = [each.command for each in story.last]
    [place] = [at for at, each in enumerate(commands) if isinstance(each, ShowContacts)]
    each = [SendPresence(f"{n}@sip.localhost/fargo", ALICE, PresenceKind.UNAVAILABLE) for n in range(count)]
    with_commands(entries, -1, *commands[:place], *each, *commands[place + 1 :])
    return entries


@pytest.mark.parametrize("count", [1, 3])
def test_contacts_that_are_shown_at_once_are_explained_and_nothing_else_is(count: int) -> None:
    only(with_contacts(count), CONTACTS_TOGETHER)
    for wrong in (
        SendPresence("0@sip.localhost/fargo", ALICE, PresenceKind.AVAILABLE),
        SendPresence("9@sip.localhost/fargo", ALICE, PresenceKind.UNAVAILABLE),
    ):
        entries = with_contacts(count)
        gone = SendPresence("0@sip.localhost/fargo", ALICE, PresenceKind.UNAVAILABLE)
        with_commands(entries, -1, *[wrong if each.command == gone else each.command for each in entries[-1][1]])
        assert verify(entries).differences == 1


def test_another_change_explains_what_differs_beside_the_contacts() -> None:
    entries = with_contacts(2)
    commands = [each.command for each in entries[-1][1]]
    worded = [
        replace(each, status="Gone.") if isinstance(each, SendPresence) and each.status else each for each in commands
    ]
    assert worded != commands
    with_commands(entries, -1, *worded)
    only(entries, PLAIN_SENTENCES)


def test_a_server_that_refuses_is_explained_as_one_that_is_silent() -> None:
    story = Registering()
    story.submit()
    story.undelivered(Undelivered.REFUSED)
    [refusal] = [each.command for each in story.last if isinstance(each.command, RefuseIq)]
    worded = replace(refusal, text="It refuses connections.")
    told = [worded if each.command == refusal else each.command for each in story.last]
    for why, explains in ((Undelivered.REFUSED, True), (Undelivered.SILENT, False)):
        entries = before(REFUSED_AS_SILENT, story)
        with_commands(entries, -1, *told)
        recorded, issued = entries[-1]
        assert isinstance(recorded.event, RegisterUndelivered)
        entries[-1] = replace(recorded, event=replace(recorded.event, why=why)), issued
        verdict = verify(entries)
        assert (verdict.differences == 0) is explains
        assert (list(verdict.groups) == [REFUSED_AS_SILENT]) is explains
