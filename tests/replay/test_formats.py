"""Logs of earlier versions, kept as they were written, still open. `before-notes.db`: from before anything was noted
about calls, with a registration, a busy phone, and two calls at once.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec.structs import asdict, replace
from sqlite_utils import Database

from fargo.backfill import backfill
from fargo.calls import records
from fargo.statemachine.address import SipUri
from fargo.statemachine.media.description import Content
from fargo.statemachine.model.call_records import Direction, RecordAccount, RecordBegun
from fargo.statemachine.model.commands import (
    AskFeatures,
    Command,
    Fault,
    InformSession,
    MessageCall,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SignIn,
)
from fargo.statemachine.model.events import Event, RegistrationSubmitted, ResourceAvailable, SipAccount, Snapshot
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, ContentChanged, SessionInformed
from fargo.statemachine.model.presence import Client
from fargo.statemachine.model.registrations import Awaited, Registration
from fargo.statemachine.model.sip_messages import SendRegister, SendRequest
from fargo.statemachine.model.sip_values import Challenge, DigestCredentials, Hop, Identity, Party
from fargo.store.codec import decode_command, decode_event, encode
from fargo.store.formats import EVENT_OF_ACTION, UPCASTS, upcast
from fargo.store.opening import open_reader, open_store
from replay.reading.records import row
from replay.verifying.verify import verify

OLD = Path(__file__).parents[1] / "fixtures/logs/before-notes.db"


def test_an_old_log_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    with closing(open_reader(path, backfill)) as log:
        assert verify(log.read()).differences == 0
        calls = records(log.call_entries())
    assert [(str(call.name), call.cause) for call in calls] == [
        ("alice@example.org/5", "busy"),
        ("alice@localhost/7", "hung-up"),
        ("alice@localhost/8", "hung-up"),
    ]
    assert path.read_bytes() == OLD.read_bytes()
    assert [each.name for each in tmp_path.iterdir()] == ["fargo.db"]


def test_the_gateway_brings_it_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    with closing(open_reader(path, backfill)) as log:
        before = list(log.read())
    open_store(path, backfill).close()
    with closing(open_reader(path, backfill)) as log:
        assert list(log.read()) == before
        assert list(Database(path).query("select * from calls")) == [row(call) for call in records(log.call_entries())]
    assert len(list(Database(path).query("select * from accounts"))) == 2


@pytest.mark.parametrize("table", ["events", "commands"])
def test_what_was_there_is_as_it_was(tmp_path: Path, table: str) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    open_store(path, backfill).close()
    old, new = (list(values(file, table)) for file in (OLD, path))
    assert all(each in new for each in old)


def values(path: Path, table: str) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a log: where each is, and the event or command that its body means."""
    decode = decode_event if table == "events" else decode_command
    for each in Database(path).table(table).rows:
        where = (each["user"], each["version"], each["at"]) if table == "events" else (each["event"], each["place"])
        yield *where, decode(each["type"], each["format"], each["body"])


def test_what_was_done_twice_in_one_turn_stays_twice(tmp_path: Path) -> None:
    path = tmp_path / "fargo.db"
    shutil.copy(OLD, path)
    again = "insert into commands select event, max(place) + 1, type, format, body from commands group by event"
    with Database(path).conn as conn:
        conn.execute(again)
    open_store(path, backfill).close()
    places = Database(path).query("select count(*) as number, max(place) as last from commands group by event")
    assert all(each["last"] == each["number"] - 1 for each in places)
    with closing(open_reader(path, backfill)) as log:
        assert len(records(log.call_entries())) == 3


@pytest.mark.parametrize("kind", [each for each in get_args(ContentChanged) if each.action in EVENT_OF_ACTION])
def test_an_action_in_a_field_is_read_as_the_event_of_that_action(kind: type[ContentChanged]) -> None:
    iq = {"sender": "alice@localhost/a", "to": "bob@sip.localhost", "id": "1"}
    body = {"type": "SessionModified", "iq": iq, "sid": "s", "action": kind.action, "contents": [{"name": "voice"}]}
    event: object = msgspec.convert(upcast("SessionModified", 1, body), Event)
    assert event == kind(Iq("alice@localhost/a", "bob@sip.localhost", "1"), "s", (Content("voice"),))


