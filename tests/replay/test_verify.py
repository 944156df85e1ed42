"""Differences are grouped by their kind, told apart from what only follows from them, and none is left out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from fargo.cli import main, texts
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking, jingle_session
from fargo.statemachine.legs.jingle.jingle_session import Session
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Line
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.machine import new
from fargo.statemachine.media.description import Content, Description
from fargo.statemachine.model.call1 import CallStateChanged, CloseChannel, HangUp, PlaceCall
from fargo.statemachine.model.call_records import RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import (
    AskFeatures,
    Command,
    InitiateSession,
    Issued,
    MessageCall,
    RefuseIq,
    SendPresence,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import Event, Recorded, SipSignedIn, Stopping
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import CallAction, SessionAccepted, SessionInformed
from fargo.statemachine.reason import Cause, Reason
from fargo.store.entries import Entry
from fargo.store.opening import open_reader
from replay.reading import golden
from replay.reading.steps import refolded, replayed
from replay.verifying.difference import Difference
from replay.verifying.kinds import DifferenceKind
from replay.verifying.report import report
from replay.verifying.texts import (
    AS_RECORDED,
    CALL_OF_EVENT,
    COMMANDS,
    DIFFERENT,
    EVENT,
    FOLDED,
    FOLLOWING,
    KINDS,
    NONE,
)
from replay.verifying.verify import Group, Verdict, verify

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
ALICE = "alice@localhost"
CALL_IN = SESSIONS / "calls-a-call-in-has-sound-both-ways.jsonl"
TWO_CALLS = SESSIONS / "calls-several-calls-at-once.jsonl"
DECLINED = SESSIONS / "endings-a-client-refuses-a-call-decline-486.jsonl"
UNREACHABLE = SESSIONS / "endings-nobody-who-can-take-a-call-is-online.jsonl"
REFUSED = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy.jsonl"


def fargo(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, args)])


def otherwise(path: Path, type: type, **fields: object) -> Iterator[Entry]:
    """The entries of a log, with other fields in all recorded commands of a type."""
    for recorded, issued in golden.read(path):
        yield (
            recorded,
            tuple(
                replace(each, command=replace(each.command, **fields)) if isinstance(each.command, type) else each
                for each in issued
            ),
        )


def without(path: Path, type: type) -> Iterator[Entry]:
    """The entries of a log, without the recorded commands of a type, the others numbered anew."""
    for recorded, issued in golden.read(path):
        left = [each for each in issued if not isinstance(each.command, type)]
        yield recorded, tuple(replace(each, id=f"{recorded.version}.{n}") for n, each in enumerate(left))


def with_last(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, and the last of them that belongs to a call leads to something more."""
    changed = list(entries)
    last = max(n for n, (recorded, _) in enumerate(changed) if recorded.call)
    recorded, issued = changed[last]
    changed[last] = recorded, (*issued, Issued(recorded.user, "99.0", AskFeatures("a", "b", "c")))
    return changed


def recorded_after(entries: list[Entry], event: Event) -> list[Entry]:
    """One more entry, of what comes next."""
    last = entries[-1][0]
    more = Recorded(last.user, last.version + 1, last.at, event)
    return [list(refolded([*(recorded for recorded, _ in entries), more]))[-1]]


def begun(issued: Issued) -> list[str]:
    return [issued.command.call] if isinstance(issued.command, RecordBegun) else []


def concerns_call(issued: tuple[Issued, ...], call: str) -> bool:
    return any(getattr(each.command, "channel", "").startswith(f"{call}.") for each in issued)


def kinds(verdict: Verdict) -> list[tuple[str, int, int]]:
    return [(str(group.kind), group.count, group.following) for group in verdict.groups.values()]


def kind(group: Group) -> DifferenceKind:
    """Return the kind of differences that no listed change explains."""
    assert isinstance(group.kind, DifferenceKind)
    return group.kind


def told_of(events: int, users: str, different: int) -> str:
    """Return the sentence about so many events, of which so many gave other commands."""
    return DIFFERENT.format(folded=FOLDED.format(events=f"{events} events", users=users), events=f"{different} events")


def test_another_field_is_named_with_what_the_event_met() -> None:
    verdict = verify(otherwise(REFUSED, TerminateSession, condition="gone"))
    assert kinds(verdict) == [("CallStateChanged, Calling | Dialling: TerminateSession with other condition", 1, 0)]


def test_several_changes_of_one_event_are_one_kind() -> None:
    changed = dict(enumerate(otherwise(REFUSED, TerminateSession, text="No", sid="x")))
    last = max(n for n, (recorded, _) in changed.items() if isinstance(recorded.event, CallStateChanged))
    recorded, issued = changed[last]
    changed[last] = recorded, (issued[1], *issued[3:])
    (group,) = verify(changed.values()).groups.values()
    assert kind(group).changes == ("CloseChannel added", "TerminateSession with other sid and text", "NoteEnded added")


