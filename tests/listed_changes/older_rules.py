"""Logs as older rules would have written them."""

from msgspec.structs import replace
from statemachine.story import Story

from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.rules import RuleChange
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.verifying.difference import Difference
from replay.verifying.verify import Verdict, verify


def before(change: RuleChange, story: Story) -> list[Entry]:
    """Return what a story has recorded, as if the rules before a change had folded it."""
    return [(replace(recorded, rules=change.version - 1), issued) for recorded, issued in story.entries]


def older(story: Story) -> list[Entry]:
    """Return what a story has recorded, as if older rules had folded it."""
    return [(replace(recorded, rules=1), issued) for recorded, issued in story.entries]


def with_commands(entries: list[Entry], place: int, *commands: Command) -> None:
    """The event led to these commands by the older rules."""
    recorded, _ = entries[place]
    named = [Issued(recorded.user, f"{recorded.version}.{n}", command) for n, command in enumerate(commands)]
    entries[place] = recorded, tuple(named)


def only(entries: list[Entry], change: RuleChange) -> Verdict:
    """See that the change explains all differences. By today's rules they would be a failure."""
    entries = list(correlated(entries))
    verdict = verify(entries)
    assert [group.kind for group in verdict.groups.values()] == [change]
    assert verdict.differences == 0
    today = [(replace(recorded, rules=change.version), issued) for recorded, issued in entries]
    assert verify(today).differences > 0
    return verdict


def differing(entries: list[Entry]) -> Difference:
    """Return the first difference of a log."""
    return next(group.first for group in verify(list(correlated(entries))).groups.values())
