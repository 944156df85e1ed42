"""A call that a phone transfers, as those who read the log are told of it: to whom, and what has failed."""

from pathlib import Path

from simulator.memory import MemoryLog
from sqlite_utils import Database
from statemachine.story import PCMU
from statemachine.user_agent.phone import sdp
from statemachine.user_agent.transferring import AT_DAVES, Transferring

from fargo.calls import Record, records
from fargo.journal import call_line
from fargo.store.entries import Entry
from fargo.store.opening import open_store
from replay.drawing import record_text
from replay.drawing.ladder import ladder
from replay.drawing.messages import messages
from replay.explaining import texts
from replay.explaining.paragraph import details, paragraph
from replay.reading.call_name import find
from replay.reading.records import Wanted, row
from replay.reading.steps import replayed_call

TO = "dave@sip.test"


def session() -> list[Entry]:
    """A call whose phone asks for a transfer to nobody, then to Erin, who is busy, and to Dave, who takes it."""
    story = Transferring()
    story.talking(body=sdp(PCMU))
    story.refers("<mailto:x@y>")
    story.refers("<sip:erin@sip.test>")
    story.dave_responds(486)
    story.refers()
    story.dave_responds(180, phrase="Ringing")
    story.dave_responds(200, sdp(PCMU, at=AT_DAVES), phrase="OK")
    story.hears_notice()
    story.responds(200, to="BYE")
    story.dave_sends("BYE")
    return story.entries


ENTRIES = session()


def call() -> Record:
    (found,) = records(ENTRIES)
    return found


def test_a_call_that_is_transferred_more_than_once_names_all_in_order() -> None:
    story = Transferring()
    story.talking(body=sdp(PCMU))
    story.dave_takes_it()
    story.dave_refers("<sip:erin@sip.test>")
    story.dave_responds(200, sdp(PCMU))
    (told,) = records(story.entries)
    both = f"{TO}, then to erin@sip.test"
    assert record_text.peer(told) == f"to bob@sip.test, transferred to {both}"
    assert dict(details(told))[texts.TRANSFERRED_TO] == both
    assert row(told)["transferred_to"] == "erin@sip.test"
    assert Wanted(peer="dave@").has(told)


def test_a_list_of_calls_says_to_whom() -> None:
    assert record_text.peer(call()) == f"to bob@sip.test, transferred to {TO}"
    assert Wanted(peer="dave@").has(call())


def test_a_call_is_found_by_the_call_id_of_each_phone(tmp_path: Path) -> None:
    told = row(call())
    assert told["transferred_to"] == TO
    assert len(set(call().call_ids)) == len(call().call_ids) == 3
    for each in call().call_ids:
        assert Wanted(call_id=each).has(call())
        assert find(ENTRIES, each) == call().name
    assert call().call_id == call().call_ids[-1]
    open_store(tmp_path / "fargo.db").append(ENTRIES)
    db = Database(tmp_path / "fargo.db")
    assert list(db.query("select * from calls")) == [told]
    steps = [(each["step"], each["target"]) for each in db.query("select * from transfers")]
    assert steps == [
        ("refused", ""),
        *(("asked", "erin@sip.test"), ("failed", "erin@sip.test")),
        *(("asked", TO), ("done", TO)),
    ]


def test_a_call_in_words_says_what_has_become_of_each_transfer() -> None:
    words, facts = paragraph(call(), str), dict(details(call()))
    assert "a transfer to an address that cannot be called, which was refused" in words
    assert "a transfer to erin@sip.test, which failed" in words
    assert f"The phone transferred the call to {TO}." in words
    assert facts[texts.TRANSFERRED_TO] == TO


def test_the_journal_says_to_whom() -> None:
    assert f"alice@localhost called bob@sip.test and transferred to {TO}: " in call_line.line(call())
    assert call_line.fields(call())["transferred_to"] == TO


def test_a_ladder_tells_the_two_phones_apart() -> None:
    steps = list(replayed_call(MemoryLog(ENTRIES), call().name))
    labels = [each.label.text for step in steps for each in messages(step, call().name.id)]
    marked = [each.removesuffix(" (2nd phone)") for each in labels if each.endswith("(2nd phone)")]
    assert marked[-4:] == ["INVITE", "180 Ringing", "200 OK", "ACK"]
    assert any(f"The call was transferred to {TO}." in each for each in labels)
    assert "NOTIFY" in "\n".join(ladder(steps, call().name))
