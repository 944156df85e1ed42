"""The log of a run, folded again: in two parts, from a golden log, in another process."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

from fargo.statemachine.machine import condensed, deadlines, fold, new
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.events import Event
from fargo.statemachine.user_state import User
from replay.reading.golden import GoldenError, read, write
from replay.verifying.verify import verify

from .broken import Entry
from .quirks import ALL, NONE
from .runs import BEGINNINGS, a_beginning, at_random, run
from .values import USER

ROOT = Path(__file__).parents[2]
FOLD = """
import sys
from pathlib import Path
import msgspec
from fargo.statemachine.machine import fold, new
from replay.reading.golden import read
user = new({user!r})
for recorded, _ in read(Path({path!r})):
    user, commands, _ = fold(user, recorded)
    print(msgspec.json.encode(commands).decode())
print(user)
"""


@pytest.fixture(params=range(10))
def log(request: pytest.FixtureRequest) -> tuple[Entry, ...]:
    """Return the log of a run, with every quirk or with none."""
    random = Random(request.param)
    done = run(a_beginning(random), at_random(random), ALL if request.param % 2 else NONE, 60)
    assert done.broken is None
    return done.log


def folded(user: User, log: tuple[Entry, ...]) -> tuple[User, list[object]]:
    commands: list[object] = []
    for recorded, _ in log:
        user, issued, _ = fold(user, recorded)
        commands.append(issued)
    return user, commands


def test_a_prefix_and_then_the_rest_is_the_whole(log: tuple[Entry, ...]) -> None:
    whole, commands = folded(new(USER), log)
    assert commands == [issued for _, issued in log]
    for cut in range(len(log)):
        first, before = folded(new(USER), log[:cut])
        told = repr(first)
        assert folded(first, log[cut:]) == (whole, commands[cut:])
        assert repr(first) == told, "folding on has changed the state it began with"
        assert before == commands[:cut]


def test_condensed_at_any_quiet_point_what_follows_is_the_same(log: tuple[Entry, ...]) -> None:
    user, quiet = new(USER), 0
    for place, (recorded, _) in enumerate(log, 1):
        user, *_ = fold(user, recorded)
        if (event := condensed(user)) is None:
            continue
        quiet += 1
        assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
        again, issued, _ = fold(new(USER), msgspec.structs.replace(recorded, event=event))
        assert again == user
        assert {type(each.command) for each in issued} <= {RecordAccount}
        assert deadlines(again) == deadlines(user)
        rest = log[place : place + 40]
        assert folded(again, rest) == folded(user, rest)
    assert quiet


def test_a_golden_log_is_read_as_it_was_written(log: tuple[Entry, ...], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, log)
    assert tuple(read(path)) == log
    assert verify(read(path)).differences == 0
    first = msgspec.json.decode(path.read_bytes().splitlines()[0])
    assert set(first) - {"formats"} == {"user", "version", "at", "event", "commands", "rules"}


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"user": "a@b", "version": 1, "at": 0, "event": {"type": "Nothing"}, "commands": []}\n')
    with pytest.raises(GoldenError, match="line 1"):
        list(read(path))


@pytest.mark.parametrize("beginning", ["telepathy, a relay", "sip, a relay"])
def test_the_order_of_hashes_changes_nothing(tmp_path: Path, beginning: str) -> None:
    path = tmp_path / "run.jsonl"
    write(path, run(BEGINNINGS[beginning], at_random(Random(1)), ALL, 200).log)
    program = FOLD.format(user=USER, path=str(path))

    def told(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert told("0") == told("1")
