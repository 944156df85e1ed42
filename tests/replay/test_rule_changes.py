"""A difference that a listed change of the rules explains is reported under the change's name, and is no failure."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from fargo.cli import main
from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import AskFeatures, Issued, SendPresence, TerminateSession
from fargo.statemachine.model.rules import CHANGES, RULES, RuleChange
from fargo.store.entries import Entry
from replay.reading import golden
from replay.verifying import texts
from replay.verifying.changes import EXPLANATIONS
from replay.verifying.difference import Difference
from replay.verifying.report import report
from replay.verifying.verify import verify

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
REFUSED = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy.jsonl"
CHANGE = RuleChange(RULES, "busy is not gone", "A phone that is busy ends the session with another condition.")
Register = Callable[[RuleChange, Callable[[Difference], bool]], None]


def other_condition(difference: Difference) -> bool:
    """Explain recorded session-terminates that had the condition "gone"."""
    then = tuple(
        replace(each, command=replace(each.command, condition="busy"))
        if isinstance(each.command, TerminateSession) and each.command.condition == "gone"
        else each
        for each in difference.then
    )
    return then == difference.now


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """List a made-up change for the time of the test."""

    def register(change: RuleChange, explains: Callable[[Difference], bool]) -> None:
        monkeypatch.setattr(rules, "CHANGES", (*rules.CHANGES, change))
        monkeypatch.setitem(EXPLANATIONS, change.name, explains)

    return register


def older(version: int = RULES - 1) -> list[Entry]:
    """Return a session as older rules would have recorded it: another condition stands in its session-terminate."""
    return [
        (
            replace(recorded, rules=version),
            tuple(
                replace(each, command=replace(each.command, condition="gone"))
                if isinstance(each.command, TerminateSession)
                else each
                for each in issued
            ),
        )
        for recorded, issued in golden.read(REFUSED)
    ]


def with_another(entries: list[Entry]) -> list[Entry]:
    """Return the entries, the last of which led to a command more."""
    recorded, issued = entries[-1]
    return [*entries[:-1], (recorded, (*issued, Issued(recorded.user, "99.0", AskFeatures("a", "b", "c"))))]


def folded(entries: list[Entry]) -> str:
    """Return what is said of the number of entries, all of one user."""
    return texts.FOLDED.format(events=f"{len(entries)} events", users="1 user")


def verified(path: Path, entries: list[Entry]) -> Result:
    golden.write(path, entries)
    return CliRunner().invoke(main, ["replay", "verify", str(path)])


def test_every_listed_change_has_a_name_a_version_and_an_explanation() -> None:
    names = [change.name for change in CHANGES]
    assert set(names) == set(EXPLANATIONS)
    assert len(names) == len(set(names))
    assert all(1 < change.version <= RULES for change in CHANGES)


def test_an_explained_difference_is_named_and_no_failure(register: Register, tmp_path: Path) -> None:
    register(CHANGE, other_condition)
    result = verified(tmp_path / "a.jsonl", older())
    assert result.exit_code == 0
    told = result.stdout.splitlines()
    title = texts.CHANGE.format(version=CHANGE.version, name=CHANGE.name, sentence=CHANGE.sentence)
    assert " ".join(told[:2]).startswith(f"1. {title}")
    assert "  -       condition  gone" in told
    assert told[-2:] == [
        texts.EXPLAINED.format(events="1 event"),
        texts.OTHERS_AS_RECORDED.format(folded=folded(older())),
    ]


def test_without_the_change_it_is_a_failure(tmp_path: Path) -> None:
    assert verified(tmp_path / "a.jsonl", older()).exit_code == 1


def test_an_event_that_the_changed_rules_folded_is_a_failure(register: Register, tmp_path: Path) -> None:
    register(CHANGE, other_condition)
    result = verified(tmp_path / "a.jsonl", older(RULES))
    assert result.exit_code == 1
    assert CHANGE.name not in result.stdout


def test_what_the_change_does_not_explain_is_a_failure(register: Register, tmp_path: Path) -> None:
    register(CHANGE, other_condition)
    entries = with_another(older())
    result = verified(tmp_path / "a.jsonl", entries)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-3:] == [
        texts.EXPLAINED.format(events="1 event"),
        texts.DIFFERENT.format(folded=folded(entries), events="1 event"),
        texts.KINDS.format(kinds="1 kind", following=0),
    ]


def test_what_follows_from_an_explained_difference_is_told_apart(register: Register) -> None:
    """The first event leads to a command more today, and concerns no call; so all that comes later may follow."""
    register(CHANGE, lambda difference: difference.then == () != difference.now)
    entries = older()
    first = next(n for n, (_, issued) in enumerate(entries) if issued)
    entries[first] = entries[first][0], ()
    verdict = verify(with_another(entries))
    (group,) = verdict.groups.values()
    assert (group.kind, group.count, group.following) == (CHANGE, 1, 2)
    assert (verdict.differences, verdict.explained) == (0, 3)
    following = group.first_following
    assert following is not None
    where = texts.EVENT.format(user=following.recorded.user, version=following.recorded.version)
    assert texts.FOLLOWING.format(events="2 events", first=where) in list(report(verdict))


def test_an_explained_difference_in_a_call_that_failed_before_is_still_explained(register: Register) -> None:
    register(CHANGE, other_condition)
    entries = older()
    last = max(n for n, (_, issued) in enumerate(entries) if any(type(i.command) is TerminateSession for i in issued))
    recorded, issued = entries[last - 1]
    entries[last - 1] = recorded, (*issued, Issued(recorded.user, "99.0", AskFeatures("a", "b", "c")))
    verdict = verify(entries)
    assert [(group.is_failure, group.count) for group in verdict.groups.values()] == [(True, 1), (False, 1)]


def test_several_logs_have_one_group_for_a_change(register: Register) -> None:
    register(CHANGE, other_condition)
    verdict = verify(older(), "one")
    verify(older(), "two", verdict)
    (group,) = verdict.groups.values()
    assert (group.count, verdict.explained, verdict.differing) == (2, 2, {})


def test_a_golden_log_names_the_rules_of_each_event(tmp_path: Path) -> None:
    first, *others = older()
    entries = [first, *((replace(recorded, rules=RULES), issued) for recorded, issued in others)]
    golden.write(tmp_path / "a.jsonl", entries)
    assert [recorded.rules for recorded, _ in golden.read(tmp_path / "a.jsonl")] == [RULES - 1, *[RULES] * len(others)]
    assert (tmp_path / "a.jsonl").read_text().count(f'"rules":{RULES}') == len(others)


def test_a_change_in_what_only_people_read_has_no_consequences(register: Register) -> None:
    register(CHANGE, lambda difference: any(isinstance(each.command, SendPresence) for each in difference.now))
    entries = [
        (
            replace(recorded, rules=1),
            tuple(
                replace(each, command=replace(each.command, status="?"))
                if isinstance(each.command, SendPresence)
                else each
                for each in issued
            ),
        )
        for recorded, issued in golden.read(REFUSED)
    ]
    verdict = verify(with_another(entries))
    assert [group.is_failure for group in verdict.groups.values()] == [False, True]


def test_a_log_of_newer_rules_is_refused(tmp_path: Path) -> None:
    first, (recorded, issued), *others = golden.read(REFUSED)
    result = verified(tmp_path / "a.jsonl", [first, (replace(recorded, rules=RULES + 1), issued), *others])
    assert (result.exit_code, result.stdout) == (2, "")
    event = f"{recorded.user} event {recorded.version}"
    told = f"{event} was written by a newer version of Fargo (rules {RULES + 1}); use that version to verify it."
    assert result.stderr == f"Error: {told}\n"
    golden.write(tmp_path / "b.jsonl", [first])
    result = CliRunner().invoke(main, ["replay", "verify", str(tmp_path / "b.jsonl"), str(tmp_path / "a.jsonl")])
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path / 'a.jsonl'}: {told}\n")
