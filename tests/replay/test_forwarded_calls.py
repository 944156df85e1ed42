"""A call that is forwarded, as those who read the log are told of it: whereto, and both legs."""

from pathlib import Path

from simulator.memory import MemoryLog
from sqlite_utils import Database
from statemachine.forwarding import TARGET, Forwarding
from statemachine.user_agent.sessions import session

from fargo.calls import Record, records
from fargo.journal import call_line
from fargo.statemachine.model.call_records import Side
from fargo.store.opening import open_store
from replay.drawing import record_text
from replay.drawing.ladder import ladder
from replay.drawing.messages import messages, phases
from replay.explaining import texts
from replay.explaining.paragraph import details, paragraph
from replay.reading.records import Wanted, row
from replay.reading.steps import replayed_call

TO = f"{TARGET}@sip.test"
ENTRIES = session("forwarded")


def call() -> Record:
    (found,) = records(ENTRIES)
    return found


def test_a_list_of_calls_says_whereto_and_which_phone_ended_it() -> None:
    assert record_text.peer(call()) == f"from Bob (bob@sip.test), forwarded to {TO}"
    assert record_text.ending(call()).startswith("forwarded-to phone: ")
    assert record_text.audio(call()).startswith("direct, PCMA, held ")
    assert Wanted(peer="1632 960111").has(call())


def test_programs_are_told_both_legs(tmp_path: Path) -> None:
    told = row(call())
    assert (told["forwarded_to"], told["client"], told["ended_by"]) == (TO, TO, "phone")
    assert (told["call_id"], told["sip_from"]) == ("call-of-bob", "sip:bob@sip.test")
    assert told["forwarded_call_id"] not in ("", told["call_id"])
    assert told["early_audio"] is not None
    for call_id in ("call_id", "forwarded_call_id"):
        assert Wanted(call_id=str(told[call_id])).has(call())
    open_store(tmp_path / "fargo.db").append(ENTRIES)
    assert list(Database(tmp_path / "fargo.db").query("select * from calls")) == [told]


def test_a_call_in_words_says_what_has_become_of_it() -> None:
    words, facts = paragraph(call(), str), dict(details(call()))
    assert f"No client took the call, and it was forwarded to {TO}." in words
    assert "by the number that it was forwarded to" in words
    assert facts[texts.FORWARDED_TO] == TO
    assert texts.CLIENT not in facts
    assert "between the two phones" in facts[texts.AUDIO]


def test_the_journal_says_whereto() -> None:
    line = call_line.line(call())
    assert f"alice@localhost was called by Bob (bob@sip.test) and forwarded to {TO}: " in line
    assert "(the number it was forwarded to)" in line
    assert call_line.fields(call())["forwarded_to"] == TO


def test_a_ladder_tells_the_two_phones_apart() -> None:
    steps = list(replayed_call(MemoryLog(ENTRIES), call().name))
    labels = [each.label.text for step in steps for each in messages(step, call().name.id)]
    assert [each.removesuffix(" (2nd phone)") for each in labels if each.endswith("(2nd phone)")] == [
        *("INVITE", "183 Session Progress", "200 OK", "ACK", "INVITE (sendonly)", "200 OK (recvonly)", "BYE", "200 OK"),
    ]
    assert any("has put the caller on hold." in each for each in labels)
    assert phases(steps[3].after, call().name.id) == ["confirmed", "confirmed"]
    assert "(2nd phone)" in "\n".join(ladder(steps, call().name))


def test_a_caller_who_ends_it_is_told_apart() -> None:
    story = Forwarding().joined()
    story.sends("BYE")
    (ended,) = records(story.entries)
    assert (ended.ended_by, ended.forwarded_ended) == (Side.PHONE, False)
    assert record_text.ending(ended).startswith("phone: ")
