"""Completes a log of an earlier version: folds it, and adds the commands that did not exist yet when it was written."""

from collections.abc import Iterable, Iterator

from fargo.statemachine.machine import fold, new
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.user_state import User
from fargo.store.entries import Entry


def backfill(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield each entry with the records of calls and accounts that it lacks, after its other commands."""
    users: dict[str, User] = {}
    for recorded, issued in entries:
        users[recorded.user], now, _ = fold(users.get(recorded.user) or new(recorded.user), recorded)
        known = [each.command for each in issued]
        missing = [each.command for each in now if isinstance(each.command, LogRecord) and each.command not in known]
        yield recorded, issued + tuple(_numbered(missing, recorded.user, recorded.version, len(issued)))


def _numbered(commands: Iterable[Command], user: str, version: int, place: int) -> Iterator[Issued]:
    return (Issued(user, f"{version}.{place + number}", command) for number, command in enumerate(commands))