def test_the_account_is_named_where_no_call_is_concerned(path: Path) -> None:
    log = open_reader(path)
    entries = [(r, i if not isinstance(r.event, SipSignedIn) else ()) for r, i in log.read("alice@example.org")]
    (group,) = verify(entries).groups.values()
    assert (kind(group).event, kind(group).phases) == ("SipSignedIn", "account Trying")
    assert list(group.touched) == [("", "alice@example.org event 2")]


def test_commands_under_other_ids_are_a_difference() -> None:
    entries = list(golden.read(REFUSED))
    renumbered = [(r, tuple(replace(each, id=f"{each.id}1") for each in i)) for r, i in entries]
    (*_, group) = verify(renumbered).groups.values()
    assert kind(group).changes == ("other ids",)


def test_alike_differences_are_one_group_over_calls_users_and_logs() -> None:
    verdict = Verdict()
    for name in ("one", "two"):
        verify(otherwise(TWO_CALLS, PlaceCall, target="sip:x@y"), name, verdict)
    (group,) = verdict.groups.values()
    assert group.count == len(group.touched) == verdict.differences
    assert {log for log, _ in group.touched} == {"one", "two"}
    assert verdict.differing == {"one": group.count // 2, "two": group.count // 2}
    assert group.first.log == "one"
    assert verdict.users == 2 * verify(golden.read(TWO_CALLS)).users
    assert verdict.events == 2 * len(list(golden.read(TWO_CALLS)))


def test_what_comes_later_in_the_same_call_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command before the session-initiate moves its id, so that nothing that the client answers is heard."""
    initiate = jingle_session.initiate

    def after_a_word(to: Session, content: Content, introduces: bool, effects: Effects, nick: str | None) -> None:
        effects.emit(SendText(to.us, effects.user, "Ring, ring"))
        initiate(to, content, introduces, effects, nick)

    monkeypatch.setattr(jingle_session, "initiate", after_a_word)
    verdict = verify(golden.read(CALL_IN))
    assert kinds(verdict) == [("CallArrived, no call: SendText added", 1, 1)]
    (group,) = verdict.groups.values()
    assert group.first_following is not None
    assert group.first_following.recorded.version == group.first.recorded.version + 1
    assert verdict.differences == 2


def test_a_call_that_is_no_more_has_its_events_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who is refused now: what the client and the phone said later is about that call."""
    refusal = Reason(forking.NOBODY.cause, "Not today.")
    monkeypatch.setattr("fargo.statemachine.incoming._unreachable", lambda user: refusal)
    verdict = verify(golden.read(CALL_IN))
    assert [(kind(group).event, group.count) for group in verdict.groups.values()] == [("CallArrived", 1)]
    assert verdict.differences > 4


def test_another_call_does_not_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of a user that differs by itself counts."""
    place = sip_leg.place

    def elsewhere(line: Line, offer: Description, effects: Effects) -> SipLeg:
        return place(replace(line, connection=f"{line.connection}x"), offer, effects)

    monkeypatch.setattr(sip_leg, "place", elsewhere)
    verdict = verify(golden.read(TWO_CALLS))
    (group,) = verdict.groups.values()
    placed = [e for _, i in golden.read(TWO_CALLS) for e in i if isinstance(e.command, PlaceCall)]
    assert group.count == len(placed) > 1
    assert group.following == 0


def test_what_no_call_is_concerned_by_is_behind_all_that_comes() -> None:
    changed = list(without(CALL_IN, AskFeatures))
    recorded, issued = changed[-1]
    changed[-1] = recorded, (*issued, Issued(recorded.user, "99.0", SendText("a", "b", "c")))
    assert kinds(verify(changed)) == [("ResourceAvailable, account Registered: AskFeatures added", 1, 1)]


@pytest.mark.parametrize(
    ("session", "type", "fields"),
    [
        (REFUSED, SendPresence, {"status": "?"}),
        (REFUSED, RecordEnded, {"text": "?"}),
        (REFUSED, TerminateSession, {"text": "?"}),
        (DECLINED, HangUp, {"message": "?"}),
    ],
)
def test_nothing_follows_from_what_only_people_read(session: Path, type: type, fields: dict[str, str]) -> None:
    verdict = verify(with_last(otherwise(session, type, **fields)))
    assert len(verdict.groups) > 1
    assert verdict.differences == sum(group.count for group in verdict.groups.values())


def test_what_else_a_command_says_has_consequences() -> None:
    (group,) = verify(with_last(otherwise(REFUSED, CloseChannel, channel="x"))).groups.values()
    assert group.following == 1


def test_an_event_that_names_its_session_only_is_about_that_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is acknowledged as long as there is a call, and nothing else says so."""
    entries = list(golden.read(CALL_IN))
    accepted = next(n for n, (recorded, _) in enumerate(entries, 1) if isinstance(recorded.event, SessionAccepted))
    session = entries[accepted - 1][0].event
    assert isinstance(session, SessionAccepted)
    entries = entries[:accepted]
    entries += recorded_after(entries, SessionInformed(replace(session.iq, id="i"), session.sid, "mute"))
    refusal = Reason(forking.NOBODY.cause, "Not today.")
    monkeypatch.setattr("fargo.statemachine.incoming._unreachable", lambda user: refusal)
    assert [(kind(group).event, group.count) for group in verify(entries).groups.values()] == [("CallArrived", 1)]


def test_a_call_without_a_session_has_no_name() -> None:
    """An event that names no session or channel does not belong to the call."""
    entries = list(golden.read(UNREACHABLE))
    changed = [(r, ()) if isinstance(r.event, Stopping) else (r, i) for r, i in entries]
    (group,) = verify(changed).groups.values()
    assert group.first.calls == ()


def test_calls_that_did_not_differ_are_apart_from_those_that_did() -> None:
    """The first call has differed when the second begins; that begins well, and then differs twice."""
    entries = list(golden.read(TWO_CALLS))
    first, second, *_ = (call for _, issued in entries for each in issued for call in begun(each))
    of_second = [n for n, (r, i) in enumerate(entries) if i and r.version > int(second) and concerns_call(i, second)]
    assert len(of_second) > 1
    for place in (int(first) - 1, *of_second[-2:]):
        recorded, issued = entries[place]
        entries[place] = recorded, (*issued, Issued(recorded.user, "9.9", AskFeatures("a", "b", "c")))
    verdict = verify(entries)
    assert [group.count + group.following for group in verdict.groups.values()] == [1, 2]


@pytest.mark.parametrize(
    "refusal",
    [
        RefuseIq(Iq("a", "b", "i"), "cancel", "conflict", ""),
        MessageCall("b", "a", "s", CallAction.REJECT),
        RecordEnded("7", Side.GATEWAY, Cause.BUSY, ""),
    ],
)
def test_it_is_seen_that_a_call_is_refused_only_today(refusal: Command) -> None:
    entries = golden.read(REFUSED)
    recorded = next(recorded for recorded, _ in entries if recorded.call == str(recorded.version))
    issued = (Issued(ALICE, "7.0", refusal),)
    known = Difference("", recorded, (), issued, None, new(ALICE))
    assert known.refuses_otherwise
    assert not replace(known, then=issued).refuses_otherwise
    assert not replace(known, recorded=replace(recorded, call="1")).refuses_otherwise


def test_one_users_trouble_is_not_anothers(path: Path) -> None:
    entries = [(r, ()) for r, _ in open_reader(path).read()]
    groups = verify(entries).groups.values()
    assert [group.count for group in groups] == [1, 1]  # the first of each, which all else of theirs follows from
    assert [group.following for group in groups] == [4, 1]


def test_the_report_shows_the_first_of_each_kind_and_names_all() -> None:
    verdict = verify(otherwise(CALL_IN, InitiateSession, sid="x"), "in.jsonl")
    verify(otherwise(REFUSED, TerminateSession, condition="gone"), "out.jsonl", verdict)
    told = list(report(verdict))
    assert told[:5] == [
        "1. CallArrived, no call: InitiateSession with other sid",
        "   1 time, in",
        f"     in.jsonl: {ALICE}/7",
        "   The first, in in.jsonl:",
        f"2026-11-23 08:20:45.563  {ALICE}  event 7",
    ]
    assert told[told.index("2. CallStateChanged, Calling | Dialling: TerminateSession with other condition") - 1] == ""
    assert "  -       condition  gone" in told
    assert "  +       condition  busy" in told
    assert told[-4:] == [
        "in.jsonl: 1 event",
        "out.jsonl: 1 event",
        told_of(verdict.events, "2 users", 2),
        KINDS.format(kinds="2 kinds", following=0),
    ]


def test_a_whole_report() -> None:
    assert list(report(verify(without(TWO_CALLS, CloseChannel)))) == [
        "1. CallStateChanged, Terminated | Ending: CloseChannel added",
        "   2 times, in",
        f"     {ALICE}/7, {ALICE}/8",
        "   The first:",
        f"2026-11-23 08:21:02.432  {ALICE}  event 38",
        "    CallStateChanged(leg=7.1, state=6, reason=2)",
        COMMANDS,
        "  + 38.0  CloseChannel(channel=7.1)",
        "",
        told_of(44, "1 user", 2),
        KINDS.format(kinds="1 kind", following=0),
    ]


def test_a_difference_within_a_line_is_shown_as_two_lines() -> None:
    told = list(report(verify(otherwise(REFUSED, TerminateSession, text="sip.test says: Busy There (486)"))))
    at = told.index("  -       text       'sip.test says: Busy There (486)'")
    assert told[at + 1] == "  +       text       'sip.test says: “Busy Here” (486)'"
    assert told[at + 2].startswith("    12.2  NoteEnded(")


def test_a_report_breaks_lines_between_calls_only() -> None:
    verdict = verify(otherwise(TWO_CALLS, PlaceCall, target="x"))
    (group,) = verdict.groups.values()
    name = f"a-{'very-' * 20}long-name@example.org/7"
    group.touched |= {("", name): None}
    told = list(report(verdict))
    assert told[2:4] == [f"     {ALICE}/7, {ALICE}/8,", f"     {name}"]


def test_a_command_that_is_missing() -> None:
    entries = [(r, (*i, Issued(r.user, "9.9", SendText("a", "b", "c"))) if i else i) for r, i in golden.read(REFUSED)]
    groups = verify(entries).groups.values()
    assert {kind(group).changes for group in groups} == {("SendText missing",)}


def test_an_event_that_meets_two_calls_names_the_phases_of_both() -> None:
    """The gateway stops while one client calls and another talks."""
    entries = list(golden.read(TWO_CALLS))
    apart = next(
        number
        for number, step in enumerate(replayed(entries), 1)
        if {type(call.jingle).__name__ for call in step.after.calls.values()} == {"Calling", "Active"}
    )
    ((stopped, _),) = recorded_after(entries[:apart], Stopping())
    (group,) = verify([*entries[:apart], (stopped, ())]).groups.values()
    assert str(group.kind).startswith("Stopping, Active | Talking and Calling | Dialling: ")
    assert "HangUp added; SendPresence added; " in str(group.kind)
    assert len(group.first.calls) == 2


def of_another_call(path: Path, type: type) -> Iterator[Entry]:
    """The entries of a log, with another call of all recorded commands of a type."""
    for recorded, issued in golden.read(path):
        yield recorded, tuple(replace(each, call="5") if isinstance(each.command, type) else each for each in issued)


def test_a_command_of_another_call_is_a_difference() -> None:
    verdict = verify(of_another_call(REFUSED, CloseChannel))
    assert kinds(verdict) == [("CallStateChanged, Calling | Dialling and no call: CloseChannel of another call", 1, 0)]
    told = list(report(verdict))
    assert [line.split()[:4] for line in told if "CloseChannel(" in line] == [
        ["-", "12.0", "(call", "5)"],
        ["+", "12.0", "(call", "7)"],
    ]


def test_an_event_of_another_call_is_a_difference() -> None:
    entries = list(golden.read(REFUSED))
    place = next(n for n, (recorded, issued) in enumerate(entries) if recorded.call and not issued)
    entries[place] = replace(entries[place][0], call=None), ()
    (group,) = verify(entries).groups.values()
    assert str(group.kind) == "CallStateChanged, Calling | Dialling: event of another call"
    assert CALL_OF_EVENT.format(then=NONE, now="7") in list(report(verify(entries)))


def test_older_rules_named_no_calls_so_none_are_compared() -> None:
    for entries in (of_another_call(REFUSED, CloseChannel), golden.read(REFUSED)):
        assert verify((replace(r, call="5", rules=1), i) for r, i in entries).differences == 0


def test_the_report_tells_what_follows() -> None:
    changed = list(without(CALL_IN, AskFeatures))
    changed[-1] = changed[-1][0], (Issued(ALICE, "99.0", SendText("a", "b", "c")),)
    told = list(report(verify(changed)))
    follows = FOLLOWING.format(events="1 event", first=EVENT.format(user=ALICE, version=changed[-1][0].version))
    assert follows in told
    assert told[-1] == KINDS.format(kinds="1 kind", following=1)


def test_a_directory_is_all_golden_logs_in_it(path: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    entries = list(open_reader(path).read())
    golden.write(logs / "b.jsonl", entries)
    golden.write(logs / "a.jsonl", [(recorded, ()) for recorded, _ in entries])
    (logs / "README.md").write_text("no log")
    result = fargo("verify", logs, path)
    assert result.exit_code == 1
    assert f"{logs / 'a.jsonl'}: " in result.stdout.splitlines()[-3]
    assert f"\n{FOLDED.format(events='27 events', users='6 users')}: " in result.stdout
    assert f"{logs / 'b.jsonl'}: " not in result.stdout
    (logs / "a.jsonl").unlink()
    folded = FOLDED.format(events="18 events", users="4 users")
    assert fargo("verify", logs, path).stdout == f"{AS_RECORDED.format(folded=folded)}\n"


def test_a_directory_without_logs_is_told(tmp_path: Path) -> None:
    result = fargo("verify", tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"Error: {texts.NO_GOLDEN_LOG.format(path=tmp_path)}\n")
    assert fargo("verify").exit_code == 2