IQ = Iq("alice@localhost/a", "sip.localhost", "1")
ACCOUNT = {"address": "", "auth_user": "", "proxy": "", "port": 0, "transport": "udp"}
WITHOUT_VALUES: tuple[tuple[dict[str, object], Event | Command], ...] = (
    ({"type": "Fault", "call": "", "error": "KeyError: 1"}, Fault(None, "KeyError: 1")),
    ({"type": "Fault", "call": "7", "error": "KeyError: 1"}, Fault("7", "KeyError: 1")),
    ({"type": "AskFeatures", "sender": "", "to": "a", "caps": ""}, AskFeatures("", "a", None)),
    (
        {"type": "CallMessaged", "sender": "a", "to": "b", "sid": "s", "action": "reject", "condition": "", "text": ""},
        CallMessaged("a", "b", "s", CallAction.REJECT),
    ),
    (
        {"type": "Condensed", "secret": "", "nonce": "", "gateway": "", "clients": {"a": {"caps": "", "asked": ""}}},
        Snapshot(clients={"a": Client(None)}),
    ),
    (
        {"type": "Condensed", "account": ACCOUNT, "secret": "s", "nonce": "n", "gateway": "g"},
        Snapshot(SipAccount("", transport="udp"), "s", "n", "g"),
    ),
    ({"type": "InformSession", "sender": "a", "to": "b", "sid": "", "info": ""}, InformSession("a", "b", "", None)),
    (
        {"type": "MessageCall", "sender": "a", "to": "b", "sid": "s", "action": "reject", "condition": ""},
        MessageCall("a", "b", "s", CallAction.REJECT),
    ),
    ({"type": "NoteAccount", "address": "", "status": ""}, RecordAccount()),
    (
        {"type": "NoteBegun", "call": "1", "direction": "in", "peer": "", "name": "", "session": ""},
        RecordBegun("1", Direction.IN, None),
    ),
    (
        {"type": "RefuseIq", "iq": asdict(IQ), "kind": "wait", "condition": "gone", "text": "", "jingle": ""},
        RefuseIq(IQ, "wait", "gone", ""),
    ),
    (
        {"type": "RegistrationSubmitted", "iq": asdict(IQ), "account": ACCOUNT, "secret": "", "nonce": "n"},
        RegistrationSubmitted(IQ, SipAccount("", transport="udp"), None, "n"),
    ),
    ({"type": "ResourceAvailable", "resource": "a", "to": "b", "caps": ""}, ResourceAvailable("a", "b")),
    ({"type": "SendRegistrationForm", "iq": asdict(IQ), "account": None}, SendRegistrationForm(IQ, None)),
    (
        {"type": "SendRegistrationForm", "iq": asdict(IQ), "account": ACCOUNT},
        SendRegistrationForm(IQ, SipAccount("", transport="udp")),
    ),
    (
        {"type": "SendPresence", "sender": "a", "to": "b", "kind": "probe", "show": "", "status": ""},
        SendPresence("a", "b", PresenceKind.PROBE),
    ),
    (
        {"type": "SessionInformed", "iq": asdict(IQ), "sid": "s", "info": "", "namespace": "", "digit": ""},
        SessionInformed(IQ, "s", None),
    ),
    ({"type": "SignIn", "account": ACCOUNT, "secret": "s"}, SignIn(SipAccount("", transport="udp"), "s")),
)


@pytest.mark.parametrize(("written", "value"), WITHOUT_VALUES)
def test_a_field_without_a_value_was_empty(written: dict[str, object], value: Event | Command) -> None:
    name, format, body = encode(value)
    decode = decode_event if isinstance(value, Event) else decode_command
    assert decode(name, 1, msgspec.json.encode(written).decode()) == value
    assert decode(name, format, body) == value


def test_every_such_field_is_among_these() -> None:
    others = {"SessionModified", "SendRequest", "SendRegister"}
    assert {written["type"] for written, _ in WITHOUT_VALUES} == UPCASTS.keys() - others


ANSWER = {"challenge": {"realm": "sip.test", "nonce": "n1", "proxy": True}, "user": "alice", "secret": "s1"}
ANSWERS = (DigestCredentials(Challenge("sip.test", "n1", True), "alice", "s1"),)
ALICE = "sip:alice@sip.test"
REQUESTS: tuple[tuple[dict[str, object], SendRequest | SendRegister], ...] = (
    (
        {
            **{"type": "SendRequest", "dialog": "7.1", "method": "BYE", "uri": ALICE, "call_id": "c", "cseq": 2},
            **{"sender": {"uri": ALICE}, "recipient": {"uri": ALICE}},
        },
        SendRequest("7.1", "BYE", ALICE, "c", 2, Party(ALICE), Party(ALICE)),
    ),
    (
        {
            **{"type": "SendRegister", "connection": "2.0", "address": {"uri": ALICE}, "call_id": "c", "cseq": 2},
            **{"tag": "t", "hop": {"host": "sip.test"}},
        },
        SendRegister("2.0", Identity(ALICE), "c", 2, "t", Hop("sip.test")),
    ),
)


@pytest.mark.parametrize(("written", "value"), REQUESTS)
def test_a_request_could_answer_one_challenge(written: dict[str, object], value: SendRequest | SendRegister) -> None:
    for answer, answers in (({}, ()), ({"credentials": ANSWER}, ANSWERS)):
        body = msgspec.json.encode({**written, **answer}).decode()
        assert decode_command(str(written["type"]), 1, body) == replace(value, credentials=answers)


@pytest.mark.parametrize(("before", "realms"), [({"realm": "sip.test"}, ("sip.test",)), ({}, ())])
def test_a_registration_had_one_realm(before: dict[str, object], realms: tuple[str, ...]) -> None:
    registration = Registration(
        SipUri("alice", "sip.test"), Hop("sip.test"), "alice", "s1", "c", "t", awaited=Awaited("2.1", 1.0, 3600)
    )
    snapshot = Snapshot(SipAccount(ALICE), "s1", "n", "g", registrations={"2.0": registration})
    name, format, today = encode(snapshot)
    body = msgspec.json.decode(today)
    body["registrations"]["2.0"] |= before
    body["registrations"]["2.0"]["awaited"]["nonces"] = ["n1"]
    expected = replace(snapshot, registrations={"2.0": replace(registration, realms=realms)})
    for written in (1, 2):
        assert decode_event(name, written, msgspec.json.encode(body).decode()) == expected
    assert decode_event(name, format, encode(expected)[2]) == expected
