"""A call is exported without a name of anybody in it, and folds; it comes back as a log, or as a test."""

import re
import stat
import subprocess
import sys
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from simulator.memory import MemoryLog
from simulator.quirks import ALL, NONE
from simulator.runs import a_beginning, at_random, run
from statemachine.user_agent.sessions import STORIES, session

from fargo.cli import main, texts
from fargo.statemachine import derived
from fargo.statemachine.account.texts import BAD_PORT
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Fingerprint,
    IceUdp,
    Parameter,
    RawUdp,
    Source,
)
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallStateChanged
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import ForgetSecret, Issued, SendText
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    Iq,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PolicyChanged,
    PresenceProbed,
    Recorded,
    RegistrationAsked,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SessionInitiated,
    SessionTerminated,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    Snapshot,
    SubscriptionAction,
    SubscriptionChanged,
    TransportInformed,
)
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest
from fargo.statemachine.texts import NO_EMERGENCY_CALLS
from fargo.store.entries import Entry
from fargo.store.opening import open_reader, open_store
from replay.exporting import pytest_file
from replay.exporting.export import ExportError, excerpt, pseudonymised
from replay.exporting.texts import NOT_RENAMABLE
from replay.reading import golden
from replay.reading.call_name import CallName
from replay.reading.records import records
from replay.reading.steps import refolded, replayed_call
from replay.reading.texts import UNKNOWN_CALL
from replay.verifying.verify import verify

SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))
BAD_JID = next(path for path in SESSIONS if "a-jid-that-is-no-sip-address" in path.name)
TWO_CALLS = Path(__file__).parents[2] / "replay/sessions/calls-several-calls-at-once.jsonl"

USER, GATEWAY = "karla.moll@quokka.net", "sip.wombat.net"
CLIENT = f"{USER}/Gajim.K7Q2X9"
CALLABLE = ("1", "apps:rtp:1", "apps:rtp:audio", "transports:raw-udp:1")
ICE = IceUdp(
    "Uf7rag", "Pw9dSecretXY", (Candidate(1, "192.168.77.5", 5004, "cand17x", foundation="31337"),),
    Fingerprint("sha-256", "actpass", "7C:4E:B9:01:B9:5C:A0:D9:D3:D8"),
)  # fmt: skip
PLAIN = Description(
    "audio", (Codec(0, "PCMU", 8000), Codec(98, "Zorkcodec", 8000)), RawUdp((Candidate(1, "192.168.77.5", 5004),))
)
OFFER = Description(
    "audio", (Codec(111, "opus", 48000, 2),), ICE, ssrc="4614800201",
    sources=(Source("4614800201", (Parameter("cname", "rQo0ENuFM"),)),),
)  # fmt: skip
HOSTILE = "Call Karla at +49 30 98765432 or jörg@emu.net, sip:zoe%40yak.org@10.77.1.2; PIN 48151"
EVENTS: tuple[Event, ...] = (
    RegistrationSubmitted(
        Iq(CLIENT, GATEWAY, "reg-5591"),
        SipAccount("sip:Karla.Moll@sip.numbat.net:5070", "k.moll-auth", "proxy.numbat.net"),
        "vaultname99", "NoNcE5x9",
    ),
    SipSignedIn("1.0"),
    ResourceAvailable(CLIENT, GATEWAY, "https://gajim.quoll.org#QgayPKawpkPSDYmwT/WM94uAlu0="),
    FeaturesLearned("3.0", CLIENT, (*(f"urn:xmpp:jingle:{each}" for each in CALLABLE), "eu.siacs.dingo+notify")),
    SubscriptionChanged(rf"zoe\20dunn\40yak.org@{GATEWAY}", SubscriptionAction.SUBSCRIBE),
    SessionInitiated(
        Iq(CLIENT, rf"zoe\20dunn\40yak.org@{GATEWAY}/x", "iq-8841"), "sid-Zk81", (Content("v", description=PLAIN),)
    ),
    CallStateChanged("6.1", 6, 8, message="486 Zoe Dunn (10.77.1.2) is with jörg@emu.net"),
    SessionInitiated(
        Iq(CLIENT, f"+493098765432@{GATEWAY}/x", "iq-8842"), "sid-Zk82", (Content("v", description=OFFER),)
    ),
    CallArrived(
        "1.0/1", "1.0",
        "sip:j%C3%B6rg@emu.net:5062;fg-to=karla;fg-name=J%C3%B6rg%20Emuson;fg-pai=%22Emuson%22%20%3Csip%3A%2B493098765432%40emu.net%3E;fg-cid=cid771%4010.77.1.2",
        PLAIN.codecs, (Candidate(1, "10.77.1.2", 7078),), 3,
    ),
    IqSucceeded("9.0", CLIENT),
    TransportInformed(
        Iq(CLIENT, f"jörg%emu.net@{GATEWAY}/fargo", "iq-8843"), "NoNcE5x99",
        (Content("v", transport=ICE),),
    ),
    SessionTerminated(Iq(CLIENT, rf"jörg%emu.net\3a5062@{GATEWAY}/fargo", "iq-8844"), "NoNcE5x99", "decline", HOSTILE),
    IqFailed("12.2", CLIENT, "item-not-found", HOSTILE, "unknown-session"),
    IqMalformed(Iq(CLIENT, GATEWAY, "iq-8845"), f"“{HOSTILE}” is not a number."),
    RegistrationAsked(Iq(CLIENT, GATEWAY, "iq-8846")),
    SipSignedOut("1.0", SipTrouble.CREDENTIALS, HOSTILE),
)  # fmt: skip
NAMES = (
    *("karla", "moll", "quokka", "wombat", "gajim", "k7q2x9", "numbat", "vaultname99", "nonce5x9", "quoll"),
    *(
        "qgaypkawpkpsdymwt",
        "wm94ualu0",
        "siacs",
        "dingo",
        "zoe",
        "dunn",
        "yak.org",
        "zk81",
        "zk82",
        "jörg",
        "j%c3%b6rg",
    ),
    *("emu.net", "emuson", "493098765432", "98765432", "48151", "771", "10.77.1.2", "192.168.77.5", "uf7rag"),
    *("pw9dsecretxy", "cand17x", "31337", "7c:4e:b9", "4614800201", "rqo0enufm", "zorkcodec", "5591", "8841"),
)

