"""Logs that the first version of the rules wrote (commit a124aa3): they name no calls, and are read, drawn, exported
and verified like any other. `fargo.db` has calls of each kind, each of a user of its own, and three runs of the
simulator; the golden logs beside it are some of the same.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from simulator.memory import MemoryLog
from simulator.quirks import ALL
from simulator.runs import a_beginning_of, at_random, run
from sqlite_utils import Database

from fargo.calls import Record, records
from fargo.cli import main
from fargo.statemachine.account.roster import shown_contacts
from fargo.statemachine.model.call_records import CallRecord, RecordAccount, RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import Command, Fault, Issued, SendPresence, SendText, ShowContacts
from fargo.statemachine.model.events import StreamOpened
from fargo.statemachine.model.ng import OfferRelay
from fargo.statemachine.user_state import User
from fargo.store.correlation import correlated
from fargo.store.entries import Entry, calls_of
from fargo.store.opening import open_reader, open_store
from replay.drawing.ladder import ladder
from replay.exporting.export import excerpt, pseudonymised
from replay.reading import golden
from replay.reading.golden import GoldenLog
from replay.reading.records import row
from replay.reading.steps import refolded, replayed, replayed_call
from replay.verifying.listed.comparing import without_texts
from replay.verifying.listed.outages import probing
from replay.verifying.listed.strangers import nameless, shows_to_client, unintroduced
from replay.verifying.verify import verify

OLD = Path(__file__).parents[1] / "fixtures/logs/a124aa3"
GOLDEN = sorted(OLD.glob("*.jsonl"))
LOGS = [OLD / "fargo.db", *GOLDEN]
LED_ON = {
    "simulated-1@localhost": {"33", "90"},
    "simulated-4@localhost": {"12", "14", "16", "32", "87"},
    "simulated-5@localhost": {"13", "19", "21"},
}
"""Calls that ended when the relay was restarted, and go on by today's rules (`RELAY_ASKED_AGAIN`); one that another is
in the way of, as that goes on; and those whose end is said until clients are back (`CLIENTS_AWAITED`).
"""
ONE_NAME = 10
"""In this run a client calls under the session id of a call of ours that has ended: no log tells to which of the two
a goodbye belongs that is repeated.
"""


def entries(path: Path) -> list[Entry]:
    """Return what a log has once it has been brought up to date."""
    if path.suffix == ".jsonl":
        return list(GoldenLog(path).read())
    with closing(open_reader(path)) as log:
        return list(log.read())


def told(path: Path, tmp_path: Path) -> list[Entry]:
    """Return the entries of a log, with callers as the contacts that they are today (`CALLERS_ARE_CONTACTS`): clients
    answer the JID that calls them.
    """
    copy = tmp_path / "told.jsonl"
    lines = golden.written(entries(path)).replace(b"bob%sip.test@sip.localhost", b"bob@sip.localhost")
    copy.write_bytes(lines)
    return list(golden.read(copy))


def seen(log: Path) -> list[Record]:
    return records(entries(log))


def without_calls(log: tuple[Entry, ...]) -> Iterator[Entry]:
    """Yield entries as the first version of the rules would have recorded them."""
    ids: dict[str, str] = {}
    for recorded, issued in log:
        for each in issued:
            if isinstance(each.command, RecordBegun):
                ids[each.command.call] = str(recorded.version)
        then = tuple(replace(each, command=with_id(each.command, ids), call=None) for each in issued)
        yield replace(recorded, call=None, rules=1), then


def with_id(command: Command, ids: dict[str, str]) -> Command:
    """Name a call after the event that it was recorded with, and no channel."""
    if isinstance(command, RecordBegun):
        return replace(command, call=ids[command.call], channel=None)
    if isinstance(command, CallRecord | Fault):
        return replace(command, call=ids.get(command.call, command.call) if command.call else None)
    return command


def only_what_is_late_differs(found: Iterable[Entry], today: Iterable[Entry]) -> None:
    """An event that comes when its call is over leads to nothing. By its names it may still be of that call."""
    for (then, issued), (now, _) in zip(found, today, strict=True):
        if then.call != now.call and not LED_ON.get(then.user, set()) & {then.call, now.call}:
            assert (now.call, issued) == (None, ())


def alike(command: Command) -> Command:
    """Return the command without what `MORE_CODECS`, `WHO_FAILED`, `STRANGERS_SHOWN` and `NICKS_TOLD` have changed."""
    match command:
        case OfferRelay():
            return replace(command, transcode=())
        case RecordEnded():
            return replace(command, by=Side.GATEWAY)
        case _:
            return nameless(unintroduced(command))


def comparable(entry: Entry, before: User) -> list[tuple[Command, str | None]]:
    """Return the commands, each with its call, without texts and without those of calls that go on today. Their ids
    are left out, as they count the others. What the gateway asks again today when the stream is open was a probe
    (`PRESENCE_ASKED_AGAIN`), and each contact was shown by itself (`CONTACTS_TOGETHER`). That an account is not signed
    in yet is left out, as each attempt was shown (`TRIED_SOONER`), and so are the message about a missed call
    (`MISSED_CALLS`), presence for one client only (`STRANGERS_SHOWN`), and what `alike` leaves out.
    """
    recorded, issued = entry
    led_on = LED_ON.get(recorded.user, set())
    reopened = isinstance(recorded.event, StreamOpened)
    return [
        (probing(each.command) if reopened else alike(each.command), each.call)
        for each in without_texts(tuple(with_each_contact(issued, before)))
        if each.call not in led_on and not shows_attempt(each.command) and not isinstance(each.command, SendText)
        if not shows_to_client(each.command)
    ]


def shows_attempt(command: Command) -> bool:
    """Return True if the command may show an attempt to sign in."""
    return (isinstance(command, SendPresence) and command.show == "xa") or (
        isinstance(command, RecordAccount) and not command.signed_in
    )


def with_each_contact(issued: Iterable[Issued], before: User) -> Iterator[Issued]:
    """Yield the commands, with one for each contact in place of one that shows all."""
    for each in issued:
        if isinstance(each.command, ShowContacts):
            yield from (replace(each, command=shown) for shown in shown_contacts(before.contacts, each.command))
        else:
            yield each


def comparison(found: Iterable[Entry]) -> Iterator[tuple[Entry, Entry, bool]]:
    """Yield what was recorded, what would be today, and True if both are the same by `comparable`."""
    found = list(found)
    today = refolded(recorded for recorded, _ in found)
    for then, now, step in zip(found, today, replayed(found), strict=True):
        yield then, now, comparable(then, step.before) == comparable(now, step.before)


def with_other_commands(found: tuple[Entry, ...]) -> Iterator[int]:
    """Yield the versions of the events whose commands differ today, in nothing but their texts, or because of a call
    that goes on.
    """
    for then, now, same in comparison(found):
        if then[1] != now[1] and same:
            yield then[0].version


# --- what is found out


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_every_command_has_the_call_that_it_is_issued_for_today(path: Path, tmp_path: Path) -> None:
    found = told(path, tmp_path)
    compared = list(comparison(found))
    assert all(same for *_, same in compared)
    assert {recorded.rules for recorded, _ in found} == {1}
    only_what_is_late_differs(found, [now for _, now, _ in compared])


@pytest.mark.parametrize("seed", [seed for seed in range(13) if seed != ONE_NAME])
def test_the_same_of_whatever_clients_and_phones_do(seed: int) -> None:
    random = Random(seed)
    log = run(a_beginning_of("telepathy", random), at_random(random), ALL, 200).log
    found = list(correlated(without_calls(log)))
    assert [issued for _, issued in found] == [issued for _, issued in log]
    only_what_is_late_differs(found, log)


def test_what_was_found_out_is_found_out_again() -> None:
    found = entries(OLD / "fargo.db")
    assert list(correlated(found)) == found


def test_what_names_its_calls_is_left_alone() -> None:
    found = [(replace(recorded, rules=2, call="7"), issued) for recorded, issued in entries(GOLDEN[0])]
    assert list(correlated(found)) == found


def test_a_call_that_was_proposed_is_named_after_its_proposal() -> None:
    log = GoldenLog(OLD / "proposals-a-proposed-call-out-is-put-through.jsonl")
    [call] = records(log.call_entries())
    types = [type(recorded.event).__name__ for recorded, _ in log.call(call.name.user, call.name.id)]
    assert types[:2] == ["CallProposed", "SessionInitiated"]
    assert call.name.id == str(next(iter(log.call(call.name.user, call.name.id)))[0].version)


# --- and what is done with it


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_it_verifies(path: Path) -> None:
    assert verify(entries(path)).differences == 0


def test_it_verifies_on_the_command_line() -> None:
    result = CliRunner().invoke(main, ["replay", "verify", str(OLD), str(OLD / "fargo.db")])
    assert (result.exit_code, result.exception) == (0, None)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_every_call_is_drawn_and_exported(path: Path, tmp_path: Path) -> None:
    log = MemoryLog(told(path, tmp_path))
    drawn = Counter[str]()
    for call in records(log.read()):
        steps = list(replayed_call(log, call.name))
        assert all(call.name.id in calls_of((step.recorded, step.issued)) for step in steps)
        drawn.update(word for line in ladder(steps, call.name, 120) for word in line.split())
        exported = excerpt(log, call.name)
        assert exported[-1][0].version == steps[-1].recorded.version
        export = pseudonymised(exported)
        assert export.otherwise == tuple(with_other_commands(exported))
        assert verify(export.entries).differences == 0
    assert not drawn or {"XMPP", "client", "gateway"} <= drawn.keys()


def test_there_are_calls_of_each_kind() -> None:
    calls = seen(OLD / "fargo.db")
    assert {call.direction for call in calls} == {"in", "out"}
    assert {call.audio for call in calls} == {"", "direct", "relay"}
    assert {"hung-up", "not-found", "unavailable", "cancelled"} <= {call.cause for call in calls}
    assert {"proposed-in", "proposed-out", "missed"} <= {call.name.user.partition("@")[0] for call in calls}


def test_the_gateway_brings_the_file_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD / "fargo.db", path)
    before = entries(path)
    assert path.read_bytes() == (OLD / "fargo.db").read_bytes(), "to read it leaves it as it is"
    for _ in range(2):
        with closing(open_store(path)) as log:
            assert list(log.read()) == before
            for call in records(before):
                own = [entry for entry in log.read(call.name.user) if call.name.id in calls_of(entry)]
                assert list(log.call(call.name.user, call.name.id)) == own != []
    assert list(Database(path).query("select * from calls")) == [row(call) for call in records(before)]
