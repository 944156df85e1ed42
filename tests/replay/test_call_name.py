"""A call is found by its name, or by less; what means no call, or several, is told with those there are."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from statemachine.user_agent.sessions import session

from fargo.calls import CallName, records
from fargo.statemachine.model.call1 import CallArrived
from fargo.statemachine.model.call_records import Direction, RecordBegun, RecordDialog, RecordEnded
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, Restarted
from fargo.store.entries import Entry, has_call_records
from fargo.store.opening import open_reader
from replay.reading import golden, texts
from replay.reading.call_name import CallNameError, find
from replay.reading.golden import GoldenLog
from replay.reading.steps import replayed_call

ALICE, DAVE = "alice@example.org", "dave@example.org"
SESSIONS = Path(__file__).parents[2] / "replay/sessions"


def begun(user: str, id: str, session: str = "") -> Entry:
    note = RecordBegun(id, Direction.IN, "bob@example.net", session=session)
    return Recorded(user, int(id), 1e9, Restarted()), (Issued(user, f"{id}.0", note, id),)


CALLS = [begun(ALICE, "5", "a"), begun(ALICE, "14", "b"), begun(DAVE, "5", "c"), begun(DAVE, "6", "a")]


@pytest.mark.parametrize(
    ("name", "call"),
    [(f"{ALICE}/5", (ALICE, "5")), ("14", (ALICE, "14")), ("c", (DAVE, "5")), (f"{DAVE}/6", (DAVE, "6"))],
)
def test_a_name_that_means_one_call(name: str, call: tuple[str, str]) -> None:
    assert find(CALLS, name) == call
    assert str(CallName(*call)) == f"{call[0]}/{call[1]}"


@pytest.mark.parametrize("name", ["5.1", "song", "5", f"{ALICE}/5"])
def test_a_call_out_by_all_of_its_names(path: Path, name: str) -> None:
    assert find(open_reader(path).call_entries(), name) == (ALICE, "5")


def test_a_call_in_is_found_by_its_channel() -> None:
    log = GoldenLog(SESSIONS / "calls-a-call-in-has-sound-both-ways.jsonl")
    [(recorded, arrived)] = [(r, r.event) for r, _ in log.call_entries() if isinstance(r.event, CallArrived)]
    assert find(log.call_entries(), arrived.channel) == (recorded.user, str(recorded.version))


@pytest.mark.parametrize("place", [0, 1])
def test_a_call_is_found_by_each_of_its_call_ids(place: int) -> None:
    entries = session("relayed")
    (call,) = records(entries)
    assert find(entries, call.call_ids[place]) == call.name


def test_a_call_id_of_several_calls_lists_them() -> None:
    """A caller may choose it as it likes."""
    dialog = RecordDialog("14", "b", "sip:bob@x.test", "sip:alice@y.test")
    entry = Recorded(ALICE, 15, 1e9, Restarted()), (Issued(ALICE, "15.0", dialog, "14"),)
    assert find([*CALLS, entry], "b") == (ALICE, "14")
    other = Recorded(DAVE, 15, 1e9, Restarted()), (Issued(DAVE, "15.0", replace(dialog, call="6"), "6"),)
    ambiguous = texts.AMBIGUOUS_CALL.format(name="b", calls=f"{ALICE}/14, {DAVE}/6")
    with pytest.raises(CallNameError, match=f"^{re.escape(ambiguous)}$"):
        find([*CALLS, entry, other], "b")


def test_a_name_of_several_calls_lists_them() -> None:
    ambiguous = texts.AMBIGUOUS_CALL.format(name="5", calls=f"{ALICE}/5, {DAVE}/5")
    with pytest.raises(CallNameError, match=f"^{re.escape(ambiguous)}$"):
        find(CALLS, "5")


def test_an_unknown_name_lists_the_latest_calls() -> None:
    with pytest.raises(CallNameError) as told:
        find([begun(ALICE, str(each)) for each in range(1, 14)], "99")
    latest = ", ".join(f"{ALICE}/{each}" for each in range(4, 14))
    others = texts.CALLS_IN_LOG.format(calls=texts.EARLIER_CALLS.format(calls=latest, number=3))
    assert str(told.value) == texts.UNKNOWN_CALL.format(name="99", others=others)
    with pytest.raises(CallNameError, match=re.escape(texts.UNKNOWN_CALL.format(name="", others=texts.NO_CALLS))):
        find([], "")


def test_entries_with_notes_are_the_same_from_either_log(path: Path, tmp_path: Path) -> None:
    log = open_reader(path)
    golden.write(tmp_path / "a.jsonl", log.read())
    told = GoldenLog(tmp_path / "a.jsonl")
    assert list(told.call_entries()) == list(log.call_entries()) == list(filter(has_call_records, log.read()))
    assert list(told.read("dave@example.org")) == list(log.read("dave@example.org"))
    assert list(log.call_entries("dave@example.org")) == []
    assert list(log.call_entries(None, 6)) == list(told.call_entries(None, 6)) == list(log.call_entries())[1:]
    assert (log.position(), log.version("dave@example.org"), log.version("nobody")) == (len(log), 2, 0)
    assert (told.position(), told.version("dave@example.org"), told.version("nobody")) == (len(log), 2, 0)
    assert len(told) == len(log)


def test_a_call_that_was_refused_at_once_has_its_step() -> None:
    log = GoldenLog(SESSIONS / "bad-input-a-jid-that-is-no-sip-address-is-refused-sip.jsonl")
    ended = next(iter(log.call_entries()))[1][-1].command
    assert isinstance(ended, RecordEnded)
    call = find(log.call_entries(), ended.call)
    assert [str(step.recorded.version) for step in replayed_call(log, call)] == [call.id]