IN_SIP = (
    *("alice", "bob", "desk", "localhost", "sip.test", "zork", "zoe", "441632960077", "as6f2.b", "9a8b7c"),
    *("127.0.0.", "10.9.8.7", "opaque77x", "nqlm8", "c0ffee", "0123456789abcdef", "cafe.77"),
    *("524287", "a407cafa5dae9c2e", ':"nonce"'),
)
FORGET = ForgetSecret("secret")


def fargo(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, args)])


def recorded(*events: Event) -> tuple[Entry, ...]:
    told = enumerate(events, 1)
    return tuple(refolded(Recorded(USER, version, 1_750_000_000 + version, event) for version, event in told))


def streams(path: Path) -> list[tuple[Entry, ...]]:
    """The entries of a golden log, by user."""
    entries = tuple(golden.read(path))
    users = dict.fromkeys(recorded.user for recorded, _ in entries)
    return [tuple(entry for entry in entries if entry[0].user == user) for user in users]


def calls(entries: tuple[Entry, ...]) -> list[CallName]:
    commands = [(recorded.user, each.command) for recorded, issued in entries for each in issued]
    return [CallName(user, command.call) for user, command in commands if isinstance(command, RecordBegun)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The story above, and another user's."""
    path = tmp_path / "fargo.db"
    log = open_store(path)
    other = Recorded("nobody@else.net", 1, 1.75e9, RegistrationAsked(Iq("nobody@else.net/x", GATEWAY, "q")))
    log.append([*recorded(*EVENTS), *refolded([other])])
    log.close()
    return path


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
    """What the phone sends in the dialog has them, too, and what it wants to replace."""
    (first, *rest) = pseudonymised(session("replacing")).entries
    nonce = next(r.event.nonce for r, _ in rest if isinstance(r.event, RegistrationSubmitted))
    (call,) = records((first, *rest))
    invite = next(each for _, issued in rest for each in issued if isinstance(each.command, SendRequest))
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
    entries = excerpt(MemoryLog(session("held_and_moved")), CallName("alice@localhost", "6"))
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


# --- what is exported


@pytest.mark.parametrize("session", [TWO_CALLS, BAD_JID, *SESSIONS[::9]], ids=lambda session: session.stem)
def test_a_call_has_all_that_it_rests_on_and_nothing_later(session: Path) -> None:
    for entries in streams(session):
        for call in calls(entries):
            first, *rest = excerpt(MemoryLog(chain(entries, recorded(*EVENTS))), call)
            end = rest[-1][0].version if rest else first[0].version
            assert (first, *rest) == entries[:end] or isinstance(first[0].event, Snapshot)
            assert tuple(rest) == entries[end - len(rest) : end]
            of_call = [step.recorded.version for step in replayed_call(MemoryLog(entries), call)]
            exported = MemoryLog([first, *rest])
            assert [step.recorded.version for step in replayed_call(exported, call)] == of_call
            assert of_call[-1] == end
            assert next(entry for entry in (first, *rest) if entry[0].version == int(call.id)) in entries
            assert verify([first, *rest]).differences == 0


def test_a_call_ends_where_it_ends_and_not_where_its_client_leaves() -> None:
    """A refused call of a moment; its client comes and goes for days, and probes contacts."""
    session = SESSIONS[0].parent / "endings-a-refused-call-says-why-404-not-found-gone.jsonl"
    entries = list(golden.read(session))
    [call] = calls(tuple(entries))
    (last, _), user = entries[-1], call.user
    later: list[Event] = [
        ResourceUnavailable(f"{user}/laptop", GATEWAY),
        ResourceAvailable(f"{user}/laptop", GATEWAY),
        PresenceProbed(GATEWAY),
    ] * 20
    days = [Recorded(user, last.version + n, last.at + n * 3600, event) for n, event in enumerate(later, 1)]
    log = MemoryLog(refolded([*(recorded for recorded, _ in entries), *days]))
    own = [recorded.version for recorded, _ in log.call(user, call.id)]
    assert own[-1] <= last.version
    assert [step.recorded.version for step in replayed_call(log, call)] == own
    (first, _), *rest = excerpt(log, call)
    assert isinstance(first.event, Snapshot)
    assert [recorded.version for recorded, _ in rest] == list(range(own[0], own[-1] + 1))


def test_what_was_before_is_condensed_as_late_as_may_be() -> None:
    """Call 9 begins when nothing else goes on, but for a session of call 8 that the client has not acknowledged."""
    (first, _), *rest = excerpt(MemoryLog(recorded(*EVENTS)), CallName(USER, "6"))
    assert (type(first.event), first.version, len(rest)) == (Snapshot, 5, 2)


def test_a_call_that_begins_in_another_is_not_cut_off_from_it() -> None:
    entries = tuple(golden.read(TWO_CALLS))
    first, second, *_ = calls(entries)
    (beginning, _), *_ = excerpt(MemoryLog(entries), second)
    assert beginning.version < int(first.id)


def test_what_cannot_be_condensed_is_left_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Because nothing ever was, or because it would lead to something else."""
    entries = recorded(*EVENTS)
    monkeypatch.setattr("replay.exporting.export.condensed", lambda user: None)
    assert excerpt(MemoryLog(entries), CallName(USER, "6")) == entries[:7]
    monkeypatch.setattr("replay.exporting.export.condensed", lambda user: Snapshot())
    assert excerpt(MemoryLog(entries), CallName(USER, "6")) == entries[:7]


def test_only_the_calls_user_is_exported(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    result = fargo("export", f"{USER}/6", "--log", log, "-o", target)
    assert result.stdout == ""
    assert result.stderr == f"{texts.EXPORTED.format(path=target, count=3)}\n"
    assert len({recorded.user for recorded, _ in golden.read(target)}) == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_with_names_it_is_what_is_in_the_log(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    result = fargo("export", f"{USER}/6", "--log", log, "-o", target, "--with-names")
    assert result.stderr == f"{texts.EXPORTED_WITH_NAMES.format(path=target, count=3, user=USER)}\n"
    assert tuple(golden.read(target)) == excerpt(MemoryLog(recorded(*EVENTS)), CallName(USER, "6"))


def test_commands_of_another_version_are_told(tmp_path: Path) -> None:
    log, target = tmp_path / "old.jsonl", tmp_path / "call.jsonl"
    entries = [(r, tuple(e for e in i if not isinstance(e.command, SendText))) for r, i in recorded(*EVENTS)]
    golden.write(log, entries)
    result = fargo("export", f"{USER}/9", "--log", log, "-o", target)
    assert result.stderr.endswith(f"\n{texts.EXPORT_DIFFERS.format(count=1)}\n")
    assert verify(golden.read(target)).differences == 0


def test_what_cannot_be_exported_is_told(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    missing = fargo("export", "77", "--log", log, "-o", target)
    assert (missing.exit_code, target.exists()) == (2, False)
    assert UNKNOWN_CALL.format(name="77", others="").rstrip() in missing.stderr
    nowhere = fargo("export", "9", "--log", log, "-o", tmp_path / "no/where")
    assert (nowhere.exit_code, nowhere.stderr) == (
        2,
        f"Error: {texts.NOT_WRITABLE.format(path=tmp_path / 'no/where', why='No such file or directory')}\n",
    )


# --- back again


def test_an_import_is_a_log_like_any_other(log: Path, tmp_path: Path) -> None:
    exported, made = tmp_path / "call.jsonl", tmp_path / "new.db"
    fargo("export", f"{USER}/12", "--log", log, "-o", exported)
    fargo("export", f"{USER}/9", "--log", log, "-o", exported)
    result = fargo("import", exported, "--log", made)
    assert (result.exit_code, result.stderr) == (0, f"{made}: 8 events.\n")
    back = open_reader(made)
    assert tuple(back.read()) == tuple(golden.read(exported))
    back.close()
    assert fargo("verify", made).exit_code == 0
    for command in (["ladder", "9"], ["step", "9"]):
        assert fargo(*command, "--log", made).stdout == fargo(*command, "--log", exported).stdout != ""
    again = fargo("export", "9", "--log", made, "-o", tmp_path / "again.jsonl", "--with-names")
    assert again.exit_code == 0
    assert (tmp_path / "again.jsonl").read_bytes() == exported.read_bytes()


def test_an_import_leaves_what_is_there_alone(log: Path, tmp_path: Path) -> None:
    before = log.read_bytes()
    result = fargo("import", SESSIONS[0], "--log", log)
    assert (result.exit_code, result.stderr) == (2, f"Error: {texts.ALREADY_EXISTS.format(path=log)}\n")
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (recorded(*EVENTS)[1:], " has lost events: event 2 of "),
        ((recorded(*EVENTS)[0],) * 2, " cannot be used as a log: UNIQUE constraint failed: "),
        (((recorded(EVENTS[0])[0][0], (Issued(USER, "7.0", FORGET),)),), texts.COMMANDS_MISNUMBERED),
        (((recorded(EVENTS[0])[0][0], (Issued(USER, "1.x", FORGET),)),), texts.COMMANDS_MISNUMBERED),
    ],
)  # fmt: skip
def test_what_would_not_be_a_log_is_refused(entries: tuple[Entry, ...], problem: str, tmp_path: Path) -> None:
    source, made = tmp_path / "bad.jsonl", tmp_path / "new.db"
    golden.write(source, entries)
    result = fargo("import", source, "--log", made)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {texts.NOT_IMPORTED.format(path=source, problem='')}")
    assert problem in result.stderr
    assert not list(tmp_path.glob("new.db*"))


def test_what_is_no_golden_log_is_refused(log: Path, tmp_path: Path) -> None:
    assert fargo("import", tmp_path / "none.jsonl", "--log", tmp_path / "new.db").exit_code == 2
    assert not (tmp_path / "new.db").exists()


# --- as a test


def test_a_test_passes_and_can_fail(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "test_call.py"
    result = fargo("export", f"{USER}/9", "--log", log, "-o", target, "--as-test")
    assert result.exit_code == 0
    assert not [name for name in NAMES if name in target.read_text().lower()]

    def ran() -> "subprocess.CompletedProcess[str]":
        # Without bytecode, which would be that of the file before: it is as long, and may be as old in seconds.
        command: list[str | Path] = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["--rootdir", tmp_path, target]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)

    passed = ran()
    assert passed.returncode == 0, passed.stdout
    target.write_text(target.read_text().replace('condition="busy"', 'condition="gone"'))
    failed = ran()
    assert failed.returncode == 1
    assert "AssertionError: event 7" in failed.stdout


@pytest.mark.parametrize("session", SESSIONS[::9], ids=lambda session: session.stem)
def test_a_test_is_well_formed(session: Path, tmp_path: Path) -> None:
    """As this project's own files have to be."""
    for number, entries in enumerate(streams(session)):
        (tmp_path / f"test_{number}.py").write_text(pytest_file.written(entries))
    for check in (["check", "--select", "E,F,I,UP"], ["format", "--check"]):
        ruff: list[str | Path] = [sys.executable, "-m", "ruff", *check, "--no-cache", "--line-length", "120", tmp_path]
        assert subprocess.run(ruff, check=False, capture_output=True).returncode == 0
