"""No name is left in what is exported, and it folds to the same commands."""

import re
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace
from simulator.memory import MemoryLog
from simulator.quirks import ALL, NONE
from simulator.runs import a_beginning, at_random, run
from statemachine.story import DESK, OFFER, Story
from statemachine.story import GATEWAY as OURS
from statemachine.user_agent.sessions import STORIES, session

from fargo.calls import CallName, records
from fargo.statemachine import derived
from fargo.statemachine.account.texts import BAD_PORT
from fargo.statemachine.dial_rules import sed
from fargo.statemachine.media.description import Content
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallStateChanged
from fargo.statemachine.model.commands import Issued, SendText
from fargo.statemachine.model.events import (
    ContactAsked,
    GatewayAsked,
    IqMalformed,
    PolicyChanged,
    PresenceProbed,
    RegistrationSubmitted,
    SipAccount,
    Snapshot,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInitiated
from fargo.statemachine.model.requests import AddRule, DialRule
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest
from fargo.statemachine.texts import NO_EMERGENCY_CALLS
from fargo.store.entries import Entry
from replay.exporting.export import ExportError, excerpt, pseudonymised
from replay.exporting.texts import NOT_RENAMABLE
from replay.reading import golden
from replay.verifying.verify import verify

from .story import CLIENT, EVENTS, GATEWAY, NAMES, SESSIONS, USER, fargo, recorded, streams

IN_SIP = (
    *("alice", "bob", "desk", "localhost", "sip.test", "zork", "zoe", "441632960077", "as6f2.b", "9a8b7c"),
    *("127.0.0.", "10.9.8.7", "opaque77x", "nqlm8", "c0ffee", "0123456789abcdef", "cafe.77"),
    *("524287", "df5e92e16d3a9184", ':"nonce"'),
)


# --- names


def test_no_name_is_left(log: Path, tmp_path: Path) -> None:
    kept, target = tmp_path / "kept.jsonl", tmp_path / "call.jsonl"
    golden.write(kept, recorded(*EVENTS))
    golden.write(target, pseudonymised(recorded(*EVENTS)).entries)
    assert not [name for name in NAMES if name not in kept.read_text().lower()], "the story does not have it"
    assert not [name for name in NAMES if name in target.read_text().lower()]
    for call in (6, 8, 9):
        assert fargo("export", f"{USER}/{call}", "--log", log, "-o", target).exit_code == 0
        assert not [name for name in NAMES if name in target.read_text().lower()]


def test_what_the_protocols_say_is_left(tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    golden.write(target, pseudonymised(recorded(*EVENTS)).entries)
    text = target.read_text()
    for kept in (
        *(
            '"urn:xmpp:jingle:apps:rtp:audio"',
            '"PCMU"',
            '"opus"',
            '"sha-256"',
            '"item-not-found"',
            '"unknown-session"',
            '"1.0/1"',
            ":5070",
        ),
        *("Signed in as sip:", '"message":"486 ', ";fg-name=", '"TransportInformed"', "(486)", '"port":5004', "\\\\40"),
    ):
        assert kept in text, kept


def test_people_stay_apart_and_the_same_wherever_they_are_named() -> None:
    told = "\n".join(map(str, pseudonymised(recorded(*EVENTS)).entries)).lower()
    event = next(r.event for r, _ in pseudonymised(recorded(*EVENTS)).entries if isinstance(r.event, CallArrived))
    number = event.caller.partition("%3A%2B")[2].partition("%40")[0]
    assert f"+{number}@" in told, "the number that is called is not the one that calls"


# --- folding


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.stem)
def test_to_rename_what_happened_is_to_rename_what_was_done(session: Path) -> None:
    """It is what `pseudonymised` holds itself, for every command: it would refuse."""
    for entries in streams(session):
        export = pseudonymised(entries)
        assert export.otherwise == ()
        assert verify(export.entries).differences == 0
        text = re.sub(r"(look like|such as) \S+", "", str(export.entries)).lower()  # whom the gateway itself names
        for name in {entries[0][0].user.partition("@")[0], "sip.test", "127.0.0."}:
            assert name not in text


@pytest.mark.parametrize("seed", range(10))
def test_the_same_of_whatever_clients_and_phones_do(seed: int) -> None:
    random = Random(seed)
    done = run(a_beginning(random), at_random(random), ALL if seed % 2 else NONE, 200)
    assert len(done.log) > 100
    export = pseudonymised(done.log)
    assert len(export.entries) == len(done.log)
    assert verify(export.entries).differences == 0
    kinds = [[type(each.command) for each in issued] for _, issued in export.entries]
    assert kinds == [[type(each.command) for each in issued] for _, issued in done.log]


@pytest.mark.parametrize("name", STORIES)
def test_sip_is_exported_without_a_name(name: str, tmp_path: Path) -> None:
    entries = session(name)
    export = pseudonymised(entries)
    assert export.otherwise == ()
    assert verify(export.entries).differences == 0
    assert not [word for word in IN_SIP if word in written(export.entries, tmp_path)]


def test_the_sessions_with_sip_have_all_of_the_names(tmp_path: Path) -> None:
    text = "".join(written(session(name), tmp_path) for name in STORIES)
    assert not [word for word in IN_SIP if word not in text]


def written(entries: tuple[Entry, ...], directory: Path) -> str:
    """Return a golden log with these entries, in lower case."""
    golden.write(directory / "a.jsonl", entries)
    return (directory / "a.jsonl").read_text().lower()


def test_the_call_ids_and_tags_of_ours_are_those_of_the_pseudonyms() -> None:
    """The phone's requests in the dialog have them, too, and so does the Replaces that it sends."""
    (first, *rest) = pseudonymised(session("replacing")).entries
    nonce = next(r.event.nonce for r, _ in rest if isinstance(r.event, RegistrationSubmitted))
    (call,) = records((first, *rest))
    sent = (each for _, issued in rest for each in issued if isinstance(each.command, SendRequest))
    invite = next(each for each in sent if isinstance(each.command, SendRequest) and each.command.method == "INVITE")
    assert call.call_ids == (derived.call_id(nonce, invite.id),)
    replaces = [r.event.headers.replaces for r, _ in rest if isinstance(r.event, InviteReceived)]
    assert {each and each.partition(";from-tag")[0] for each in replaces} == {
        f"{call.call_ids[0]};to-tag={derived.tag(nonce, invite.id)}"
    }


def test_the_name_of_a_dialog_of_a_caller_says_nothing_of_the_call_id() -> None:
    names = [
        {r.event.name for r, _ in entries if isinstance(r.event, InviteReceived)}
        for entries in (session("declined"), pseudonymised(session("declined")).entries)
    ]
    assert [len(each) for each in names] == [1, 1]
    assert not names[0] & names[1]


def test_a_snapshot_with_registrations_is_exported_too() -> None:
    entries = excerpt(MemoryLog(session("held_and_moved")), CallName("alice@localhost", "8"))
    assert isinstance(entries[0][0].event, Snapshot)
    assert entries[0][0].event.registrations
    assert verify(pseudonymised(entries).entries).differences == 0


def test_a_number_of_three_digits_is_a_version_too() -> None:
    """Somebody has the number 100, and an event has the version."""
    events = [PresenceProbed(f"{number}@{GATEWAY}") for number in range(97)]
    entries = pseudonymised(recorded(*EVENTS[:3], *events, PresenceProbed(f"100@{GATEWAY}"))).entries
    assert [issued[0].id for _, issued in entries[99:]] == ["100.0", "101.0"]
    assert "100@" not in str(entries)


def test_what_was_done_otherwise_is_counted_and_exported_as_today() -> None:
    entries = list(recorded(*EVENTS))
    event, _ = entries[8]
    entries[8] = event, (Issued(USER, "9.0", SendText("x", "y", "Secretname")),)
    export = pseudonymised(tuple(entries))
    assert export.otherwise == (9,)
    assert export.entries == pseudonymised(recorded(*EVENTS)).entries


def test_what_does_not_fold_the_same_is_not_exported() -> None:
    """A name is cut where it is longest, and a pseudonym is longer."""
    event = EVENTS[8]
    assert isinstance(event, CallArrived)
    named = replace(event, caller=f"sip:ann@x.net;fg-name={'a.bc%20' * 20}")
    with pytest.raises(ExportError, match=f"^{re.escape(NOT_RENAMABLE.format(version=9))}$"):
        pseudonymised(recorded(*EVENTS[:8], named))


def test_a_word_of_the_programs_own_is_no_name() -> None:
    """The gateway says "signed" too, but it never says "mangled"."""
    export = pseudonymised(recorded(*EVENTS[:2], CallStateChanged("1.1", 6, message="500 signed, mangled")))
    said = export.entries[2][0].event
    assert isinstance(said, CallStateChanged)
    assert said.message.startswith("500 signed, ")
    assert "mangled" not in said.message


def test_a_number_is_never_a_word_of_the_programs_own() -> None:
    """Rather than keep it, nothing is exported."""
    registration = RegistrationSubmitted(Iq(CLIENT, GATEWAY, "r"), SipAccount("ann@x.net", port=99999), "s", "n")
    malformed = IqMalformed(Iq(CLIENT, GATEWAY, "q"), "Call 99999")
    assert BAD_PORT.format(port=99999) in str(pseudonymised(recorded(registration)).entries)
    with pytest.raises(ExportError):
        pseudonymised(recorded(registration, malformed))


@pytest.mark.parametrize("number", ["112", "1-1-2", "(11)2"])
def test_an_emergency_number_is_no_name_however_it_is_written(number: str) -> None:
    policy = PolicyChanged(Policy(emergency_numbers=("112",), emergency="refuse"))
    call = SessionInitiated(Iq(CLIENT, f"{number}@{GATEWAY}", "call"), "s1", (Content("voice"),))
    export = pseudonymised(recorded(policy, call))
    assert NO_EMERGENCY_CALLS in str(export.entries)
    assert export.otherwise == ()


# --- numbers


@pytest.mark.parametrize("country", [None, "GB", "US"])
@pytest.mark.parametrize("roster", ["01632960077", "+44\\20(0)1632\\20960077", "+441632960077", "441632960077"])
def test_a_number_is_renamed_as_it_is_dialled(country: str | None, roster: str) -> None:
    """In each spelling, with all that the core completes of it."""
    initiated = EVENTS[5]
    assert isinstance(initiated, SessionInitiated)
    events = (
        PolicyChanged(Policy(country=country)),
        *EVENTS[:4],
        PresenceProbed(f"{roster}@{GATEWAY}"),
        SessionInitiated(Iq(CLIENT, f"{roster}@{GATEWAY}/fargo", "q1"), "s1", initiated.contents),
        CallArrived("1.0/1", "2.0", "sip:+441632960077@sip.numbat.net:5070;fg-name=Zoe", (), (), 6),
        ContactAsked(Iq(CLIENT, GATEWAY, "q2"), "+44 (0)1632 960-077"),
        ContactAsked(Iq(CLIENT, GATEWAY, "q3"), " tel:01632960077;x=y"),
        ContactAsked(Iq(CLIENT, GATEWAY, "q4"), "Zoe.Dunn@sip.numbat.net:5070"),
        ContactAsked(Iq(CLIENT, GATEWAY, "q5"), "+44 zoe"),
    )
    told = pseudonymised(recorded(*events)).entries
    text = str(told).lower()
    assert not [name for name in ("1632960077", "960077", "960-077", "zoe", "dunn", "numbat") if name in text]
    assert verify(told).differences == 0


def test_a_call_with_a_dial_rule_is_exported_if_pseudonyms_match_it_too() -> None:
    story = Story()
    story.tell(PolicyChanged(Policy(country="GB")))
    story.online()
    story.register(SipAccount("alice@sip.test"))
    for text in ("-o s/^[+]44/0/", "s/^99$/+441632960123/"):
        rule = sed.parsed(text)
        assert isinstance(rule, DialRule)
        story.tell(GatewayAsked(DESK, OURS, AddRule(rule)))
    for number in ("01632960000", "99"):
        story.tell(SessionInitiated(story.iq(f"{number}@{OURS}"), number, (OFFER,)))
    export = str(pseudonymised(tuple(story.entries)).entries)
    assert "s/^[+]44/0/" in export
    assert not [number for number in ("1632960000", "1632960123") if number in export]
    story.tell(GatewayAsked(DESK, OURS, AddRule(DialRule("s/^01632//"))))
    story.tell(SessionInitiated(story.iq(f"01632960000@{OURS}"), "another", (OFFER,)))
    with pytest.raises(ExportError):
        pseudonymised(tuple(story.entries))
